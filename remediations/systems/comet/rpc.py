"""CometBFT RPC answers about the node, its peers and its blocks, as values. Pure.

The rules for what comes from a node are those of `systems.comet.rpc_envelope`; rounds and votes are
read by `systems.comet.rpc_rounds`, what is signed by `systems.comet.rpc_signed`.
"""

from __future__ import annotations

import msgspec

from remediations.systems.comet import rpc_shapes as shapes
from remediations.systems.comet.double_sign_check import parse_version
from remediations.systems.comet.rpc_envelope import (
    RpcError,
    hex_of,
    result_of,
    safe_text_of,
    shared,
    time_of,
)
from remediations.systems.comet.values import (
    AppInfo,
    BlockMeta,
    BlockResult,
    NodeStatus,
    Peer,
    Validator,
    ValidatorSet,
)

# Made once, at import (systems.comet.rpc_envelope).
_APP_INFO = msgspec.json.Decoder(shapes.AppInfoShape, strict=False)
_BLOCK_RESULT = msgspec.json.Decoder(shapes.BlockResultShape, strict=False)
_BLOCKCHAIN = msgspec.json.Decoder(shapes.BlockchainShape, strict=False)
_NET_INFO = msgspec.json.Decoder(shapes.NetInfoShape, strict=False)
_STATUS = msgspec.json.Decoder(shapes.StatusShape, strict=False)
_VALIDATORS = msgspec.json.Decoder(shapes.ValidatorsShape, strict=False)

NO_EVIDENCE = "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"
"""The hash of an empty evidence list: SHA-256 of nothing."""

PER_PAGE = 100
"""Members of a validator set on one page."""
MAX_PAGES = shapes.MAX_VALIDATORS // PER_PAGE


def parse_status(text: bytes) -> NodeStatus:
    """`/status`.

    Raises:
        RpcError: the answer is malformed.
    """
    raw = result_of(text, _STATUS)
    sync = raw.sync_info
    return NodeStatus(
        node_id=raw.node_info.id.lower(),
        network=safe_text_of(raw.node_info.network),
        moniker=safe_text_of(raw.node_info.moniker),
        height=sync.latest_block_height,
        block_hash=sync.latest_block_hash.upper(),
        app_hash=sync.latest_app_hash.upper(),
        block_time=time_of(sync.latest_block_time),
        earliest_height=sync.earliest_block_height,
        catching_up=sync.catching_up,
        address=raw.validator_info.address.upper(),
        power=raw.validator_info.voting_power,
        version=parse_version(raw.node_info.version),
    )


def parse_app_info(text: bytes) -> AppInfo:
    """`/abci_info`: the application's height, and its hash in hex.

    Raises:
        RpcError: the answer is malformed.
    """
    raw = result_of(text, _APP_INFO).response
    return AppInfo(height=raw.last_block_height, app_hash=hex_of(raw.last_block_app_hash))


def parse_peers(text: bytes) -> tuple[Peer, ...]:
    """`/net_info`: the connected peers.

    Raises:
        RpcError: the answer is malformed.
    """
    return tuple(
        Peer(
            node_id=peer.node_info.id.lower(),
            moniker=safe_text_of(peer.node_info.moniker),
            network=safe_text_of(peer.node_info.network),
            remote_ip=safe_text_of(peer.remote_ip),
            outbound=peer.is_outbound,
            quiet_s=_seconds(peer.connection_status.received.idle),
        )
        for peer in result_of(text, _NET_INFO).peers or []
    )


def _seconds(nanoseconds: int | None) -> int | None:
    return None if nanoseconds is None else nanoseconds // 1_000_000_000


def validator_pages(first: bytes) -> int:
    """How many pages there are, by the first one of `/validators`: at most MAX_PAGES.

    Raises:
        RpcError: the answer is malformed, or announces more validators than a set may have.
    """
    return _page_count(result_of(first, _VALIDATORS).total)


def _page_count(total: int) -> int:
    if total > shapes.MAX_VALIDATORS:
        raise RpcError(f"more than {shapes.MAX_VALIDATORS} validators announced")
    return -(-total // PER_PAGE)


@shared
def parse_validators(text: bytes) -> ValidatorSet:
    """All pages of `/validators`, each beginning a line, as one set.

    Raises:
        RpcError: a page is missing or malformed, pages are of different heights, or a
            validator appears twice.
    """
    # Within a page no other line begins with a brace: it is one line, or indented.
    first, *others = text.split(b"\n{", MAX_PAGES)
    pages = [result_of(page, _VALIDATORS) for page in (first, *(b"{" + page for page in others))]
    height, total = pages[0].block_height, pages[0].total
    _page_count(total)
    if any((page.block_height, page.total) != (height, total) for page in pages):
        raise RpcError("the pages of the validator set are of different heights")
    members = tuple(
        Validator(
            address=member.address.upper(),
            power=member.voting_power,
            key_type=member.pub_key.type if member.pub_key is not None else "",
            pub_key=member.pub_key.value if member.pub_key is not None else "",
        )
        for page in pages
        for member in page.validators
    )
    if len(members) != total:
        raise RpcError(f"{len(members)} validators on {len(pages)} pages, {total} announced")
    if len({member.address for member in members}) != total:
        raise RpcError("a validator appears twice in the set")
    if total == 0:
        raise RpcError("the validator set is empty")
    return ValidatorSet(height=height, validators=members)


@shared
def parse_blocks(text: bytes) -> tuple[BlockMeta, ...]:
    """`/blockchain`: up to twenty headers, newest first.

    Raises:
        RpcError: the answer is malformed.
    """
    return tuple(
        BlockMeta(
            height=meta.header.height,
            block_hash=meta.block_id.hash.upper(),
            app_hash=meta.header.app_hash.upper(),
            time=time_of(meta.header.time),
            evidence=meta.header.evidence_hash.upper() not in ("", NO_EVIDENCE),
            proposer=meta.header.proposer_address.upper(),
            transactions=None if meta.num_txs is None else int(meta.num_txs),
        )
        for meta in result_of(text, _BLOCKCHAIN).block_metas or []
    )


def parse_block_result(text: bytes) -> BlockResult:
    """`/block_results?height=`.

    Raises:
        RpcError: the answer is malformed (also where the node keeps no results).
    """
    raw = result_of(text, _BLOCK_RESULT)
    return BlockResult(height=raw.height, app_hash=hex_of(raw.app_hash))

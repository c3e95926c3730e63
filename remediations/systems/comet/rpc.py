"""CometBFT RPC answers as values. Pure: text in, value or RpcError out.

Everything here comes from a machine that may be broken, old or lying, so nothing is assumed: a
number that does not fit, a time of another form, half a document or an HTML page is an `RpcError`.
It says what was expected and where, never what stood there: that may be a secret, or have been
chosen to be read by somebody. Nothing takes longer than in proportion to the text.
"""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime
from typing import ClassVar, TypeVar

import msgspec

from remediations.systems.comet import rpc_shapes as shapes
from remediations.systems.comet.double_sign_check import parse_version
from remediations.systems.comet.values import (
    AppInfo,
    BlockMeta,
    BlockResult,
    Commit,
    CommitSignature,
    NodeStatus,
    Peer,
    PeerRound,
    RoundState,
    Validator,
    ValidatorSet,
)
from remediations.values.lines import TextError
from remediations.values.reading import Why

T = TypeVar("T")

# Made once, at import: while a type is used for the first time, msgspec may crash where a second
# thread uses it, too (seen with 0.22), and answers of several hosts are read at the same time.
_ENVELOPE = msgspec.json.Decoder(shapes.Envelope)
_APP_INFO = msgspec.json.Decoder(shapes.AppInfoShape, strict=False)
_BLOCK_RESULT = msgspec.json.Decoder(shapes.BlockResultShape, strict=False)
_BLOCKCHAIN = msgspec.json.Decoder(shapes.BlockchainShape, strict=False)
_COMMIT = msgspec.json.Decoder(shapes.CommitAnswer, strict=False)
_CONSENSUS_STATE = msgspec.json.Decoder(shapes.ConsensusStateShape, strict=False)
_DUMP = msgspec.json.Decoder(shapes.DumpShape, strict=False)
_NET_INFO = msgspec.json.Decoder(shapes.NetInfoShape, strict=False)
_STATUS = msgspec.json.Decoder(shapes.StatusShape, strict=False)
_VALIDATORS = msgspec.json.Decoder(shapes.ValidatorsShape, strict=False)

NO_EVIDENCE = "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"
"""The hash of an empty evidence list: SHA-256 of nothing."""

PER_PAGE = 100
"""Members of a validator set that one page holds."""
MAX_PAGES = shapes.MAX_VALIDATORS // PER_PAGE

SHOWN = 200
"""So much is kept of what a node says in its own words."""

NIL_PREFIX = "0" * 12
ABSENT_VOTE = "nil-Vote"
_WHERE = re.compile(r"([0-9]{1,19})/([0-9]{1,10})/([0-8])")
_BIT_ARRAY = re.compile(r"(?:BA\{([0-9]{1,6}):([x_\s]*)\} ([0-9]{1,19})/([0-9]{1,19}) = [0-9.]+)")
_VOTE = re.compile(
    r"Vote\{([0-9]{1,6}):([0-9A-F]{12})\s+([0-9]{1,19})/([0-9]{2,10})/"
    r"SIGNED_MSG_TYPE_(?:PREVOTE|PRECOMMIT)\((?:Prevote|Precommit)\)\s+([0-9A-F]{12})\s[^{}]*\}",
    re.IGNORECASE,
)


class RpcError(TextError):
    """The answer is not what the RPC documents. The message says why."""


class RpcFault(RpcError):
    """The answer is the RPC's own error. The message is what it says, made safe to show."""

    why: ClassVar[Why] = Why.FAILED


def parse_status(text: bytes) -> NodeStatus:
    """`/status`.

    Raises:
        RpcError: the answer is something else.
    """
    raw = _result(text, _STATUS)
    sync = raw.sync_info
    return NodeStatus(
        node_id=raw.node_info.id.lower(),
        network=_printable(raw.node_info.network),
        moniker=_printable(raw.node_info.moniker),
        height=sync.latest_block_height,
        block_hash=sync.latest_block_hash.upper(),
        app_hash=sync.latest_app_hash.upper(),
        block_time=_time(sync.latest_block_time),
        earliest_height=sync.earliest_block_height,
        catching_up=sync.catching_up,
        address=raw.validator_info.address.upper(),
        power=raw.validator_info.voting_power,
        version=parse_version(raw.node_info.version),
    )


def parse_app_info(text: bytes) -> AppInfo:
    """`/abci_info`: the application's height, and its hash in hex.

    Raises:
        RpcError: the answer is something else.
    """
    raw = _result(text, _APP_INFO).response
    return AppInfo(height=raw.last_block_height, app_hash=_hex(raw.last_block_app_hash))


def parse_round_state(text: bytes) -> RoundState:
    """`/consensus_state`, with the votes of the round that is going on.

    `height_vote_set` also holds the next, still empty round: the entry is chosen by its number,
    never by its place.

    Raises:
        RpcError: the answer is something else, or its parts contradict each other.
    """
    raw = _result(text, _CONSENSUS_STATE).round_state
    where = _WHERE.fullmatch(raw.where)
    if where is None:
        raise RpcError("height/round/step has another form")
    height, round_, step = (_bounded(number) for number in where.groups())
    current = [votes for votes in raw.height_vote_set if votes.round == round_]
    if len(current) != 1:
        raise RpcError(f"{len(current)} vote sets for round {round_}, not one")
    votes = current[0]
    return RoundState(
        height=height,
        round=round_,
        step=step,
        started=_time(raw.start_time),
        prevotes=_votes(votes.prevotes, votes.prevotes_bit_array, height, round_),
        precommits=_votes(votes.precommits, votes.precommits_bit_array, height, round_),
        proposal=raw.proposal_block_hash.upper(),
    )


def parse_total_power(text: bytes) -> int:
    """`/consensus_state`: the voting power of the whole set.

    Raises:
        RpcError: the answer is something else.
    """
    sets = _result(text, _CONSENSUS_STATE).round_state.height_vote_set
    if not sets:
        raise RpcError("no vote set in the round state")
    return parse_bit_array(sets[0].prevotes_bit_array)[2]


def parse_peer_rounds(text: bytes) -> tuple[PeerRound, ...]:
    """`/dump_consensus_state`: what the node believes of its peers, by node id.

    Raises:
        RpcError: the answer is something else.
    """
    peers = _result(text, _DUMP).peers or []
    return tuple(
        PeerRound(
            node_id=_node_id(peer.node_address),
            height=peer.peer_state.round_state.height,
            round=peer.peer_state.round_state.round,
            step=peer.peer_state.round_state.step,
        )
        for peer in peers
    )


def parse_peers(text: bytes) -> tuple[Peer, ...]:
    """`/net_info`: the connected peers.

    Raises:
        RpcError: the answer is something else.
    """
    return tuple(
        Peer(
            node_id=peer.node_info.id.lower(),
            moniker=_printable(peer.node_info.moniker),
            network=_printable(peer.node_info.network),
            remote_ip=_printable(peer.remote_ip),
            outbound=peer.is_outbound,
        )
        for peer in _result(text, _NET_INFO).peers or []
    )


def validator_pages(first: bytes) -> int:
    """How many pages there are, by the first one of `/validators`: at most MAX_PAGES.

    Raises:
        RpcError: the answer is something else, or announces more validators than a set may have.
    """
    return _page_count(_result(first, _VALIDATORS).total)


def _page_count(total: int) -> int:
    if total > shapes.MAX_VALIDATORS:
        raise RpcError(f"more than {shapes.MAX_VALIDATORS} validators announced")
    return -(-total // PER_PAGE)


def parse_validators(text: bytes) -> ValidatorSet:
    """All pages of `/validators`, each beginning a line, as one set.

    Raises:
        RpcError: a page is missing or something else, pages are of different heights, or a
            validator appears twice.
    """
    # Within one page no line begins with a brace: it is one line, or indented.
    first, *others = text.split(b"\n{", MAX_PAGES)
    pages = [_result(page, _VALIDATORS) for page in (first, *(b"{" + page for page in others))]
    height, total = pages[0].block_height, pages[0].total
    _page_count(total)
    if any((page.block_height, page.total) != (height, total) for page in pages):
        raise RpcError("the pages of the validator set are of different heights")
    members = tuple(
        Validator(address=member.address.upper(), power=member.voting_power)
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


def parse_blocks(text: bytes) -> tuple[BlockMeta, ...]:
    """`/blockchain`: up to twenty headers, newest first.

    Raises:
        RpcError: the answer is something else.
    """
    return tuple(
        BlockMeta(
            height=meta.header.height,
            block_hash=meta.block_id.hash.upper(),
            app_hash=meta.header.app_hash.upper(),
            time=_time(meta.header.time),
            evidence=meta.header.evidence_hash.upper() not in ("", NO_EVIDENCE),
        )
        for meta in _result(text, _BLOCKCHAIN).block_metas or []
    )


def parse_commit(text: bytes) -> Commit:
    """`/commit?height=`.

    Raises:
        RpcError: the answer is something else.
    """
    raw = _result(text, _COMMIT).signed_header.commit
    return Commit(
        height=raw.height,
        round=raw.round,
        signatures=tuple(
            CommitSignature(
                address=signature.validator_address.upper(), flag=signature.block_id_flag
            )
            for signature in raw.signatures
        ),
    )


def parse_block_result(text: bytes) -> BlockResult:
    """`/block_results?height=`.

    Raises:
        RpcError: the answer is something else (also where the node keeps no results).
    """
    raw = _result(text, _BLOCK_RESULT)
    return BlockResult(height=raw.height, app_hash=_hex(raw.app_hash))


def parse_vote(text: str, index: int, height: int, round_: int) -> str:
    """One vote string: "" when absent, "nil", or the twelve hex digits of the block voted for.

    Raises:
        RpcError: it is no vote, or of another validator, height or round.
    """
    if text == ABSENT_VOTE:
        return ""
    match = _VOTE.fullmatch(" ".join(text.split()))
    if match is None:
        raise RpcError(f"vote {index} has another form")
    if (int(match[1]), int(match[3]), int(match[4])) != (index, height, round_):
        raise RpcError(f"vote {index} is of another place or round")
    return "nil" if match[5] == NIL_PREFIX else match[5].upper()


def parse_bit_array(text: str) -> tuple[tuple[bool, ...], int, int]:
    """`BA{4:_x_x} 2/4 = 0.50`: who voted, in the order of the set, and power voted and in all.

    Long arrays are wrapped, with or without white space.

    Raises:
        RpcError: it is no such text, or does not have as many marks as it announces.
    """
    match = _BIT_ARRAY.fullmatch(text)
    if match is None:
        raise RpcError("a bit array has another form")
    marks = "".join(match[2].split())
    if len(marks) != int(match[1]):
        raise RpcError(f"{len(marks)} marks in a bit array of {match[1]}")
    return tuple(mark == "x" for mark in marks), _bounded(match[3]), _bounded(match[4])


def _votes(texts: list[str] | None, bit_array: str, height: int, round_: int) -> tuple[str, ...]:
    """The votes of one kind. Marks and strings are read by the node one after the other, so a vote
    may be in one only; but their number is that of the set in both.
    """
    marks, _voted, _total = parse_bit_array(bit_array)
    votes = tuple(parse_vote(text, index, height, round_) for index, text in enumerate(texts or []))
    if len(votes) != len(marks):
        raise RpcError(f"{len(votes)} votes for a set of {len(marks)}")
    return votes


def _result(text: bytes, shape: msgspec.json.Decoder[T]) -> T:
    try:
        envelope = _ENVELOPE.decode(text)
        if envelope.error is None:
            return shape.decode(envelope.result)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RpcError(f"the answer has another form: {error}") from error
    fault = f"{envelope.error.message} {envelope.error.data}"[:SHOWN]
    raise RpcFault(_printable(f"the node answered with an error: {fault}"))


def _time(text: str) -> datetime:
    """RFC 3339 with up to nine decimals, in UTC (microseconds are kept)."""
    try:
        moment = msgspec.convert(text, datetime)
        if moment.tzinfo is None:
            raise ValueError("no time zone")
        return moment.astimezone(UTC)
    except (msgspec.ValidationError, OverflowError, ValueError) as error:
        raise RpcError("a time has another form") from error


def _hex(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).hex().upper()
    except (binascii.Error, ValueError) as error:
        raise RpcError("a hash is not base64") from error


def _node_id(address: str) -> str:
    node_id, at, _rest = address.partition("@")
    if not at or not re.fullmatch("[0-9a-fA-F]{40}", node_id):
        raise RpcError("the address of a peer has another form")
    return node_id.lower()


def _bounded(digits: str) -> int:
    number = int(digits)
    if number > shapes.MAX_INT64:
        raise RpcError("a number has more than 64 bits")
    return number


def _printable(text: str) -> str:
    """Names are chosen by whoever runs the node: nothing in them may move a cursor."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text).strip()

"""Questions to one node: to its RPC, by curl on its host, and to its files. Text and values.

Each function returns a Question (systems.hosts.rounds); nothing here contacts a host.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from remediations.systems.comet import rpc, rpc_envelope, rpc_signed
from remediations.systems.comet.blocks import DuplicateVotes
from remediations.systems.comet.curl import curl_command
from remediations.systems.comet.sign_state import SignState, parse_sign_state
from remediations.systems.comet.state_sync import SyncSettings, parse_sync_settings
from remediations.systems.comet.values import (
    BlockMeta,
    BlockResult,
    Commit,
    NodeLocation,
    NodeStatus,
    Peer,
    ValidatorSet,
)
from remediations.systems.hosts.guest import SYNC_SETTINGS, guest_program
from remediations.systems.hosts.rounds import Question, QuestionResult

T = TypeVar("T")

HEADERS_PER_PAGE = 20
"""What `/blockchain` returns in one call."""
RPC_SECONDS = 5
"""For one URL. All URLs of a question together have the time limit of a question."""
LOOK_LIMIT_S = 5
"""For looking into one file of the home."""


@dataclass(frozen=True, kw_only=True)
class MorePages:
    """The first page of a validator set that has `pages` pages."""

    first: bytes
    pages: int


def status(target: NodeLocation) -> Question[NodeStatus]:
    """`/status` now."""
    return _question(target, "status", ("status",), lambda pages: rpc.parse_status(pages[0]))


def peers(target: NodeLocation) -> Question[tuple[Peer, ...]]:
    """The peers now."""
    return _question(target, "net_info", ("net_info",), lambda pages: rpc.parse_peers(pages[0]))


def commits(target: NodeLocation, heights: Sequence[int]) -> Question[tuple[Commit, ...]]:
    """The commits of `heights`, in that order."""
    paths = tuple(f"commit?height={height}" for height in heights)
    return _question(
        target, "commit", paths, lambda pages: tuple(map(rpc_signed.parse_commit, pages))
    )


def block_results(
    target: NodeLocation, heights: Sequence[int]
) -> Question[tuple[BlockResult, ...]]:
    """The application's results of the blocks of `heights`, in that order."""
    paths = tuple(f"block_results?height={height}" for height in heights)
    return _question(
        target, "block_results", paths, lambda pages: tuple(map(rpc.parse_block_result, pages))
    )


def headers(target: NodeLocation, heights: range) -> Question[dict[int, BlockMeta]]:
    """Height → header, for those of `heights` that the node has; asked for in pages of twenty."""
    starts = heights[::HEADERS_PER_PAGE]
    paths = tuple(
        f"blockchain?minHeight={low}&maxHeight={min(heights[-1], low + HEADERS_PER_PAGE - 1)}"
        for low in starts
    )
    return _question(
        target,
        "blockchain",
        paths,
        lambda pages: {meta.height: meta for page in pages for meta in rpc.parse_blocks(page)},
    )


def evidence(
    target: NodeLocation, heights: Sequence[int]
) -> Question[tuple[tuple[DuplicateVotes, ...], ...]]:
    """Who signed twice, by the evidence in the blocks of `heights`, in that order."""
    paths = tuple(f"block?height={height}" for height in heights)
    return _question(
        target, "block", paths, lambda pages: tuple(map(rpc_signed.parse_evidence, pages))
    )


def validators(target: NodeLocation, height: int) -> Question[ValidatorSet | MorePages]:
    """The validator set of `height`, or its first page if there are more."""
    path = _validators_path(height, 1)
    return _question(target, "validators", (path,), lambda pages: _whole_or_more(pages[0]))


def more_validators(target: NodeLocation, height: int, more: MorePages) -> Question[ValidatorSet]:
    """The whole set: the first page, and all others, which are asked for in one question."""
    paths = tuple(_validators_path(height, number) for number in range(2, more.pages + 1))
    return _question(
        target,
        "validators",
        paths,
        lambda pages: rpc.parse_validators(b"\n".join((more.first, *pages))),
    )


def sign_state(target: NodeLocation) -> Question[SignState]:
    """The sign state, read by the program that a reading uses (systems/hosts/guest.sh): only what
    the parser needs leaves the host."""
    look = guest_program(
        "sign_state",
        f"{target.home}/data/priv_validator_state.json",
        home=target.home,
        user=target.user or "root",
        limit_s=LOOK_LIMIT_S,
    )
    return Question(
        source="the sign state",
        command=f"exec 2>&1\n{look}",
        parse=lambda output: parse_sign_state(output.decode()),
        root=True,
    )


def sync_settings(target: NodeLocation) -> Question[SyncSettings]:
    """What stands below [statesync] in config.toml."""
    look = guest_program(
        "sync_settings",
        f"{target.home}/config/config.toml",
        home=target.home,
        user=target.user or "root",
        limit_s=LOOK_LIMIT_S,
        kinds=SYNC_SETTINGS,
    )
    return Question(
        source="[statesync] of config.toml",
        command=f"exec 2>&1\n{look}",
        parse=lambda output: parse_sync_settings(output.decode()),
        root=True,
    )


def _whole_or_more(first: bytes) -> ValidatorSet | MorePages:
    pages = rpc.validator_pages(first)
    return MorePages(first=first, pages=pages) if pages > 1 else rpc.parse_validators(first)


def _validators_path(height: int, number: int) -> str:
    return f"validators?height={height}&per_page={rpc.PER_PAGE}&page={number}"


def _question(
    target: NodeLocation,
    source: str,
    paths: Sequence[str],
    parse: Callable[[Sequence[bytes]], T],
) -> Question[T]:
    """One curl for all `paths`; `parse` is given one answer for each."""
    urls = (f"{target.rpc_url}/{path}" for path in paths)
    return Question(
        source=source,
        command=curl_command(*urls, seconds=RPC_SECONDS),
        parse=lambda output: parse(_pages(output, len(paths))),
        failure=_no_answer,
    )


def _pages(output: bytes, expected: int) -> Sequence[bytes]:
    """Splits the answers: each begins with a brace at the start of a line, and has no other such
    line.

    Raises:
        RpcError: there are more or fewer.
    """
    first, *others = output.rstrip(b"\n").split(b"\n{", expected)
    pages = (first, *(b"{" + page for page in others))
    if len(pages) != expected:
        raise rpc_envelope.RpcError(f"{len(pages)} answers to {expected} questions")
    return pages


def _no_answer(answer: QuestionResult) -> str:
    return f"did not answer (curl exit {answer.status})"

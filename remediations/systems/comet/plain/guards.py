"""The guards of the plain path: pure, on what was read of every host, before any host acts.

The ids and their meaning are those of docs/rules/guards.md, as in the engine, but fewer readings
decide here, so these are stricter: a host that cannot be read blocks, and power outside the
inventory counts as absent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from remediations.systems.comet.plain.facts import NodeState
from remediations.systems.comet.programs import DISK_FLOOR_KIB
from remediations.systems.comet.quorum import has_quorum

Action = Literal["start", "restart", "enable"]

READING_SKEW_BLOCKS = 3
"""Hosts are read within about a second; fast chains make a block or two in that."""
STUCK_BLOCKS = 10
"""A node that is this far behind every other does not vote on the current height."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One host of the inventory. `target`: the deploy would act on it. `state` None: unreadable."""

    host: str
    role: str
    target: bool
    state: NodeState | None


@dataclass(frozen=True, kw_only=True)
class Block:
    """One guard that blocks. `host` is "" for the whole set."""

    id: str
    host: str
    got: str
    expected: str
    next_step: str

    def __str__(self) -> str:
        where = f" {self.host}:" if self.host else ""
        return f"{self.id}{where} got {self.got}; expected {self.expected}; next: {self.next_step}"


def judge(action: Action, subjects: Sequence[Subject], chain_id: str) -> tuple[Block, ...]:
    """Every guard that blocks `action`, in a fixed order; empty when it may go on.

    `chain_id` is the inventory's, "" where it names none.
    """
    if not any(subject.target for subject in subjects):
        return (
            Block(
                id="G41",
                host="",
                got="0 targets",
                expected="one or more",
                next_step="correct --limit: nothing was done",
            ),
        )
    unread = tuple(_readable(subjects))
    if unread:
        return unread
    blocks = [*_one_chain(subjects, chain_id), *_one_key_one_host(subjects)]
    for subject in subjects:
        if subject.target and subject.state is not None:
            blocks.extend(_unit(subject.host, subject.state))
            if action != "enable":
                blocks.extend(_node(subject, subject.state, _tip(subjects)))
    if action == "restart":
        blocks.extend(_keeps_quorum(subjects))
    return tuple(blocks)


def _readable(subjects: Sequence[Subject]) -> Iterator[Block]:
    for subject in subjects:
        if subject.state is None:
            yield Block(
                id="G41",
                host=subject.host,
                got="not readable: SSH, sudo, one unit with --home, key, sign state, disk or RPC",
                expected="every host of the inventory read",
                next_step="see `remediate diagnose`; or name its unit and home in the inventory",
            )


def _one_chain(subjects: Sequence[Subject], chain_id: str) -> Iterator[Block]:
    networks = {s.host: s.state.rpc.network for s in subjects if s.state and s.state.rpc}
    expected = chain_id or next(iter(networks.values()), "")
    if not networks:
        yield Block(
            id="G3",
            host="",
            got="no node answers",
            expected=chain_id or "one chain",
            next_step="use `remediate plan INC-001`: it decides from more than the RPC",
        )
    for host, network in networks.items():
        if network != expected:
            yield Block(
                id="G3",
                host=host,
                got=network,
                expected=expected,
                next_step="correct `chain.id` or the hosts in the inventory",
            )


def _one_key_one_host(subjects: Sequence[Subject]) -> Iterator[Block]:
    holders: dict[str, list[str]] = defaultdict(list)
    for subject in subjects:
        if subject.state and subject.state.address:
            holders[subject.state.address].append(subject.host)
    for address, hosts in holders.items():
        if len(hosts) > 1:
            yield Block(
                id="G2",
                host="",
                got=f"key {address[:12]} on {', '.join(hosts)}",
                expected="one host for each key",
                next_step="decide which host may sign; remove the key from the other by hand",
            )


def _unit(host: str, state: NodeState) -> Iterator[Block]:
    if state.load_state != "loaded":
        yield Block(
            id="G6",
            host=host,
            got=f"{state.unit} {state.load_state}",
            expected="a loaded unit",
            next_step="ask who masked it; then `sudo systemctl unmask` it",
        )


def _node(subject: Subject, state: NodeState, tip: int) -> Iterator[Block]:
    host, height = subject.host, state.sign[0] if state.sign else 0
    if not state.address and not (subject.role == "standby" and height == 0):
        yield Block(
            id="G45",
            host=host,
            got="no key file",
            expected="config/priv_validator_key.json",
            next_step="put it back first: a start without it zeroes the sign state",
        )
    if state.address and state.sign is None:
        yield Block(
            id="G19",
            host=host,
            got="no sign state",
            expected="data/priv_validator_state.json",
            next_step="do not start it. Find the newest copy of the sign state; never a zero one",
        )
    if state.address and state.sign and height == 0 and tip > 0 and subject.role == "validator":
        yield Block(
            id="G20",
            host=host,
            got="a sign state at height 0",
            expected="what it signed last",
            next_step="do not start it: it could sign twice. Restore the newest sign state by hand",
        )
    if tip and height > tip + 1:
        yield Block(
            id="G21",
            host=host,
            got=f"a sign state at {height}",
            expected=f"at most {tip + 1}",
            next_step="find out where it comes from; another chain's, or a node ahead of all these",
        )
    if state.free_kib < DISK_FLOOR_KIB:
        yield Block(
            id="G17",
            host=host,
            got=f"{state.free_kib >> 10} MiB free",
            expected=f"{DISK_FLOOR_KIB >> 10} MiB",
            next_step=f"free space below {state.home}: never data/ or cs.wal",
        )
    yield from _settings(host, state, subject.role)


def _settings(host: str, state: NodeState, role: str) -> Iterator[Block]:
    if state.remote_signer:
        yield Block(
            id="G24",
            host=host,
            got=f"remote signer {state.remote_signer}",
            expected="none",
            next_step="check the signer's state; start this node by hand",
        )
    if state.double_sign_check_height > 0:
        yield Block(
            id="G25",
            host=host,
            expected="0",
            got=f"double_sign_check_height {state.double_sign_check_height}",
            next_step="set it to 0 in config.toml for this start, and back after",
        )
    if state.adaptive_sync and role == "validator":
        yield Block(
            id="N3",
            host=host,
            got="adaptive_sync on",
            expected="off on a validator",
            next_step="set adaptive_sync = false below [blocksync] in config.toml",
        )
    if state.halt not in ("0/0", "/"):
        yield Block(
            id="G28",
            host=host,
            got=f"halt-height/halt-time {state.halt}",
            expected="0/0",
            next_step="set both to 0 in app.toml",
        )


def _keeps_quorum(subjects: Sequence[Subject]) -> Iterator[Block]:
    """All targets restart at once, so all their power is gone at once.

    What may sign is estimated high where it would be lost and low where it would remain, because
    hosts are read a moment apart. A live node in a halted chain is not restarted either: it holds
    the round.
    """
    tip = _tip(subjects)
    total = max((s.state.rpc.total for s in subjects if s.state and s.state.rpc), default=0)
    lost = 0
    for subject in subjects:
        if subject.target and subject.state:
            power = _may_sign_with(subject.state, tip)
            if power is None:
                yield Block(
                    id="G29", host=subject.host, got="active, but its RPC does not answer",
                    expected="known power, or a unit that is down",
                    next_step="use `remediate plan node-down`: it sees votes through the others",
                )  # fmt: skip
            lost += power or 0
    left = sum(_signs_with(s.state, tip) for s in subjects if s.state and not s.target)
    if lost and not has_quorum(left, total):
        yield Block(
            id="G29", host="", got=f"{left} of {total} surely sign while {lost} restart",
            expected="more than 2/3",
            next_step="restart one at a time with --limit, smallest power first",
        )  # fmt: skip


def _signs_with(state: NodeState, tip: int) -> int:
    """The power that surely signs: the node follows the tip as closely as the reading can tell."""
    rpc = state.rpc
    if rpc is None or rpc.catching_up or rpc.height < tip - READING_SKEW_BLOCKS:
        return 0
    return rpc.power


def _may_sign_with(state: NodeState, tip: int) -> int | None:
    """The power that may be signing: 0 for a node that is down or long stuck; None if unknown."""
    if state.rpc is None:
        return None if state.active_state == "active" else 0
    return 0 if state.rpc.height < tip - STUCK_BLOCKS else state.rpc.power


def _tip(subjects: Sequence[Subject]) -> int:
    return max((s.state.rpc.height for s in subjects if s.state and s.state.rpc), default=0)

"""Equivocation: which keys have signed two things for one height, round and type, and when.

What proves it: two signatures of the key (`proofs`), whoever shows them. What tells it: journals, a
node's own (`found conflicting vote from ourselves`) and those of others (`conflicting votes from
validator ADDRESS`); evidence in blocks; two machines that run with one key. What is proven comes
before what is told.

*Now* is what is recent, of a key that still has power: whatever else is wrong, this comes first.
Anything else is history, which nobody can undo (docs/diagnosis.md#double-signing).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from remediations.engine.find.finding import Evidence, evidence_of
from remediations.playbooks.chain.diagnose.halt import Halt
from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.playbooks.chain.diagnose.power import Power
from remediations.playbooks.chain.diagnose.proofs import SignedTwice
from remediations.render.formats import short_digest
from remediations.systems.comet.blocks import DuplicateVotes, Vote, VoteType
from remediations.systems.comet.journal_lines import cause_of, plain_line
from remediations.systems.comet.proof.equivocation import Equivocation
from remediations.systems.comet.rpc_envelope import RpcError, time_of
from remediations.systems.comet.values import BlockMeta
from remediations.systems.hosts.values import JournalLine
from remediations.values.reading import Known, value_or_none

RECENT = timedelta(minutes=10)
"""While two signers run, the lines come with every block; in a halt, with every round."""
_ECHO = timedelta(seconds=30)
"""So long after the last vote of a holder that was stopped the others may still tell of it."""

# A peer chooses its name, which stands in a journal, too: so only the message itself counts (what
# stands before the first `=` or quote, or in the member of that name) and the value of `err`.
_OWN = re.compile(
    r'^[^="]*[Ff]ound conflicting vote from ourselves'
    r'|"(?:_?msg|message)":"[Ff]ound conflicting vote from ourselves'
)
_OTHERS = re.compile(
    r'(?:(?<![\w\\])err=|"err(?:or)?":)"conflicting votes from validator ([0-9A-Fa-f]{40})\b'
)
_VERIFIED = re.compile(
    r'(?:^[^="]*|"(?:_?msg|message)":")verified new evidence of byzantine behavior'
    r".*?VoteA: Vote\{\d+:([0-9A-Fa-f]{12}) "
)


@dataclass(frozen=True)
class Conflict:
    """One key that signed twice. `at` is the newest sign of it, `said_by` the hosts that show it,
    `both` the hosts that run with this key at once, as far as that is known. `proven`: by two
    signatures; else it is only told."""

    address: str
    at: datetime
    now: bool
    says: str
    said_by: tuple[str, ...]
    both: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    proven: bool = False


@dataclass(frozen=True)
class EvidenceBlock:
    """A block that carries evidence against a validator. The header does not name it."""

    height: int
    at: datetime
    now: bool
    evidence: Evidence


@dataclass(frozen=True)
class Equivocations:
    """All of them: by address, and the blocks among the newest that carry evidence."""

    conflicts: Mapping[str, Conflict]
    blocks: tuple[EvidenceBlock, ...]

    def now(self, address: str) -> Conflict | None:
        """The conflict of this key that is recent, if there is one."""
        conflict = self.conflicts.get(address)
        return conflict if conflict is not None and conflict.now else None


@dataclass(frozen=True)
class _Sign:
    """One line of a journal, one pair of hosts, or one pair of signatures that shows a key to have
    signed twice."""

    address: str
    host: str
    at: datetime
    says: str
    evidence: Evidence
    both: tuple[str, ...] = ()
    proven: tuple[str, ...] = ()

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that show it."""
        return self.both or self.proven or (self.host,)


def read_equivocations(
    views: Sequence[NodeView],
    witnesses: Sequence[NodeView],
    *,
    power: Power,
    halt: Halt,
    began: datetime,
    same: Mapping[str, str],
    proven: Sequence[SignedTwice] = (),
) -> Equivocations:
    """What signatures, journals, blocks and running processes show.

    `same` maps a host to the one name of its machine: a machine under two names signs once.
    """
    newest = halt.newest or began
    signs: dict[str, list[_Sign]] = {}
    shown = _from_signatures(proven, views, witnesses, power=power, began=began)
    told = _from_evidence(witnesses, power)
    for sign in (*shown, *told, *_from_journals(views, power), *_from_processes(views, same)):
        signs.setdefault(sign.address, []).append(sign)

    def recent(address: str, at: datetime) -> bool:
        if _held_since(views, address, at):
            return False
        standing = at >= newest and not _started_since(views, address, at)
        return (at >= began - RECENT or standing) and (power.of(address) > 0 or not power.known)

    return Equivocations(
        {address: _conflict(address, found, recent) for address, found in signs.items()},
        tuple(_evidence_blocks(witnesses, began - RECENT)),
    )


def _conflict(
    address: str, signs: Sequence[_Sign], recent: Callable[[str, datetime], bool]
) -> Conflict:
    first = max(signs, key=lambda sign: (bool(sign.proven), bool(sign.both), sign.at))
    both = max(signs, key=lambda sign: (bool(sign.both), sign.at))
    told = (first, both) if both.both and both is not first else (first,)
    return Conflict(
        address,
        max(sign.at for sign in signs),
        any(recent(address, sign.at) for sign in signs),
        "; ".join(sign.says for sign in told),
        tuple(sorted({host for sign in signs for host in sign.hosts})),
        both.both,
        tuple(sign.evidence for sign in told),
        bool(first.proven),
    )


def _from_signatures(
    proven: Sequence[SignedTwice],
    views: Sequence[NodeView],
    witnesses: Sequence[NodeView],
    *,
    power: Power,
    began: datetime,
) -> Iterator[_Sign]:
    """What two signatures prove, of keys that are in the set or on a host of the inventory: anybody
    may sign twice with a key that he made up.

    A vote has the time that its signer gave it, so the time of the block counts, too.
    """
    blocks = {
        block.height: block.time
        for view in witnesses
        for block in value_or_none(view.reading.chain.blocks) or ()
    }
    by_host = {view.host: view for view in views}
    for one in proven:
        pair, reading = one.pair, by_host[one.hosts[0]].reading
        if not power.of(pair.address) and power.known and pair.address not in power.holders:
            continue
        height = pair.first.height
        times = [blocks[height]] if height in blocks else []
        times += [at for vote in (pair.first, pair.second) if (at := _time_of(vote)) is not None]
        says = f"it signed {signed_twice_text(pair)}; proven by both signatures"
        evidence = evidence_of(f"{one.hosts[0]}.chain.commit", reading.chain.commit, says)
        at = min(max(times, default=began), began)
        yield _Sign(pair.address, one.hosts[0], at, says, evidence, proven=one.hosts)


def signed_twice_text(pair: Equivocation | DuplicateVotes) -> str:
    """What was signed twice: `two precommits at height 116, round 0: AB12 and CD34`."""
    first, second = pair.first, pair.second
    kind = "prevote" if first.type == VoteType.PREVOTE else "precommit"
    blocks = " and ".join(
        short_digest(vote.block.hash) if vote.block else "nil" for vote in (first, second)
    )
    return f"two {kind}s at height {first.height}, round {first.round}: {blocks}"


def _from_evidence(witnesses: Sequence[NodeView], power: Power) -> Iterator[_Sign]:
    """What two witnesses say of the evidence in one block, or the only one that there is, about
    keys that are in the set or on a host of the inventory. The set of then may no longer be shown,
    so it need not be proven."""
    told: dict[DuplicateVotes, list[NodeView]] = {}
    for view in witnesses:
        reading = view.reading.chain.evidence
        for one in reading.value if isinstance(reading, Known) else ():
            told.setdefault(one, []).append(view)
    for one, views in told.items():
        known = power.of(one.address) or one.address in power.holders
        if len(views) < min(2, len(witnesses)) or not known:
            continue
        host, reading = views[0].host, views[0].reading.chain.evidence
        assert isinstance(reading, Known)
        says = f"it signed {signed_twice_text(one)}; that is evidence in a block"
        times = [at for vote in (one.first, one.second) if (at := _time_of(vote)) is not None]
        evidence = evidence_of(f"{host}.chain.evidence", reading, says)
        yield _Sign(one.address, host, max(times, default=reading.at), says, evidence)


def _time_of(vote: Vote) -> datetime | None:
    try:
        return time_of(vote.timestamp)
    except RpcError:
        return None


def _started_since(views: Sequence[NodeView], address: str, at: datetime) -> bool:
    """Whether a holder of this key runs that was started after `at`: had it signed twice again,
    there would be a younger line."""
    return any(
        view.address == address and runs(view) and (view.started_at or at) > at for view in views
    )


def _held_since(views: Sequence[NodeView], address: str, at: datetime) -> bool:
    """Whether a holder of this key was stopped and held after `at`: then that is over. Where yet
    another one signs, there is a younger sign."""
    holds = (view.held_as_second for view in views)
    return any(
        hold is not None and hold.address == address and at <= hold.since + _ECHO for hold in holds
    )


def tells_of(view: NodeView, address: str, since: datetime) -> bool:
    """Whether the journal of this host says that the key signed twice, later than `since`."""
    return any(
        _corrected(view, entry) >= since
        and _whose(entry.message, view, {address[:12]: address}) == address
        for entry in value_or_none(view.reading.journal) or ()
    )


def _from_journals(views: Sequence[NodeView], power: Power) -> Iterator[_Sign]:
    """The newest line of each journal about each key."""
    by_prefix = {address[:12]: address for address in (*power.addresses, *power.holders)}
    for view in views:
        reading = view.reading.journal
        if not isinstance(reading, Known):
            continue
        seen: set[str] = set()
        for entry in reversed(reading.value):
            address = _whose(entry.message, view, by_prefix)
            if address and address not in seen:
                seen.add(address)
                at, says = _corrected(view, entry), cause_of(plain_line(entry.message))
                evidence = Evidence(
                    reading=f"{view.host}.journal", says=says, source=reading.source, at=at
                )
                yield _Sign(address, view.host, at, f"{view.host} logs: {says}", evidence)


def _whose(line: str, view: NodeView, by_prefix: Mapping[str, str]) -> str:
    """The address of the key that this line says signed twice; "" if it does not say so."""
    if "onflicting vote" not in line and "byzantine" not in line:
        return ""
    if _OWN.search(line):
        return view.address
    others = _OTHERS.search(line)
    if others is not None:
        return others[1].upper()
    verified = _VERIFIED.search(line)
    return by_prefix.get(verified[1].upper(), "") if verified is not None else ""


def _corrected(view: NodeView, entry: JournalLine) -> datetime:
    """When the line was written, by our clock."""
    session = value_or_none(view.reading.session)
    ahead = timedelta(milliseconds=session.clock_offset_ms) if session is not None else timedelta()
    return entry.at - ahead


def _from_processes(views: Sequence[NodeView], same: Mapping[str, str]) -> Iterator[_Sign]:
    """Two machines that run with one key. Several nodes may share one remote signer, which signs
    once: so at least one of them signs with a key file of its own."""
    running: dict[str, list[NodeView]] = {}
    for view in views:
        if view.address and runs(view):
            running.setdefault(view.address, []).append(view)
    for address, holders in running.items():
        machines = {same.get(view.host, view.host) for view in holders}
        if len(machines) < 2 or all(view.remote_signer for view in holders):
            continue
        hosts = tuple(sorted(view.host for view in holders))
        first = holders[0]
        says = f"{' and '.join(hosts)} both run with this key"
        evidence = evidence_of(f"{first.host}.processes", first.reading.processes, says)
        yield _Sign(address, first.host, first.reading.processes.at, says, evidence, hosts)


def runs(view: NodeView) -> bool:
    """Whether a daemon runs on this host, as its own processes or its RPC show."""
    return bool(view.processes) or view.answers


def _evidence_blocks(witnesses: Sequence[NodeView], since: datetime) -> Iterator[EvidenceBlock]:
    """Blocks with evidence, newest first: of two witnesses, or of the only one that has the
    header."""
    shown: dict[int, list[tuple[NodeView, BlockMeta]]] = {}
    having: dict[int, int] = {}
    for view in witnesses:
        for block in value_or_none(view.reading.chain.blocks) or ():
            having[block.height] = having.get(block.height, 0) + 1
            if block.evidence:
                shown.setdefault(block.height, []).append((view, block))
    for height in sorted(shown, reverse=True):
        view, block = shown[height][0]
        if len(shown[height]) < min(2, having[height]):
            continue
        says = f"block {height} carries evidence of double signing"
        evidence = evidence_of(f"{view.host}.chain.blocks", view.reading.chain.blocks, says)
        yield EvidenceBlock(height, block.time, block.time >= since, evidence)


def how_sure(conflicts: Collection[Conflict]) -> str:
    """What signatures prove of it, "" for nothing: then journals or processes tell it."""
    proven = [conflict for conflict in conflicts if conflict.proven]
    if len(proven) == 1 == len(conflicts):
        return f" ({proven[0].says})"
    number = f"{len(proven)} of {len(conflicts)}"
    return f" ({number} proven by two signatures each)" if proven else ""

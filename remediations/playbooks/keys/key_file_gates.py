"""What a gate asks of a reader, how the readers were, and how a look answers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from remediations.engine.apply.look import GateVerdict, Point, Sight
from remediations.engine.domain import Proposal
from remediations.engine.plan.plan import Gate
from remediations.playbooks.keys.key_file_actions import MEASURE
from remediations.playbooks.keys.key_files import exchange_of, reader, readers
from remediations.playbooks.keys.reencryption_scope import recipient
from remediations.playbooks.keys.situation import KeysSituation
from remediations.systems.keyfile.inventory import ReaderEntry, Told
from remediations.systems.keyfile.planned import former_path
from remediations.systems.keyfile.poll import ReaderPoll, ReaderTarget
from remediations.systems.keyfile.reading import ReaderUnit
from remediations.values.part import Kinded, Part
from remediations.values.reading import value_or_none
from remediations.values.record import Record

SERIES = "has the new key"


class ReaderServes(Kinded, frozen=True, kw_only=True):
    """A gate: the reader of this host has the key of this fingerprint, was told, and is ready."""

    KIND: ClassVar[str] = "keys.reader/1"

    host: str
    fingerprint: str


class FormerKeyGone(Kinded, frozen=True, kw_only=True):
    """A gate: the reader of this host has the key of this fingerprint, and the file of the former
    one is gone."""

    KIND: ClassVar[str] = "keys.former-gone/1"

    host: str
    fingerprint: str


class ReaderBefore(Record, frozen=True, kw_only=True):
    """A reader when the plan was made; `acts` is whether the plan changes something there. `unit`
    is None where nobody has to be told, or it was not read."""

    host: str
    entry: ReaderEntry
    present: str
    unit: ReaderUnit | None
    acts: bool


class ReadersBefore(Kinded, frozen=True, kw_only=True):
    """The readers of the owner, the key that is out, and the one in its place."""

    KIND: ClassVar[str] = "keys.readers/1"

    fingerprint: str
    recipient: str
    readers: tuple[ReaderBefore, ...]

    @property
    def targets(self) -> tuple[ReaderTarget, ...]:
        """What is asked of each, while a plan is applied and afterwards."""
        return tuple(
            ReaderTarget(
                host=one.host,
                file=one.entry.file,
                form=one.entry.form.value,
                former=former_path(one.entry.file, self.fingerprint),
                unit=one.entry.unit,
                ready=one.entry.ready,
            )
            for one in self.readers
        )


def readers_before(keys: KeysSituation, proposal: Proposal[KeysSituation]) -> tuple[Part, ...]:
    """What gates and checks compare with."""
    new, acted_on = recipient(keys), set(proposal.targets)
    before = ReadersBefore(
        fingerprint=keys.fingerprint,
        recipient="" if new is None else new.fingerprint,
        readers=tuple(
            ReaderBefore(
                host=one.host,
                entry=one.entry,
                present=exchange_of(keys, one.host).present,
                unit=value_or_none(reader(keys, one.host).unit),
                acts=one.host in acted_on,
            )
            for one in readers(keys)
        ),
    )
    return (Part.of(before),)


@dataclass(frozen=True, kw_only=True)
class ReadersLook:
    """The readers at one moment (the `Look` protocol)."""

    before: ReadersBefore
    polls: Mapping[str, ReaderPoll]

    @property
    def sight(self) -> Sight:
        """Which of them have the new key."""
        has = [(one.host, self._has(one.host)) for one in self.before.readers]
        points = [Point(series=SERIES, subject=host, value=value) for host, value in has]
        count = sum(value or 0 for _, value in has)
        known = all(value is not None for _, value in has)
        whole = Point(series=MEASURE, subject="", value=count if known else None)
        told = f"{count} of {len(has)} readers have the new key"
        return Sight(headline=told, points=(whole, *points))

    def _has(self, host: str) -> int | None:
        file = self.polls[host].file
        return None if file is None else int(file.fingerprint == self.before.recipient)

    def judge(self, gate: Gate) -> GateVerdict:
        """Whether the reader serves with the new key, or the old one is gone.

        Raises:
            ValueError: it is no gate of ours.
        """
        if gate.asks.kind == FormerKeyGone.KIND:
            gone = gate.asks.read(FormerKeyGone)
            row, poll = self._reader(gone.host)
            lacks = [*file_lacks(row, poll, gone.fingerprint), *former_lacks(poll)]
        else:
            serves = gate.asks.read(ReaderServes)
            row, poll = self._reader(serves.host)
            lacks = [*file_lacks(row, poll, serves.fingerprint), *reader_lacks(row, poll)]
        seen = f"{row.host}: {'; '.join(lacks) or 'as it has to be'}"
        return GateVerdict(open=not lacks, seen=seen)

    def _reader(self, host: str) -> tuple[ReaderBefore, ReaderPoll]:
        return {one.host: one for one in self.before.readers}[host], self.polls[host]


def former_lacks(poll: ReaderPoll) -> list[str]:
    """What is wrong beside the file; nothing where the former key is gone."""
    return [] if poll.former is False else ["the old key is there" if poll.former else "not known"]


def file_lacks(one: ReaderBefore, poll: ReaderPoll, fingerprint: str) -> list[str]:
    """What is wrong with the file; nothing where it has this key, as declared."""
    if poll.file is None:
        return [poll.trouble or "it gave no answer"]
    if poll.file.flaw:
        return [poll.file.flaw]
    entry, file = one.entry, poll.file
    found = f"{file.owner}:{file.group} {file.mode}"
    declared = f"{entry.owner}:{entry.group} {entry.mode}"
    other = [] if found == declared else [f"the file is of {found}, declared is {declared}"]
    if file.fingerprint != fingerprint:
        other.append(f"the file has the key {file.fingerprint or 'of nobody'}")
    return other


def reader_lacks(one: ReaderBefore, poll: ReaderPoll) -> list[str]:
    """What keeps a reader from serving; nothing where it runs, was told if the plan did that, and
    is ready."""
    asks = one.entry.told is not Told.READS_EACH_TIME
    return [*(unit_lacks(one, poll.unit) if asks else ()), *ready_lacks(one, poll)]


def ready_lacks(one: ReaderBefore, poll: ReaderPoll) -> list[str]:
    """What says that a reader is not ready; nothing where nobody asks."""
    ready = {"": "", "http": "200"}.get(one.entry.ready[:4], "active")
    return [] if poll.ready == ready else [f"{one.entry.ready} answers {poll.ready or 'nothing'}"]


def unit_lacks(one: ReaderBefore, unit: ReaderUnit | None) -> list[str]:
    """What is wrong with the unit; nothing where it is active, and was told if the plan did so."""
    if unit is None or unit.active != "active":
        return [f"{one.entry.unit} is {'not known' if unit is None else unit.active}"]
    if one.unit is None or not one.acts or unit.invocation != one.unit.invocation:
        return []
    if one.entry.told is Told.RELOAD and unit.changed_us > one.unit.changed_us:
        return []
    return [f"{one.entry.unit} was not told since: {one.entry.told.value}"]

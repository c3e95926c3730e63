"""What a gate asks of jobs, what was planned, and how a look at the jobs answers. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from remediations.engine.apply.look import GateVerdict, Point, Sight
from remediations.engine.domain import Proposal
from remediations.engine.plan.plan import Gate
from remediations.playbooks.keys.reencryption_actions import MEASURE
from remediations.playbooks.keys.reencryption_scope import (
    known_since,
    locked,
    named_in,
    recipient,
    store_of,
)
from remediations.playbooks.keys.situation import KeysSituation
from remediations.systems.stores.inventory import FormerVersions
from remediations.systems.stores.job_directory import JobProgress, JobResult
from remediations.values.part import Kinded, Part
from remediations.values.record import Record

if TYPE_CHECKING:  # whoever opens nothing needs no cryptography
    from remediations.systems.stores.aftermath import Aftermath

SERIES = "versions sealed anew"


class JobsEnded(Kinded, frozen=True, kw_only=True):
    """A gate: the jobs of these stores have ended well. `seals` is whether they seal anew;
    otherwise they prove that it can be done."""

    KIND: ClassVar[str] = "keys.jobs/1"

    stores: tuple[str, ...]
    seals: bool


class StoreBefore(Record, frozen=True, kw_only=True):
    """A store when the plan was made: how many versions name the key, below which root, how many
    damaged objects were accepted, how many that cannot be sealed anew from here, and whether former
    versions stay."""

    store: str
    count: int
    root: str
    accept_damaged: int
    keeps_former: bool
    accept_locked: int = 0


class StoresBefore(Kinded, frozen=True, kw_only=True):
    """The stores, last those in which nothing is sealed anew; the key that is out, and the one in
    its place."""

    KIND: ClassVar[str] = "keys.stores/1"

    fingerprint: str
    recipient: str
    known_since: str
    stores: tuple[StoreBefore, ...]


def stores_before(keys: KeysSituation, proposal: Proposal[KeysSituation]) -> tuple[Part, ...]:
    """What gates and checks compare with."""
    new = recipient(keys)
    rows = []
    for store in (*(store_of(keys, one) for one in proposal.targets), *locked(keys)):
        named = named_in(keys, store)
        rows.append(
            StoreBefore(
                store=store.store,
                count=0 if named is None else named.count,
                root="none" if named is None else named.root,
                accept_damaged=store.rules.accept_damaged,
                keeps_former=store.rules.former_versions is FormerVersions.KEEP,
                accept_locked=store.rules.accept_locked,
            )
        )
    before = StoresBefore(
        fingerprint=keys.fingerprint,
        recipient="" if new is None else new.fingerprint,
        known_since=known_since(keys),
        stores=tuple(rows),
    )
    return (Part.of(before),)


def why_left(store: StoreBefore, after: Aftermath) -> str:
    """Why a store is not free of the key that is out, "" if it is, but for what was accepted. Each
    number is accepted for its own: what the old key opens is not damaged."""
    told = []
    if after.name_old > store.accept_locked:
        told.append(f"{after.name_old} live ones name it, {store.accept_locked} were accepted")
    if after.damaged > store.accept_damaged:
        told.append(f"{after.damaged} cannot be read, {store.accept_damaged} were accepted")
    if after.former_name_old and not store.keeps_former:
        told.append(f"{after.former_name_old} former versions name it")
    return f"{store.store}: {'; '.join(told)}: {', '.join(after.names)}" if told else ""


@dataclass(frozen=True, kw_only=True)
class JobNow:
    """One job at one moment; None for what it has not written yet. `count` is how many versions of
    its store were planned; `seals` is whether it seals them anew."""

    store: str
    count: int
    seals: bool
    progress: JobProgress | None
    result: JobResult | None

    @property
    def left(self) -> int:
        """How many versions still name the old key, as far as it tells."""
        if self.result is not None and self.result.root:
            return self.result.left
        return self.count if self.progress is None else max(0, self.count - self.progress.sealed)


@dataclass(frozen=True, kw_only=True)
class JobsLook:
    """The jobs of a run at one moment (the `Look` protocol)."""

    jobs: tuple[JobNow, ...]

    @property
    def sight(self) -> Sight:
        """How many versions are sealed anew in each store, and what is left in all."""
        those = [one for one in self.jobs if one.seals]
        points = [Point(series=MEASURE, subject="", value=sum(one.left for one in those))]
        points += [Point(series=SERIES, subject=one.store, value=_sealed(one)) for one in those]
        headline = "; ".join(f"{one.store}: {_says(one)}" for one in those)
        return Sight(headline=headline, points=tuple(points))

    def judge(self, gate: Gate) -> GateVerdict:
        """Whether the jobs of the stage have ended well.

        Raises:
            ValueError: it is no gate of ours.
        """
        asked = gate.asks.read(JobsEnded)
        those = [one for one in self.jobs if one.seals == asked.seals and one.store in asked.stores]
        ends = [one.result for one in those if one.result is not None]
        seen = "; ".join(f"{one.store}: {_says(one)}" for one in those)
        bad = "; ".join(one.reason for one in ends if one.reason)
        opened = not bad and len(ends) == len(asked.stores)
        return GateVerdict(open=opened, seen=seen, hopeless=bad)


def _sealed(job: JobNow) -> int:
    if job.result is not None:
        return job.result.sealed
    return 0 if job.progress is None else job.progress.sealed


def _says(job: JobNow) -> str:
    """Short: how it ended in full is the message of its step."""
    if job.result is not None:
        told = f"{job.result.sealed:,} sealed anew, {job.result.left:,} left"
        return job.result.reason or (told if job.seals else "proven")
    return "not begun" if job.progress is None else job.progress.says

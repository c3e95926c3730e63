"""Holds the resources of a plan while it is carried out, by the rules of `fence.py`.

    async with hold_fences(request) as held:
        journal.append(…)            # how the run begins, or goes on
        held.record_in(journal)      # from here on: which fences, and that they were given back
        …                            # carry out under `held.fences`

Whatever ends the block gives the fences back, except for the death of the process: then they stay,
every other plan is refused, and told whose they are.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from remediations.engine.apply.driver import (
    NEVER_TAKEN,
    DriverError,
    Fence,
    FenceKeeper,
    FenceRecord,
)
from remediations.engine.apply.fence import (
    HIGHEST,
    Answers,
    decide_fence,
    fence_refusal,
    fence_text,
    next_bid,
)
from remediations.engine.plan.plan import Plan
from remediations.engine.runs.journal import Journal
from remediations.engine.runs.records import (
    FenceGiven,
    FenceStolen,
    FenceTaken,
    JournalEntry,
)
from remediations.errors import Locked, RemediationError

log = logging.getLogger(__name__)
T = TypeVar("T")
ATTEMPTS = 2
PAUSE_S = (0.2, 1.0)
"""Two that bid at once wait for different times, so that one of them finds it free."""
READ_LIMIT_S = 10.0
"""Seconds for the record of one voter: with most of them, a plan does not wait for the last."""
GIVE_LIMIT_S = 5.0
"""Seconds to give fences back. A host that is silent for longer keeps its record, which does not
count once a majority has given it back."""


@dataclass(frozen=True, kw_only=True)
class FenceRequest:
    """What is to be held. `voters` are all targets that decide, with what keeps their fences;
    `targets` are those that the plan changes. `said` is told to whoever is refused: who took it,
    when, and for which run. `again`: the plan may still hold it, from a controller that was lost.
    `stop` is the command that gives back what this plan holds.
    """

    plan: str
    resources: tuple[str, ...]
    voters: Mapping[str, FenceKeeper]
    targets: frozenset[str]
    said: str
    again: bool = False
    stop: str = ""


class HeldFences:
    """The fences of one application of a plan."""

    def __init__(self, request: FenceRequest) -> None:
        self._request = request
        self._journal: Journal | None = None
        self._granted: dict[Fence, tuple[str, ...]] = {}
        self._asked: dict[Fence, tuple[str, ...]] = {}
        self._stolen: list[FenceStolen] = []

    @property
    def fences(self) -> tuple[Fence, ...]:
        """One for each resource of the plan."""
        return tuple(self._granted)

    def record_in(self, journal: Journal) -> None:
        """Write which fences are held, which of them were stolen from others before, and, when that
        happens, that they were given back.

        Raises:
            MachineError: the journal cannot be written.
        """
        for stolen in self._stolen:
            journal.append(stolen)
        for fence, hosts in self._granted.items():
            journal.append(FenceTaken(resource=fence.resource, number=fence.number, hosts=hosts))
        self._journal = journal

    async def take(self, resource: str) -> None:
        """Take one resource.

        Raises:
            Locked: another run holds it, or too few voters answered.
        """
        refusal: Locked | None = None
        for _ in range(ATTEMPTS):
            if refusal is not None:
                await asyncio.sleep(random.uniform(*PAUSE_S))  # noqa: S311 - not a secret
            answers, unread = await read_fences_or_why(self._request.voters, resource)
            refusal = await self._attempt(resource, answers, unread)
            if refusal is None:
                return
        if refusal is not None:
            raise refusal

    async def _attempt(
        self, resource: str, answers: Answers, unread: Mapping[str, str]
    ) -> Locked | None:
        """Bid once. What was granted is given back if it is not enough."""
        ask = self._request
        bid = next_bid(answers, ask.plan, again=ask.again)
        refusals: dict[str, str] = {}
        if decide_fence(bid.over, answers, ask.targets) and bid.number <= HIGHEST:
            fence = Fence(
                resource=resource,
                number=bid.number,
                plan=ask.plan,
                token=secrets.token_hex(8),
            )
            text = fence_text(resource, ask.said)

            async def take(voter: str) -> None:
                await ask.voters[voter].take_fence(voter, fence, bid.over[voter], text)

            try:
                refusals = await ask_voters(bid.over, take)
            except BaseException:
                await self._give(fence, bid.over)
                raise
            granted = tuple(sorted(bid.over.keys() - refusals))
            log.info("fence %d of %s: granted by %s", fence.number, resource, granted)
            if decide_fence(granted, answers, ask.targets):
                self._granted[fence] = granted
                self._asked[fence] = tuple(bid.over)
                self._stolen += stolen_before(resource, answers)
                return None
            await self._give(fence, bid.over)
            answers, unread = await read_fences_or_why(ask.voters, resource)
        return fence_refusal(
            resource,
            answers,
            refusals,
            ask.targets,
            ours=ask.plan,
            stop=ask.stop,
            steal=steal_command(resource),
            unread=unread,
        )

    async def give_back(self) -> None:
        """Give all fences back, and record it if there is a journal. A voter whose answer was lost
        may have granted one, and is asked as well."""
        for fence, hosts in self._asked.items():
            given = await self._give(fence, hosts)
            if self._journal is not None:
                with contextlib.suppress(RemediationError):  # the run has told of that already
                    self._journal.append(
                        FenceGiven(resource=fence.resource, number=fence.number, hosts=given)
                    )
        self._asked.clear()
        self._granted.clear()

    async def _give(self, fence: Fence, hosts: Iterable[str]) -> tuple[str, ...]:
        """Give it back, and return the hosts that confirmed it in time."""
        confirmed: set[str] = set()

        async def give(voter: str) -> None:
            await self._request.voters[voter].give_fence(voter, fence)
            confirmed.add(voter)

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GIVE_LIMIT_S):
                failures = await ask_voters(hosts, give)
                log.info("fence %d of %s given back: %s", fence.number, fence.resource, failures)
        return tuple(sorted(confirmed))


def stolen_before(resource: str, answers: Answers) -> list[FenceStolen]:
    """That the last change of a resource was that somebody stole it; nothing otherwise."""
    known = [found for found in answers.values() if found is not None]
    last = max(known, key=lambda found: found.number, default=NEVER_TAKEN)
    if not last.is_stolen:
        return []
    return [FenceStolen(resource=resource, number=last.number, said=last.text)]


@contextlib.asynccontextmanager
async def hold_fences(request: FenceRequest) -> AsyncIterator[HeldFences]:
    """Hold all resources of a plan while the block runs.

    Raises:
        Locked: another run holds one of them, or too few voters answered. Nothing is held then.
    """
    held = HeldFences(request)
    try:
        for resource in sorted(set(request.resources)):
            await held.take(resource)
        yield held
    finally:
        await held.give_back()


async def give_back_lost(
    request: FenceRequest, entries: Sequence[JournalEntry]
) -> list[FenceGiven]:
    """Give back what a lost controller of the plan still holds. For a run of which nothing starts
    any more, whoever wakes up.

    Returns the records of what these entries of its journal know: a copy elsewhere may have taken
    others.
    """
    given: dict[Fence, tuple[str, ...]] = {}
    for resource in sorted(set(request.resources)):
        for voter, found in (await read_fences(request.voters, resource)).items():
            if found is None or not found.held or found.plan != request.plan:
                continue
            fence = Fence(
                resource=resource,
                number=found.number,
                plan=found.plan,
                token=found.holder.partition(".")[2],
            )
            with contextlib.suppress(DriverError):
                await request.voters[voter].give_fence(voter, fence)
                given[fence] = (*given.get(fence, ()), voter)
    events = [entry.event for entry in entries]
    known = {(one.resource, one.number) for one in events if isinstance(one, FenceTaken)}
    return [
        FenceGiven(resource=fence.resource, number=fence.number, hosts=hosts)
        for fence, hosts in given.items()
        if (fence.resource, fence.number) in known
    ]


def fence_request(
    plan: Plan, digest: str, keepers: Mapping[str, FenceKeeper], said: str, *, again: bool = False,
    stop: str = "",
) -> FenceRequest:  # fmt: skip
    """What a plan has to hold. `keepers` are those of the drivers that have one, by name.

    All targets vote, and all hosts of the plan's inventory if one of them is a target. Targets that
    keep no fences do not; where none does, nothing is held.
    """
    kinds = {step.target: step.driver for step in plan.steps}
    hosts = [login.host for login in plan.logins]
    of_hosts = next((kinds[host] for host in hosts if host in kinds), None)
    if of_hosts is not None:
        kinds = {**dict.fromkeys(hosts, of_hosts), **kinds}
    voters = {voter: keepers[kind] for voter, kind in kinds.items() if kind in keepers}
    return FenceRequest(
        plan=digest,
        resources=plan.resources if voters else (),
        voters=voters,
        targets=frozenset(step.target for step in plan.steps if step.target in voters),
        said=said,
        again=again,
        stop=stop,
    )


def steal_command(resource: str) -> str:
    """The command that takes a resource away from whoever holds it."""
    return f"remediate steal {resource} --reason TEXT --inventory FILE"


async def read_fences(voters: Mapping[str, FenceKeeper], resource: str) -> Answers:
    """The record of each voter; None for one that does not answer in time."""
    answers, _ = await read_fences_or_why(voters, resource)
    return answers


async def read_fences_or_why(
    voters: Mapping[str, FenceKeeper], resource: str
) -> tuple[Answers, Mapping[str, str]]:
    """The same, and why those did not answer that said so."""
    found: dict[str, FenceRecord | None] = dict.fromkeys(voters)

    async def read(voter: str) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(READ_LIMIT_S):
                found[voter] = await voters[voter].read_fence(voter, resource)

    failures = await ask_voters(voters, read)
    return found, failures


async def ask_voters(
    voters: Iterable[str], ask: Callable[[str], Awaitable[None]]
) -> dict[str, str]:
    """Ask all voters at once; why each of those failed that did."""
    failures: dict[str, str] = {}

    async def one(voter: str) -> None:
        try:
            await ask(voter)
        except DriverError as error:
            failures[voter] = f"{error.what}: {error.got}"

    await asyncio.gather(*map(one, voters))
    return failures

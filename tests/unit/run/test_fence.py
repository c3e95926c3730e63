"""Who holds a resource: a strict majority of all voters, every target, and never two at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from remediations.engine.apply import fence_hold
from remediations.engine.apply.driver import Fence, FencedOut, FenceRecord
from remediations.engine.apply.fence import (
    decide_fence,
)
from remediations.engine.apply.fence_hold import (
    FenceRequest,
    HeldFences,
    fence_request,
    hold_fences,
)
from remediations.engine.runs.journal import Journal, read_journal
from remediations.engine.runs.records import FenceGiven, FenceStolen, FenceTaken, RunEnded
from remediations.errors import ExitCode, Locked
from remediations.values.login import Login
from tests.unit.run.events import began
from tests.unit.run.fakes import FakeFences, lost
from tests.unit.run.plans import command, plan, stage
from tests.unit.run.test_fence_decision import CHAIN, FIVE, ONE, TOKEN, TWO


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fence_hold, "PAUSE_S", (0.0, 0.0))


def request(
    keepers: FakeFences,
    plan: str = ONE,
    *,
    targets: str = "a",
    again: bool = False,
    voters: Sequence[str] = FIVE,
) -> FenceRequest:
    return FenceRequest(
        plan=plan,
        resources=(CHAIN,),
        voters=dict.fromkeys(voters, keepers),
        targets=frozenset(targets),
        said=f"taken by {plan[:2]}",
        again=again,
        stop="remediate stop RUN --reason WHY",
    )


async def locked(asked: FenceRequest) -> Locked:
    """The refusal."""
    with pytest.raises(Locked) as caught:
        async with hold_fences(asked):
            pass
    return caught.value


def holders(keepers: FakeFences) -> dict[str, int]:
    """How many voters each plan holds."""
    found: dict[str, int] = {}
    for record in keepers.records.values():
        if record.held:
            found[record.plan] = found.get(record.plan, 0) + 1
    return found


def test_the_second_plan_is_refused_until_the_first_has_ended() -> None:
    """It is told who holds it; what it was granted is given back; its number is a higher one."""
    keepers = FakeFences()

    async def both() -> tuple[Locked, tuple[Fence, ...], tuple[Fence, ...]]:
        async with hold_fences(request(keepers)) as first:
            refusal = await locked(request(keepers, TWO))
            assert holders(keepers) == {ONE: 5}
            fences = first.fences
        assert holders(keepers) == {}
        async with hold_fences(request(keepers, TWO)) as second:
            return refusal, fences, second.fences

    refusal, first, second = asyncio.run(both())
    assert refusal.exit_code == ExitCode.LOCKED
    assert refusal.what == "chain/lab is held by another run"
    assert refusal.got.startswith(f"5 of 5 hosts: number 1, held by plan {ONE[:12]}: chain/lab: ")
    assert "taken by 11" in refusal.got
    assert "remediate steal chain/lab --reason TEXT" in refusal.next_step
    assert (first[0].number, second[0].number) == (1, 2)
    assert first[0].token != second[0].token


def test_a_plan_does_not_take_it_from_itself_unless_it_goes_on() -> None:
    """Two bastions may apply one plan; a resumed run takes over from the lost controller."""
    keepers = FakeFences()

    async def again() -> tuple[Locked, Fence]:
        async with hold_fences(request(keepers)) as lost:
            refusal = await locked(request(keepers))
            async with hold_fences(request(keepers, again=True)) as resumed:
                (fence,) = resumed.fences
                assert {r.is_held_by(fence) for r in keepers.records.values()} == {True}
                await lost.give_back()  # it wakes, and gives back what it has lost
                assert {r.is_held_by(fence) for r in keepers.records.values()} == {True}
                return refusal, fence

    refusal, fence = asyncio.run(again())
    assert "held by plan 111111111111" in refusal.got
    assert refusal.what == "chain/lab is held by another application"
    assert "`remediate stop RUN --reason WHY`" in refusal.next_step
    assert fence.number == 2


@pytest.mark.parametrize(
    ("silent", "targets", "granted"),
    [("de", "a", True), ("cde", "a", False), ("e", "e", False), ("", "abcde", True)],
)
def test_silent_hosts_count_against_it(silent: str, targets: str, granted: bool) -> None:
    """A minority may be down, a target may not. Nothing is kept of a refusal."""
    keepers = FakeFences()
    keepers.silent = set(silent)

    async def attempt() -> bool:
        async with hold_fences(request(keepers, targets=targets)):
            return True

    if granted:
        assert asyncio.run(attempt())
        return
    refusal = asyncio.run(locked(request(keepers, targets=targets)))
    assert refusal.what == "too few hosts keep chain/lab for this run"
    assert f"no answer of {', '.join(silent)} (" in refusal.got
    assert lost(silent[0]).what in refusal.got
    assert holders(keepers) == {}


def test_a_host_that_was_away_when_it_was_given_back_does_not_block() -> None:
    """It keeps the former holder, of whom all others know that it ended."""
    keepers = FakeFences()

    async def one_then_two() -> None:
        async with hold_fences(request(keepers)):
            keepers.silent = {"e"}
        keepers.silent = set()
        assert holders(keepers) == {ONE: 1}
        async with hold_fences(request(keepers, TWO, targets="e")):
            assert holders(keepers) == {TWO: 5}

    asyncio.run(one_then_two())


def test_a_grant_whose_answer_was_lost_is_given_back() -> None:
    """The host has it, and we do not know."""

    class Mute(FakeFences):
        async def take_fence(self, target: str, fence: Fence, over: int, text: str) -> None:
            await super().take_fence(target, fence, over, text)
            if target == "e":
                raise lost(target)

    keepers = Mute()

    async def held_by_four() -> None:
        async with hold_fences(request(keepers)):
            assert holders(keepers) == {ONE: 5}

    asyncio.run(held_by_four())
    assert holders(keepers) == {}


def test_a_host_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts as one that does not answer."""
    monkeypatch.setattr(fence_hold, "READ_LIMIT_S", 0.01)

    class Hanging(FakeFences):
        async def read_fence(self, target: str, resource: str) -> FenceRecord:
            if target == "e":
                await asyncio.Event().wait()
            return await super().read_fence(target, resource)

    keepers = Hanging()

    async def held_by_four() -> dict[str, int]:
        async with hold_fences(request(keepers)):
            return holders(keepers)

    assert asyncio.run(held_by_four()) == {ONE: 4}


@pytest.mark.parametrize("error", [ZeroDivisionError, asyncio.CancelledError])
def test_whatever_ends_the_block_gives_it_back(error: type[BaseException]) -> None:
    """A bug and a second Ctrl-C, too."""
    keepers = FakeFences()

    async def ends() -> None:
        async with hold_fences(request(keepers)):
            raise error

    with pytest.raises(error):
        asyncio.run(ends())
    assert holders(keepers) == {}


def test_all_resources_or_none() -> None:
    """The second one is held by another plan: the first is given back."""
    keepers = FakeFences()

    async def attempt() -> None:
        both = FenceRequest(
            plan=TWO,
            resources=("a/one", CHAIN),
            voters=dict.fromkeys(FIVE, keepers),
            targets=frozenset("a"),
            said="taken by two",
        )
        async with hold_fences(request(keepers)):
            await locked(both)
            assert holders(keepers) == {ONE: 5}
        async with hold_fences(both) as held_both:
            assert [fence.resource for fence in held_both.fences] == ["a/one", CHAIN]

    asyncio.run(attempt())


def test_the_journal_says_which_fence_was_taken_and_given_back(tmp_path: Path) -> None:
    """Behind the end, with the hosts that confirmed it; no record if it has no beginning."""
    keepers = FakeFences()
    path = tmp_path / "journal.jsonl"

    async def recorded() -> None:
        journal = Journal(path, ONE)
        async with hold_fences(request(keepers)) as fences:
            journal.append(began())
            fences.record_in(journal)
            journal.append(RunEnded(state="stopped", message="no"))
            keepers.silent = {"e"}
        journal.close()

    asyncio.run(recorded())
    events = [entry.event for entry in read_journal(path)]
    assert events[1] == FenceTaken(resource=CHAIN, number=1, hosts=FIVE)
    assert events[3] == FenceGiven(resource=CHAIN, number=1, hosts=FIVE[:4])


def test_the_journal_says_that_it_was_stolen_before(tmp_path: Path) -> None:
    """The hosts' record of it is replaced by the next holder's."""
    keepers = FakeFences()
    path = tmp_path / "journal.jsonl"

    async def recorded() -> None:
        for voter in FIVE:
            await keepers.steal_fence(voter, CHAIN, 7, "chain/lab: stolen by eve: bastion burnt")
        journal = Journal(path, ONE)
        async with hold_fences(request(keepers)) as fences:
            journal.append(began())
            fences.record_in(journal)
            journal.append(RunEnded(state="stopped", message="no"))
        journal.close()

    asyncio.run(recorded())
    events = [entry.event for entry in read_journal(path)]
    said = "chain/lab: stolen by eve: bastion burnt"
    assert events[1] == FenceStolen(resource=CHAIN, number=7, said=said)
    assert events[2] == FenceTaken(resource=CHAIN, number=8, hosts=FIVE)


def test_every_host_of_the_inventory_votes() -> None:
    """Also those that the plan leaves alone."""
    hosts = {f"val{number}" for number in range(1, 5)}
    logins = tuple(Login(host=host, hops=()) for host in sorted(hosts))
    made = replace(plan(stage(1, command("val1"))), logins=logins)
    asked = fence_request(made, ONE, {"host": FakeFences()}, "by ops")
    assert set(asked.voters) == hosts
    assert asked.targets == {"val1"}
    assert asked.resources == made.resources


def test_hosts_do_not_vote_about_what_is_not_on_them() -> None:
    """A namespace, a lamp: its own targets decide."""
    logins = (Login(host="val1", hops=()),)
    made = replace(plan(stage(1, command("lamp"), command("lamp2"))), logins=logins)
    asked = fence_request(made, ONE, {"host": FakeFences()}, "by ops")
    assert set(asked.voters) == {"lamp", "lamp2"}


def test_targets_that_keep_no_fence_hold_nothing() -> None:
    """The driver says so; the run goes on under the locks of this machine."""

    async def attempt() -> tuple[Fence, ...]:
        async with hold_fences(fence_request(plan(), ONE, {}, "by ops")) as fences:
            return fences.fences

    assert asyncio.run(attempt()) == ()


@given(st.lists(st.integers(0, 3), max_size=12), st.data())
def test_voters_with_one_holder_each_make_one_majority(
    holder_of: list[int], data: st.DataObject
) -> None:
    """However the voters are split among the takers, and whatever the targets of each."""
    voters = range(len(holder_of))
    enough = []
    for taker in range(1, 4):  # 0 is a voter that granted it to nobody
        granted = {str(voter) for voter in voters if holder_of[voter] == taker}
        targets = data.draw(st.sets(st.sampled_from(sorted(granted)))) if granted else set()
        enough.append(decide_fence(granted, {str(voter) for voter in voters}, targets))
    assert sum(enough) <= 1


async def _bid(keepers: FakeFences, plan: str, targets: str) -> HeldFences | None:
    """One attempt that holds what it is granted."""
    mine = HeldFences(request(keepers, plan, targets=targets))
    try:
        await mine.take(CHAIN)
    except Locked:
        return None
    return mine


class Slow(FakeFences):
    """Answers in an order that the test decides."""

    def __init__(self, waits: Sequence[int]) -> None:
        super().__init__()
        self._waits = list(waits)

    async def _found(self, target: str, resource: str) -> FenceRecord:
        for _ in range(self._waits.pop() if self._waits else 0):
            await asyncio.sleep(0)
        return await super()._found(target, resource)


@settings(max_examples=200)
@given(
    waits=st.lists(st.integers(0, 12), max_size=60),
    targets=st.lists(st.sampled_from(["", "a", "e", "ae"]), min_size=2, max_size=4),
    silent=st.sets(st.sampled_from(FIVE), max_size=2),
    before=st.lists(st.sampled_from([None, *FIVE]), max_size=4),
)
def test_never_two_at_once(
    waits: list[int], targets: list[str], silent: set[str], before: list[str | None]
) -> None:
    """Any number of plans at once, answers in any order, hosts that are away, and records that were
    left behind: at most one holds it, and nobody else holds anything."""
    keepers = Slow(waits)

    async def race() -> list[HeldFences]:
        for number, away in enumerate(before):
            async with hold_fences(request(keepers, f"{number + 5}" * 64, targets="b")):
                keepers.silent = {away} if away else set()
            keepers.silent = set()
        keepers.silent = silent
        bids = [_bid(keepers, f"{n}" * 64, aims) for n, aims in enumerate(targets, 1)]
        return [one for one in await asyncio.gather(*bids) if one]

    try:
        winners = asyncio.run(race())
    except Locked:  # a record that a minority keeps can block a plan, and needs a person
        return
    assert len(winners) <= 1
    for winner in winners:
        (fence,) = winner.fences
        assert sum(record.is_held_by(fence) for record in keepers.records.values()) >= 3


def test_an_older_number_starts_nothing(tmp_path: Path) -> None:
    """The protocol's own keeper, as the fake plays it."""
    keepers = FakeFences()

    async def stolen() -> None:
        fence = Fence(resource=CHAIN, number=1, plan=ONE, token=TOKEN)
        await keepers.take_fence("a", fence, 0, "one")
        await keepers.steal_fence("a", CHAIN, 2, "two")
        with pytest.raises(FencedOut):
            await keepers.take_fence("a", fence, 0, "one")

    asyncio.run(stolen())

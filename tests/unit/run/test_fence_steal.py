"""A resource is taken away from a run that nobody can go on with: by a person, with a reason."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from remediations.engine.apply.driver import FencedOut
from remediations.engine.apply.fence_hold import FenceRequest, hold_fences
from remediations.engine.apply.fence_steal import StolenFence, steal_from
from remediations.errors import PartlyApplied, Unreadable, UsageError
from tests.unit.run.fakes import FakeFences

CHAIN = "chain/lab"
HOSTS = ("a", "b", "c", "d", "e")
ONE, TWO = "1" * 64, "2" * 64


def request(keepers: FakeFences, plan: str) -> FenceRequest:
    return FenceRequest(
        plan=plan,
        resources=(CHAIN,),
        voters=dict.fromkeys(HOSTS, keepers),
        targets=frozenset("a"),
        said="taken by ops",
    )


def stolen(keepers: FakeFences, silent: Sequence[str] = ()) -> StolenFence:
    """What a thief gets while a run of plan ONE holds it, and some hosts are silent."""

    async def act() -> StolenFence:
        async with hold_fences(request(keepers, ONE)):
            keepers.silent = set(silent)
            return await steal_from(dict.fromkeys(HOSTS, keepers), CHAIN, "by eve because: burnt")

    return asyncio.run(act())


def test_a_stolen_resource_is_free_and_says_why() -> None:
    """A higher number everywhere; who held it, and the reason, are kept; its former holder gives
    back nothing of that; the next plan takes it."""
    keepers = FakeFences()
    done = stolen(keepers)
    assert (done.number, done.hosts, done.missing) == (2, HOSTS, ())
    assert (done.was.number, done.was.plan, done.was.text) == (1, ONE, f"{CHAIN}: taken by ops")
    records = {keepers.records[host, CHAIN] for host in HOSTS}
    (record,) = records
    assert (record.number, record.holder, record.held) == (2, "-", False)
    assert record.text == "chain/lab: stolen from plan 111111111111 by eve because: burnt"

    async def next_plan() -> int:
        async with hold_fences(request(keepers, TWO)) as held:
            return held.fences[0].number

    assert asyncio.run(next_plan()) == 3


def test_the_former_holder_can_do_nothing_more() -> None:
    """Its number is an older one, on every host that has the new one."""
    keepers = FakeFences()

    async def act() -> None:
        async with hold_fences(request(keepers, ONE)) as held:
            await steal_from(dict.fromkeys(HOSTS, keepers), CHAIN, "by eve")
            (fence,) = held.fences
            for host in HOSTS:
                assert not keepers.records[host, CHAIN].is_held_by(fence)
                with pytest.raises(FencedOut):
                    await keepers.take_fence(host, fence, fence.number, "again")

    asyncio.run(act())


def test_hosts_that_were_not_reached_are_named() -> None:
    """A minority: they may still obey the former run."""
    done = stolen(FakeFences(), ("d", "e"))
    assert (done.hosts, done.missing) == (("a", "b", "c"), ("d", "e"))


def test_without_a_majority_nothing_is_stolen() -> None:
    """It is not known who holds it."""
    keepers = FakeFences()
    with pytest.raises(Unreadable, match="it is not known who holds chain/lab") as caught:
        stolen(keepers, ("c", "d", "e"))
    assert caught.value.got == "no answer of c, d, e"
    assert {record.number for record in keepers.records.values()} == {1}


def test_a_majority_that_is_lost_on_the_way_is_told() -> None:
    """Some have the new number: the same again is safe."""

    class Failing(FakeFences):
        async def steal_fence(self, target: str, resource: str, number: int, text: str) -> None:
            if target in "abc":
                raise FencedOut(f"{target} has another holder", got="number 9")
            await super().steal_fence(target, resource, number, text)

    with pytest.raises(PartlyApplied) as caught:
        stolen(Failing())
    assert caught.value.got.startswith("number 2 on d, e; a: a has another holder: number 9")


def test_what_nobody_holds_is_not_stolen() -> None:
    """Nor what no host has ever heard of: a typo must not look like success."""
    keepers = FakeFences()
    voters = dict.fromkeys(HOSTS, keepers)
    with pytest.raises(UsageError, match="no host has ever heard of chain/lab"):
        asyncio.run(steal_from(voters, CHAIN, "by eve"))
    stolen(keepers)
    before = dict(keepers.records)
    with pytest.raises(UsageError, match="nobody holds chain/lab") as caught:
        asyncio.run(steal_from(voters, CHAIN, "by eve"))
    assert "because: burnt" in caught.value.got
    assert keepers.records == before


def test_without_a_driver_that_keeps_fences_nothing_is_known() -> None:
    """No voter, no answer."""
    with pytest.raises(Unreadable):
        asyncio.run(steal_from({}, CHAIN, "by eve"))

"""What the guard on a sign state says: too high, too low, not looked at, and needed by nobody."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from remediations.engine.plan.plan import GuardResult, Outcome
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.finding import NodeFinding
from remediations.playbooks.chain.guards.signing import sign_state_sound
from remediations.playbooks.chain.situation import situation
from remediations.systems.comet.reading import CometReading, sealed
from remediations.systems.comet.values import Commit, CommitSignature
from remediations.values.reading import Why
from tests import worlds
from tests.unit.plan.cases import case_of, quorum_lost


def judged(world: CometReading, host: str = "val1") -> GuardResult:
    """The guard's result, in the situation of 40 of 100 power down."""
    chain = situation(sealed(world), frozenset())
    return sign_state_sound(chain, world.host(host))


def commits(world: CometReading, **signed: int) -> CometReading:
    """The commit that everybody shows has only these flags, by host; no commit without any."""
    nothing = worlds.unknown("no answer")
    votes = tuple(
        CommitSignature(address=worlds.key_of(world.host(host)), flag=flag)
        for host, flag in signed.items()
    )
    commit = worlds.known(Commit(height=worlds.HEIGHT, round=0, signatures=votes))
    return replace(
        world,
        hosts=tuple(
            replace(r, chain=replace(r.chain, commit=commit if signed else nothing))
            for r in world.hosts
        ),
    )


@pytest.mark.parametrize(
    ("height", "says", "never"),
    [
        (worlds.HEIGHT + 37, "leave its sign state as it is", "do not start it: it could"),
        (worlds.HEIGHT - 37, "do not start it: it could sign twice", "leave its sign state"),
        (0, "do not start it: it could sign twice", "leave its sign state"),
    ],
)
def test_a_state_above_the_chain_gets_another_sentence(height: int, says: str, never: str) -> None:
    """Above it refuses, and whoever "restores" one that fits lowers it; below it is a danger."""
    result = judged(worlds.sign_state(quorum_lost(), "val1", height))
    assert result.outcome is Outcome.BLOCK
    assert says in result.next_step
    assert never not in result.next_step


def test_what_was_not_looked_at_is_not_zero() -> None:
    """A commit without its signature says nothing of the heights before; no commit, nothing."""
    absent = judged(commits(quorum_lost(), val1=1, val2=2))
    assert "commit 113 lacks its signature" in absent.got
    assert "not looked at" in absent.got
    assert "sign 0" not in absent.got
    assert absent.expected == "at most 114"
    unread = judged(commits(quorum_lost()))
    assert unread.outcome is Outcome.UNKNOWN
    assert "no commit" in unread.got
    assert "/commit" in unread.next_step


def away(world: CometReading, *, told: bool = True) -> CometReading:
    """val4 is stopped, and blocks go on; whether the chain tells what it missed."""
    stopped = worlds.stopped(world, "val4")
    if told:
        return stopped
    hosts = (replace(r, chain=replace(r.chain, absent=None)) for r in stopped.hosts)
    return replace(stopped, hosts=tuple(hosts))


def test_an_older_copy_is_seen_after_the_commits_that_are_read() -> None:
    """The chain counts what it missed, and so it signed a block that the copy does not know."""
    sound = judged(away(worlds.healthy()), "val4")
    assert sound.outcome is Outcome.PASS
    assert "the chain counts 3 blocks that it missed: it signed 110 or a later one" in sound.got
    older = judged(worlds.sign_state(away(worlds.healthy()), "val4", 109), "val4")
    assert older.outcome is Outcome.BLOCK
    assert older.expected == "at least 110, at most 117"
    assert "do not start it: it could sign twice" in older.next_step


def named(world: CometReading, host: str = "val4") -> NodeFinding:
    """What the diagnosis says of a host."""
    return situation(sealed(world), frozenset()).finding.node(host)


def test_an_older_copy_is_named_in_the_diagnosis() -> None:
    """What the chain counts decides there as it does in the guard."""
    found = named(worlds.sign_state(away(worlds.healthy()), "val4", 109))
    assert found.condition is NodeCondition.SIGN_STATE_LOST
    assert "the chain shows that it signed block 110 or a later one" in found.cause
    for height in (110, worlds.HEIGHT):
        world = worlds.sign_state(away(worlds.healthy()), "val4", height)
        assert named(world).condition is NodeCondition.STOPPED
    assert named(worlds.signed_last(away(worlds.healthy()), "val4", 60)).condition is (
        NodeCondition.STOPPED
    )


def test_what_the_chain_does_not_count_is_left_to_the_guard() -> None:
    """Nothing shows that the copy is older, so it is not called so; and it is not started."""
    silent = worlds.sign_state(away(worlds.healthy(), told=False), "val4", 60)
    assert named(silent).condition is NodeCondition.STOPPED
    assert judged(silent, "val4").outcome is Outcome.UNKNOWN


def test_a_validator_beside_an_older_copy_is_brought_back() -> None:
    """Seed 95 of the soak: the copy stays where it is, the other one is started."""
    world = worlds.stopped(worlds.healthy((40, 20, 20, 10, 10)), "val4", "val5")
    world = worlds.sign_state(world, "val4", 60)
    case = case_of(world, "node-down")
    assert [move.target for move in case.proposal.moves] == ["val5"]
    assert not [result for result in case.judge() if result.outcome is not Outcome.PASS]


def test_where_the_chain_does_not_tell_an_older_copy_cannot_be_excluded() -> None:
    """But where the commits that were read go back to the state, they have told."""
    silent = away(worlds.healthy(), told=False)
    unknown = judged(worlds.sign_state(silent, "val4", worlds.HEIGHT), "val4")
    assert unknown.outcome is Outcome.UNKNOWN
    assert f"`/commit?height={worlds.HEIGHT + 1}`" in unknown.next_step
    assert judged(worlds.sign_state(silent, "val4", worlds.HEIGHT + 2), "val4").outcome is (
        Outcome.PASS
    )


def test_only_a_full_node_without_power_may_get_an_empty_state() -> None:
    """What to write is said for it, with its home and its owner; never for a validator."""
    absent = worlds.unknown("there is no sign state file", Why.ABSENT)

    def lost(host: str) -> GuardResult:
        world = worlds.change(
            worlds.stopped(quorum_lost(), "full1"), host, lambda r: replace(r, sign_state=absent)
        )
        return judged(world, host)

    full = lost("full1")
    assert full.outcome is Outcome.UNKNOWN
    assert '{"height":"0","round":0,"step":0}' in full.next_step
    assert f"{worlds.HOME}/data/priv_validator_state.json" in full.next_step
    assert "never a zero one" in lost("val1").next_step
    assert "height" not in lost("val1").next_step

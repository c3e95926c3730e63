"""W2 where one full node answers and no validator does: the sign states of the others."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from msgspec.structs import replace

from remediations.engine.domain import Move, Proposal, StageDraft
from remediations.engine.plan.plan import Gate, GuardResult, Outcome, Risk
from remediations.playbooks.chain.actions import RESTART
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.playbooks.chain.diagnose.file_voices import FileVoices, file_voices
from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.playbooks.chain.finding import Tristate
from remediations.playbooks.chain.gates import Follows
from remediations.playbooks.chain.guards.witnesses import two_witnesses
from remediations.playbooks.chain.situation import ChainSituation, situation_of
from remediations.systems.comet.reading import CometReading, HostReading
from remediations.systems.hosts.values import Process
from remediations.values.part import Part
from remediations.values.reading import Known, Why
from tests import worlds
from tests.worlds.base import silenced
from tests.worlds.everybody import signed, validators
from tests.worlds.healthy import healthy

PASS, BLOCK, UNKNOWN = Outcome.PASS, Outcome.BLOCK, Outcome.UNKNOWN
Change = Callable[[CometReading], CometReading]
PANIC = 'panic: CONSENSUS FAILURE!!! err="failed to apply block; error panic in EndBlocker"'
TOLD = worlds.HEIGHT


def one_answers() -> CometReading:
    """All validators end again and again at the newest block, and each has just opened its RPC when
    it was read, so no host shows that its own does not vote; the full node goes on to answer."""
    world = worlds.halted(healthy())
    for host in validators(world):
        world = signed(worlds.crash_looping(world, host, PANIC), host, TOLD)
        world = worlds.change(world, host, started)
    return world


def started(reading: HostReading) -> HostReading:
    """systemd has started it a moment ago: its RPC is open, and does not answer yet."""
    reading = silenced(reading, "timed out", Why.TIME_LIMIT)
    assert isinstance(reading.unit, Known)
    unit = replace(reading.unit.value, active_state="active", sub_state="running", main_pid=400)
    process = Process(pid=400, state="R", started=9000, command="virtengined start")
    return replace(reading, unit=worlds.known(unit), processes=worlds.known((process,)))


def all_signed(height: int) -> Change:
    def how(world: CometReading) -> CometReading:
        for host in validators(world):
            world = signed(world, host, height)
        return world

    return how


def sign_states_unread(*hosts: str) -> Change:
    def how(world: CometReading) -> CometReading:
        for host in hosts or validators(world):
            world = worlds.change(
                world, host, lambda r: replace(r, sign_state=worlds.unknown("permission denied"))
            )
        return world

    return how


def one_of_them(host: str, height: int, **fields: str) -> Change:
    return lambda world: signed(world, host, height, **fields)


def only(host: str) -> Change:
    """The states of all others were not read."""

    def how(world: CometReading) -> CometReading:
        return sign_states_unread(*(h for h in validators(world) if h != host))(world)

    return how


def w2(world: CometReading) -> GuardResult:
    """What the guard says where all validators would be restarted."""
    hosts = tuple(validators(world))
    stage: StageDraft[ChainSituation] = StageDraft(
        title="restart",
        why="",
        moves=tuple(Move(RESTART, host) for host in hosts),
        gate=Gate(title="they follow", timeout_s=60, asks=Part.of(Follows(hosts=hosts))),
    )
    proposal = Proposal(title="restart", stages=(stage,), checks=(), risk=Risk.HIGH, worst_case="")
    result = two_witnesses(situation_of(world, frozenset()), proposal)
    assert result is not None
    return result


def voices(world: CometReading) -> FileVoices:
    """What files say beside the one node that answers."""
    finding = diagnose(world)
    return file_voices(
        world, finding.nodes, {}, height=finding.height, total_power=finding.total_power
    )


@pytest.mark.parametrize(
    ("outcome", "says", "change"),
    [
        pytest.param(PASS, "val1, val2, val3, val4", lambda world: world, id="all signed it"),
        pytest.param(PASS, "val1", all_signed(TOLD + 1), id="all work on the next"),
        pytest.param(PASS, "val3", only("val3"), id="one is read, and agrees"),
        pytest.param(BLOCK, "val2 signed", one_of_them("val2", TOLD + 2), id="signed further"),
        pytest.param(
            BLOCK, "val4 signed for other-1", one_of_them("val4", TOLD, chain="other-1"),
            id="another chain",
        ),
        pytest.param(
            BLOCK, "keys with 40 of 100 power did not sign", one_of_them("val1", TOLD - 1),
            id="a third did not sign it",
        ),
        pytest.param(PASS, "val1, val2, val3", one_of_them("val4", TOLD - 5), id="one was down"),
        pytest.param(UNKNOWN, "not read: val1", sign_states_unread(), id="none is read"),
    ],
)  # fmt: skip
def test_files_beside_one_node_that_answers(outcome: Outcome, says: str, change: Change) -> None:
    """One change gives exactly this outcome, with what was got and what to do."""
    result = w2(change(one_answers()))
    assert (result.outcome, says in result.got) == (outcome, True), result.got
    assert result.got.startswith(f"full1 tells {TOLD}")
    assert result.next_step


def test_an_older_copy_of_a_key_takes_nothing_away_and_adds_nothing() -> None:
    """A standby with the key of a validator is no voice of its own."""
    world = worlds.duplicated(one_answers(), "val1", "standby1")
    assert voices(signed(world, "standby1", TOLD - 50)) == voices(world)
    assert len(voices(signed(world, "standby1", TOLD)).agree) == len(voices(world).agree)


def test_a_machine_that_answers_is_heard_once() -> None:
    """Its sign state under another name is the same witness."""
    world, finding = one_answers(), diagnose(one_answers())
    same = dict.fromkeys(("full1", "val4"), "full1")
    found = file_voices(world, finding.nodes, same, height=TOLD, total_power=100)
    assert found.agree == ("val1", "val2", "val3")


def test_a_remote_signer_keeps_its_memory_elsewhere() -> None:
    """The file on the host of its node is of another key."""
    world = worlds.configured(one_answers(), "val1", remote_signer="tcp://10.0.0.9:1234")
    assert "val1" not in voices(world).agree


def test_a_loop_is_the_same_halt_at_every_moment() -> None:
    """Whether a process was there when it was read, or none: `apply` reads at another moment."""
    between = worlds.halted(healthy())
    for host in validators(between):
        between = signed(worlds.crash_looping(between, host, PANIC), host, TOLD)
    alive = between
    for host in validators(alive):
        alive = worlds.change(alive, host, begun)
    one, other = diagnose(between), diagnose(alive)
    assert (one.chain, one.halted, one.witnesses) == (other.chain, other.halted, other.witnesses)
    assert one.halted is Tristate.YES
    assert [n.condition for n in one.nodes] == [n.condition for n in other.nodes]


def begun(reading: HostReading) -> HostReading:
    """It was started a moment ago, and does not listen yet."""
    samples = reading.samples
    return replace(started(reading), samples=samples, chain=reading.chain)


def test_one_that_runs_for_long_is_in_no_loop() -> None:
    """It was restarted before, and its RPC is shut: it may vote all the same."""
    world = worlds.crash_looping(worlds.halted(healthy()), "val1", PANIC)
    young = worlds.change(world, "val1", begun)
    assert NodeView(young.host("val1")).ends_again

    def old(reading: HostReading) -> HostReading:
        reading = begun(reading)
        assert isinstance(reading.unit, Known)
        since = worlds.BEGAN - timedelta(minutes=5)
        return replace(reading, unit=worlds.known(replace(reading.unit.value, active_since=since)))

    assert not NodeView(worlds.change(world, "val1", old).host("val1")).ends_again

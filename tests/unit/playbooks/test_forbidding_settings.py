"""Settings that forbid a start: set to 0 before it, looked at again, and put back."""

from __future__ import annotations

import dataclasses

from msgspec.structs import replace

from remediations.engine.domain import Move
from remediations.engine.plan.plan import Outcome
from remediations.playbooks.chain.actions import (
    CONFIGURE,
    RESTART,
    RESTART_CONFIGURED,
    RESTORE,
    START,
    START_CONFIGURED,
)
from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.playbooks.chain.gates import Advances, Follows
from remediations.playbooks.chain.situation import ChainSituation
from remediations.systems.comet.reading import CometReading
from tests import worlds
from tests.unit.plan.cases import Case, case_of, quorum_lost
from tests.unit.playbooks.test_everybody import (
    NEWEST,
    VALIDATORS,
    blocked,
    guard,
    moves,
)
from tests.worlds import HEIGHT
from tests.worlds.everybody import deadlocked, everybody_down


def test_double_sign_check_is_lifted_and_put_back() -> None:
    """On each host the setting first, then the start that counts on it; twenty blocks later it is
    as it was. Only where it is above 0."""
    world = deadlocked(everybody_down())
    world = worlds.configured(world, "val4", double_sign_check_height=0)
    finding = diagnose(world)
    assert finding.chain is ChainClass.ALL_DOWN
    assert finding.next_step == "remediate plan INC-001"
    case = case_of(world)
    full, together, back = moves(case)
    for host in ("val1", "val2", "val3"):
        own = [move.action for move in together if move.target == host]
        assert own == [CONFIGURE, RESTART_CONFIGURED]
    assert [move.action for move in together if move.target == "val4"] == [RESTART]
    assert set(back) == {Move(RESTORE, host) for host in ("val1", "val2", "val3")}
    stages = case.proposal.stages
    assert stages[1].gate.asks.read(Advances).height == NEWEST + 20
    assert stages[2].gate.asks.read(Follows).hosts == ("val3", "val2", "val1")
    assert blocked(case) == {}
    assert guard(case, "G25 val1").got == (
        "10, power 40, set to 0 by the step before the start, which looks at it again"
    )
    assert guard(case, "N5").got == "3 of 3"
    assert any("abandon" in text for text in case.proposal.warnings)
    assert [move.action for move in full] == [START]


def test_the_setting_is_put_back_to_what_it_was() -> None:
    """Data follow from the facts of the plan alone."""
    case = case_of(deadlocked(everybody_down()))
    facts = {fact.name: fact.value for fact in CONFIGURE.facts(case.chain, "val1")}
    there, back = CONFIGURE.data(facts, "val1"), RESTORE.data(facts, "val1")
    name = "double_sign_check_height"
    assert (there[name], there[f"new_{name}"]) == (10, 0)
    assert (back[name], back[f"new_{name}"]) == (0, 10)
    whole = {fact.name: fact.value for fact in START.facts(case.chain, "val1")}
    assert START_CONFIGURED.data(whole, "val1") == {**START.data(whole, "val1"), "settings_off": 1}


def test_a_stopped_validator_whose_setting_forbids_the_start_is_configured_too() -> None:
    """It was stopped before it could end by it."""
    world = everybody_down()
    for host in VALIDATORS:
        world = worlds.configured(world, host, double_sign_check_height=10, halt_height=5)
    case = case_of(world)
    (_, together, back) = moves(case)
    assert [move.action for move in together if move.target == "val1"] == [
        CONFIGURE,
        START_CONFIGURED,
    ]
    assert {move.action for move in back} == {RESTORE}
    assert blocked(case) == {}
    assert "halt-height 5, halt-time 0, set to 0 by" in guard(case, "G28 val1").got


def test_a_flag_decides_in_place_of_the_file() -> None:
    """Then no step can set it, and nothing is started."""
    world = worlds.configured(everybody_down(), "val1", double_sign_check_height=10)

    def flagged(reading: worlds.HostReading) -> worlds.HostReading:  # type: ignore[name-defined]
        unit = reading.unit.value
        words = (*unit.arguments, "--consensus.double_sign_check_height=10")
        return replace(reading, unit=worlds.known(replace(unit, arguments=words)))

    case = case_of(worlds.change(world, "val1", flagged))
    found = blocked(case)
    assert set(found) == {"N4 val1"}
    assert "ExecStart" in found["N4 val1"].next_step


def test_a_plan_that_starts_before_it_configures_is_refused() -> None:
    """Whoever writes such a branch: the order is a guard of its own."""
    case = case_of(deadlocked(everybody_down()))
    stage = case.proposal.stages[1]
    turned = replace_stage(case, 1, tuple(reversed(stage.moves)))
    found = {g.id: g for g in turned.judge()}["N5"]
    assert found.outcome is Outcome.BLOCK


def replace_stage(case: Case, index: int, moves: tuple[Move[ChainSituation], ...]) -> Case:
    stages = list(case.proposal.stages)
    stages[index] = dataclasses.replace(stages[index], moves=moves)
    proposal = dataclasses.replace(case.proposal, stages=tuple(stages))
    return dataclasses.replace(case, proposal=proposal)


def halted(halt_height: int = 115) -> CometReading:
    """All reached their halt-height; the processes answer, with consensus dead."""
    line = "halt per configuration height 115 time 0"
    world = worlds.panicked(worlds.healthy(), *VALIDATORS, "full1", lines=(line,))
    for host in (*VALIDATORS, "full1"):
        world = worlds.configured(world, host, halt_height=halt_height)
    for host in VALIDATORS:
        world = worlds.sign_state(world, host, HEIGHT + 1)
    return world


def test_halt_height_is_lifted_everywhere_and_all_restart_together() -> None:
    """The full node was halted by it as well. It is not put back."""
    case = case_of(halted())
    assert (case.finding.chain, case.branch.name) == (ChainClass.HALT_HEIGHT, "lift-halt-height")
    assert case.finding.next_step == "remediate plan INC-001"
    (stage,) = case.proposal.stages
    assert {move.target for move in stage.moves} == {*VALIDATORS, "full1"}
    assert {move.action for move in stage.moves} == {CONFIGURE, RESTART_CONFIGURED}
    gate = stage.gate.asks.read(Advances)
    assert (gate.height, set(gate.hosts)) == (case.chain.tip, set(VALIDATORS))
    assert blocked(case) == {}
    assert any("on purpose" in text for text in case.proposal.warnings)


def test_a_halt_that_was_taken_out_of_the_files_needs_only_the_restart() -> None:
    """The processes do not know it yet."""
    case = case_of(halted(0))
    (stage,) = case.proposal.stages
    assert {move.action for move in stage.moves} == {RESTART}
    assert blocked(case) == {}


def test_in_a_lost_quorum_settings_are_lifted_too() -> None:
    """A full node tells the powers of today; the setting would keep out whoever signed lately."""
    world = worlds.configured(quorum_lost(), "val1", double_sign_check_height=10)
    case = case_of(world)
    assert case.branch.name == "start-missing-together"
    assert moves(case) == [
        [Move(CONFIGURE, "val1"), Move(START_CONFIGURED, "val1")],
        [Move(RESTORE, "val1")],
    ]
    gate = case.proposal.stages[0].gate.asks.read(Advances)
    assert gate.height == case.finding.height + 20
    assert blocked(case) == {}
    ended = worlds.sign_state(
        worlds.logged(world, "val1", "panic: found signature from the same key"), "val1", HEIGHT
    )
    finding = diagnose(ended)
    assert finding.node("val1").condition is NodeCondition.DOUBLE_SIGN_CHECK
    assert finding.next_step == "remediate plan INC-001"
    assert moves(case_of(ended))[0] == [Move(CONFIGURE, "val1"), Move(RESTART_CONFIGURED, "val1")]

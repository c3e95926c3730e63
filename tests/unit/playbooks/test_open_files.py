"""A node that ended for lack of open files: its limit is raised, and it is started again."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from remediations.engine.plan.plan import Outcome
from remediations.errors import Refused
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.playbooks.chain.gates import Advances, Follows
from remediations.playbooks.chain.open_files import RAISE, RESTART_RAISED, START_RAISED
from remediations.playbooks.chain.situation import situation_of
from remediations.systems.comet.reading import CometReading
from tests import worlds
from tests.unit.plan.cases import case_of
from tests.worlds import healthy
from tests.worlds.base import unit_of

LINE = "panic: open /var/lib/virtengine/data/cs.wal: too many open files"
DEAD = 'ERR CONSENSUS FAILURE!!! err="open /d/a.db/1.ldb: too many open files" module=consensus'


def limited(world: CometReading, host: str = "val4", files: int = 1024) -> CometReading:
    """The unit of `host` may open so many files."""
    return worlds.change(world, host, lambda r: replace(r, unit=unit_of(r, open_files=files)))


def looping(files: int = 1024) -> CometReading:
    return limited(worlds.crash_looping(healthy(), "val4", LINE), files=files)


def test_the_limit_is_raised_and_the_node_restarted() -> None:
    """In a loop systemd starts it again and again: a restart, of whatever process there is."""
    world = looping()
    assert diagnose(world).node("val4").condition is NodeCondition.OPEN_FILES
    case = case_of(world, "node-down")
    assert case.branch.name == "raise-open-files"
    (stage,) = case.proposal.stages
    assert [move.action for move in stage.moves] == [RAISE, RESTART_RAISED]
    assert stage.gate.asks.read(Follows).hosts == ("val4",)
    assert {one.outcome for one in case.judge()} == {Outcome.PASS}
    assert "P26" in {check.id for check in case.proposal.checks}
    facts = {fact.name: fact.value for fact in RAISE.facts(case.chain, "val4")}
    data = RAISE.data(facts, "val4")
    assert (data["open_files"], data["new_open_files"]) == (1024, 65535)
    assert facts["val4.invocation"] == ""


def test_exactly_the_dead_process_is_ended_in_a_halt() -> None:
    """val1 answers, and its consensus is dead; it has 40 of 100."""
    world = limited(worlds.zombie(healthy(), "val1", lines=[DEAD]), "val1")
    assert diagnose(world).next_step == "remediate plan INC-001"
    case = case_of(world)
    (stage,) = case.proposal.stages
    assert [move.action for move in stage.moves] == [RAISE, RESTART_RAISED]
    assert "val1" in stage.gate.asks.read(Advances).hosts
    assert {one.outcome for one in case.judge()} == {Outcome.PASS}
    facts = {fact.name: fact.value for fact in RAISE.facts(case.chain, "val1")}
    assert len(facts["val1.invocation"]) == 32
    with pytest.raises(Refused) as refused:
        case_of(world, "node-down", branch="raise-open-files")
    assert "use INC-001" in refused.value.got


def test_a_unit_that_is_down_is_started() -> None:
    world = limited(worlds.logged(worlds.failed(healthy(), "val4"), "val4", LINE))
    case = case_of(world, "node-down")
    assert [move.action for move in case.proposal.moves] == [RAISE, START_RAISED]


def _limit_guard(world: CometReading) -> Outcome:
    chain = situation_of(world, frozenset())
    (found,) = [g for g in (guard(chain, "val4") for guard in RAISE.guards) if g.id == "G94"]
    return found.outcome


def test_a_limit_that_is_high_enough_is_not_raised() -> None:
    """G94: passes, blocks, is unknown; and a limit that was raised since is no cause any more."""
    assert _limit_guard(looping()) is Outcome.PASS
    assert _limit_guard(looping(65535)) is Outcome.BLOCK
    assert diagnose(looping(65535)).node("val4").condition is not NodeCondition.OPEN_FILES
    assert _limit_guard(worlds.unreachable(healthy(), "val4")) is Outcome.UNKNOWN
    held = worlds.change(looping(), "val4", lambda r: replace(r, unit=unit_of(r, held=True)))
    assert _limit_guard(held) is Outcome.BLOCK

"""A service's container: when it is restarted, when a dead one is removed, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from remediations.engine.domain import Move
from remediations.engine.plan.plan import Outcome, Plan
from remediations.engine.plan.planning import make_plan
from remediations.errors import Refused, UsageError
from remediations.playbooks.scoring.container import REMOVE_DEAD, RESTART_CONTAINER
from remediations.playbooks.scoring.containers import container_facts
from remediations.playbooks.scoring.gates import AnswersAlike
from remediations.playbooks.scoring.situation import situation
from remediations.systems.hosts.compile.compiler import Compiler
from remediations.systems.hosts.workshop import HOST, made_by
from remediations.systems.podman.values import Dependant, Engine, Listener
from remediations.values.reading import Why
from tests.unit.plan.cases import maker
from tests.unit.playbooks.scoring.cases import Case, case_of, observed
from tests.worlds import containers as world
from tests.worlds import scoring
from tests.worlds.base import known, unknown

FROZEN: dict[str, Any] = {
    "asks": known(scoring.LATE),
    "counters": scoring.moments(scoring.counters(), scoring.counters()),
}
FAILED: dict[str, Any] = {
    "unit": known(scoring.unit(active="failed", sub="failed", result="exit-code")),
    "process": unknown("nothing listens"),
    "asks": known(scoring.REFUSED),
    "loaded": unknown("no line"),
}
STALE: dict[str, Any] = {
    "containers": known((world.DEAD,)),
    "units": known((world.unit(active_state="failed", sub_state="failed"),)),
    "listeners": known(()),
}
GATEWAY = Dependant(unit="gateway.service", active_state="active", by="RequiredBy")
NODE = Dependant(unit="virtengined.service", active_state="active", by="RequiredBy")


def frozen(branch: str | None = None, **fields: Any) -> Case:  # noqa: ANN401
    world_ = observed(scoring.scorers({"val4": FROZEN}))
    return case_of(world.with_containers(world_, "val4", **fields), branch=branch)


def stale(**fields: Any) -> Case:  # noqa: ANN401
    world_ = observed(scoring.scorers({"val4": FAILED}))
    found = world.with_containers(world_, "val4", **{**STALE, **fields})
    return case_of(found, branch="remove-stale-container")


def blocked(case: Case) -> dict[str, Outcome]:
    found = {id_: one.outcome for (id_, _), one in case.judge().items()}
    return {id_: outcome for id_, outcome in found.items() if outcome is not Outcome.PASS}


def test_a_frozen_service_is_restarted() -> None:
    case = frozen()
    assert case.branch.name == "restart-container"
    assert case.proposal.moves == (Move(RESTART_CONTAINER, "val4"),)
    assert blocked(case) == {}
    (stage,) = case.proposal.stages
    assert stage.gate.asks.read(AnswersAlike).hosts == ("val4",)


def test_a_dead_container_that_has_the_name_is_removed() -> None:
    """Also where its unit is started again and again."""
    case = stale()
    assert case.proposal.moves == (Move(REMOVE_DEAD, "val4"),)
    assert blocked(case) == {}
    looping = world.unit(active_state="activating", sub_state="auto-restart")
    assert blocked(stale(units=known((looping,)))) == {}


def test_it_is_found_without_its_name() -> None:
    world_ = observed(scoring.scorers({"val4": FAILED}))
    case = case_of(world.with_containers(world_, "val4", **STALE))
    assert case.branch.name == "remove-stale-container"


@pytest.mark.parametrize(
    ("fields", "guard", "outcome", "word"),
    [
        ({"engine": known(Engine(version=""))}, "V20", Outcome.BLOCK, "not installed"),
        ({"containers": unknown("no answer")}, "V20", Outcome.UNKNOWN, "no answer"),
        ({"units": known(())}, "V21", Outcome.BLOCK, "runs no container"),
        ({"units": known((world.unit(user="alice"),))}, "V21", Outcome.BLOCK, "as alice"),
        ({"units": known((world.unit(image=""),))}, "V21", Outcome.BLOCK, "does not name"),
        ({"units": known((world.unit(held=True),))}, "V21", Outcome.BLOCK, "holds"),
        ({"units": known((world.unit(needs_reload=True),))}, "V21", Outcome.BLOCK, "changed"),
        ({"units": unknown("no answer")}, "V21", Outcome.UNKNOWN, ""),
        (
            {
                "listeners": known(
                    (Listener(address="127.0.0.1", port=8501, pid=9, command="stub"),)
                )
            },
            "V22",
            Outcome.BLOCK,
            "process 9 (stub, of the host)",
        ),
        ({"listeners": unknown("no ss")}, "V22", Outcome.UNKNOWN, "could not be read"),
        ({"images": known(())}, "V23", Outcome.BLOCK, "is not on the host"),
        (
            {"containers": known((world.container(image_digest=world.OTHER_DIGEST),))},
            "V23",
            Outcome.BLOCK,
            "it ran",
        ),
        ({"units": known((world.unit(pull="newer"),))}, "V23", Outcome.BLOCK, "--pull=newer"),
        ({"images": unknown("no answer")}, "V23", Outcome.UNKNOWN, ""),
        ({"units": known((world.unit(dependants=(NODE,)),))}, "V24", Outcome.BLOCK, "virtengined"),
        ({"units": unknown("no answer")}, "V24", Outcome.UNKNOWN, ""),
    ],
)
def test_a_restart_is_refused(
    fields: dict[str, Any], guard: str, outcome: Outcome, word: str
) -> None:
    case = frozen("restart-container", **fields)
    found = case.judge()[guard, "val4"]
    assert found.outcome is outcome
    assert word in found.got
    assert found.next_step


TWO = (replace(scoring.THREADS, value="2"),)
FILE = replace(scoring.service("val4").entry, environment_file=scoring.ENVIRONMENT_FILE)


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({"process": known(scoring.process(settings=TWO))}, Outcome.BLOCK),
        ({"environment": known(scoring.environment(settings=TWO))}, Outcome.BLOCK),
        ({"environment": known(scoring.environment(settings=()))}, Outcome.BLOCK),
        (
            {
                "environment": known(scoring.environment()),
                "process": known(scoring.process(settings=TWO)),
            },
            Outcome.PASS,
        ),
        (
            {
                "environment": known(scoring.environment(trouble="others may write to it")),
                "process": known(scoring.process(settings=TWO)),
            },
            Outcome.BLOCK,
        ),
        ({"process": unknown("nothing listens", Why.ABSENT)}, Outcome.PASS),
    ],
)
def test_what_would_come_back_with_other_settings_is_not_restarted(
    fields: dict[str, Any], outcome: Outcome
) -> None:
    """V35: the file tells what the next start has, else the process that is ended; where neither is
    known, the gate waits for the vectors."""
    world_ = observed(scoring.scorers({"val4": {**FROZEN, "entry": FILE, **fields}}))
    case = case_of(world.with_containers(world_, "val4"), branch="restart-container")
    found = case.judge()["V35", "val4"]
    assert found.outcome is outcome, found.got
    assert found.next_step


def test_a_container_under_no_unit_is_named() -> None:
    alone = world.container(unit="", name="scorer-by-hand")
    case = frozen("restart-container", units=known(()), containers=known((alone,)))
    assert "scorer-by-hand runs under no unit" in case.judge()["V21", "val4"].got


@pytest.mark.parametrize(
    ("unit", "container", "somebodys"),
    [
        ({"active_state": "inactive", "sub_state": "dead"}, {"unit": ""}, "runs under no unit"),
        ({"active_state": "failed"}, {"unit": "ssh.service"}, "runs under ssh.service"),
        ({"active_state": "activating", "sub_state": "auto-restart"}, {"unit": ""}, "no unit"),
        ({"active_state": "inactive"}, {}, ""),
        ({"active_state": "inactive"}, {"unit": "", "conmon_alive": False}, ""),
        ({"active_state": "active"}, {"unit": ""}, ""),
        ({"active_state": "activating", "sub_state": "start"}, {"unit": ""}, ""),
    ],
    ids=["by hand", "in a session", "in a loop", "its own", "left", "up", "coming up"],
)
def test_what_somebody_started_under_its_name_is_left_to_them(
    unit: dict[str, str], container: dict[str, Any], somebodys: str
) -> None:
    """V21: nothing of ours ends it. A unit that is up has the name for itself, and a conmon in a
    control group of its own shows no unit."""
    case = frozen(
        "restart-container",
        units=known((world.unit(**unit),)),
        containers=known((world.container(**container),)),
    )
    found = case.judge()["V21", "val4"]
    assert found.outcome is (Outcome.BLOCK if somebodys else Outcome.PASS), found.got
    assert somebodys in found.got
    assert not somebodys or "podman stop" in found.next_step


@pytest.mark.parametrize(
    ("fields", "guards"),
    [
        ({"containers": unknown("no answer")}, {"V20", "V25"}),
        ({"images": known(())}, {"V23"}),
    ],
)
def test_a_removal_is_refused(fields: dict[str, Any], guards: set[str]) -> None:
    """It is proposed for a dead one; these guards look again when it is applied."""
    case = replace_reading(stale(), fields)
    assert guards <= set(blocked(case))


def replace_reading(case: Case, fields: dict[str, Any]) -> Case:
    """The same proposal in another world, as at apply."""
    world_ = observed(scoring.scorers({"val4": FAILED}))
    other = world.with_containers(world_, "val4", **{**STALE, **fields})
    return Case(situation=situation(other, frozenset()), branch=case.branch, proposal=case.proposal)


@pytest.mark.parametrize(
    "fields",
    [
        {"containers": known((replace(world.DEAD, left=(900,)),))},
        {"containers": known((replace(world.DEAD, conmon_alive=True),))},
        {"containers": known(())},
        {"units": known((world.unit(active_state="failed", creates=False),))},
        {"units": known((world.unit(),))},
    ],
)
def test_one_that_is_not_dead_is_not_removed(fields: dict[str, Any]) -> None:
    """The branch does not fit; and where a plan was made before, V25 blocks."""
    with pytest.raises((Refused, UsageError)):
        stale(**fields)
    assert blocked(replace_reading(stale(), fields))["V25"] is Outcome.BLOCK


def test_the_number_of_restarts_is_limited() -> None:
    """Then it is left to its operator, who is told what to do."""
    often = {**FROZEN, "unit": known(scoring.unit(starts=4))}
    world_ = observed(scoring.scorers({"val4": often}))
    case = case_of(world.with_containers(world_, "val4"))
    assert blocked(case) == {"V7": Outcome.BLOCK}
    assert "take it out of scoring" in case.judge()["V7", "val4"].next_step


def test_dependants_and_a_tag_are_told() -> None:
    """A tag that leads to the bytes that run is no reason to refuse."""
    tagged = world.unit(image="localhost/scorer:1", dependants=(GATEWAY,))
    case = frozen(units=known((tagged,)))
    assert blocked(case) == {}
    assert len(case.proposal.warnings) == 2
    facts = {one.name: one.value for one in container_facts(case.situation, "val4")}
    assert facts["val4.container_dependants"] == "gateway.service"
    assert facts["val4.container_digest"] == world.DIGEST


def test_an_observation_of_before_is_unknown() -> None:
    case = case_of(observed(scoring.scorers({"val4": FROZEN})), branch="restart-container")
    assert blocked(case)["V20"] is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("fields", "service", "operation"),
    [({}, FROZEN, "container.restart"), (STALE, FAILED, "container.remove_dead")],
)
def test_the_plan_has_the_bytes(
    fields: dict[str, Any], service: dict[str, Any], operation: str
) -> None:
    """All that is in them is a fact of the plan."""
    observation = observed(scoring.scorers({"val4": service}))
    observation = world.with_containers(observation, "val4", **fields)
    with Compiler() as compiler:
        made = maker({HOST: made_by(compiler)}, "INC-002")
        plan = make_plan(made, None, observation, frozenset())
    assert isinstance(plan, Plan)
    ((step,),) = [stage.steps for stage in plan.stages]
    assert step.operation == operation
    for value in (f"id={world.ID}", f"digest={world.DIGEST}", "port=8501"):
        assert f"{value}\n" in step.payload
    assert {"VP1", "VP2", "VP10", "VP15"} == {check.id for check in plan.checks}

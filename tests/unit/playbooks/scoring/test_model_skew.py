"""Services with another model: who gets the agreed one, in which order, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from remediations.engine.domain import Move
from remediations.engine.plan.plan import Outcome, Plan
from remediations.engine.plan.planning import make_plan
from remediations.errors import Refused, UsageError
from remediations.playbooks.scoring.baseline import ScoringBaseline
from remediations.playbooks.scoring.gates import AnswersAlike, KeepsScoring
from remediations.playbooks.scoring.model_skew import KEEP, SWAP_MODEL
from remediations.playbooks.scoring.model_skew import PUT_BACK_MODEL as BACK
from remediations.playbooks.scoring.situation import situation
from remediations.systems.hosts.compile.compiler import Compiler
from remediations.systems.hosts.workshop import HOST, made_by
from remediations.systems.podman.values import Dependant, Engine, Listener
from remediations.systems.scorer.values import ModelLoaded, ModelOnDisk
from tests import worlds
from tests.unit.plan.cases import maker, quorum_lost
from tests.unit.playbooks.scoring.cases import Case, case_of, keeping, observed
from tests.unit.playbooks.test_signable import without_key
from tests.worlds import containers
from tests.worlds import scoring as world
from tests.worlds.base import known, silenced, unknown

GATEWAY = Dependant(unit="gateway.service", active_state="active", by="RequiredBy")
NODE = Dependant(unit="virtengined.service", active_state="active", by="RequiredBy")
NEEDED = containers.unit(dependants=(NODE,))
STRANGER = Listener(address="127.0.0.1", port=8501, pid=9, command="stub")
ON_HOST = {"listeners": known((STRANGER,))}
SKEW: dict[str, Any] = {
    "loaded": known(ModelLoaded(version="v1.0.0", sha256=world.OTHER)),
    "disk": known(ModelOnDisk(sha256=world.OTHER, files=world.FILES)),
    "asks": known(world.OTHERWISE),
    "unit": known(world.unit(expects=world.OTHER)),
}


def skewed(*hosts: str) -> Any:  # noqa: ANN401 - a reading
    return world.scorers(dict.fromkeys(hosts or ("val4",), SKEW))


def swap(*hosts: str, keepers: tuple[str, ...] = ("val3", "val4"), **fields: Any) -> Case:  # noqa: ANN401
    """`fields` are readings of val4's containers."""
    observation = observed(skewed(*hosts), keeping(*keepers, sha256=world.MODEL))
    return case_of(containers.with_containers(observation, "val4", **fields))


def blocked(case: Case) -> set[str]:
    return {id_ for (id_, _), one in case.judge().items() if one.outcome is not Outcome.PASS}


def test_first_a_donor_keeps_the_model_as_one_file() -> None:
    case = case_of(observed(skewed()))
    assert case.branch.name == "keep-model"
    assert case.proposal.moves == (Move(KEEP, "val3"),)  # of those who agree the smallest power
    assert blocked(case) == set()
    (stage,) = case.proposal.stages
    assert stage.gate.asks.read(KeepsScoring).hosts == ("val3",)


def test_a_limit_names_the_donor() -> None:
    """It alone is acted on. So a plan that is made again for just its hosts fits, too."""
    case = case_of(observed(skewed()), only=("val2",))
    assert case.branch.name == "keep-model"
    assert case.proposal.targets == ("val2",)
    with pytest.raises(Refused, match="INC-002 has no branch") as refused:
        case_of(observed(skewed()), only=("val4",))
    assert "nobody who may be acted on answers as agreed" in refused.value.got


def test_then_each_gets_it_smallest_power_first() -> None:
    case = swap("val4", "val3", keepers=("val1", "val3", "val4"))
    assert case.branch.name == "model-skew"
    assert case.proposal.targets == ("val4", "val3")
    assert [stage.gate.asks.read(AnswersAlike).hosts for stage in case.proposal.stages] == [
        ("val4",),
        ("val3",),
    ]
    assert blocked(case) == set()
    facts = {fact.name: fact.value for fact in SWAP_MODEL.facts(case.situation, "val4")}
    facts["scoring.model"] = case.situation.finding.model
    data = SWAP_MODEL.data(facts, "val4")
    assert (data["sha256"], data["replaces"], data["expects"]) == (
        world.MODEL,
        world.OTHER,
        world.OTHER,
    )
    assert data["manifest"] == "1000 saved_model.pb;900000 variables/variables.data"
    assert any("expects the model" in warning for warning in case.proposal.warnings)


def test_the_plan_is_compiled_and_its_bytes_hold_what_decides() -> None:
    observation = observed(skewed(), keeping("val3", "val4", sha256=world.MODEL))
    needed = containers.unit(dependants=(GATEWAY,))
    observation = containers.with_containers(observation, "val4", units=known((needed,)))
    with Compiler() as compiler:
        plan = make_plan(
            maker({HOST: made_by(compiler)}, "INC-002"), None, observation, frozenset()
        )
    assert isinstance(plan, Plan)
    ((step,),) = [stage.steps for stage in plan.stages]
    assert f"sha256={world.MODEL}\n" in step.payload
    assert f"replaces={world.OTHER}\n" in step.payload
    assert step.probe[0] == "model-served"
    assert {"VP1", "VP2", "VP3", "VP15"} == {check.id for check in plan.checks}
    # What VP15 is asked with stands in the plan.
    assert {f.name: f.value for f in plan.facts}["val4.container"] == "veid-scorer"
    ((undo,),) = [stage.undo for stage in plan.stages]
    for one in (step, *undo.steps):
        assert "dependants=gateway.service\n" in one.payload
    assert "val4: gateway.service is stopped with the service, and started again" in plan.warnings
    assert plan.part(ScoringBaseline).agreeing == ("val1", "val2", "val3")
    impacts = {impact.measure: impact for stage in plan.stages for impact in stage.impacts}
    assert (impacts["voting power"].before, impacts["voting power"].worst) == (100, 90)
    assert (impacts["scoring power"].before, impacts["scoring power"].after) == (90, 100)


@pytest.mark.parametrize(
    ("fields", "guard", "outcome", "word"),
    [
        ({"containers": unknown("no answer")}, "V20", Outcome.UNKNOWN, "no answer"),
        ({"units": known((containers.unit(user="alice"),))}, "V21", Outcome.BLOCK, "as alice"),
        ({"units": unknown("no answer")}, "V21", Outcome.UNKNOWN, ""),
        ({"listeners": known((STRANGER,))}, "V22", Outcome.BLOCK, "process 9 (stub"),
        ({"images": known(())}, "V23", Outcome.BLOCK, "is not on the host"),
        (
            {"units": known((containers.unit(dependants=(NODE,)),))},
            "V24",
            Outcome.BLOCK,
            "is stopp",
        ),
        ({"units": unknown("no answer")}, "V24", Outcome.UNKNOWN, ""),
    ],
)
def test_its_container_has_to_come_back(
    fields: dict[str, Any], guard: str, outcome: Outcome, word: str
) -> None:
    found = swap(**fields).judge()[guard, "val4"]
    assert found.outcome is outcome
    assert word in found.got


@pytest.mark.parametrize(
    "fields",
    [
        {"engine": known(Engine(version="")), "units": unknown("not asked"), **ON_HOST},
        {"units": known(()), **ON_HOST},
    ],
    ids=["no podman", "no container"],
)
def test_of_a_unit_without_a_container_none_is_asked(fields: dict[str, Any]) -> None:
    """It listens as a process of the host's; what would be stopped with it the step looks for."""
    case = swap(**fields)
    assert blocked(case) == set()
    assert "runs no container of podman's" in case.judge()["V24", "val4"].got


def test_a_container_of_no_unit_on_the_port_is_a_stranger() -> None:
    case = swap(units=known(()))  # and a container listens there
    assert case.judge()["V22", "val4"].outcome is Outcome.BLOCK


def test_the_way_back_looks_again() -> None:
    """At what would be stopped then, and not at files that systemd has not read."""
    case = swap(units=known((containers.unit(dependants=(NODE,), needs_reload=True),)))
    found = {one(case.situation, "val4").id: one(case.situation, "val4") for one in BACK.guards}
    assert found["V24"].outcome is Outcome.BLOCK
    assert "V21" not in found


def test_not_brought_yet() -> None:
    """V10 names the command that brings it."""
    found = swap(keepers=("val3",)).judge()["V10", "val4"]
    assert found.outcome is Outcome.BLOCK
    assert found.next_step == f"remediate stage {world.MODEL} --donor val3 --limit val4"


def test_nothing_is_brought_where_no_model_has_two_thirds() -> None:
    reading = skewed("val1", "val4")  # 50 against 50
    with pytest.raises(Refused) as caught:
        case_of(observed(reading, keeping("val1", "val4", sha256=world.MODEL)))
    assert "no service needs another model" in caught.value.got


def test_a_pin_against_the_majority_is_refused() -> None:
    """V8: people pinned one model, the chain has another."""
    reading = world.scorers({"val4": SKEW}, scoring=world.declared(model=world.OTHER))
    chain = keeping("val3", "val4", sha256=world.MODEL)
    found = case_of(observed(reading, chain)).judge()["V8", "val4"]
    assert found.outcome is Outcome.BLOCK
    assert "but the inventory pins" in found.got


def test_a_pin_decides_where_powers_do_not() -> None:
    reading = world.scorers({"val1": SKEW, "val4": SKEW}, scoring=world.declared(model=world.MODEL))
    case = case_of(observed(reading, keeping("val3", "val4", "val1", sha256=world.MODEL)))
    assert case.judge()["V8", "val4"].outcome is Outcome.PASS
    assert case.judge()["V1", ""].outcome is Outcome.PASS  # 50 of 100 show what it means
    assert case.judge()["V3", ""].outcome is Outcome.BLOCK  # but the chain makes blocks


def test_unknown_powers_block() -> None:
    """V2: where no node tells the set, services are not counted in its place."""
    dark = worlds.healthy()
    for node in dark.hosts:
        dark = worlds.change(dark, node.host, silenced)
    found = case_of(observed(skewed(), dark)).judge()["V2", ""]
    assert found.outcome is Outcome.UNKNOWN


def test_the_services_that_are_left_must_be_a_majority() -> None:
    """V3: with 30 that cannot be asked and 10 that differ, 60 of 100 agree."""
    unread = {"unit": world.SILENT, "asks": world.SILENT, "disk": world.SILENT}
    reading = world.scorers({"val4": SKEW, "val3": unread})
    case = case_of(observed(reading, keeping("val1", "val4", sha256=world.MODEL)))
    assert case.judge()["V3", ""].outcome is Outcome.PASS  # 70
    reading = world.scorers({"val4": SKEW, "val3": {"asks": known(world.BROKEN)}})
    case = case_of(observed(reading, keeping("val1", "val4", sha256=world.MODEL)))
    assert case.judge()["V3", ""].outcome is Outcome.PASS  # 70 of 100


def test_a_halted_chain_keeps_nothing() -> None:
    """V13: in a halt there is no quorum to lose; the chain's finding comes first there."""
    case = case_of(
        observed(skewed(), keeping("val3", "val4", sha256=world.MODEL, chain=quorum_lost()))
    )
    assert case.judge()["V13", ""].outcome is Outcome.PASS


def test_votes_that_are_left_must_be_a_quorum() -> None:
    """V13: 30 of 100 are down; the restart of 10 more leaves 60."""
    chain = worlds.stopped(worlds.healthy(), "val2")
    case = case_of(observed(skewed(), keeping("val3", "val4", sha256=world.MODEL, chain=chain)))
    found = case.judge()["V13", ""]
    assert found.outcome is Outcome.BLOCK, found.got


def test_votes_of_a_key_that_was_not_read_are_not_none() -> None:
    """V13: val4 may have any power that no known key accounts for."""
    chain = worlds.change(worlds.healthy(), "val4", lambda r: silenced(without_key(r)))
    case = case_of(observed(skewed(), keeping("val3", "val4", sha256=world.MODEL, chain=chain)))
    found = case.judge()["V13", ""]
    assert found.outcome is Outcome.UNKNOWN, found.got
    assert "which key val4 has was not read" in found.got


@pytest.mark.parametrize(
    ("changed", "guard", "outcome"),
    [
        ({"unit": known(world.unit(load="not-found"))}, "V5", Outcome.BLOCK),
        ({"unit": world.SILENT}, "V5", Outcome.UNKNOWN),
        ({"process": known(world.process(owners=(1, 2)))}, "V6", Outcome.BLOCK),
        ({"process": world.SILENT}, "V6", Outcome.UNKNOWN),
    ],
)
def test_guards_on_the_service(changed: dict[str, Any], guard: str, outcome: Outcome) -> None:
    reading = world.scorers({"val4": SKEW})
    chain = keeping("val3", "val4", sha256=world.MODEL)
    case = case_of(observed(reading, chain))
    hosts = tuple(replace(h, **changed) if h.host == "val4" else h for h in reading.hosts)
    other = situation(observed(replace(reading, hosts=hosts), chain), frozenset())
    found = {g.id: g for guard_ in SWAP_MODEL.guards for g in [guard_(other, "val4")]}[guard]
    assert found.outcome is outcome
    assert case.judge()[guard, "val4"].outcome is Outcome.PASS


def test_odd_names_of_files_are_left_to_people() -> None:
    """V11: a path that is not plain is not written by root."""
    odd = ModelOnDisk(
        sha256=world.MODEL, files=(replace(world.FILES[0], path="a b"), world.FILES[1])
    )
    changed = {f"val{index}": {"disk": known(odd)} for index in (1, 2, 3)}
    reading = world.scorers({**changed, "val4": SKEW})
    case = case_of(observed(reading, keeping("val3", "val4", sha256=world.MODEL)))
    assert case.judge()["V11", "val4"].outcome is Outcome.BLOCK
    unread = {f"val{index}": {"disk": world.SILENT} for index in (1, 2, 3)}
    reading = world.scorers({**unread, "val4": SKEW})
    case = case_of(observed(reading, keeping("val3", "val4", sha256=world.MODEL)))
    assert case.judge()["V11", "val4"].outcome is Outcome.UNKNOWN


def test_limit_names_services_only() -> None:
    with pytest.raises(UsageError) as caught:
        situation(observed(skewed()), frozenset({"full1"}))
    assert caught.value.guard == "--limit"
    case = case_of(
        observed(skewed("val4", "val3"), keeping("val1", "val4", "val3", sha256=world.MODEL)),
        only=("val3",),
    )
    assert case.proposal.targets == ("val3",)

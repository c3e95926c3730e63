"""Load at many services: who gets more workers or a lower rate, the way back, and what is
refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from remediations.engine.domain import Move
from remediations.engine.plan.plan import Outcome, Plan
from remediations.engine.plan.planning import make_plan
from remediations.engine.plan.preflight import judge_action
from remediations.errors import Refused
from remediations.playbooks.scoring.capacity import LIFT, LIMIT, SCALE
from remediations.playbooks.scoring.domain import DOMAIN
from remediations.playbooks.scoring.finding import Basis
from remediations.playbooks.scoring.gates import Serves
from remediations.playbooks.scoring.guards import capacity as guards
from remediations.playbooks.scoring.look import names_awaited, queues_awaited
from remediations.playbooks.scoring.scale_and_limit import RESTART_SET, SET
from remediations.playbooks.scoring.situation import ScoringSituation, situation
from remediations.systems.hosts.compile.compiler import Compiler
from remediations.systems.hosts.workshop import HOST, made_by
from remediations.systems.scorer.environment_file import PlannedEnvironment
from remediations.systems.scorer.inventory import ScoringEntry
from tests.unit.plan.cases import maker
from tests.unit.playbooks.scoring.cases import Case, case_of, observed
from tests.worlds import containers
from tests.worlds import scoring as world
from tests.worlds.base import known, unknown

PASS, BLOCK, UNKNOWN = Outcome.PASS, Outcome.BLOCK, Outcome.UNKNOWN
THREE = ("val2", "val3", "val4")
"""60 of 100."""
FULL = world.capacity(workers=4)
ONE_PROCESSOR = known(world.machine(processors=1))
SLOW = known(world.answered(ms=900))
FOUR = ("val1", *THREE)


def declared(**limits: Any) -> ScoringEntry:  # noqa: ANN401 - the limits themselves
    return world.declared(limits=replace(world.LIMITED, **limits))


def seen(changed: dict[str, dict[str, Any]], scoring: ScoringEntry | None = None) -> Any:  # noqa: ANN401 - an observation
    observation = observed(world.scorers(changed, scoring=scoring or declared()))
    return containers.with_containers(observation, "val4")


def case(
    changed: dict[str, dict[str, Any]],
    branch: str | None = None,
    scoring: ScoringEntry | None = None,
    only: Sequence[str] = (),
) -> Case:
    return case_of(seen(changed, scoring), "INC-002", branch, only)


def of(fields: dict[str, Any], hosts: Sequence[str] = THREE) -> dict[str, dict[str, Any]]:
    return dict.fromkeys(hosts, fields)


def blocked(found: Case) -> dict[str, Outcome]:
    judged = ((id_, one.outcome) for (id_, _), one in found.judge().items())
    return {id_: outcome for id_, outcome in judged if outcome is not PASS}


def found(
    changed: dict[str, dict[str, Any]], scoring: ScoringEntry | None = None
) -> ScoringSituation:
    return situation(seen(changed, scoring), frozenset())


# --- diagnosis


def test_a_backlog_says_whether_it_grows() -> None:
    finding = world.concluded(of(world.overloaded()))
    assert finding.verdict == "systemic-backlog"
    cause = finding.scorer("val4").cause
    assert cause == "80 requests wait, 40 more than at the first look; 4 completed meanwhile"
    assert finding.scorer("val1").condition == "agrees"


def test_late_everywhere_is_a_backlog_and_no_split() -> None:
    """Nobody answers in time, and nobody answers otherwise: no two thirds are missing but for the
    time."""
    finding = world.concluded(of(world.late()))
    assert (finding.verdict, finding.agreed_basis) == ("systemic-backlog", Basis.LATE)
    assert {finding.scorer(host).condition for host in THREE} == {"backlog"}
    everybody = world.concluded(of(world.late(), FOUR))
    assert (everybody.verdict, everybody.agreed_basis) == ("systemic-backlog", Basis.LATE)


@pytest.mark.parametrize(
    "val1",
    [
        {"asks": known(world.OTHERWISE)},
        {"asks": known(world.answered("[0x3e800000]", "[0x3e800001]", *["[0x3f400000]"] * 2))},
    ],
)
def test_who_answers_otherwise_while_others_are_late_is_not_outvoted(val1: dict[str, Any]) -> None:
    finding = world.concluded({**of(world.late()), "val1": val1})
    assert (finding.verdict, finding.agreed_basis) == ("scores-split", Basis.NONE)


def test_frozen_services_are_not_late() -> None:
    """They complete nothing: what they would answer nobody knows."""
    stood = world.moments(world.counters(), world.counters())
    finding = world.concluded(of({"asks": known(world.LATE), "counters": stood}))
    assert finding.agreed_basis is Basis.NONE


def test_one_service_with_a_backlog_is_no_matter_of_all() -> None:
    with pytest.raises(Refused) as refused:
        case({"val4": world.overloaded()})
    assert "no third of the power" in refused.value.got


def test_what_people_set_is_told_until_it_is_taken_back() -> None:
    finding = found({"val4": world.capacity(rate=5)}).finding
    assert finding.verdict == "capacity-changed"
    assert finding.scorer("val4").condition == "capacity-set"
    assert finding.scorer("val4").cause == "SCORER_RATE is 5, normally 50"
    assert len(finding.agreeing) == 4


# --- branches


def test_services_are_scaled_one_after_the_other_with_the_cost_shown() -> None:
    made = case(of(world.overloaded()))
    assert made.branch.name == "scale-scorers"
    assert made.proposal.targets == ("val4", "val3", "val2")
    assert made.proposal.moves[:2] == (Move(SET["scale"], "val4"), Move(RESTART_SET, "val4"))
    assert blocked(made) == {}
    warnings = "\n".join(made.proposal.warnings)
    assert "it costs: one processor and 900 MiB for each worker" in warnings
    assert "exactly these lines: -SCORER_WORKERS=1  +SCORER_WORKERS=2" in warnings
    assert "what waits at val4, val3, val2 is lost" in warnings
    asked = made.proposal.stages[0].gate.asks.read(Serves)
    assert (asked.hosts, asked.below) == (("val4",), 10)
    assert [one.url for one in asked.queues] == ["http://127.0.0.1:9090/metrics"]


def test_the_rate_is_limited_where_no_workers_are_declared() -> None:
    made = case(of(world.overloaded()), scoring=declared(workers=None))
    assert made.branch.name == "limit-rate"
    assert blocked(made) == {}
    assert "-SCORER_RATE=50  +SCORER_RATE=2" in "\n".join(made.proposal.warnings)
    assert "`lift-rate-limit`" in "\n".join(made.proposal.warnings)


def test_it_is_limited_where_nobody_answers_in_time() -> None:
    """Nothing is taken from those that answer: V3 lets it pass, and V1 knows the answers."""
    made = case(of(world.late()), "limit-rate")
    assert made.proposal.targets == ("val4", "val3", "val2")
    assert blocked(made) == {}
    assert "those that answer in time are left alone" in made.judge()["V3", ""].got


def test_who_has_a_third_is_left_to_people() -> None:
    made = case(of(world.overloaded(), FOUR), "limit-rate")
    assert "val1" not in made.proposal.targets
    assert "val1: left to people" in "\n".join(made.proposal.warnings)


def test_the_rate_is_lifted_when_the_backlog_is_gone() -> None:
    made = case({"val4": world.capacity(rate=5, workers=2)})
    assert made.branch.name == "lift-rate-limit"
    assert blocked(made) == {}
    assert "-SCORER_RATE=5  +SCORER_RATE=50" in "\n".join(made.proposal.warnings)
    back = case({"val4": world.capacity(workers=2)})
    assert back.branch.name == "scale-back"
    assert blocked(back) == {}


def test_nothing_is_lifted_while_somebody_waits() -> None:
    with pytest.raises(Refused, match="one-scorer"):
        case({"val4": world.capacity(rate=5), "val3": world.overloaded()}, "lift-rate-limit")


@pytest.mark.parametrize(
    ("changed", "scoring", "branch", "word"),
    [
        (of(world.overloaded()), world.declared(), "scale-scorers", "declares no `limits: {wo"),
        (of(world.overloaded()), world.declared(), "limit-rate", "declares no `limits: {rate"),
        (
            of({**world.overloaded(), "entry": world.service("val1").entry}),
            None,
            "limit-rate",
            "no environment file of val4",
        ),
        (
            of({**world.capacity(workers=4), "counters": world.QUEUED}),
            None,
            "scale-scorers",
            "already",
        ),
        (of({**world.capacity(), "asks": SLOW}), None, "limit-rate", "no service is backlog"),
        ({}, None, "lift-rate-limit", "no service is capacity-set"),
    ],
)
def test_a_branch_that_does_not_fit_says_why(
    changed: dict[str, dict[str, Any]], scoring: ScoringEntry | None, branch: str, word: str
) -> None:
    with pytest.raises(Refused) as refused:
        case(changed, branch, scoring)
    assert word in refused.value.got


def test_one_with_a_third_alone_is_left_to_people() -> None:
    with pytest.raises(Refused) as refused:
        case(of(world.overloaded(), ("val1", "val4")), "scale-scorers", only=["val1"])
    assert "val1 has a third of the power" in refused.value.got


# --- guards

PLAIN = world.overloaded()


@pytest.mark.parametrize(
    ("fields", "guard", "outcome", "word"),
    [
        (PLAIN, guards.declared_harmless, PASS, "true` for SCORER_WORKERS"),
        (PLAIN, guards.only_load, PASS, "backlog"),
        (world.capacity(), guards.only_load, BLOCK, "agrees"),
        (world.overloaded(asks=known(world.OTHERWISE)), guards.only_load, BLOCK, "odd-answer"),
        ({"asks": world.SILENT, "unit": world.SILENT}, guards.only_load, UNKNOWN, "unread"),
        (PLAIN, guards.within_limits, PASS, "1, then 2"),
        (world.overloaded(process=world.SILENT), guards.within_limits, UNKNOWN, "not be read"),
        (
            {**world.capacity(workers=9), "counters": world.QUEUED},
            guards.within_limits,
            BLOCK,
            "is 9 already",
        ),
    ],
)
def test_guards_on_a_change(
    fields: dict[str, Any],
    guard: Any,  # noqa: ANN401 - one of several
    outcome: Outcome,
    word: str,
) -> None:
    result = guard(SCALE, found({"val4": fields, "val3": PLAIN, "val2": PLAIN}), "val4")
    assert result.outcome is outcome, result.got
    assert word in result.got
    assert result.next_step


@pytest.mark.parametrize(
    ("fields", "guard", "outcome", "word"),
    [
        (PLAIN, guards.has_room, PASS, "2 workers on 4 processors"),
        (
            world.overloaded(machine=known(world.machine(processors=1))),
            guards.has_room,
            BLOCK,
            "on 1",
        ),
        (world.overloaded(machine=world.SILENT), guards.has_room, UNKNOWN, "could not be read"),
        (PLAIN, guards.queue_seen, PASS, "80 requests wait"),
        (
            world.overloaded(entry=replace(world.service("val1").entry, metrics=None)),
            guards.queue_seen,
            BLOCK,
            "names no metrics",
        ),
        (
            world.overloaded(counters=(world.SILENT, world.SILENT)),
            guards.queue_seen,
            UNKNOWN,
            "refused",
        ),
    ],
)
def test_guards_on_the_host(
    fields: dict[str, Any],
    guard: Any,  # noqa: ANN401 - one of several
    outcome: Outcome,
    word: str,
) -> None:
    result = guard(found({"val4": fields, "val3": PLAIN, "val2": PLAIN}), "val4")
    assert result.outcome is outcome, result.got
    assert word in result.got
    assert result.next_step


def test_what_nobody_declared_harmless_is_refused() -> None:
    """V40: more workers might answer otherwise; a node might be turned away."""
    risky = declared(
        workers=replace(world.WORKERS, harmless=False), rate=replace(world.RATE, harmless=False)
    )
    for branch, word in (("scale-scorers", "same_answers"), ("limit-rate", "spares_node")):
        made = case(of(PLAIN), branch, risky)
        assert blocked(made) == {"V40": BLOCK}
        assert word in made.judge()["V40", "val4"].expected
    nothing = found(of(PLAIN), world.declared())
    assert guards.declared_harmless(LIMIT, nothing, "val4").outcome is BLOCK


@pytest.mark.parametrize(
    ("val3", "outcome"),
    [
        ({}, PASS),
        (PLAIN, BLOCK),
        ({"asks": world.SILENT, "unit": world.SILENT}, UNKNOWN),
    ],
)
def test_the_way_back_waits_for_everybody(val3: dict[str, Any], outcome: Outcome) -> None:
    """V45."""
    scoring = found({"val4": world.capacity(rate=5), "val3": val3})
    assert guards.nobody_waits(scoring, "val4").outcome is outcome
    assert guards.only_load(LIFT, scoring, "val4").outcome is PASS


def test_the_file_has_the_guards_of_any_file() -> None:
    odd = world.overloaded(environment=known(world.environment(trouble="it is a link")))
    made = case({**of(PLAIN), "val4": odd}, "limit-rate")
    assert blocked(made)["V32"] is BLOCK
    unread = world.overloaded(environment=unknown("no sudo"))
    assert blocked(case({**of(PLAIN), "val4": unread}, "limit-rate"))["V33"] is UNKNOWN


def test_a_choice_beyond_the_limits_is_refused() -> None:
    """V42."""
    scoring = replace_inputs(found(of(PLAIN)), {"workers": "9", "rate": "1"})
    assert guards.within_limits(SCALE, scoring, "val4").got == "SCORER_WORKERS=9"
    assert guards.within_limits(LIMIT, scoring, "val4").outcome is BLOCK
    scoring = replace_inputs(found(of(PLAIN)), {"workers": "3", "rate": "7"})
    assert guards.within_limits(SCALE, scoring, "val4").got == "1, then 3"
    assert guards.within_limits(LIMIT, scoring, "val4").got == "50, then 7"


def replace_inputs(scoring: ScoringSituation, inputs: dict[str, str]) -> ScoringSituation:
    chosen = DOMAIN.choose(scoring, inputs)
    assert isinstance(chosen, ScoringSituation)
    return chosen


# --- the plan


def test_the_plan_has_the_bytes_and_the_way_back() -> None:
    observation = seen(of(PLAIN), declared(workers=None))
    with Compiler() as compiler:
        plan = make_plan(
            maker({HOST: made_by(compiler)}, "INC-002"), None, observation, frozenset()
        )
    assert isinstance(plan, Plan)
    assert [stage.title for stage in plan.stages] == [
        f"limit the rate of {host}: SCORER_RATE=2 (power {power})"
        for host, power in (("val4", 10), ("val3", 20), ("val2", 30))
    ]
    configure, restart = plan.stages[0].steps
    for line in ("settings=SCORER_RATE=2", "before=SCORER_RATE=50", "taken=--env-file"):
        assert f"{line}\n" in configure.payload
    assert restart.operation == "container.restart"
    back, _again = (undo.steps[0] for undo in plan.stages[0].undo)
    assert "settings=SCORER_RATE=50\nbefore=SCORER_RATE=2\n" in back.payload
    assert {"VP1", "VP2", "VP10", "VP15", "VP13", "VP14"} == {check.id for check in plan.checks}
    assert names_awaited(plan) == dict.fromkeys(("val4", "val3", "val2"), ("SCORER_RATE",))
    assert set(queues_awaited(plan)) == set(THREE)
    costs = [fact.value for fact in plan.facts if fact.name == "scoring.rate_cost"]
    assert costs == ["who submits more is answered 429"]


def test_the_plain_path_has_the_same_guards_and_the_same_bytes() -> None:
    """`deploys/scoring/limit_rate.py` by hand asks this."""
    observation = seen(of(PLAIN))
    judged = judge_action([DOMAIN], SET["limit"], ("val4",), observation)
    assert judged.blocked == ()
    assert PlannedEnvironment.from_data(judged.data["val4"]).settings == "SCORER_RATE=2"
    well = judge_action([DOMAIN], SET["limit"], ("val1",), observation)
    assert "V41" in {guard.id for guard in well.blocked}

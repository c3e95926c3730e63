"""Services with other settings than declared: who gets the declared ones, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from remediations.engine.domain import Move
from remediations.engine.plan.plan import Outcome, Plan
from remediations.engine.plan.planning import make_plan
from remediations.engine.plan.preflight import judge_action
from remediations.errors import Refused
from remediations.playbooks.scoring.declared_settings import CONFIGURE_SCORER, RESTART_CONFIGURED
from remediations.playbooks.scoring.domain import DOMAIN
from remediations.playbooks.scoring.gates import AsDeclared
from remediations.playbooks.scoring.guards import settings as guards
from remediations.playbooks.scoring.look import names_awaited
from remediations.playbooks.scoring.situation import situation
from remediations.systems.hosts.compile.compiler import Compiler
from remediations.systems.hosts.workshop import HOST, made_by
from remediations.systems.scorer.environment_file import PlannedEnvironment
from remediations.systems.scorer.reading import ScorersReading
from remediations.systems.scorer.values import Setting
from tests.unit.plan.cases import maker
from tests.unit.playbooks.scoring.cases import Case, case_of, observed
from tests.worlds import containers
from tests.worlds import scoring as world
from tests.worlds.base import known, unknown

PLAYBOOK = "veid-non-deterministic"
TWO = replace(world.THREADS, value="2")
PASS, BLOCK, UNKNOWN = Outcome.PASS, Outcome.BLOCK, Outcome.UNKNOWN


def case(reading: ScorersReading, **fields: Any) -> Case:  # noqa: ANN401 - of val4's containers
    observation = containers.with_containers(observed(reading), "val4", **fields)
    return case_of(observation, PLAYBOOK)


def changed(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - the reading's own fields
    return {**world.two_threads(), **fields}


def blocked(found: Case) -> dict[str, Outcome]:
    judged = {id_: one.outcome for (id_, _), one in found.judge().items()}
    return {id_: outcome for id_, outcome in judged.items() if outcome is not PASS}


def test_the_declared_settings_are_written_and_the_service_is_restarted() -> None:
    found = case(world.scorers({"val4": world.two_threads()}))
    assert found.branch.name == "declared-settings"
    assert found.proposal.moves == (
        Move(CONFIGURE_SCORER, "val4"),
        Move(RESTART_CONFIGURED, "val4"),
    )
    assert blocked(found) == {}
    (stage,) = found.proposal.stages
    asked = stage.gate.asks.read(AsDeclared)
    assert (asked.hosts, asked.settings) == (("val4",), (world.THREADS,))
    (warning,) = found.proposal.warnings
    assert warning.endswith("exactly these lines: -OMP_NUM_THREADS=2  +OMP_NUM_THREADS=1")


def test_one_after_the_other_smallest_power_first() -> None:
    both = {"val3": world.two_threads(), "val4": world.two_threads()}
    found = case(world.scorers(both))
    assert found.proposal.targets == ("val4", "val3")
    assert [stage.gate.asks.read(AsDeclared).hosts for stage in found.proposal.stages] == [
        ("val4",),
        ("val3",),
    ]
    assert blocked(found) == {}


def test_a_file_that_has_it_already_is_left_alone() -> None:
    """Somebody mended it and did not restart the service."""
    found = case(world.scorers({"val4": world.two_threads(settings=(world.THREADS,))}))
    assert found.proposal.moves == (Move(RESTART_CONFIGURED, "val4"),)
    assert blocked(found) == {}


def test_several_answers_by_wrong_settings_are_the_settings() -> None:
    """Several threads add in another order each time; the declared number is tried."""
    varies = known(world.answered("[0x3e800000]", "[0x3e800001]", "[0x3f400000]", "[0x3f400000]"))
    found = case(world.scorers({"val4": changed(asks=varies)}))
    assert found.branch.name == "declared-settings"
    assert "several answers" in found.situation.finding.scorer("val4").cause
    assert blocked(found) == {}


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"entry": world.service("val4").entry}, "names no environment file of val4"),
        ({"asks": known(world.answered())}, "no service answers otherwise"),
        ({"machine": known(world.machine()), "process": known(world.process())}, "no service"),
    ],
)
def test_who_is_left_to_people_is_named(fields: dict[str, Any], word: str) -> None:
    with pytest.raises(Refused) as refused:
        case(world.scorers({"val4": changed(**fields)}))
    assert word in refused.value.got
    assert "val4" in refused.value.next_step


def file(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - the file's own fields
    return world.two_threads(**fields)


@pytest.mark.parametrize(
    ("fields", "guard", "outcome", "word"),
    [
        (changed(asks=known(world.answered())), guards.needs_settings, BLOCK, "other-threads"),
        (changed(process=known(world.process())), guards.needs_settings, BLOCK, "odd-answer"),
        (changed(process=world.SILENT), guards.needs_settings, UNKNOWN, "could not be read"),
        (
            changed(machine=known(world.machine("avx2", "avx512f"))),
            guards.nothing_else_differs,
            BLOCK,
            "no setting cures that",
        ),
        (changed(machine=world.SILENT), guards.nothing_else_differs, UNKNOWN, "not known"),
        (file(trouble="others may write to it"), guards.file_safe, BLOCK, "others may write"),
        (changed(entry=world.service("val4").entry), guards.file_safe, BLOCK, "no file is named"),
        (changed(environment=unknown("no sudo")), guards.file_safe, UNKNOWN, "no sudo"),
        (file(taken=""), guards.file_decides, BLOCK, "does not take it"),
        (
            file(over=(Setting(name="OMP_NUM_THREADS", value="the command sets it"),)),
            guards.file_decides,
            BLOCK,
            "the command sets it",
        ),
        (changed(environment=unknown("no sudo")), guards.file_decides, UNKNOWN, "not read"),
        (file(trouble="it is a link"), guards.file_decides, UNKNOWN, "not read"),
        (file(form="a line goes on"), guards.lines_plain, BLOCK, "goes on"),
        (
            file(odd=(Setting(name="OMP_NUM_THREADS", value="2 lines"),)),
            guards.lines_plain,
            BLOCK,
            "2 lines",
        ),
        (changed(environment=unknown("no sudo")), guards.lines_plain, UNKNOWN, "not read"),
    ],
)
def test_it_is_refused(fields: dict[str, Any], guard: Any, outcome: Outcome, word: str) -> None:  # noqa: ANN401
    """Each passes for the plain case above."""
    found = guard(situation(observed(world.scorers({"val4": fields})), frozenset()), "val4")
    assert found.outcome is outcome, found.got
    assert word in found.got
    assert found.next_step


def test_another_image_is_not_mended_by_settings() -> None:
    """V31, where podman tells it."""
    other = known((containers.container(image_digest=containers.OTHER_DIGEST),))
    found = case(world.scorers({"val4": world.two_threads()}), containers=other)
    assert "its image is" in found.judge()["V31", "val4"].got
    assert blocked(found)["V31"] is BLOCK


def test_a_flag_is_left_to_people() -> None:
    """V30: it stands in a command, and not in a file of the environment."""
    flag = Setting(name="--threads", value="1")
    scoring = world.declared(settings=(flag, world.THREADS))
    right = {"process": known(world.process(settings=(flag, world.THREADS)))}
    others = {f"val{index}": right for index in (1, 2, 3)}
    wrong = changed(process=known(world.process(settings=(replace(flag, value="2"), TWO))))
    found = case(world.scorers({**others, "val4": wrong}, scoring=scoring))
    assert "--threads is wrong, too" in found.judge()["V30", "val4"].got


def test_a_quorum_has_to_be_left() -> None:
    """40 of 100 answer otherwise: then nothing is agreed, and nobody is called wrong."""
    with pytest.raises(Refused, match="scores-split"):
        case(world.scorers({"val1": world.two_threads()}))
    dark = {"unit": world.SILENT, "asks": world.SILENT, "disk": world.SILENT}
    found = case(world.scorers({"val4": world.two_threads(), "val3": dark}))
    assert blocked(found) == {}  # 70 of 100 answer meanwhile


def test_the_plan_has_the_bytes_and_the_way_back() -> None:
    observation = observed(world.scorers({"val4": world.two_threads()}))
    observation = containers.with_containers(observation, "val4")
    with Compiler() as compiler:
        plan = make_plan(maker({HOST: made_by(compiler)}, PLAYBOOK), None, observation, frozenset())
    assert isinstance(plan, Plan)
    (stage,) = plan.stages
    configure, restart = stage.steps
    for line in (
        f"file={world.ENVIRONMENT_FILE}",
        "settings=OMP_NUM_THREADS=1",
        "before=OMP_NUM_THREADS=2",
        "taken=--env-file",
        f"invocation={world.INVOCATION}",
    ):
        assert f"{line}\n" in configure.payload
    assert configure.probe == (
        "environment-is",
        world.ENVIRONMENT_FILE,
        "OMP_NUM_THREADS=1",
    )
    assert (restart.operation, restart.action) == (
        "container.restart",
        "container.restart.configured",
    )
    back, again = (undo.steps[0] for undo in stage.undo)
    assert "settings=OMP_NUM_THREADS=2\nbefore=OMP_NUM_THREADS=1\n" in back.payload
    assert "invocation=''\n" in back.payload
    assert "id=''\n" in again.payload
    assert "invocation=''\n" in again.payload
    assert {"VP1", "VP2", "VP10", "VP15", "VP11", "VP12"} == {check.id for check in plan.checks}
    assert names_awaited(plan) == {"val4": ("OMP_NUM_THREADS",)}


def test_the_plain_path_has_the_same_guards_and_the_same_bytes() -> None:
    """`deploys/scoring/configure_scorer.py` by hand asks this."""
    observation = observed(world.scorers({"val4": world.two_threads()}))
    observation = containers.with_containers(observation, "val4")
    found = judge_action([DOMAIN], CONFIGURE_SCORER, ("val4",), observation)
    assert found.blocked == ()
    planned = PlannedEnvironment.from_data(found.data["val4"])
    assert planned.settings == "OMP_NUM_THREADS=1"
    well = judge_action([DOMAIN], CONFIGURE_SCORER, ("val1",), observation)
    assert "V30" in {guard.id for guard in well.blocked}

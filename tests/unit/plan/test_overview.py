"""`plan --all`: every branch of every playbook, with what one chooses by, and no run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from remediations.engine.catalogue import catalogue
from remediations.engine.observe.observation import load_observation
from remediations.engine.plan.overview import PlanOverview, plan_overview
from remediations.engine.plan.overview_text import overview_document
from remediations.errors import ExitCode, UsageError
from remediations.machine.config import MachineConfig
from remediations.render.markdown import markdown
from remediations.render.terminal import document_text
from remediations.systems.comet.reading import CometReading, sealed
from tests import worlds
from tests.unit.cli.desk import remediate
from tests.unit.docs.reader import Reader
from tests.unit.docs.test_schema import validator, written
from tests.unit.plan.cases import minority_down, plan_of, quorum_lost, wrong_clock
from tests.unit.playbooks.scoring.cases import observed as with_services
from tests.worlds import scoring as world_of_services

INSTALLED = tuple(p for p in catalogue(MachineConfig()).playbooks if p.domain.name == "chain")
"""Those of the domain that a world without services concerns."""
PROGRAM = {"program": ["a" * 64]}
SEEN = datetime(2026, 11, 25, 12, 0, 30, tzinfo=UTC)


def overview(world: CometReading, typed: dict[str, list[str]] | None = None) -> PlanOverview:
    return plan_overview(INSTALLED, sealed(world), frozenset(), typed or {})


def test_every_branch_is_there_once() -> None:
    """Whatever the world, in the order of trial; a shared one with the playbook that has fewest."""
    told = [(one.playbook, one.branch) for one in overview(worlds.healthy()).branches]
    order = [(one.playbook.id, b.name) for one in INSTALLED for b in one.playbook.branches]
    assert told == [one for one in order if one in told]
    shared = {id(branch): branch.name for one in INSTALLED for branch in one.playbook.branches}
    assert sorted(name for _, name in told) == sorted(shared.values())
    assert not any(playbook == "consensus-failure" for playbook, _ in told)
    assert ("INC-001", "start-missing-together") in told


def test_a_limit_counts_where_it_has_a_target() -> None:
    """full1 has no scoring service: scoring is told without branches. Unknown hosts are refused."""
    every = catalogue(MachineConfig()).playbooks
    observation = with_services(world_of_services.scorers({}))

    def domains_of(*hosts: str) -> set[str]:
        found = plan_overview(every, observation, frozenset(hosts), {})
        assert {state.domain for state in found.domains} == {"chain", "scoring"}
        return {branch.domain for branch in found.branches}

    assert domains_of("full1") == {"chain"}
    assert domains_of("val4") == {"chain", "scoring"} == domains_of()
    with pytest.raises(UsageError, match="nowhere"):
        domains_of("val4", "nowhere")


def test_of_one_playbook_all_are_shown() -> None:
    """Also those that it shares."""
    (one,) = (one for one in INSTALLED if one.playbook.id == "consensus-failure")
    told = plan_overview((one,), sealed(worlds.healthy()), frozenset(), {}).branches
    assert [b.branch for b in told] == [b.name for b in one.playbook.branches]


@pytest.mark.parametrize("world", [quorum_lost(), minority_down()])
def test_it_is_the_plan_that_would_be_made(world: CometReading) -> None:
    """Title, risk, targets, guards and the worst of each measure."""
    (one,) = [b for b in overview(world).fitting if b.playbook == "INC-001" and b.chosen]
    plan = plan_of(world)
    assert one.change is not None
    assert (one.branch, one.change.title, one.change.risk) == (plan.branch, plan.title, plan.risk)
    assert one.change.targets == plan.targets
    assert (one.change.stages, one.change.guards) == (len(plan.stages), len(plan.guards))
    assert one.change.gates_s == sum(stage.gate.timeout_s for stage in plan.stages)
    worst = min(i.worst for stage in plan.stages for i in stage.impacts)
    assert [i.worst for i in one.change.impacts] == [worst]
    assert one.next_step == f"remediate plan INC-001 --branch {plan.branch}"


def test_a_branch_that_guards_refuse_is_shown_with_them() -> None:
    """It fits; what it needs is what its guards say."""
    world = wrong_clock(quorum_lost(), "val1")
    (one,) = [b for b in overview(world).fitting if b.playbook == "INC-001"]
    assert one.change is not None
    assert [guard.id for guard in one.change.refused] == ["G37"]
    text = document_text(overview_document(overview(world), SEEN), width=80, colour=False)
    assert text.startswith("1 branch fits, 1 of them refused by guards")
    assert "g37 val1" in text.lower()
    assert max(map(len, text.splitlines())) <= 80


def test_a_choice_widens_it() -> None:
    """For the playbooks that take it; those without it are as before; one for nobody is refused."""

    def why(typed: dict[str, list[str]]) -> dict[str, str]:
        found = overview(quorum_lost(), typed).branches
        return {f"{one.playbook} {one.branch}": one.why_not for one in found}

    without, given = why({}), why(PROGRAM)
    assert given["INC-001 start-missing-together"] == "it takes no --program"
    assert given["double-sign stop-duplicate"] == without["double-sign stop-duplicate"]
    with pytest.raises(UsageError, match="none of these playbooks"):
        why({"colour": ["red"]})


def test_what_is_too_old_says_so_first() -> None:
    """A plan of it could not be applied."""
    found = overview(quorum_lost())
    late = found.observed_at + timedelta(minutes=30)
    for text in (
        markdown(overview_document(found, late)),
        document_text(overview_document(found, late), width=80, colour=False),
    ):
        assert "cannot be applied" in text.splitlines()[0]
    assert "cannot" not in markdown(overview_document(found, SEEN)).splitlines()[0]


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No run; codes; valid JSON; Markdown; options of one plan are refused."""
    reader = Reader(tmp_path)
    monkeypatch.setenv("REMEDIATE_INVENTORY", str(reader.inventory))
    monkeypatch.setenv("REMEDIATE_HOME", str(tmp_path / "home"))
    seen, healthy = ("--from", str(reader.seen)), ("--from", str(tmp_path / "healthy.json"))
    done = remediate("plan", "--all", *seen, "--json")
    assert done.code == ExitCode.CHANGES_PENDING, done.out
    validator("plan-all").validate(done.document["result"])
    assert remediate("plan", "--all", *healthy).code == ExitCode.OK
    one = remediate("plan", "node-down", "--all", *seen, "--json")
    assert one.code == ExitCode.REFUSED
    told = plan_overview(
        [i for i in INSTALLED if i.playbook.id == "node-down"],
        load_observation(reader.seen),
        frozenset(),
        {},
    )
    assert one.document["result"] == written(told)
    assert {b.playbook for b in told.branches} == {"node-down"}
    assert remediate("plan", "--all", *seen, "--markdown").out.startswith("# 1 branch fits")
    assert not (tmp_path / "home").exists()
    for words in (("--all", "--branch", "x"), ("INC-001", "--markdown"), ()):
        assert remediate("plan", *words, *seen).code == ExitCode.USAGE


def test_the_document_is_valid() -> None:
    """Of worlds with and without something to do."""
    for world in (quorum_lost(), wrong_clock(quorum_lost(), "val1"), worlds.healthy()):
        validator("plan-all").validate(written(overview(world)))

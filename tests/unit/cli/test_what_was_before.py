"""What is told of before: how old an observation is, what the last run came to, what a file held
that is named for another one, and which plan is not open any more."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from remediations.cli.commands import plan
from remediations.engine.catalogue import catalogue
from remediations.engine.find.finding import Health
from remediations.engine.plan.plan import Stage
from remediations.engine.runs.journal import Journal
from remediations.engine.runs.records import Event, Verified
from remediations.engine.runs.store import RunDirectory, find_run
from remediations.machine.config import load_machine_config
from tests.unit.cli.desk import Desk, Done, remediate
from tests.unit.cli.test_wrong_plan_file import approved, planned
from tests.unit.cli.wrong import refused
from tests.unit.diagnose.test_domains_together import domain
from tests.unit.plan.cases import plan_of, quorum_lost
from tests.unit.run.events import began, checked, run_ends
from tests.worlds import healthy

FAILED = "val1: failed: Error: While parsing config: toml"


@pytest.fixture
def state(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state directory of the test's own."""
    monkeypatch.setenv("REMEDIATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


def carried_out(run: RunDirectory, *events: Event) -> RunDirectory:
    """The run after these events."""
    with closing(Journal(run.journal, run.digest)) as journal:
        for event in (began(), *events):
            journal.append(event)
    return run


def stopped(run: RunDirectory) -> RunDirectory:
    return carried_out(run, run_ends("stopped", FAILED))


def plan_again(desk: Desk) -> Done:
    source = desk.saved(quorum_lost(), "again")
    return remediate("plan", "INC-001", "-i", desk.inventory, "--from", source)


def on_another_host() -> tuple[Stage, ...]:
    """The stages of the plan, with val4 as the target of each step."""
    return tuple(
        replace(stage, steps=tuple(replace(step, target="val4") for step in stage.steps))
        for stage in plan_of(quorum_lost()).stages
    )


def test_who_causes_it_is_to_be_resolved_first(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan for what follows from something else says so before anything else."""
    cause = domain("scoring", Health.DEGRADED, causes=("chain",))
    domains = (*catalogue(load_machine_config()).domains, cause)
    monkeypatch.setattr(plan, "catalogue", lambda _: SimpleNamespace(domains=domains))
    source = desk.saved(quorum_lost(), "caused")
    words = ("plan", "INC-001", "-i", desk.inventory, "--from", source)
    said = remediate(*words)
    assert said.code == 3
    assert said.out.startswith("WARNING: explained by scoring (DEGRADED: ")
    document = remediate(*words, "--json").document["result"]
    assert isinstance(document, dict)
    assert document["explained_by"] == ["scoring"]


def in_one_line(text: str) -> str:
    return " ".join(text.split())


def test_a_run_that_failed_a_minute_ago_is_known(desk: Desk, state: Path) -> None:
    """Diagnosis and plan name it, with what it said; a plan that only repeats it warns."""
    run = stopped(planned(desk))
    told = f"{run.name} (INC-001) is stopped, 0 s ago: {FAILED}; `remediate report {run.name}`"
    source = desk.saved(quorum_lost(), "failed")
    found = remediate("diagnose", "--from", source)
    words = f"last run {told}".replace("0 s ago", "")
    assert in_one_line(found.out).replace("0 s ago", "").find(words[:60]) >= 0
    assert FAILED in in_one_line(found.out)
    document = remediate("diagnose", "--from", source, "--json").document["result"]
    assert isinstance(document, list)
    assert document[0]["last_run"]["run"] == run.name
    assert document[0]["last_run"]["message"] == FAILED
    again = plan_again(desk)
    assert again.code == 3
    assert again.out.startswith("WARNING: this was tried before, and nothing in this plan differs.")
    assert FAILED in again.out


def test_another_plan_names_the_run_that_failed_without_a_warning(desk: Desk, state: Path) -> None:
    """It may well be the way out."""
    run = stopped(planned(desk, branch="another"))
    assert plan_again(desk).out.startswith(f"last run: {run.name} (INC-001) is stopped, ")


@pytest.mark.parametrize("verdict", ["verified", "unverified"])
def test_a_run_that_was_verified_is_not_a_failure(
    desk: Desk, state: Path, verdict: Verified
) -> None:
    """One whose checks do not pass is told; one that failed before it is not."""
    stopped(planned(desk))
    run = carried_out(planned(desk, title="later"), run_ends(), checked(verdict))
    said = in_one_line(remediate("diagnose", "--from", desk.saved(quorum_lost(), "later")).out)
    assert ("last run" in said) is (verdict == "unverified")
    assert (run.name in said) is (verdict == "unverified")


def test_a_run_of_another_resource_or_of_last_week_is_not_shown(
    desk: Desk, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor one whose files cannot be used: diagnosing must not fail for it."""
    source = desk.saved(quorum_lost(), "others")
    stopped(planned(desk, resources=("chain/another-1",)))
    assert "last run" not in remediate("diagnose", "--from", source).out
    run = stopped(planned(desk))
    assert "last run" in remediate("diagnose", "--from", source).out
    old = run.path.with_name(f"20250101{run.name[8:]}")
    run.path.rename(old)
    assert "last run" not in remediate("diagnose", "--from", source).out
    old.rename(run.path)
    run.journal.write_bytes(b"{}\n")
    assert "last run" not in remediate("diagnose", "--from", source).out


def test_a_run_that_was_applied_is_not_approved(desk: Desk, state: Path) -> None:
    """Nothing is signed for what is over."""
    run = stopped(approved(desk))
    arguments = ("approve", run.name, "--key", desk.key, "--yes")
    error = refused(5, "was applied already", arguments=arguments, state=state)
    assert error["guard"] == "an open run"
    assert f"remediate report {run.name}" in error["next"]
    assert len(RunDirectory(run.path).approvals) == 1


def test_a_plan_is_superseded_by_what_was_done_since(desk: Desk, state: Path) -> None:
    """By whichever run on its resources, also one that was planned before it."""
    first = planned(desk, title="first")
    waiting = planned(desk, stages=on_another_host(), age=timedelta(minutes=1))
    stopped(first)
    arguments = ("approve", waiting.name, "--key", desk.key, "--yes")
    error = refused(5, "is superseded", arguments=arguments, state=state)
    assert first.name in error["got"]
    assert error["next"] == "remediate plan INC-001"


def test_a_plan_is_superseded_by_a_newer_one_for_the_same(desk: Desk, state: Path) -> None:
    """One for other targets, or another resource, takes nobody's place."""
    older = planned(desk)
    planned(desk, stages=on_another_host())
    planned(desk, resources=("chain/another-1",))
    arguments = ("approve", older.name, "--key", desk.key, "--yes")
    assert remediate(*arguments).code == 0
    newer = _later(older, planned(desk, title="the same, anew"))
    error = refused(5, "is superseded", arguments=arguments, state=state)
    assert newer.name in error["got"]
    assert error["next"] == f"`remediate show {newer.name}`, and approve that"
    assert remediate("approve", newer.name, "--key", desk.key, "--yes").code == 0


def _later(older: RunDirectory, newer: RunDirectory) -> RunDirectory:
    """The newer run, named a minute later."""
    at = datetime.strptime(older.name[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    name = f"{at + timedelta(minutes=1):%Y%m%d-%H%M%S}{newer.name[15:]}"
    newer.path.rename(newer.path.with_name(name))
    return find_run(name)


@pytest.mark.parametrize("command", ["diagnose", "plan", "doctor"])
@pytest.mark.parametrize("held", ["inventory", "plan", "notes"])
def test_save_overwrites_nothing_but_an_observation(
    desk: Desk, state: Path, tmp_path: Path, command: str, held: str
) -> None:
    """The file that is named by mistake keeps what it holds; nobody is contacted before."""
    file = tmp_path / "mine"
    file.write_bytes(
        {
            "inventory": desk.inventory.read_bytes(),
            "plan": (planned(desk).path / "plan.json").read_bytes(),
            "notes": b"\x00not even text",
        }[held]
    )
    before = file.read_bytes()
    source = () if command == "doctor" else ("--from", desk.saved(healthy(), "save"))
    words = (command, "INC-001") if command == "plan" else (command,)
    arguments = (*words, "-i", desk.inventory, *source, "--save", file)
    error = refused(2, "not overwritten", arguments=arguments, state=state)
    assert error["guard"] == "--save"
    assert file.read_bytes() == before


def test_save_says_what_it_wrote_and_where(desk: Desk, tmp_path: Path) -> None:
    """On standard error; an earlier observation, or an empty file, is replaced."""
    source, kept = desk.saved(healthy(), "kept"), tmp_path / "kept.json"
    kept.touch()
    for instead in (" UTC\n", " UTC, replacing the one that was there\n"):
        done = remediate("diagnose", "--from", source, "--save", kept, "--json")
        assert done.err.startswith(f"saved: {kept}, 6 hosts observed 20")
        assert done.err.endswith(instead)
        assert done.document["exit_code"] == "0"
        assert kept.read_bytes() == source.read_bytes()


def test_every_screen_says_when_the_hosts_were_read(desk: Desk, state: Path) -> None:
    """Those of an old file, too: it is years old, and nothing on it is of now."""
    old = desk.saved(quorum_lost(), "old", fresh=False)
    found = in_one_line(remediate("diagnose", "--from", old).out)
    ago = (datetime.now(UTC) - quorum_lost().ended).days
    assert f"observed {quorum_lost().ended:%Y-%m-%d %H:%M:%S} UTC, {ago} day" in found
    made = in_one_line(remediate("plan", "INC-001", "-i", desk.inventory, "--from", old).out)
    assert f"UTC, {ago} day" in made
    well = desk.saved(healthy(), "well-now")
    said = in_one_line(remediate("plan", "INC-001", "-i", desk.inventory, "--from", well).out)
    assert " s ago" in said
    assert "observed 20" in remediate("doctor", "-i", tmp_free(desk)).out


def tmp_free(desk: Desk) -> Path:
    """An inventory that is not there: doctor contacts nobody."""
    return desk.path / "nowhere.yaml"

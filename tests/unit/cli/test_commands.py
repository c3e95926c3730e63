"""The commands, from a saved observation to an approved run, without any network."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import reduce
from pathlib import Path

import pytest

from remediations.cli.commands import plan as plan_command
from remediations.cli.main import COMMANDS
from remediations.cli.observing import get_observation
from remediations.engine.observe.observation import Observation
from remediations.engine.plan.plan import Plan, plan_digest
from remediations.engine.runs.store import find_run
from remediations.systems.comet.inventory import chain_of
from remediations.systems.comet.reading import CometReading
from remediations.systems.hosts.compile.process import CompileChild
from remediations.values.inventory import Inventory
from remediations.values.wire import canonical, decode
from tests import worlds
from tests.unit.cli.desk import PRINCIPAL, Desk, Done, remediate
from tests.unit.plan.cases import quorum_lost, wrong_clock
from tests.worlds import healthy

ALL = ("val1", "val2", "val3", "val4")

AGE = re.compile("[0-9]+ s ago")
"""It may differ between two looks."""


@pytest.fixture(scope="session")
def planned(shared_desk: Desk) -> Done:
    """One plan that waits for approval; its run is the only one of the desk."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REMEDIATE_HOME", str(shared_desk.home))
        source = shared_desk.saved(quorum_lost(), "lost")
        done = remediate("plan", "INC-001", "-i", shared_desk.inventory, "--from", source, "--json")
    assert done.code == 3, done.err
    return done


def run_of(planned: Done) -> str:
    result = planned.document["result"]
    assert isinstance(result, dict)
    return str(result["run"])


@pytest.mark.parametrize(
    ("name", "world", "code", "words"),
    [
        ("healthy", healthy(), 0, "HEALTHY: not halted"),
        ("lost", quorum_lost(), 3, "QUORUM-LOST: halted"),
        ("down", worlds.stopped(healthy(), *ALL, "full1"), 3, "ALL-DOWN"),
        ("blind", reduce(worlds.unreachable, (*ALL[1:], "full1"), healthy()), 11, "UNDET"),
    ],
)
def test_diagnose(desk: Desk, name: str, world: CometReading, code: int, words: str) -> None:
    """Healthy, something wrong, and too little known have codes of their own."""
    source = desk.saved(world, f"diagnose-{name}")
    text = remediate("diagnose", "--from", source)
    assert (text.code, text.err) == (code, "")
    assert text.out.startswith(words)
    assert max(map(len, text.out.splitlines())) <= 80
    found = remediate("diagnose", "--from", source, "--json")
    assert found.code == code
    assert found.document["error"] is None


def test_diagnose_shows_readings_when_asked(desk: Desk) -> None:
    """--verbose shows every reading relied upon."""
    source = desk.saved(quorum_lost(), "verbose")
    assert "readings relied upon" in remediate("diagnose", "--verbose", "--from", source).out


def test_diagnose_saves_what_it_used(desk: Desk, tmp_path: Path) -> None:
    """--save keeps the very observation."""
    source, kept = desk.saved(quorum_lost(), "save"), tmp_path / "kept.json"
    remediate("diagnose", "--from", source, "--save", kept)
    assert kept.read_bytes() == source.read_bytes()


def test_compiling_begins_before_the_hosts_are_read(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What compiles starts meanwhile, and has ended when the command has."""
    monkeypatch.setenv("REMEDIATE_HOME", str(tmp_path))
    source = desk.saved(quorum_lost(), "meanwhile")
    seen = []

    def reading(
        inventory: Inventory, source: Path, save: None, *, imports: Sequence[str]
    ) -> Observation:
        seen.append(len(children))
        return get_observation(inventory, source, save, imports=imports)

    children: list[CompileChild] = []
    usual = CompileChild.__init__

    def start(child: CompileChild, seed: int) -> None:
        usual(child, seed)
        children.append(child)

    monkeypatch.setattr(CompileChild, "__init__", start)
    monkeypatch.setattr(plan_command, "get_observation", reading)
    assert remediate("plan", "INC-001", "--from", source).code == 3
    assert seen == [2]
    assert len(children) == 2
    assert [child._process.poll() for child in children] == [-9, -9]


def test_plan_makes_a_run(desk: Desk, planned: Done) -> None:
    """The run holds the plan's canonical bytes, what it was made from, and where the hosts are."""
    run = find_run(run_of(planned))
    data = (run.path / "plan.json").read_bytes()
    plan = decode(data, Plan)
    assert canonical(plan) == data
    result = planned.document["result"]
    assert isinstance(result, dict)
    assert result["digest"] == plan_digest(plan)
    assert plan.targets == ("val1",)
    hosts = decode((run.path / "inventory.json").read_bytes(), Inventory)
    assert (chain_of(hosts).chain_id, hosts.path, hosts.allowed_signers) == ("worlds-1", "", None)
    assert run.name.endswith(plan_digest(plan)[:8])


def test_plan_of_a_healthy_chain_does_nothing(desk: Desk) -> None:
    """Nothing to do is said with its evidence, and makes no run."""
    before = sorted(desk.home.rglob("*"))
    source = desk.saved(healthy(), "well")
    done = remediate("plan", "INC-001", "-i", desk.inventory, "--from", source)
    assert done.code == 0
    assert done.out.startswith("nothing to do: the chain and every node are well\nHEALTHY")
    assert sorted(desk.home.rglob("*")) == before


def test_blocked_plan_makes_no_run(desk: Desk) -> None:
    """A guard that blocks ends with 4, shows what to do next, and leaves nothing behind."""
    before = sorted(desk.home.rglob("*"))
    source = desk.saved(wrong_clock(quorum_lost(), "val1"), "clock")
    arguments = ("plan", "INC-001", "-i", desk.inventory, "--from", source)
    done = remediate(*arguments)
    assert done.code == 4
    assert "BLOCK G37 val1" in done.out
    assert "refused by 1 guard(s); nothing was changed, no run was made" in done.out
    found = remediate(*arguments, "--json").document["result"]
    assert isinstance(found, dict)
    assert found["run"] is None
    assert found["plan"]["stages"] == []
    assert sorted(desk.home.rglob("*")) == before


def test_plan_without_a_branch_refuses(desk: Desk) -> None:
    """What no branch resolves is refused with advice."""
    source = desk.saved(worlds.partitioned(healthy(), ("val1", "val4")), "parted")
    done = remediate("plan", "INC-001", "-i", desk.inventory, "--from", source)
    assert done.code == 4
    assert "Mend the network" in done.err


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ("text", "start 1 missing validator\nplaybook"),
        ("markdown", "# start 1 missing validator\n"),
        ("html", "<!doctype html>\n"),
    ],
)
def test_show(desk: Desk, planned: Done, form: str, words: str) -> None:
    """A plan is shown again, by run or by file, in every form."""
    shown = remediate("show", run_of(planned), "--as", form)
    assert shown.code == 0
    assert shown.out.startswith(words)
    file = find_run(run_of(planned)).path / "plan.json"
    of_file = remediate("show", file, "--as", form).out
    assert AGE.sub("", of_file) == AGE.sub("", shown.out)


def test_show_json_is_the_plan(desk: Desk, planned: Done) -> None:
    """--json gives the canonical form."""
    result = remediate("show", "last", "--json").document["result"]
    before = planned.document["result"]
    assert isinstance(result, dict)
    assert isinstance(before, dict)
    assert result["plan"] == before["plan"]


def test_approve_and_status(desk: Desk, planned: Done) -> None:
    """A real key signs exactly this plan; the run then stands as approved."""
    run = run_of(planned)
    before = remediate("status", run)
    assert f"{run}: planned" in before.out
    assert "the plan is not approved (approvals: 0 of 1)" in before.out
    done = remediate("approve", run, "--key", desk.key, "--yes")
    assert (done.code, done.err) == (0, "")
    assert f"approved by {PRINCIPAL} with SHA256:" in done.out
    assert f"next: remediate apply {run}" in done.out
    status = remediate("status", run)
    assert f"{run}: approved" in status.out
    assert "1-0   val1             planned" in status.out
    listed = {"run": run, "state": "approved", "message": "nothing was done yet"}
    assert remediate("status", "--json").document["result"] == [listed]


def test_an_approval_that_does_not_hold_is_none(desk: Desk, planned: Done) -> None:
    """Status says approved only where apply would accept it."""
    run = run_of(planned)
    assert remediate("approve", run, "--key", desk.key, "--yes").code == 0
    file = find_run(run).path / "approvals" / "001.json"
    file.write_text(file.read_text().replace("BEGIN SSH", "BEGIN ssh"))
    status = remediate("status", run)
    assert f"{run}: planned" in status.out
    assert f"next: remediate approve {run}" in status.out


def test_a_damaged_run_does_not_hide_the_others(desk: Desk, planned: Done) -> None:
    """The list names it, and says what is wrong with it; asked for alone, it is an error."""
    run = run_of(planned)
    damaged = find_run(run).path.with_name("20200101-000000-inc-001-00000000")
    shutil.copytree(find_run(run).path, damaged)
    (damaged / "plan.json").write_bytes(b"{")
    rows = remediate("status", "--json").document["result"]
    assert isinstance(rows, list)
    assert [row["state"] for row in rows] == ["unreadable", "planned"]
    assert str(damaged / "plan.json") in rows[0]["message"]
    assert remediate("status").code == 0
    assert remediate("status", damaged.name).code == 2


def test_the_next_command_can_be_copied(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the inventory that this one was given; not what the environment gives anyway."""
    source = desk.saved(quorum_lost(), "next")
    given = remediate("diagnose", "-i", desk.inventory, "--from", source)
    assert f"remediate plan INC-001 --inventory {desk.inventory}" in " ".join(given.out.split())
    monkeypatch.setenv("REMEDIATE_INVENTORY", str(desk.inventory))
    assert remediate("diagnose", "--from", source).out.endswith("remediate plan INC-001\n")


def test_approve_needs_a_person_or_yes(desk: Desk, planned: Done) -> None:
    """Without a terminal nobody can have read what is signed."""
    done = remediate("approve", run_of(planned), "--key", desk.key)
    assert done.code == 5
    assert "no terminal" in done.err


def test_approve_with_another_key_is_refused(desk: Desk, planned: Done, tmp_path: Path) -> None:
    """A key that is not in allowed_signers approves nothing."""
    other = Desk(tmp_path)
    done = remediate("approve", run_of(planned), "--key", other.key, "--yes")
    assert done.code == 5
    assert "may not approve" in done.err


def test_old_plan_cannot_be_approved(desk: Desk) -> None:
    """A plan from an observation of long ago has expired."""
    source = desk.saved(quorum_lost(), "old", fresh=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REMEDIATE_HOME", str(desk.path / "old"))
        done = remediate("plan", "INC-001", "-i", desk.inventory, "--from", source)
        assert done.code == 3
        approved = remediate("approve", "last", "--key", desk.key, "--yes")
        status = remediate("status", "last")
    assert approved.code == 5
    assert "expired" in approved.err
    assert "the plan has expired" in status.out
    assert "next: remediate plan INC-001" in status.out


def test_what_was_not_applied_cannot_be_verified(desk: Desk, planned: Done) -> None:
    """There is nothing to verify before something was done."""
    done = remediate("verify", run_of(planned))
    assert done.code == 2
    assert "was not applied" in done.err


def test_report_of_what_was_only_planned(desk: Desk, planned: Done) -> None:
    """A report can be written at any time; it claims nothing that did not happen."""
    done = remediate("report", run_of(planned))
    assert done.code == 0
    assert "### Step 1-0 on `val1`: not started" in done.out
    page = (find_run(run_of(planned)).path / "report.html").read_text()
    assert "none were run" in page


def test_list(desk: Desk) -> None:
    """Playbooks with their branches and conditions."""
    done = remediate("list")
    assert done.code == 0
    for word in ("INC-001", "start-missing-together", "restart-minority", "node-down"):
        assert word in done.out


def test_status_without_runs(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty state directory is not a failure; the answer says how a run comes to be."""
    monkeypatch.setenv("REMEDIATE_HOME", str(tmp_path / "none"))
    done = remediate("status")
    assert done.code == 0
    assert "next: remediate plan" in done.out


@pytest.mark.parametrize("name", list(COMMANDS))
def test_help(name: str) -> None:
    """Every command has help, also beside --json."""
    assert remediate(name, "--help").out.startswith(f"Usage: remediate {name}")
    assert remediate(name, "--help", "--json").document["error"] is None


def console(arguments: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """The console script itself, by a shell."""
    script = Path(sys.executable).parent / "remediate"
    return subprocess.run(
        ["bash", "-c", f'"{script}" {arguments}; echo "${{PIPESTATUS[0]}}"'],
        capture_output=True,
        text=True,
        env={**os.environ, "REMEDIATE_HOME": str(tmp_path), "PYTHONIOENCODING": "ascii"},
        timeout=60,
    )


def test_closed_pipe(tmp_path: Path) -> None:
    """A reader that goes away ends the command with 141 and without a word."""
    for arguments in ("list | true", "--help | true"):
        done = console(arguments, tmp_path)
        assert done.stdout.strip() == "141"
        assert done.stderr == ""


def test_poor_terminal(desk: Desk, tmp_path: Path) -> None:
    """A terminal that cannot show a sign gets another one, and no traceback; JSON stays UTF-8."""
    source = desk.saved(quorum_lost(), "poor")
    done = console(f'diagnose --from "{source}"', tmp_path)
    assert "\nnodes ????????" in done.stdout
    assert done.stdout.endswith("\n3\n")
    assert done.stderr == ""
    whole = console(f'diagnose --json --from "{source}"', tmp_path)
    assert whole.stdout.endswith("\n3\n")
    assert whole.stderr == ""


def test_empty_name_is_not_a_run(desk: Desk, planned: Done) -> None:
    """An empty variable in a script never picks the one run that there is."""
    assert remediate("status", run_of(planned)).code == 0
    for arguments in (("approve", "", "--key", desk.key, "--yes"), ("apply", ""), ("verify", "")):
        done = remediate(*arguments)
        assert done.code == 2
        assert "RUN" in done.err

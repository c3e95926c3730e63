"""What was shown and signed is all that runs: on real hosts, against whoever can write files."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from remediations.values.wire import canonical
from tests.lab.choice import full_lab, only_some
from tests.lab.lab import Lab
from tests.lab.operator import LIMIT_S, Operator, Said

USAGE, REFUSED, APPROVAL, WORLD_CHANGED = 2, 4, 5, 6
NOBODY = 65534
Tree = dict[str, Any]


def edited(file: Path, change: Callable[[Tree], None]) -> bytes:
    """A canonical document with a change, as a careful forger writes it."""
    tree = json.loads(file.read_bytes())
    change(tree)
    return canonical(tree)


def plan_file(operator: Operator, run: str) -> Path:
    return operator.state / "runs" / run / "plan.json"


@pytest.fixture(scope="module")
def stopped(running_lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Operator:
    """val4 is stopped, and there is a plan for it. What is refused changes neither."""
    running_lab.pristine()
    running_lab.break_stop("val4")
    operator = Operator(running_lab, tmp_path_factory.mktemp("planned"))
    assert operator.plan("INC-001").code == 3
    return operator


@pytest.fixture
def planned(stopped: Operator, running_lab: Lab, tmp_path: Path) -> Iterator[Operator]:
    """The same plan in a state directory of the test's own. Nothing may have run in the end."""
    shutil.copytree(stopped.state / "runs", tmp_path / "runs")
    yield Operator(running_lab, tmp_path)
    assert running_lab.world.daemon("val4") is None
    claims = running_lab.hosts["val4"].sh("ls /var/lib/remediate 2>/dev/null || true")
    assert claims.strip() == ""


def run_of(operator: Operator) -> str:
    (run,) = (operator.state / "runs").iterdir()
    return run.name


@pytest.fixture
def forger(tmp_path: Path) -> Path:
    """The key of somebody who may not approve, and a list that says they may."""
    key = tmp_path / "evil"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    kind, public, *_ = key.with_suffix(".pub").read_text().split()
    (tmp_path / "evil_signers").write_text(f"chief@corp {kind} {public}\n")
    return key


@pytest.mark.parametrize(
    ("what", "change"),
    [
        pytest.param("timeout_s", lambda step: step.update(timeout_s="1"), marks=full_lab),
        ("probe", lambda step: step.update(probe=["systemctl", "is-active", "ssh.service"])),
        pytest.param("undo", lambda step: step.update(undo="nothing to undo"), marks=full_lab),
    ],
)
def test_signed_field_that_was_not_planned_is_not_applied(
    planned: Operator, what: str, change: Callable[[Tree], None]
) -> None:
    """Written in canonical form, and then approved: it still is not a plan of ours."""
    run = run_of(planned)
    file = plan_file(planned, run)
    file.write_bytes(edited(file, lambda plan: change(plan["stages"][0]["steps"][0])))
    assert planned.approve(run).code == 0
    said = planned.says("apply", run)
    assert said.code == REFUSED, said.document
    assert said.error["guard"] == "plan of its observation"
    assert what in said.error["got"]


@pytest.mark.parametrize(
    ("probe", "approved"),
    [("id > /root/PWNED; true", USAGE), (["sh", "-c", "id > /root/PWNED"], 0)],
)
def test_probe_cannot_be_a_program(
    planned: Operator, running_lab: Lab, probe: object, approved: int
) -> None:
    """A text is not a plan at all; words that were not planned are applied to nobody, signed or
    not."""
    run = run_of(planned)
    file = plan_file(planned, run)
    file.write_bytes(
        edited(file, lambda plan: plan["stages"][0]["steps"][0].update(probe=probe, timeout_s="1"))
    )
    assert planned.approve(run).code == approved
    assert planned.says("apply", run).code == (approved or REFUSED)
    assert not running_lab.hosts["val4"].path("/root/PWNED").exists()


def test_run_does_not_say_who_may_approve_it(
    planned: Operator, running_lab: Lab, forger: Path, tmp_path: Path
) -> None:
    """Its own list of signers, its own ssh_config with a command in it: neither is looked at."""
    run = run_of(planned)
    trace = tmp_path / "ran"
    evil_config = tmp_path / "evil_config"
    config = running_lab.access.ssh_config.read_text()
    evil_config.write_text(f'Match exec "id >> {trace}"\n  User ops\n{config}')
    record = plan_file(planned, run).with_name("inventory.json")

    def point_elsewhere(inventory: Tree) -> None:
        inventory.update(
            allowed_signers=str(tmp_path / "evil_signers"), ssh_config=str(evil_config)
        )

    record.write_bytes(edited(record, point_elsewhere))
    own = planned.says("approve", run, "--yes", "--key", str(forger))
    assert own.code == APPROVAL, own.document
    signers = ("--allowed-signers", str(tmp_path / "evil_signers"))
    assert planned.says("approve", run, "--yes", "--key", str(forger), *signers).code == 0
    assert planned.says("status", run).result["state"] == "planned"
    said = planned.says("apply", run)
    assert said.code == APPROVAL, said.document
    assert not trace.exists()


@full_lab
def test_run_of_another_user_is_not_used_by_root(planned: Operator, tmp_path: Path) -> None:
    """A directory that nobody owns: root neither verifies nor applies nor tells of it."""
    run = run_of(planned)
    assert planned.approve(run).code == 0
    foreign = tmp_path / "foreign" / run
    shutil.copytree(planned.state / "runs" / run, foreign)
    for path in (foreign, *foreign.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    for command in ("verify", "apply", "status", "report", "show"):
        said = planned.says(command, str(foreign))
        assert said.code == USAGE, (command, said.document)
        assert "belongs to another user" in said.error["what"]


@pytest.mark.parametrize("what", only_some(["address", "host key"], "host key".__eq__))
def test_name_that_leads_elsewhere_since_the_plan_is_refused(
    planned: Operator, running_lab: Lab, what: str
) -> None:
    """val4 would be full1 by now, or full1 could pass for it: nobody is contacted."""
    run = run_of(planned)
    assert planned.approve(run).code == 0
    access, val4, full1 = running_lab.access, running_lab.hosts["val4"], running_lab.hosts["full1"]
    file = access.ssh_config if what == "address" else access.known_hosts
    with _changed(file) as text:
        if what == "address":
            file.write_text(text.replace(f"{val4.address}\n", f"{full1.address}\n", 1))
        else:
            kind, key, *_ = full1.host_key().split()
            file.write_text(f"{text}{val4.address} {kind} {key}\n")
        said = planned.says("apply", run)
    assert said.code == WORLD_CHANGED, said.document
    assert said.error["got"].startswith("val4: where its name leads: planned ")


def test_plan_exchanged_after_it_was_verified_is_not_the_one_that_runs(
    lab: Lab, operator: Operator
) -> None:
    """A watcher puts another plan in its place when ssh-keygen has ended: the approved one is
    applied; `status`, `report` and `verify` do not tell of the other one."""
    lab.break_stop("val4")
    run = operator.approved("INC-001")
    file = plan_file(operator, run)
    approved = file.read_bytes()
    evil = file.with_name("evil.json")
    evil.write_bytes(edited(file, lambda plan: plan.update(title="a harmless plan")))
    with operator.start("apply", run, "--json") as process:
        verifies = False
        while process.poll() is None:
            now = "ssh-keygen" in _children(process.pid)
            if verifies and not now:
                break
            verifies = verifies or now
        evil.replace(file)
        out, err = process.communicate(timeout=LIMIT_S)
    assert verifies
    assert process.returncode == 0, (out, err)
    entries = _journal(file)
    assert {entry["plan"] for entry in entries} == {hashlib.sha256(approved).hexdigest()}
    for command in (("status", run), ("report", run), ("verify", run)):
        said = operator.says(*command)
        assert said.code == USAGE, said.document
        assert "do not belong together" in said.error["what"]
    (row,) = operator.says("status").document["result"]
    assert row["state"] == "unreadable"


@full_lab
def test_journal_and_report_say_who_acted_and_who_said_who_may_approve(
    lab: Lab, operator: Operator, forger: Path, tmp_path: Path
) -> None:
    """By user id, whatever LOGNAME says. A list from the command line is said first. An approval
    that was exchanged afterwards is not told."""
    lab.break_stop("val4")
    run = str(operator.plan("INC-001").result["run"])
    signers = ("--allowed-signers", str(tmp_path / "evil_signers"))
    assert operator.says("approve", run, "--yes", "--key", str(forger), *signers).code == 0
    environment = {**operator.environment, "LOGNAME": "alice", "USER": "alice", "SUDO_UID": "1"}
    said = _said(operator, environment, "apply", run, *signers)
    assert said.code == 0, said.document
    assert "--allowed-signers" in said.result["doubts"][0]
    began = _journal(plan_file(operator, run))[0]["event"]
    start = began["start"]
    assert (start["actor"]["uid"], start["actor"]["name"]) == (str(os.getuid()), "root")
    assert start["actor"]["sudo_uid"] == "1"
    assert "alice" not in began["message"]
    assert start["signers"]["named_by"] == "--allowed-signers"
    assert start["signers"]["path"].endswith("evil_signers")
    assert {p["path"] for p in start["programs"]} == {"/usr/bin/ssh", "/usr/bin/ssh-keygen"}
    report = operator.says("report", run).result["report"]
    assert "--allowed-signers" in report["doubts"][0]
    assert report["approvals"] == []
    (file,) = (operator.state / "runs" / run / "approvals").iterdir()
    file.write_bytes(edited(file, lambda approval: approval.update(principal="board@corp")))
    for command in ("status", "report"):
        told = operator.says(command, run)
        assert told.code == 0, told.document
        assert "board@corp" not in json.dumps(told.document)
        document = told.result.get("report", told.result)
        assert any(
            "is not an approval with which the run was begun" in d for d in document["doubts"]
        )


@contextmanager
def _changed(file: Path) -> Iterator[str]:
    """The text of a file that is as before when the block ends."""
    sound = file.read_text()
    try:
        yield sound
    finally:
        file.write_text(sound)


def _said(operator: Operator, environment: dict[str, str], *arguments: str) -> Said:
    with operator.start(*arguments, "--json", environment=environment) as process:
        out, err = process.communicate(timeout=LIMIT_S)
    return Said(process.returncode, json.loads(out), err)


def _journal(plan: Path) -> list[Tree]:
    lines = plan.with_name("journal.jsonl").read_bytes().splitlines()
    return [json.loads(line) for line in lines]


def _children(pid: int) -> list[str]:
    """The names of the processes that a process has started and that still run."""
    names = []
    try:
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            names.append(Path(f"/proc/{child}/comm").read_text().strip())
    except OSError:
        pass  # it ended while we looked
    return names

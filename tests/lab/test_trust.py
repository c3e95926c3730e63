"""What an operator relies on: plans that hold, once, and nothing but what was approved."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.lab.choice import full_lab
from tests.lab.lab import CHECKOUT, Lab
from tests.lab.operator import LIMIT_S, Operator
from tests.lab.test_refuse import quiet_files, restless_nodes
from tests.lab.truth import rescued

WORLD_CHANGED, PARTLY_APPLIED, ABORTED, LOCKED = 6, 7, 9, 10
APPROVAL_INVALID = 5


def test_a_world_that_changed_is_left_alone(lab: Lab, operator: Operator) -> None:
    """Somebody starts the validator by hand after the plan: exit 6 with a three-way difference."""
    lab.break_stop("val4")
    run = operator.approved("INC-001")
    lab.start("val4")
    lab.wait_height(lab.world.top() + 3, 30)
    processes = lab.world.daemons()
    said = operator.says("apply", run)
    assert said.code == WORLD_CHANGED, said.document
    assert "planned" in said.error["got"]
    assert "now" in said.error["got"]
    assert lab.world.daemons() == processes
    assert not (operator.state / "runs" / run / "journal.jsonl").exists()


def test_a_plan_is_applied_once(lab: Lab, operator: Operator) -> None:
    """A second application is refused here, and by the host itself when the journal is gone."""
    lab.break_stop("val4")
    with rescued(lab, "val4", goes_on=True):
        said = operator.rescue("INC-001")
        assert said.code == 0, said.document
    run = str(said.result["run"])
    assert operator.says("apply", run).code == LOCKED
    lab.break_stop("val4")
    (operator.state / "runs" / run / "journal.jsonl").unlink()
    again = operator.says("apply", run)
    assert again.code in (WORLD_CHANGED, PARTLY_APPLIED), again.document
    assert lab.world.daemon("val4") is None


def test_an_unapproved_or_foreign_approval_changes_nothing(lab: Lab, operator: Operator) -> None:
    """No approval, one by a stranger, one edited: exit 5, and the validator stays down."""
    lab.break_stop("val4")
    run = str(operator.plan("INC-001").result["run"])
    assert operator.says("apply", run).code == APPROVAL_INVALID
    stranger = operator.state / "stranger"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(stranger)], check=True)
    refused = operator.says("approve", run, "--yes", "--key", str(stranger))
    assert refused.code == APPROVAL_INVALID, refused.document
    assert operator.approve(run).code == 0
    (file,) = (operator.state / "runs" / run / "approvals").iterdir()
    document = json.loads(file.read_text())
    document["statement"]["branch"] = "another"
    file.write_text(json.dumps(document))
    assert operator.says("apply", run).code == APPROVAL_INVALID
    assert lab.world.daemon("val4") is None


@full_lab
def test_a_step_that_fails_stops_the_run(lab: Lab, operator: Operator) -> None:
    """A node whose start always fails: exit 7, named, and nothing else is touched."""
    lab.break_crash_loop("val4")
    time.sleep(3)
    run = operator.approved("node-down")
    processes = lab.world.daemons()
    said = operator.says("apply", run)
    assert said.code == PARTLY_APPLIED, said.document
    assert "val4" in said.error["got"]
    after = lab.world.daemons()
    assert all(after[host] == processes[host] for host in after if host != "val4")
    assert lab.grows()


@full_lab
def test_interrupted_run_names_what_is_left(lab: Lab, operator: Operator) -> None:
    """Ctrl-C while it waits: exit 9, a receipt, and the journal tells the same afterwards."""
    lab.break_stop("val2", "val4")
    lab.wait_stalled(seconds=6)
    run = operator.approved("INC-001")
    with operator.start("apply", run, "--json") as process:
        journal = operator.state / "runs" / run / "journal.jsonl"
        end = time.monotonic() + LIMIT_S
        while time.monotonic() < end and not _announced(journal):
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LIMIT_S)
    document = json.loads(out)
    assert process.returncode == ABORTED, (document, err)
    assert "done:" in document["error"]["got"]
    status = operator.says("status", run)
    assert status.result["state"] == "aborted"


def test_killed_controller_leaves_one_start_and_an_honest_status(
    lab: Lab, operator: Operator
) -> None:
    """kill -9 of the bastion's process right after the launch: the hosts finish, each validator is
    started once, and the status says unknown rather than guessing."""
    lab.break_stop("val2", "val4")
    lab.wait_stalled(seconds=6)
    run = operator.approved("INC-001")
    with operator.start("apply", run) as process:
        journal = operator.state / "runs" / run / "journal.jsonl"
        while process.poll() is None and not _announced(journal):
            time.sleep(0.02)
        time.sleep(0.5)
        process.kill()
    status = operator.says("status", run)
    assert status.result["state"] == "unknown", status.document
    assert operator.says("apply", run).code == LOCKED
    for host in ("val2", "val4"):
        starts = lab.hosts[host].sh(
            f"journalctl -u {lab.unit(host)} -o cat | grep -c '^Started' || true"
        )
        assert int(starts.split()[0]) <= 2, host
    if not lab.grows(seconds=30):
        assert operator.rescue("INC-001").code == 0
    assert lab.grows()


@full_lab
def test_reading_changes_no_file(lab: Lab, operator: Operator) -> None:
    """With its chain stopped, a host has the same files after diagnose and plan as before. What a
    login itself writes (journal, logind, motd) is left out, and named here."""
    lab.break_stop("val2")
    lab.break_stop("val4")
    operator.diagnose()
    restless = restless_nodes(lab)
    before = quiet_files(lab, restless)
    assert f"{lab.node('val2').home.lstrip('/')}/data/priv_validator_state.json" in before["val2"]
    operator.diagnose()
    operator.plan("INC-001")
    assert quiet_files(lab, restless) == before


@full_lab
def test_plain_pyinfra_has_the_same_guards(lab: Lab, operator: Operator) -> None:
    """`pyinfra @remediate/INVENTORY deploys/chain/start_node.py` starts a stopped validator, and
    refuses one that runs, one that it is led away from, and one whose sign state was zeroed."""
    lab.break_stop("val4")
    pyinfra = str(Path(sys.executable).with_name("pyinfra"))
    target = f"@remediate/{lab.access.inventory}"
    base = [pyinfra, "-y", target, "deploys/chain/start_node.py", "--limit", "val4"]

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*base, *more],
            cwd=CHECKOUT,
            env=operator.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
        )

    dry = run("--dry")
    assert dry.returncode == 0, dry.stderr
    elsewhere = run("--data", "ssh_name=val1")
    assert "val4 is not reached as it was judged" in refusal(elsewhere)
    assert lab.world.daemon("val4") is None
    done = run()
    assert done.returncode == 0, done.stderr
    assert lab.world.daemon("val4") is not None
    assert "N1 val4: got " in refusal(run())
    lab.heal()
    lab.break_sign_state_zeroed("val4")
    assert "val4: got " in refusal(run())
    assert lab.world.daemon("val4") is None


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """What pyinfra shows of it, on one line."""
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 1, said
    assert "nothing was changed; " in said
    return said


@full_lab
def test_revoked_host_key_is_refused(lab: Lab, operator: Operator) -> None:
    """A host whose key is revoked in known_hosts is not talked to, whatever ssh_config says."""
    known = lab.access.known_hosts
    sound = known.read_text()
    kind, key, *_ = lab.hosts["val2"].host_key().split()
    known.write_text(sound + f"@revoked * {kind} {key}\n")
    try:
        finding = operator.diagnose()
    finally:
        known.write_text(sound)
    node = next(n for n in finding["nodes"] if n["host"] == "val2")
    assert node["condition"] == "unreachable"
    assert "host key" in json.dumps(node).lower()


def _announced(journal: Path) -> bool:
    return journal.exists() and b"step-starting" in journal.read_bytes()

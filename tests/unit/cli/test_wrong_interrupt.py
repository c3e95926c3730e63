"""Ctrl-C at each stage: a documented code, what was done named, and a state that can be read."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from remediations.cli.observing import TOOL
from remediations.engine.catalogue import require_playbook
from remediations.engine.observe.digest import inventory_digest
from remediations.engine.observe.inventory import load_inventory
from remediations.engine.plan.plan import Plan, plan_digest
from remediations.engine.runs.journal import Journal, read_journal
from remediations.engine.runs.records import RunEnded
from remediations.engine.runs.store import RunDirectory, create_run
from remediations.machine.config import MachineConfig
from remediations.systems.comet.reading import CometReading, sealed
from remediations.values.inventory import Inventory
from remediations.values.login import Login
from tests.unit.cli.desk import Desk, Done, remediate
from tests.unit.cli.wrong import (
    LIMIT_S,
    SCRIPT,
    Argument,
    begun,
    contents,
    ended,
    interrupt,
    is_document,
    is_error,
)
from tests.unit.plan.cases import compiled, quorum_lost
from tests.unit.reach.sshd import reaching
from tests.unit.run.events import began, run_ends

APPLY = """
import asyncio, contextlib, sys, time
from pathlib import Path
from remediations.cli import proof
from remediations.cli.main import main
from remediations.systems.comet.poll import NodePoll
from remediations.engine.apply import application, steps
from remediations.engine.apply import apply as applying
from remediations.engine.apply.carry_out import Ending
from remediations.engine.apply.fence_hold import HeldFences
from remediations.engine.apply.look import GateVerdict
from remediations.playbooks.chain import look

marks, stage, patience = Path(sys.argv.pop(1)), sys.argv.pop(1), sys.argv.pop(1)
steps.STOP_PATIENCE_S = float(patience)

async def proven(*_):
    pass

@contextlib.asynccontextmanager
async def unfenced(request):
    yield HeldFences(request)

async def poll_nodes(_, targets, _blocks_of=()):
    return {host: NodePoll(None, None) for host, _ in targets}

async def stuck(*_, **__):
    (marks / "launched").touch()
    await asyncio.Event().wait()

async def done(*_, **__):
    return Ending("done", "started", None)

def wait(*_, **__):
    (marks / "checking").touch()
    time.sleep(60)

def gate(*_):
    (marks / "gate").touch()
    return GateVerdict(stage != "gate", "113")

async def apply(self):
    async def stopped():
        await self.stop.wait()
        (marks / "stopped").touch()
    watching = asyncio.create_task(stopped())
    return await really(self)

async def leave(self, *_):
    (marks / "closing").touch()
    await asyncio.sleep(60)

really, application.Application.apply = application.Application.apply, apply
if stage == "closing":
    applying.SshReach.__aexit__ = leave
applying._proven, applying.hold_fences, look.poll_nodes = proven, unfenced, poll_nodes
steps.carry_out = stuck if stage == "command" else done
look.judge_gate, proof.run_checks = gate, wait
main()
"""
"""`remediate` with hosts that do what they are told: its arguments are where to leave marks, the
stage that does not end, and how long a stopped run waits for what it launched."""

IGNORING = ("sh", "-c", 'trap "" INT; exec "$@"', "sh")
"""Starts a command as `nohup` and the background of a script do."""


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A machine that accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(LIMIT_S)
        yield server


@pytest.fixture
def run(desk: Desk, silent: socket.socket, tmp_path: Path) -> Iterator[RunDirectory]:
    """An approved run whose hosts are all that machine."""
    (tmp_path / "ssh_config").write_text(
        f"Host *\n  HostName 127.0.0.1\n  Port {silent.getsockname()[1]}\n  IdentityFile none\n"
    )
    file = tmp_path / "inventory.yaml"
    text = desk.inventory.read_text().replace("hosts:", "ssh: {config: ssh_config}\nhosts:", 1)
    file.write_text(text.replace("signers: ", f"signers: {desk.path}/"))
    inventory = load_inventory(file)
    now = datetime.now(UTC).replace(microsecond=0)
    world = replace(
        quorum_lost(),
        inventory_digest=inventory_digest(inventory),
        ended=now,
        logins=asyncio.run(logins_of(inventory)),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REMEDIATE_HOME", str(tmp_path / "state"))
        patch.setenv("REMEDIATE_INVENTORY", str(file))
        made = create_run(true_plan(world), sealed(world), inventory, now)
        assert remediate("approve", made.name, "--key", desk.key, "--yes").code == 0
        yield made


def true_plan(world: CometReading) -> Plan:
    """The plan that this version makes, so that `apply` goes on to the hosts."""
    return compiled(world, tool=TOOL, origin=require_playbook("INC-001", MachineConfig()).origin())


async def logins_of(inventory: Inventory) -> tuple[Login, ...]:
    """Where the names really lead."""
    async with reaching(inventory) as reach:
        return tuple([await reach.login(entry.name) for entry in inventory.hosts])


def seen(mark: Path, process: subprocess.Popen[str]) -> None:
    """Wait until the process left this mark."""
    while not mark.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def waits(process: int) -> None:
    """Wait until the process waits, for a key: readline only hears of a signal while it does."""
    asleep = 0
    while asleep < 5:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        asleep = asleep + 1 if state == "S" else 0
        time.sleep(0.05)


def state_of(run: RunDirectory) -> str:
    """Where the run stands, asked for afterwards; its journal is whole."""
    document = remediate("status", run.name, "--json").document
    assert document["error"] is None
    result = document["result"]
    assert isinstance(result, dict)
    return str(result["state"])


def applied(run: RunDirectory) -> None:
    """Give it the journal of an application that only its checks are missing of."""
    with closing(Journal(run.journal, plan_digest(run.plan))) as journal:
        journal.append(began())
        journal.append(run_ends())


@pytest.mark.parametrize(
    "command", ["diagnose", "watch", "plan", "doctor", "discover", "apply", "verify"]
)
def test_while_hosts_are_read(
    run: RunDirectory, silent: socket.socket, tmp_path: Path, command: str
) -> None:
    """130, in the form that was asked for, and nothing is kept: not a run, not a file."""
    inventory = ("-i", tmp_path / "inventory.yaml")
    config = ("--ssh-config", tmp_path / "ssh_config", "--output", tmp_path / "new.yaml")
    words: dict[str, tuple[Argument, ...]] = {
        "diagnose": ("diagnose", *inventory, "--save", tmp_path / "kept.json"),
        "watch": ("diagnose", "--watch", *inventory),
        "plan": ("plan", "INC-001", *inventory),
        "doctor": ("doctor", *inventory),
        "discover": ("inventory", "discover", "val1", *config),
        "apply": ("apply", run.name),
        "verify": ("verify", run.name),
    }
    if command == "verify":
        applied(run)
    before = {name: data for name, data in contents(tmp_path).items() if "locks" not in name}
    process = begun(*words[command], "--json", state=tmp_path / "state")
    with silent.accept()[0]:
        interrupt(process)
        done = ended(process)
    is_document(done, 130, "remediate status")
    after = {name: data for name, data in contents(tmp_path).items() if "locks" not in name}
    assert after == before
    assert state_of(run) == ("unverified" if command == "verify" else "approved")


def test_as_text(run: RunDirectory, silent: socket.socket, tmp_path: Path) -> None:
    """One error on stderr, and no traceback."""
    process = begun("diagnose", "-i", tmp_path / "inventory.yaml", state=tmp_path / "state")
    with silent.accept()[0]:
        interrupt(process)
        is_error(ended(process), 130, "interrupted")


def test_while_a_plan_is_compiled(desk: Desk, tmp_path: Path) -> None:
    """130, and no run; the compiling children end with it."""
    source = desk.saved(quorum_lost(), "interrupted")
    words = ("plan", "INC-001", "-i", desk.inventory, "--from", source)
    process = begun(*words, state=tmp_path)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while not (found := children.read_text().split()):
        assert process.poll() is None
        time.sleep(0.005)
    interrupt(process)
    is_error(ended(process), 130, "interrupted")
    assert contents(tmp_path) == {}
    for child in found:
        while Path(f"/proc/{child}/exe").exists():
            time.sleep(0.02)


def test_at_the_question_of_approve(desk: Desk, run: RunDirectory, tmp_path: Path) -> None:
    """The key itself, in a terminal: 130, and nothing is signed."""
    given = run.approvals
    process, screen = pty.fork()
    if process == 0:
        environment = {**os.environ, "REMEDIATE_HOME": str(tmp_path / "state")}
        words = (str(SCRIPT), "approve", run.name, "--key", str(desk.key))
        os.execve(SCRIPT, words, environment)
    text = b""
    while b"digits of the plan" not in text:
        text += os.read(screen, 4096)
    shown = text.partition(b"What you approve:")[2].decode()
    rows = [row.split()[0] for row in shown.splitlines() if row.startswith("  ")]
    assert rows[:5] == ["title", "risk", "worst", "acts", "undone"]
    waits(process)
    os.write(screen, b"\x03")
    with contextlib.suppress(OSError):  # how Linux says that a terminal was closed
        while more := os.read(screen, 4096):
            text += more
    assert b"error: interrupted" in text
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 130
    os.close(screen)
    assert run.approvals == given


def test_while_a_key_waits_for_its_touch(desk: Desk, run: RunDirectory, tmp_path: Path) -> None:
    """130, and nothing is signed. An agent that takes its time stands for the finger."""
    given = run.approvals
    public = shutil.copy(desk.key.with_suffix(".pub"), tmp_path / "card.pub")
    with socket.socket(socket.AF_UNIX) as agent:
        agent.bind(str(tmp_path / "agent"))
        agent.listen()
        agent.settimeout(LIMIT_S)
        words = ("approve", run.name, "--key", public, "--yes", "--json")
        process = begun(*words, state=tmp_path / "state", SSH_AUTH_SOCK=str(tmp_path / "agent"))
        with agent.accept()[0]:
            interrupt(process)
            is_document(ended(process), 130)
    assert run.approvals == given


def applying(
    run: RunDirectory,
    marks: Path,
    stage: str,
    *,
    patience: str = "0.2",
    mark: str,
    prefix: tuple[str, ...] = (),
) -> subprocess.Popen[str]:
    """An application that has come to `stage` and stays there."""
    program = (*prefix, sys.executable, "-c", APPLY, str(marks), stage, patience)
    process = begun("apply", run.name, "--json", state=marks / "state", program=program)
    seen(marks / mark, process)
    return process


def not_again(done: Done, run: RunDirectory) -> dict[str, str]:
    """9, a whole journal, and no second application."""
    error = is_document(done, 9, "step 1-0 on val1")
    assert isinstance(read_journal(run.journal)[-1].event, RunEnded)
    assert remediate("apply", run.name).code == 10
    return error


def test_while_a_command_runs(run: RunDirectory, tmp_path: Path) -> None:
    """9: what was launched may still run, which is said; nothing more is started."""
    process = applying(run, tmp_path, "command", mark="launched")
    interrupt(process)
    error = not_again(ended(process), run)
    assert "may still run: step 1-0 on val1" in error["got"]
    assert state_of(run) == "aborted"


def test_twice_while_a_command_runs(run: RunDirectory, tmp_path: Path) -> None:
    """The second one does not wait for it: 9 all the same, since something may have been done."""
    process = applying(run, tmp_path, "command", patience="60", mark="launched")
    interrupt(process)
    seen(tmp_path / "stopped", process)
    interrupt(process)
    error = not_again(ended(process), run)
    assert "step 1-0 on val1: unknown" in error["got"]
    assert state_of(run) == "unknown"


def test_while_a_gate_is_awaited(run: RunDirectory, tmp_path: Path) -> None:
    """9: what was done is named as done."""
    process = applying(run, tmp_path, "gate", mark="gate")
    interrupt(process)
    error = not_again(ended(process), run)
    assert "done: step 1-0 on val1" in error["got"]
    assert state_of(run) == "aborted"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_while_connections_are_closed(
    run: RunDirectory, tmp_path: Path, number: signal.Signals
) -> None:
    """The engine has ended and has nothing left to stop: the first signal interrupts."""
    process = applying(run, tmp_path, "closing", mark="closing")
    process.send_signal(number)
    error = not_again(ended(process), run)
    assert "step 1-0 on val1: done" in error["got"]
    assert state_of(run) == "unverified"


def test_where_interrupts_are_ignored_from_the_start(run: RunDirectory, tmp_path: Path) -> None:
    """`nohup`, a script's background: SIGINT stays ignored, SIGTERM stops in order all the same."""
    process = applying(run, tmp_path, "gate", mark="gate", prefix=IGNORING)
    interrupt(process)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1)
    assert not (tmp_path / "stopped").exists()
    os.killpg(process.pid, signal.SIGTERM)
    error = not_again(ended(process), run)
    assert "done: step 1-0 on val1" in error["got"]
    assert state_of(run) == "aborted"


def test_while_the_checks_run(run: RunDirectory, tmp_path: Path) -> None:
    """9, not 130: the plan was carried out, only its proof is missing, and can be had again."""
    process = applying(run, tmp_path, "checks", mark="checking")
    interrupt(process)
    error = not_again(ended(process), run)
    assert "step 1-0 on val1: done" in error["got"]
    assert state_of(run) == "unverified"
    assert f"remediate verify {run.name}" in remediate("status", run.name).out

"""`remediate apply` in a process of its own, against hosts that do what they are told."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from remediations.engine.observe.digest import inventory_digest
from remediations.engine.observe.inventory import load_inventory
from remediations.engine.runs.store import RunDirectory, create_run
from remediations.systems.comet.reading import sealed
from tests import worlds
from tests.unit.cli.desk import Desk, remediate
from tests.unit.plan.cases import missing, plan_of

PROGRAM = """
import asyncio, contextlib, logging, sys, time, warnings
from pathlib import Path
from remediations.cli import proof
from remediations.cli.main import main
from remediations.engine.apply import application, apply, steps
from remediations.engine.apply.carry_out import Ending
from remediations.engine.apply.fence_hold import HeldFences
from remediations.engine.apply.look import GateVerdict
from remediations.playbooks.chain import look
from remediations.playbooks.chain.gates import HostSnapshot, Snapshot
from remediations.engine.verify.result import CheckOutcome, CheckResult

marks, words = Path(sys.argv.pop(1)), int(sys.argv.pop(1))
application.SAMPLE_S, height, looks = 0.02, 100, 0

async def proven(*_):
    (marks / "reading").touch()
    await asyncio.sleep(0.2)

@contextlib.asynccontextmanager
async def unfenced(request):
    yield HeldFences(request)

async def heights(*_):
    return {}

def snapshot(*_):
    global height
    height += 1
    return Snapshot(hosts=(HostSnapshot(host="val1", height=height, catching_up=False),),
                    round=0, online_power=90, total_power=100)

async def carry_out(_, step, command, **__):
    (marks / command.target).touch()
    logging.getLogger("stack").warning("a warning of a library")
    warnings.warn("another one", stacklevel=1)
    print("x" * words, file=sys.stderr)
    await asyncio.sleep(0.2)
    return Ending("done", "started", None)

def judge(*_):
    global looks
    looks += 1
    (marks / f"gate{looks // 3 + 1}").touch()
    return GateVerdict(looks % 3 == 0, "it moves")

def checks(*_, heard):
    (marks / "checking").touch()
    time.sleep(0.2)
    result = CheckResult(id="P1", title="blocks go on", host="val1", outcome=CheckOutcome.PASSED,
                         message="yes " * min(words, 30_000), duration_ms=1)
    heard(result)
    return (result,)

apply._proven, apply.hold_fences = proven, unfenced
look.heights, look.snapshot_of = heights, snapshot
steps.carry_out, look.judge_gate, proof.run_checks = carry_out, judge, checks
main()
"""
"""Its first argument is where to leave marks, the second how many words to say at once."""


def approved(desk: Desk, state: Path) -> RunDirectory:
    """A run of two stages, val4 and then val3, that may be applied."""
    inventory = load_inventory(desk.inventory)
    now = datetime.now(UTC).replace(microsecond=0)
    world = missing(worlds.healthy(), "val3", "val4")
    world = replace(world, inventory_digest=inventory_digest(inventory), ended=now)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REMEDIATE_HOME", str(state))
        run = create_run(plan_of(world), sealed(world), inventory, now)
        assert len(run.plan.stages) == 2
        assert remediate("approve", run.name, "--key", desk.key, "--yes").code == 0
    return run


def words(run: RunDirectory, marks: Path, *, loud: int = 1) -> tuple[str, ...]:
    """The command line that applies it."""
    return (sys.executable, "-W", "always", "-c", PROGRAM, str(marks), str(loud), "apply", run.name)


def seen(mark: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait until the process left this mark."""
    end = time.monotonic() + 60
    while not mark.exists():
        assert process.poll() is None, process.returncode
        assert time.monotonic() < end, f"{mark.name} did not come"
        time.sleep(0.01)

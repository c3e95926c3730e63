"""Figure 6: from `apply` to the next block, beside two scripts by hand. Needs the lab (root)."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench.estate import CHECKOUT
from tests.bench.figure import Figure, Line
from tests.lab.access import PRINCIPAL
from tests.lab.lab import Lab
from tests.lab.operator import Operator
from tests.lab.shell import LabError, run

VICTIMS = ("val2", "val4")
GOAL = 1.5
POLL_S = 0.03
BLOCK_LIMIT_S = 90.0
CAREFUL, CARELESS = "script that reads and verifies", "script that only starts"

Start = Callable[[], subprocess.Popen[bytes]]


def measure(lab: Lab, state: Path, rounds: int) -> Figure:
    """The figure: each way in turn, on a new chain each time."""
    ways: dict[str, Callable[[Lab, Path], Start]] = {
        "apply": _product,
        CAREFUL: lambda lab, state: _script(lab, state, "careful"),
        CARELESS: lambda lab, state: _script(lab, state, "careless"),
    }
    seen: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, prepare in ways.items():
            lab.pristine()
            lab.break_stop(*VICTIMS)
            halted_at = lab.wait_stalled()
            shutil.rmtree(state, ignore_errors=True)
            state.mkdir(parents=True)
            seen[name].append(_until_block(lab, halted_at, prepare(lab, state)))
    ours = statistics.median(seen["apply"])
    lines = tuple(
        Line(
            what="`apply` to the next block",
            value=ours,
            unit="s",
            peer=peer,
            peer_value=statistics.median(seen[peer]),
            goal=GOAL if peer == CAREFUL else None,
        )
        for peer in (CAREFUL, CARELESS)
    )
    return Figure(
        id="6",
        title="From apply to the next block",
        rounds=rounds,
        lines=lines,
        notes=(
            f"{' and '.join(VICTIMS)} stopped (40 of 100); planned and signed beforehand",
            "the careful script: ssh-keygen -Y verify, the same deciding reads of all hosts at "
            "once, then systemctl start on both at once; the other: the last step only",
        ),
    )


def _until_block(lab: Lab, height: int, start: Start) -> float:
    """Seconds from the start of a process to the first block above `height`."""
    began = time.monotonic()
    with start() as process:
        while lab.world.top() <= height:
            if time.monotonic() - began > BLOCK_LIMIT_S:
                process.kill()
                raise LabError(f"no block above {height} within {BLOCK_LIMIT_S} s")
            time.sleep(POLL_S)
        took = time.monotonic() - began
        _, err = process.communicate()
    if process.returncode:
        raise LabError(f"{process.args!r} ended with {process.returncode}: {err[-500:]!r}")
    return took


def _product(lab: Lab, state: Path) -> Start:
    operator = Operator(lab, state)
    planned = operator.plan("INC-001")
    if planned.code != PLANNED:
        raise LabError(f"no plan: {planned.document}")
    name = planned.result["run"]
    approved = operator.approve(name)
    if approved.code:
        raise LabError(f"not approved: {approved.document}")
    argv = [str(Path(sys.executable).with_name("remediate")), "apply", str(name), "--json"]
    return lambda: _started(argv, operator.environment)


PLANNED = 3


def _script(lab: Lab, state: Path, how: str) -> Start:
    """What somebody with a list of steps in hand would have prepared: what to start, signed."""
    order = state / "order"
    order.write_text("".join(f"{host} {lab.unit(host)}\n" for host in VICTIMS))
    key = str(lab.access.operator_key)
    run("ssh-keygen", "-q", "-Y", "sign", "-f", key, "-n", "by-hand", str(order))
    argv = [sys.executable, "-m", "tests.bench.by_hand", how]
    argv += [str(order), str(lab.access.ssh_config.parent), PRINCIPAL, ",".join(lab.hosts)]
    environment = {**Operator(lab, state).environment, "PYTHONPATH": str(CHECKOUT)}
    return lambda: _started(argv, environment)


def _started(argv: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        argv,
        cwd=CHECKOUT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )

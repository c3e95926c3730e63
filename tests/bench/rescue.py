"""Figure 6: from `apply` to the next block, beside two scripts by hand. Needs the lab (root)."""

from __future__ import annotations

import json
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
from tests.lab.disasters import HALTS, Broken, Disaster
from tests.lab.lab import Lab
from tests.lab.operator import Operator, Said
from tests.lab.shell import LabError, run

GOAL = 1.5
POLL_S = 0.03
BLOCK_LIMIT_S = 180.0
PLANNED = 3
LOOKS = 8
"""A reading of a busy machine may lack something: then no plan is made, and one looks again."""
CAREFUL, CARELESS = "script that reads and verifies", "script that only acts"

Start = Callable[[], subprocess.Popen[bytes]]


def measure(lab: Lab, state: Path, rounds: int, branch: str = "") -> Figure:
    """The figure: each disaster, or that of one branch, and each way to end it in turn, on a new
    chain each time."""
    lines: list[Line] = []
    for disaster in HALTS:
        if branch not in ("", disaster.branch):
            continue
        ways: dict[str, Callable[[Lab, Path, Disaster, Broken], Start]] = {
            "apply": _product,
            CAREFUL: _careful,
            CARELESS: _careless,
        }
        seen: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, prepare in ways.items():
                lab.pristine()
                shutil.rmtree(state, ignore_errors=True)
                state.mkdir(parents=True)
                broken = disaster.happen(lab, Operator(lab, state))
                seen[name].append(
                    _until_block(lab, broken.height, prepare(lab, state, disaster, broken))
                )
        lines += [
            Line(
                what=f"{disaster.branch}: {disaster.title}",
                value=statistics.median(seen["apply"]),
                unit="s",
                peer=peer,
                peer_value=statistics.median(seen[peer]),
                goal=GOAL if peer == CAREFUL else None,
            )
            for peer in (CAREFUL, CARELESS)
        ]
    return Figure(
        id="6",
        title="From apply to the next block",
        rounds=rounds,
        lines=tuple(lines),
        notes=(
            "planned and signed beforehand; what is brought to the hosts is there",
            "the careful script: ssh-keygen -Y verify, the same deciding reads of all hosts at "
            "once, then its steps, each on all hosts at once; the other: its steps alone",
        ),
    )


def _until_block(lab: Lab, height: int, start: Start) -> float:
    """Seconds from the start of a process to the first block above `height`."""
    began = time.monotonic()
    with start() as process:
        while lab.world.top() <= height:
            if process.poll():
                break
            if time.monotonic() - began > BLOCK_LIMIT_S:
                process.kill()
                raise LabError(f"no block above {height} within {BLOCK_LIMIT_S} s")
            time.sleep(POLL_S)
        took = time.monotonic() - began
        out, err = process.communicate()
    if process.returncode:
        said = f"{out[-500:]!r} {err[-500:]!r}"
        raise LabError(f"{process.args!r} ended with {process.returncode}: {said}")
    return took


def _product(lab: Lab, state: Path, disaster: Disaster, broken: Broken) -> Start:
    operator = Operator(lab, state)
    for _ in range(LOOKS):
        planned = operator.plan(disaster.playbook, *broken.options)
        if planned.code == PLANNED:
            break
    if planned.code != PLANNED or planned.result["plan"]["branch"] != disaster.branch:
        raise LabError(f"{disaster.branch}: no such plan: {_hindrance(planned)}")
    name = planned.result["run"]
    approved = operator.approve(name)
    if approved.code:
        raise LabError(f"not approved: {approved.document}")
    argv = [str(Path(sys.executable).with_name("remediate")), "apply", str(name), "--json"]
    return lambda: _started(argv, operator.environment)


def _hindrance(said: Said) -> str:
    """Why a plan cannot be applied: the refusal, or the guards that do not pass."""
    if said.document["error"]:
        return said.why
    guards = [one for one in said.result["plan"]["guards"] if one["outcome"] != "pass"]
    return "; ".join(f"{one['id']} {one['subject']}: {one['got']}" for one in guards)


def _careful(lab: Lab, state: Path, _: Disaster, broken: Broken) -> Start:
    return _script(lab, state, "careful", broken)


def _careless(lab: Lab, state: Path, _: Disaster, broken: Broken) -> Start:
    return _script(lab, state, "careless", broken)


def _script(lab: Lab, state: Path, how: str, broken: Broken) -> Start:
    """What somebody with a list of steps in hand would have prepared: what to do, signed."""
    order = state / "order"
    order.write_text(json.dumps([dict(step) for step in broken.by_hand]))
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
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )

"""Figure 7-checks: in how many rounds a repeated `verify` asks its hosts; no clock is involved."""

from __future__ import annotations

import subprocess
import sys

import msgspec

from tests.bench.cost import NotDoneError
from tests.bench.estate import CHECKOUT
from tests.bench.figure import Figure, Line
from tests.unit.verify.counted import Counted

GOAL = 10


def measure(sizes: tuple[int, ...]) -> Figure:
    """The figure: the same checks on so many fake hosts, each in a process of its own."""
    lines = tuple(
        Line(what=f"`verify`, {size} hosts", value=_rounds(size), unit="rounds", goal=GOAL)
        for size in sizes
    )
    return Figure(
        id="7-checks",
        title="Rounds in which `verify` asks its hosts",
        rounds=1,
        lines=lines,
        notes=(
            "one round asks all hosts at once; logging in and waiting for blocks are not counted",
        ),
    )


def _rounds(hosts: int) -> int:
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.verify.counted", str(hosts)],
        capture_output=True,
        cwd=CHECKOUT,
    )
    if done.returncode:
        raise NotDoneError(done.stderr.decode(errors="replace")[-500:])
    return msgspec.json.decode(done.stdout, type=Counted).rounds

"""Figure 3: ten thousand validators on a hundred hosts, and how it grows from a hundred; and a
thousand hosts, each a validator."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from statistics import median

from tests.bench.cost import NotDoneError
from tests.bench.estate import CHECKOUT
from tests.bench.figure import Figure, Line

STAGES = ("diagnose", "plan")
FEW = 100
HOSTS = 100


def measure(sizes: Sequence[int], rounds: int, *, hosts: int = HOSTS) -> Figure:
    """The figure. Each size in a process of its own; the world is built before the clock runs."""
    seen = {size: [_run(size, min(hosts, size)) for _ in range(rounds)] for size in sizes}
    about = (
        f"{hosts} hosts are in the inventory; a third of them is stopped, and the quorum is lost",
        *(_slope(seen, min(sizes), size) for size in sizes if size > min(sizes)),
    )
    return _figure("3", "Many validators", seen, rounds, about)


def measure_hosts(sizes: Sequence[int], rounds: int) -> Figure:
    """The same with every validator on a host of its own, as each host is read by itself: what is
    read then grows with the square."""
    seen = {size: [_run(size, size) for _ in range(rounds)] for size in sizes}
    about = ("every validator is a host, and every host says the whole set; a third is stopped",)
    return _figure("3-hosts", "Many hosts", seen, rounds, about)


def _figure(number: str, title: str, seen: Seen, rounds: int, about: Sequence[str]) -> Figure:
    few = min(seen)
    lines: list[Line] = []
    for size in seen:
        lines += [_line(seen, size, few, stage, stage, "s CPU") for stage in STAGES]
        lines.append(_line(seen, size, few, "peak_mib", "largest memory", "MiB"))
    held = "the world is held in memory; the plan is compiled by two children, 0.3 s each to start"
    return Figure(id=number, title=title, rounds=rounds, lines=tuple(lines), notes=(*about, held))


Seen = dict[int, list[dict[str, float]]]
"""Number of validators → what each run said."""


def _line(seen: Seen, size: int, few: int, field: str, name: str, unit: str) -> Line:
    """One number of one size, beside that of the smallest size."""
    return Line(
        what=f"{size} validators, {name}",
        value=median(run[field] for run in seen[size]),
        unit=unit,
        peer=f"{few} validators" if size > few else "",
        peer_value=median(run[field] for run in seen[few]) if size > few else None,
    )


def _slope(seen: Seen, few: int, many: int) -> str:
    """How much each further validator costs, in µs."""
    costs = []
    for stage in STAGES:
        grown = median(r[stage] for r in seen[many]) - median(r[stage] for r in seen[few])
        costs.append(f"{stage} {grown / (many - few) * 1e6:.0f} µs")
    return f"from {few} to {many}, each validator adds: {', '.join(costs)}"


def _run(validators: int, hosts: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.many_stages", str(validators), str(hosts)],
            env={**os.environ, "PYTHONPATH": str(CHECKOUT), "REMEDIATE_HOME": home},
            capture_output=True,
            text=True,
        )
    if done.returncode:
        raise NotDoneError(f"{validators} validators: {done.stderr[-600:]}")
    said: dict[str, float] = json.loads(done.stdout)
    return said

"""Figure 6-diagnosis: from the last block to the diagnosis that names what is wrong. Needs the lab.

Somebody looks again and again, one `diagnose` after the other, from before anything is broken. The
clock starts when the last height was seen for the first time, and stops at the end of the first
look that names the class, which has to be the right one. A name that is wrong and told as sure is
counted: `undetermined` is not.
"""

from __future__ import annotations

import shutil
import statistics
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from remediations.playbooks.chain.classes import ChainClass
from tests.bench.figure import Figure, Line
from tests.lab.disasters import HALTS, Disaster
from tests.lab.lab import Lab
from tests.lab.operator import Operator
from tests.lab.shell import LabError

RIGHT: Mapping[str, ChainClass] = MappingProxyType(
    {
        "start-missing-together": ChainClass.QUORUM_LOST,
        "start-everybody": ChainClass.ALL_DOWN,
        "lift-halt-height": ChainClass.HALT_HEIGHT,
        "roll-back-together": ChainClass.APP_HASH_SPLIT,
        "install-past-panic": ChainClass.DETERMINISTIC_PANIC,
        "install-upgrade": ChainClass.UPGRADE_NEEDED,
        "mend-links": ChainClass.PARTITION,
    }
)
"""What each halt is, by the branch that ends it."""
UNSURE = frozenset(
    {
        ChainClass.UNDETERMINED,
        ChainClass.HEALTHY,
        ChainClass.DEGRADED,
        ChainClass.STALLING,
        ChainClass.SLOW,
    }
)
"""No name for a halt: what is said before the chain counts as halted, or of too little evidence."""
LIMIT_S = 180.0
POLL_S = 0.05


@dataclass
class _Seen:
    """What was seen while things broke, on the monotonic clock."""

    height: int = 0
    last_block_s: float = 0.0
    named: list[tuple[float, str]] = field(default_factory=list)
    """The end of each look, and the class that it named."""


def measure(lab: Lab, state: Path, rounds: int, branch: str = "") -> Figure:
    """The figure: each halt, or the one that a branch ends, on a new chain each time."""
    lines: list[Line] = []
    wrong: set[str] = set()
    for disaster in HALTS:
        if branch in ("", disaster.branch):
            took = [_one(lab, state, disaster, wrong) for _ in range(rounds)]
            what = f"{RIGHT[disaster.branch]}: {disaster.title}"
            lines.append(Line(what=what, value=statistics.median(took), unit="s"))
    return Figure(
        id="6-diagnosis",
        title="From the last block to the right diagnosis",
        rounds=rounds,
        lines=tuple(lines),
        notes=(
            "one `diagnose` after the other, from before the halt; a chain counts as halted after "
            "five seconds in the lab's inventory",
            f"other classes that a look named meanwhile: {', '.join(sorted(wrong)) or 'none'}",
        ),
    )


def _one(lab: Lab, state: Path, disaster: Disaster, wrong: set[str]) -> float:
    """Seconds until a look names the right class. Adds those that were wrong before."""
    lab.pristine()
    shutil.rmtree(state, ignore_errors=True)
    state.mkdir(parents=True)
    operator, right = Operator(lab, state), RIGHT[disaster.branch]
    with _looking(lab, operator) as seen:
        disaster.happen(lab, Operator(lab, state))
        end = time.monotonic() + LIMIT_S
        while not any(name == right for _, name in seen.named):
            if time.monotonic() > end:
                raise LabError(f"{disaster}: no look named {right}: {seen.named[-3:]}")
            time.sleep(POLL_S)
        first = next(at for at, name in seen.named if name == right)
        wrong.update(
            f"{name} in {right}" for at, name in seen.named if at < first and name not in UNSURE
        )
        return first - seen.last_block_s


@contextmanager
def _looking(lab: Lab, operator: Operator) -> Iterator[_Seen]:
    """Two threads: one samples heights, one diagnoses."""
    seen, stop = _Seen(), threading.Event()

    def sample() -> None:
        while not stop.wait(POLL_S):
            if (height := lab.world.top()) > seen.height:
                seen.height, seen.last_block_s = height, time.monotonic()

    def look() -> None:
        while not stop.is_set():
            said = operator.says("diagnose")
            verdicts = [told["finding"]["verdict"] for told in said.document["result"] or ()]
            seen.named += [(time.monotonic(), verdict) for verdict in verdicts]

    threads = [threading.Thread(target=one) for one in (sample, look)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        stop.set()
        for thread in threads:
            thread.join()

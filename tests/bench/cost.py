"""What a process costs: seconds on the clock, seconds of CPU, and its largest memory."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

KIB_PER_MIB = 1024


@dataclass(frozen=True, kw_only=True)
class Cost:
    """`wall_s` and `cpu_s` (user and system) in seconds, of a process and all it waited for.

    `rss_mib` is the largest resident memory of any one of them, in MiB.
    """

    wall_s: float
    cpu_s: float
    rss_mib: float


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """A program that does the work. `codes` are the exit codes that mean it was done.

    `before` is called before each of its turns, outside what is measured.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str]
    codes: frozenset[int] = frozenset({0})
    before: Callable[[], None] = lambda: None


class NotDoneError(Exception):
    """A contestant did not do the work. The message shows what it said."""


def cost_of(contestant: Contestant) -> Cost:
    """Run it once.

    Raises:
        NotDoneError: it ended with another exit code.
    """
    contestant.before()
    with Path(os.devnull).open("rb") as nothing:
        began = time.monotonic()
        process = subprocess.Popen(
            contestant.argv,
            env=dict(contestant.env),
            stdin=nothing,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        assert process.stderr is not None
        said = process.stderr.read()
        _, status, used = os.wait4(process.pid, 0)
        ended = time.monotonic()
    process.stderr.close()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in contestant.codes:
        words = " ".join(contestant.argv)[:120]
        tail = said.decode("utf-8", "replace")[-600:]
        raise NotDoneError(f"{words} ended with {process.returncode}: {tail}")
    return Cost(
        wall_s=ended - began,
        cpu_s=used.ru_utime + used.ru_stime,
        rss_mib=used.ru_maxrss / KIB_PER_MIB,
    )


def interleaved(contestants: Mapping[str, Contestant], rounds: int) -> dict[str, Cost]:
    """The medians of all, each run once a round, so that what else the machine does meets all.

    Raises:
        NotDoneError: one of them failed.
    """
    return {name: median(costs) for name, costs in _in_turn(contestants, rounds).items()}


def least(contestants: Mapping[str, Contestant], rounds: int) -> dict[str, Cost]:
    """As `interleaved`, the round that was shortest for each: for what takes milliseconds."""
    costs = _in_turn(contestants, rounds)
    return {name: min(each, key=lambda cost: cost.wall_s) for name, each in costs.items()}


def _in_turn(contestants: Mapping[str, Contestant], rounds: int) -> dict[str, list[Cost]]:
    """The order turns with each round: nobody is always the first."""
    seen: dict[str, list[Cost]] = {name: [] for name in contestants}
    names = list(contestants)
    for number in range(rounds):
        turn = number % len(names)
        for name in (*names[turn:], *names[:turn]):
            seen[name].append(cost_of(contestants[name]))
    return seen


def median(costs: Iterable[Cost]) -> Cost:
    """The median of each."""
    every = list(costs)
    return Cost(
        wall_s=statistics.median(cost.wall_s for cost in every),
        cpu_s=statistics.median(cost.cpu_s for cost in every),
        rss_mib=statistics.median(cost.rss_mib for cost in every),
    )

"""`python -m tests.bench`: measures, prints a table, writes JSON (`make bench`).

A missed goal is a figure, not a failure: only a contestant that does not do its work ends the run.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.bench import (
    check_rounds,
    many_validators,
    orchestrators,
    proofs,
    reading_cost,
    reading_hosts,
    resealing,
    round_trips,
    start_up,
    vectors,
)
from tests.bench.cost import NotDoneError
from tests.bench.estate import CHECKOUT
from tests.bench.figure import FORMAT, Figure, Report, this_machine
from tests.bench.sshd import Way, best_way
from tests.bench.table import text_of

SIZES = (1, 10, 50, 100)
VALIDATORS = (100, 1_000, 10_000)
HOSTS = (100, 250, 1_000)
CHECKED = (6, 60)
START_ROUNDS = 21
LAB_FIGURES = ("6", "6-diagnosis", "5-lab", "7-lab")
CLUSTER_FIGURE = "10"


def figures(rounds: int, sizes: tuple[int, ...], way: Way) -> dict[str, Callable[[], Figure]]:
    """What can be measured without a lab, by the figure's number."""
    return {
        "1": lambda: reading_hosts.measure(sizes, rounds, way),
        "2": lambda: orchestrators.measure(max(sizes), rounds, way),
        "3": lambda: many_validators.measure(VALIDATORS, rounds),
        "3-hosts": lambda: many_validators.measure_hosts(HOSTS, rounds),
        "4": lambda: start_up.measure(START_ROUNDS),
        "5": lambda: reading_cost.measure(rounds),
        "7-checks": lambda: check_rounds.measure(CHECKED),
        "8": lambda: proofs.measure(rounds),
        "7": lambda: round_trips.measure(1, rounds, way),
        "9": lambda: vectors.measure(max(sizes), rounds, way),
        "11": lambda: resealing.measure(rounds),
    }


def main(arguments: list[str] | None = None) -> int:
    """The program."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--output", type=Path, default=CHECKOUT / "dist" / "bench.json")
    parser.add_argument("--rounds", type=int, default=5, help="of each figure (default: 5)")
    parser.add_argument("--only", default="", metavar="N[,N]", help="these figures only, by number")
    parser.add_argument("--names", default="", metavar="N[,N]", help="how many hosts to read")
    parser.add_argument("--lab", action="store_true", help="also what needs a lab (root)")
    parser.add_argument("--branch", default="", metavar="NAME", help="figure 6 of this one only")
    chosen = parser.parse_args(arguments)
    sizes = tuple(int(n) for n in chosen.names.split(",") if n) or SIZES
    known = figures(chosen.rounds, sizes, best_way())
    only = [n for n in chosen.only.split(",") if n]
    in_lab = (*LAB_FIGURES, CLUSTER_FIGURE)
    if not set(only) <= {*known, *in_lab}:
        parser.error(f"--only: one of {', '.join((*known, *in_lab))}")
    if set(only) & set(in_lab) and not chosen.lab:
        parser.error(f"--only {chosen.only} needs --lab")
    try:
        measured = [_told(n, measure) for n, measure in known.items() if not only or n in only]
        if chosen.lab and set(only or in_lab) & set(LAB_FIGURES):
            measured += _in_lab(chosen.rounds, only or LAB_FIGURES, chosen.branch)
        if chosen.lab and CLUSTER_FIGURE in (only or in_lab):
            measured.append(_told(CLUSTER_FIGURE, lambda: _rollout(chosen.rounds)))
    except NotDoneError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    report = Report(
        format=FORMAT, at=datetime.now(UTC), machine=this_machine(), figures=tuple(measured)
    )
    chosen.output.parent.mkdir(parents=True, exist_ok=True)
    chosen.output.write_text(json.dumps(report.document(), indent=1) + "\n")
    print(text_of(report, width=_width(), colour=sys.stdout.isatty()))
    print(f"\nwritten to {chosen.output}")
    return 0


def _told(number: str, measure: Callable[[], Figure]) -> Figure:
    print(f"bench: figure {number} …", file=sys.stderr)
    return measure()


def _in_lab(rounds: int, only: Sequence[str], branch: str) -> list[Figure]:
    """The figures of the lab; boots one and takes it down again."""
    from tests.bench import lab_figures
    from tests.lab.lab import Lab

    print("bench: the lab …", file=sys.stderr)
    lab = Lab.up(f"bench-{os.getpid()}")
    try:
        with tempfile.TemporaryDirectory() as state:
            known = lab_figures.figures(lab, Path(state), rounds, branch)
            return [_told(n, measure) for n, measure in known.items() if n in only]
    finally:
        lab.down()


def _rollout(rounds: int) -> Figure:
    """The figure of the lab's cluster; boots one and takes it down again."""
    from tests.bench import rollout

    with tempfile.TemporaryDirectory() as state:
        return rollout.measure(Path(state), rounds)


def _width() -> int:
    try:
        return max(80, os.get_terminal_size().columns)
    except OSError:
        return 120


if __name__ == "__main__":
    sys.exit(main())

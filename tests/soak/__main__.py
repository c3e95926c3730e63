"""`python -m tests.soak`: seeded disasters, rescued by one contestant or by several (docs/soak.md).

SEED=n plays that seed alone. Exit 1: ours harmed something, did worse than the goal, or a disaster
could not be played.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.lab.lab import CHECKOUT, Lab
from tests.lab.shell import LabError
from tests.soak import matrix
from tests.soak.contestant import Contestant
from tests.soak.contestants.ansible import Ansible
from tests.soak.contestants.hand import Hand
from tests.soak.contestants.remediate import Remediate
from tests.soak.drawing import drawn
from tests.soak.report import OURS, again, document, goal_missed, line_of, table_of
from tests.soak.trial import Trial, attempt

CONTESTANTS: Mapping[str, Contestant] = {c.name: c for c in (Remediate(), Hand(), Ansible())}


def main(arguments: Sequence[str] | None = None) -> int:
    """The program."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--seeds", default=os.environ.get("SEED") or "1-100", metavar="A-B[,C]")
    parser.add_argument("--contestant", default=OURS, metavar="NAME[,NAME]")
    parser.add_argument("--output", type=Path, default=CHECKOUT / "dist" / "soak.json")
    parser.add_argument("--list", action="store_true", help="say what the seeds are, play nothing")
    parser.add_argument(
        "--matrix", action="store_true", help="scoring troubles and what they are called, no lab"
    )
    chosen = parser.parse_args(arguments)
    if chosen.matrix:
        return matrix.main()
    names = chosen.contestant.split(",")
    if not set(names) <= set(CONTESTANTS):
        parser.error(f"--contestant: of {', '.join(CONTESTANTS)}")
    seeds = seeds_of(chosen.seeds)
    if chosen.list:
        for seed in seeds:
            print(f"{seed:>4}  {drawn(seed)}")
        return 0
    trials, broken = _play(seeds, [CONTESTANTS[name] for name in names], chosen.output)
    print(f"\n{table_of(trials)}\n\nwritten to {chosen.output}")
    for line in (*again(trials), *broken):
        print(line)
    return 1 if broken or goal_missed(trials) else 0


def seeds_of(text: str) -> list[int]:
    """`1-3,7` as numbers."""
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def _play(
    seeds: Sequence[int], contestants: Sequence[Contestant], output: Path
) -> tuple[list[Trial], list[str]]:
    """Every seed, for each contestant in turn, on one lab; written down after each."""
    trials: list[Trial] = []
    broken: list[str] = []
    output.parent.mkdir(parents=True, exist_ok=True)
    lab = Lab.up(f"soak-{os.getpid()}")
    try:
        with tempfile.TemporaryDirectory(prefix="soak-") as work:
            for seed in seeds:
                for contestant in contestants:
                    try:
                        trials.append(attempt(lab, drawn(seed), contestant, Path(work)))
                        print(line_of(trials[-1]), flush=True)
                    except (LabError, OSError) as error:  # a process ended while it was looked at
                        broken.append(f"seed {seed}, {contestant.name}: not played: {error}")
                        print(broken[-1], flush=True)
                    text = json.dumps(document(trials, broken), indent=1)
                    output.write_text(text + "\n")
    finally:
        lab.down()
    return trials, broken


if __name__ == "__main__":
    sys.exit(main())

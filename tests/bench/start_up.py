"""Figure 4: how long a command takes that contacts nobody, beside Python's own start."""

from __future__ import annotations

import os
import sys
import tempfile

from tests.bench.cost import Contestant, least
from tests.bench.estate import REMEDIATE
from tests.bench.figure import Figure, Line

GOAL_MS = 100.0
PEER = "python -c pass"
NOTES = ("the shortest of all rounds: what else the machine does can only make it longer",)


def measure(rounds: int) -> Figure:
    """The figure. The goal is of the milliseconds, not of the ratio."""
    with tempfile.TemporaryDirectory() as home:
        environment = {"PATH": os.environ["PATH"], "HOME": home, "REMEDIATE_HOME": home}
        costs = least(
            {
                "bare": Contestant(argv=(sys.executable, "-c", "pass"), env=environment),
                "--help": Contestant(argv=(str(REMEDIATE), "--help"), env=environment),
                "status": Contestant(argv=(str(REMEDIATE), "status"), env=environment),
            },
            rounds,
        )
    bare = costs["bare"].wall_s * 1000
    lines = []
    for name in ("--help", "status"):
        took = costs[name].wall_s * 1000
        lines.append(Line(what=f"`remediate {name}`", value=took, unit="ms", goal=GOAL_MS))
        lines.append(Line(what="  by the peer", value=took, unit="ms", peer=PEER, peer_value=bare))
    return Figure(id="4", title="Start-up", rounds=rounds, lines=tuple(lines), notes=NOTES)

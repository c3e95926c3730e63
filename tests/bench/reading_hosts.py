"""Figure 1: what reading, diagnosing and planning cost the client, beside bare asyncssh."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.bench.cost import interleaved
from tests.bench.estate import Estate, estate, exit_code
from tests.bench.figure import Figure, Line
from tests.bench.sshd import Way

GOAL = 1.25
GOAL_FROM = 50
"""Below, what every start costs (Python, the compiling children) is most of it."""
PEER = "bare asyncssh"


def measure(sizes: Sequence[int], rounds: int, way: Way) -> Figure:
    """The figure, for each number of names. Whole processes, from their start to their end."""
    lines: list[Line] = []
    notes = [
        f"served by: {way}; whole processes are measured, with all that they start",
        "the peer reads the same bytes by the same command, and neither parses nor decides",
    ]
    for names in sizes:
        with estate(names, way) as made:
            lines.extend(_lines(made, rounds))
            ended = exit_code(made.remediate("plan", "INC-001"))
            if ended != PLANNED:
                notes.append(f"{names} names: plan ended with {ended}, not with a plan")
    return Figure(
        id="1",
        title="Client cost of observe + diagnose + plan",
        rounds=rounds,
        lines=tuple(lines),
        notes=tuple(notes),
    )


PLANNED = 3


def _lines(made: Estate, rounds: int) -> Iterator[Line]:
    costs = interleaved(
        {
            "bare": made.python("tests.bench.bare", str(made.path)),
            "diagnose": made.remediate("diagnose"),
            "plan": made.remediate("plan", "INC-001"),
        },
        rounds,
    )
    bare = costs["bare"]
    for name in ("diagnose", "plan"):
        cost = costs[name]
        goal = GOAL if made.names >= GOAL_FROM else None
        what = f"{made.names} names, `{name}`"
        # The clock is what somebody waits for; CPU is told beside it, without a goal.
        for unit, value, peer, most in (
            ("s CPU", cost.cpu_s, bare.cpu_s, None),
            ("s", cost.wall_s, bare.wall_s, goal),
        ):
            yield Line(what=what, value=value, unit=unit, peer=PEER, peer_value=peer, goal=most)
    yield Line(
        what=f"{made.names} names, largest process of `plan`",
        value=costs["plan"].rss_mib,
        unit="MiB",
        peer=PEER,
        peer_value=bare.rss_mib,
    )

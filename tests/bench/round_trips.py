"""Figure 7: how many round trips a command waits for, by what 50 ms of delay add to it.

What is waited for one after the other counts; what goes in parallel counts once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

from tests.bench.cost import Contestant, Cost, interleaved
from tests.bench.delay import delayed
from tests.bench.estate import Estate, estate
from tests.bench.figure import Figure, Line
from tests.bench.sshd import Way

ROUND_TRIP_S = 0.05
PEER = "bare asyncssh"


def measure(names: int, rounds: int, way: Way) -> Figure:
    """The figure, on recorded hosts: each command with the delay and without."""
    with estate(names, way) as made:
        port = made.port
        with delayed(lambda address: (address, port), ROUND_TRIP_S) as slow_port:
            slow = _through(made, slow_port)
            costs = interleaved(
                {
                    f"{name} {how}": contestant
                    for how, which in (("near", made), ("far", slow))
                    for name, contestant in _commands(which).items()
                },
                rounds,
            )
    return Figure(
        id="7",
        title="Round trips per command",
        rounds=rounds,
        lines=tuple(lines_of(costs, ("diagnose", "plan"), f"{names} names, ")),
        notes=(
            f"what {ROUND_TRIP_S * 1000:.0f} ms of round trip add, in round trips; the delaying "
            "proxy does not delay the TCP handshake: one more for each connection in a row",
        ),
    )


def lines_of(
    costs: Mapping[str, Cost], commands: tuple[str, ...], where: str, *, peer: str = "bare"
) -> Iterator[Line]:
    """A line a command: the trips that it waits for, beside the peer's."""

    def trips(name: str) -> float:
        return (costs[f"{name} far"].wall_s - costs[f"{name} near"].wall_s) / ROUND_TRIP_S

    for command in commands:
        yield Line(
            what=f"{where}`{command}`",
            value=trips(command),
            unit="trips",
            peer=PEER if peer else "",
            peer_value=trips(peer) if peer else None,
        )


def _commands(made: Estate) -> dict[str, Contestant]:
    return {
        "bare": made.python("tests.bench.bare", str(made.path)),
        "diagnose": made.remediate("diagnose"),
        "plan": made.remediate("plan", "INC-001"),
    }


def _through(made: Estate, port: int) -> Estate:
    """The same hosts, behind another port."""
    far = dataclasses.replace(made, path=made.path / "far", port=port)
    far.path.mkdir()
    far.write()
    return far

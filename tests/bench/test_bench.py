"""The smallest slice of every figure runs, and says what it measured in the promised form."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.bench import (
    many_validators,
    proofs,
    reading_cost,
    reading_hosts,
    resealing,
    round_trips,
    start_up,
)
from tests.bench.cost import Contestant, NotDoneError, cost_of
from tests.bench.figure import FORMAT, Figure, Line, Report, this_machine
from tests.bench.growth import grows_at_most
from tests.bench.sshd import Way
from tests.bench.table import text_of


def report_of(*figures: Figure) -> Report:
    """A report of this machine, now."""
    return Report(format=FORMAT, at=datetime.now(UTC), machine=this_machine(), figures=figures)


def line(value: float, *, peer_value: float | None = None, goal: float | None = None) -> Line:
    """A line of seconds."""
    return Line(what="it", value=value, unit="s", peer="peer", peer_value=peer_value, goal=goal)


def lines_of(document: dict[str, object]) -> list[dict[str, object]]:
    """All lines of a document's figures."""
    figures = document["figures"]
    assert isinstance(figures, list)
    return [each for figure in figures for each in figure["lines"]]


def test_the_smallest_run_has_every_promised_field() -> None:
    """One name, one round: every figure that needs no lab and no other program."""
    report = report_of(
        reading_hosts.measure((1,), 1, Way.ASYNCSSH),
        many_validators.measure((4, 8), 1, hosts=4),
        many_validators.measure_hosts((4, 8), 1),
        start_up.measure(1),
        reading_cost.measure(1, program_bytes=0),
        round_trips.measure(1, 1, Way.ASYNCSSH),
        proofs.measure(1, 4),
        resealing.measure(1, 4, 4),
    )
    document = report.document()
    assert set(document) == {"format", "at", "machine", "figures"}
    lines = lines_of(document)
    assert len(lines) > 15
    fields = {"what", "value", "unit", "peer", "peer_value", "goal", "ratio", "verdict"}
    assert all(set(each) == fields for each in lines)
    units = {each["unit"] for each in lines}
    assert units == {"s CPU", "s", "MiB", "ms", "trips"}
    assert "Client cost" in text_of(report, width=100, colour=False)


@pytest.mark.parametrize(
    ("measured", "verdict"),
    [
        (line(2.0, peer_value=2.0, goal=1.25), "goal met"),
        (line(5.0, peer_value=2.0, goal=1.25), "missed by 100 %"),
        (line(0.3, goal=0.6), "goal met"),
        (line(0.9, goal=0.6), "missed by 50 %"),
        (line(9.0, peer_value=1.0), ""),
    ],
)
def test_a_goal_is_of_the_ratio_where_there_is_a_peer(measured: Line, verdict: str) -> None:
    """Else it is of the value; without a goal nothing is judged."""
    assert measured.verdict == verdict


def test_a_contestant_that_fails_is_not_measured() -> None:
    """What did not do the work must not look fast."""
    with pytest.raises(NotDoneError, match="ended with 7: why"):
        cost_of(Contestant(argv=("sh", "-c", "echo why >&2; exit 7"), env={}))


def test_the_cost_of_a_process_counts_what_it_started() -> None:
    """CPU of children that were waited for is the contestant's."""
    busy = "for n in 1 2; do (i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done); done"
    idle = cost_of(Contestant(argv=("sh", "-c", ":"), env={}))
    assert cost_of(Contestant(argv=("sh", "-c", busy), env={})).cpu_s > idle.cpu_s


def test_a_square_is_seen_and_a_line_is_not_accused() -> None:
    """Of work that takes long enough to be compared."""

    def squared(size: int) -> int:
        return sum(one == other for one in range(size) for other in range(size))

    assert not grows_at_most(lambda: squared(1_000), lambda: squared(5_000), 15)
    assert grows_at_most(lambda: squared(2_000), lambda: [squared(2_000) for _ in range(5)], 15)

"""How often the checks go to the hosts does not depend on how many there are."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest

from remediations.engine.verify.result import CheckOutcome
from tests.unit.verify.counted import Counted

VERIFY_ROUNDS = 3
"""Where all stand; where all stand once more, with what is judged at these heights: P1 may have
waited for minutes before the second."""

WAITING = """
import sys
from remediations.engine.verify import wait
from tests.unit.verify.counted import counted

wait.TELL_EVERY_S, wait.POLL_S = 0, 0.01
counted(6, height=114, tell=lambda line: print(line, file=sys.stderr))
"""


def test_what_a_check_waits_for_is_told_while_it_waits() -> None:
    """Past pytest, which keeps what checks print to itself: which check, where, and how long."""
    done = subprocess.run(
        [sys.executable, "-c", WAITING], capture_output=True, text=True, timeout=120
    )
    assert done.stdout == ""
    first, *_ = told = done.stderr.splitlines()
    assert first.startswith("P1 waits: block 118 on full")
    assert first.endswith(" (at 115); 180 s left")
    assert any(line.startswith("P12 waits: full") for line in told)


GROWING = """
import sys
import msgspec
from remediations.engine.verify import wait
from tests.unit.verify.counted import counted

wait.POLL_S = 0.01
sys.stdout.buffer.write(msgspec.json.encode(counted(6, height=114, tell=lambda _: None)))
"""


def test_what_checks_see_anyway_goes_on_with_the_series_of_the_run() -> None:
    """Blocks that come while P1 waits for them are seen by its own looks; no round is added for
    it, and what no check asks for has no value."""
    done = subprocess.run([sys.executable, "-c", GROWING], capture_output=True, timeout=120)
    assert done.stderr == b""
    told = msgspec.json.decode(done.stdout, type=Counted)
    points = [{(p.series, p.subject): p.value for p in s.sight.points} for s in told.samples]
    assert [seen["height", "full2"] for seen in points][:4] == [115, 116, 117, 118]
    assert {seen["height", "val1"] for seen in points} == {130}
    assert {seen["round", ""] for seen in points} == {None}
    assert {seen["voting power", "online"] for seen in points} == {100}
    assert len(told.samples) < told.rounds


def test_a_check_that_waits_for_one_node_still_shows_all() -> None:
    """By looks beside it, which add no round that anybody waits for; P1 needs none, as it asks all
    of them itself."""
    beside = GROWING.replace("wait.POLL_S =", "fleet.GLANCE_S, wait.POLL_S = 0,")
    beside = f"from remediations.playbooks.chain.checks import fleet\n{beside}"
    often, never = (
        msgspec.json.decode(
            subprocess.run([sys.executable, "-c", text], capture_output=True, timeout=120).stdout,
            type=Counted,
        )
        for text in (beside, GROWING)
    )
    assert never.beside == 0
    assert often.beside > 0
    assert {result.outcome for result in often.results} == {CheckOutcome.PASSED}
    assert len(often.samples) > len(never.samples)


@pytest.mark.parametrize("hosts", [6, 60])
def test_a_repeated_verification_takes_three_rounds(hosts: int) -> None:
    """On six hosts as on sixty: what creeps back here is paid by each host that is far away."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.verify.counted", str(hosts)],
        capture_output=True,
        timeout=120,
    )
    assert done.stderr == b""
    counted = msgspec.json.decode(done.stdout, type=Counted)
    assert counted.hosts == hosts
    assert (counted.rounds, counted.beside) == (VERIFY_ROUNDS, 0)
    assert {result.outcome for result in counted.results} == {CheckOutcome.PASSED}
    assert len(counted.results) == 12 + 4 * hosts

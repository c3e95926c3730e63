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
    assert counted.rounds == VERIFY_ROUNDS
    assert {result.outcome for result in counted.results} == {CheckOutcome.PASSED}
    assert len(counted.results) == 12 + 4 * hosts

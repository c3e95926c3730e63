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

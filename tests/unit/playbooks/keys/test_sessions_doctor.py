"""`remediate doctor` about items: what works, and what is missing with its mend."""

from __future__ import annotations

import pytest

from remediations.engine.doctor.line import LineState
from remediations.playbooks.keys.sessions_doctor import session_lines
from remediations.systems.sessions.reading import SessionsReading
from tests.unit.playbooks.keys.session_cases import item, read, sessions

OK, WARN, LACK = LineState.OK, LineState.WARN, LineState.LACK
PROGRAM = item(run="/usr/sbin/rotate")


@pytest.mark.parametrize(
    ("found", "states", "word"),
    [
        (sessions(), [OK, OK], "/open: 3"),
        (sessions(here="laptop"), [WARN], "vault-1 alone"),
        (sessions(flaw="/x is not yours alone"), [LACK, OK], "/x is not yours alone"),
        (sessions(read(flaw="/t can be read by others")), [OK, LACK], "/t can be read"),
        (sessions(read(PROGRAM, sha256="")), [OK, LACK], "no answer"),
        (sessions(read(done=None)), [OK, LACK], "its probe does not tell"),
        (sessions(read(done=None), read(item("b"))), [OK, LACK, OK], "/open: 3"),
    ],
    ids=["well", "elsewhere", "directory", "token", "program", "probe", "two"],
)
def test_each_item_has_a_line(found: SessionsReading, states: list[LineState], word: str) -> None:
    """One that is bad hides no other."""
    lines = list(session_lines(found))
    assert [line.state for line in lines] == states
    assert any(word in line.found for line in lines), lines
    assert all(line.mend for line in lines if line.state is not OK)

"""What a host says of the ports of its missing peers."""

from __future__ import annotations

import pytest

from remediations.systems.comet.dials import parse_dials
from remediations.systems.comet.values import Dial, DialAnswer
from remediations.values.lines import TextError

ONE, TWO = "a" * 40, "b" * 40


def test_each_line_is_a_peer() -> None:
    """In any order: they were tried at once."""
    assert parse_dials(f"{TWO} silent\n{ONE} open\n".encode()) == (
        Dial(node_id=ONE, answer=DialAnswer.OPEN),
        Dial(node_id=TWO, answer=DialAnswer.SILENT),
    )
    assert parse_dials(b"") == ()


@pytest.mark.parametrize("line", ["a open", f"{ONE} ajar", f"{ONE}", f"{ONE} open x", "\xff"])
def test_an_odd_line_is_refused(line: str) -> None:
    """Never a default."""
    with pytest.raises(TextError):
        parse_dials(line.encode("latin-1"))

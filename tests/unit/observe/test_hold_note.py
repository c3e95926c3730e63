"""What a hold says of its reason, as it is read from the drop-in on the host."""

from __future__ import annotations

import re
import shlex
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

from remediations.systems.hosts import host_text
from tests.unit.observe.test_host_text import SHOW

NOTE = "second-signer:0A1B:1790000000"


def shown(drop_in: Path) -> str:
    """What the reading adds to the properties of the unit."""
    text = files("remediations.systems.comet").joinpath("discover.sh").read_text()
    found = re.search(r"^held_by\(\) \{\n.*?^\}\n", text, re.MULTILINE | re.DOTALL)
    assert found is not None
    program = f'set -u\nshown=\n{found[0]}held_by {shlex.quote(str(drop_in))}\nprintf %s "$shown"'
    return subprocess.run(
        ["bash", "-c", program], text=True, capture_output=True, check=True, timeout=10
    ).stdout


def test_without_a_drop_in_nothing_is_held(tmp_path: Path) -> None:
    """And nothing is said."""
    assert shown(tmp_path / "none") == ""


@pytest.mark.parametrize(
    ("notes", "last"),
    [
        ("", ""),
        (f"# note: {NOTE}\n", NOTE),
        (f"# note: rolled-back:7:AB\n# note: {NOTE}\n", NOTE),
        ("# note: $(id)\n", ""),
        (f"# note: {'a' * 400}\n", "a" * 292),
        ("#\n" * 200 + f"# note: {NOTE}\n", ""),
    ],
)
def test_the_last_note_is_read(tmp_path: Path, notes: str, last: str) -> None:
    """Bounded, and of plain characters only."""
    path = tmp_path / "hold.conf"
    path.write_text(f"# Nothing may start this unit\n[Unit]\nAssertPathExists=!{path}\n{notes}")
    unit = host_text.parse_unit(SHOW + shown(path), home="/srv/ve")
    assert (unit.held, unit.hold_note) == (True, last)


def test_what_is_no_file_is_held_without_a_reason(tmp_path: Path) -> None:
    """The assertion fails all the same."""
    assert shown(tmp_path) == "RemediateHold=yes\n"

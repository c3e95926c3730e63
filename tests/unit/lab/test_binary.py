"""Which program the lab runs when the operator names one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab.binary import virtengined
from tests.lab.shell import LabError


def test_the_named_program_takes_the_place_of_every_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rehearsal runs on what the operator runs; nothing is built."""
    program = tmp_path / "theirs"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("VIRTENGINED", str(program))
    assert virtengined() == virtengined(2) == program


@pytest.mark.parametrize("make", ["nothing", "a directory", "a file that is not executable"])
def test_a_name_that_is_not_a_program_is_refused(
    make: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the variable, the path and what to do."""
    path = tmp_path / "theirs"
    if make == "a directory":
        path.mkdir()
    elif make == "a file that is not executable":
        path.touch(0o644)
    monkeypatch.setenv("VIRTENGINED", str(path))
    with pytest.raises(
        LabError, match=rf"VIRTENGINED={path} is not an executable file: .* unset it"
    ):
        virtengined()

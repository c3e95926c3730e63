"""What is started by importing the SSH library, and where it is imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.unit.docs.pages import ROOT

STARTED = """
import os, sys
started = []
sys.addaudithook(lambda event, told: started.append(told[0]) if event == "subprocess.Popen" else 0)
import ctypes.util
usual = dict(vars(ctypes.util))
import remediations.reach.ssh
assert vars(ctypes.util) == usual
print(*map(os.path.basename, started))
"""


def test_no_compiler_is_started(tmp_path: Path) -> None:
    """Programs on PATH that are called like one are not touched, and nothing stays changed."""
    for name in ("gcc", "cc", "ld"):
        (tmp_path / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
        (tmp_path / name).chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", STARTED],
        env={"PATH": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) <= {"ldconfig"}
    assert not (tmp_path / "started").exists()


def test_the_library_is_imported_in_one_place() -> None:
    """Any other import could come first."""
    found = [
        path.name
        for path in (ROOT / "remediations").rglob("*.py")
        if any(
            line.split()[:2] in (["import", "asyncssh"], ["from", "asyncssh"])
            or line.strip().startswith("from asyncssh.")
            for line in path.read_text().splitlines()
        )
    ]
    assert found == ["sshlib.py"]

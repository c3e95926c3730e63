"""The shell text of the system `podman`, run with stand-ins for podman, systemctl and the rest."""

from __future__ import annotations

import os
import shlex
import subprocess
from importlib.resources import files
from pathlib import Path

ID = "58122e31e96e3f0133a37b62fffc2c4bcfa784e4f39e4acad59886ce938b4612"
IMAGE_ID = "449baae662eaea351a776bea1b60002bdfd9cec8902b1aaf2c09d3050eb77c0b"
DIGEST = f"sha256:a6938e8c{'7' * 56}"
IMAGE = f"localhost/app@{DIGEST}"
STAMP = "2026-11-29T23:06:04.720641650Z"
NEVER = "0001-01-01T00:00:00Z"


def run_fragment(root: Path, call: str) -> subprocess.CompletedProcess[str]:
    """Call functions of the fragment, with the programs of `root`/bin before those of the host."""
    texts = [
        files("remediations.systems.hosts").joinpath("sections.sh").read_text(),
        files("remediations.systems.podman").joinpath("probe.sh").read_text(),
    ]
    alive = f"podman_alive={shlex.quote(str(root / 'alive'))}"
    path = f"{root / 'bin'}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", "\n".join([*texts, alive, call])],
        env={"PATH": path, "LC_ALL": "C", "TZ": "UTC"},
        text=True,
        capture_output=True,
        timeout=60,
    )


def script(root: Path, name: str, text: str) -> None:
    """Put a program on the path."""
    (root / "bin").mkdir(exist_ok=True)
    path = root / "bin" / name
    path.write_text(f"#!/bin/sh\n{text}")
    path.chmod(0o755)

"""`promtool`, the program with which rules of Prometheus are tried: the one of this machine, or the
one that `scripts/setup.sh` puts into the cache.

A rule that was not tried is not one that fires: where the program is missing, the test fails.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.lab.cache import cache_dir


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """What promtool says."""
    return subprocess.run(
        [_program(), *arguments], capture_output=True, text=True, timeout=240, check=False
    )


def _program() -> str:
    found = shutil.which("promtool") or shutil.which(cache_dir() / "promtool" / "promtool")
    if found is None:
        pytest.fail(
            "promtool is missing: run scripts/setup.sh, which takes it out of Debian's package "
            "`prometheus` (it needs apt-get, and root where package lists are missing), or put one "
            "on PATH"
        )
    return found

"""Earlier rollbacks, as the records of a host tell of them, under a real shell."""

from __future__ import annotations

import subprocess
from importlib.resources import files
from pathlib import Path

from remediations.systems.comet.rounds import Rollback, parse_rollbacks

PLAN, OTHER = "a" * 64, "b" * 64
SAID = "rolled back: height 7, app hash ABCD; block 8 will be executed again\n"


def test_what_steps_left_behind(tmp_path: Path) -> None:
    """Of each plan once; other steps, other files and other directories are none of them."""
    for place, text in {
        f"{PLAN}/2-1/stdout": SAID,
        f"{PLAN}/3-1/stdout": "started: virtengine.service is active\n",
        f"{OTHER}/2-1/stdout": f"noise\n{SAID}",
        f"{OTHER}/2-1/payload": SAID,
        "files/2-1/stdout": SAID,
    }.items():
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    text = files("remediations.systems.comet").joinpath("probe.sh").read_text()
    text = text.replace("/var/lib/remediate", str(tmp_path)).replace("((EUID == 0))", "true")
    done = subprocess.run(
        ["bash", "-c", f"declare -A own_us\n{text}\nrollbacks"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert parse_rollbacks(done.stdout) == tuple(
        Rollback(plan=plan, height=7, app_hash="ABCD") for plan in (PLAN, OTHER)
    )

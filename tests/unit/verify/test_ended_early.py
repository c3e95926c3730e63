"""Checks that are ended before all of them ran."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.unit.verify.test_runner import CONFTEST

LIMIT_S = 60
CHECKS = """
import sys
from pathlib import Path
from types import SimpleNamespace
from remediations.engine.verify import runner
promised = tuple(SimpleNamespace(id=id, title=id) for id in ("P1", "P2"))
given = SimpleNamespace(plan=SimpleNamespace(checks=promised))
results = runner.run_checks(given, Path(sys.argv[1]), heard=lambda _: None)
print(sum(result.outcome == "passed" for result in results))
"""
"""How many of the checks in a directory have passed."""


def test_checks_that_end_early_prove_nothing(tmp_path: Path) -> None:
    """A check that ends all of them leaves no result of those before it: never a success."""
    (tmp_path / "conftest.py").write_text(CONFTEST)
    text = "import pytest\nP = pytest.mark.check\n@P('P1', 'x')\ndef test_a(): pass\n"
    early = "@P('P2', 'y')\ndef test_b(): pytest.exit('enough')\n"
    for suite, results in ((text, b"1"), (text + early, b"0")):
        (tmp_path / "test_sample.py").write_text(suite)
        done = subprocess.run(
            [sys.executable, "-c", CHECKS, str(tmp_path)], capture_output=True, timeout=LIMIT_S
        )
        assert done.stdout.strip() == results

"""Running checks: each outcome, in order, told as it comes, and nothing printed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from remediations.engine.verify.result import CheckOutcome, CheckResult
from remediations.engine.verify.suite import suite_of
from remediations.playbooks.chain.domain import DOMAIN
from remediations.values.wire import decode

CONFTEST = """
import pytest

def pytest_addoption(parser):
    parser.addoption("--remediate-run")

def pytest_configure(config):
    config.addinivalue_line("markers", "check(id, title): x")

@pytest.fixture
def saw(record_property):
    return lambda text: record_property("saw", text)

@pytest.fixture
def dead():
    raise RuntimeError("no way in")
"""
CHECKS = """
import pytest

from remediations.engine.verify.result import NotVerified

@pytest.mark.check("P1", "it goes on")
def test_a(saw):
    saw("113 to 118")
    saw("on 5 nodes")

@pytest.mark.check("P2", "hosts agree")
@pytest.mark.parametrize("node", ["val1", "val2"])
def test_b(node):
    print("never seen")
    assert node == "val1", f"{node} does not"

@pytest.mark.check("P3", "it can be read")
def test_c(dead):
    pass

@pytest.mark.check("P4", "it can be compared")
def test_d():
    raise NotVerified("nothing to compare with")
"""


RUN = """
import sys
from pathlib import Path
from types import SimpleNamespace
from remediations.values.wire import canonical
from remediations.engine.plan.plan import PlannedCheck
from remediations.engine.verify import runner

promised = tuple(PlannedCheck(id=check, title="promised") for check in sys.argv[2:])
given = SimpleNamespace(plan=SimpleNamespace(checks=promised))
heard = []
results = runner.run_checks(given, Path(sys.argv[1]), heard=heard.append)
assert heard == list(results)
sys.stdout.buffer.write(canonical(results))
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A directory of checks to be run in the place of ours."""
    (tmp_path / "conftest.py").write_text(CONFTEST)
    return tmp_path


def run(suite: Path, *promised: str, said: bytes = b"") -> tuple[CheckResult, ...]:
    """Its results, by a process of its own: this one's pytest would rewrite the checks' asserts.
    Whatever pytest printed would stand before them."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(suite), *promised], capture_output=True, timeout=60
    )
    assert said in done.stderr
    assert bool(said) == bool(done.stderr)
    return decode(done.stdout, tuple[CheckResult, ...])


def test_outcomes(suite: Path) -> None:
    """Passed, failed, and unknown where it could not be evaluated; told in order, in its own words,
    and nothing else is printed."""
    (suite / "test_sample.py").write_text(CHECKS)
    results = run(suite, "P1", "P2", "P3", "P4")
    assert [(r.id, r.title, r.host, r.outcome, r.message) for r in results] == [
        ("P1", "it goes on", "", CheckOutcome.PASSED, "113 to 118; on 5 nodes"),
        ("P2", "hosts agree", "val1", CheckOutcome.PASSED, ""),
        ("P2", "hosts agree", "val2", CheckOutcome.FAILED, "val2 does not"),
        ("P3", "it can be read", "", CheckOutcome.UNKNOWN, "RuntimeError: no way in"),
        ("P4", "it can be compared", "", CheckOutcome.UNKNOWN, "nothing to compare with"),
    ]
    assert all(r.duration_ms >= 0 for r in results)


def test_promised_check_that_did_not_run_is_unknown(suite: Path) -> None:
    """By its id and title; one that ran, also for some hosts only, tells for itself. What is not
    promised is not run."""
    (suite / "test_sample.py").write_text(CHECKS)
    *ran, missing = run(suite, "P1", "P9", "P2", "P3")
    assert [result.id for result in ran] == ["P1", "P2", "P2", "P3"]
    assert (missing.id, missing.title, missing.host) == ("P9", "promised", "")
    assert (missing.outcome, missing.message) == (
        CheckOutcome.UNKNOWN,
        "the plan promises it, and it did not run",
    )


@pytest.mark.parametrize("text", ["", "import no_such_module\n"])
def test_where_nothing_runs_each_promise_is_unknown(suite: Path, text: str) -> None:
    """Also of checks that cannot be loaded."""
    (suite / "test_sample.py").write_text(text)
    assert [(r.id, r.outcome) for r in run(suite, "P1", "P2")] == [
        ("P1", CheckOutcome.UNKNOWN),
        ("P2", CheckOutcome.UNKNOWN),
    ]


@pytest.mark.parametrize("text", ["", "import no_such_module\n"])
def test_no_checks_give_no_result(suite: Path, text: str) -> None:
    """Where there are none, or they cannot be loaded, the answer is empty: never a success."""
    (suite / "test_sample.py").write_text(text)
    assert run(suite) == ()


def test_check_without_an_id_stops_all(suite: Path) -> None:
    """A test that no plan can name is a mistake of its author, and is told to them."""
    (suite / "test_sample.py").write_text("def test_x():\n    pass\n")
    assert run(suite, said=b"test_x is not a check: it lacks the marker") == ()


def test_our_own_suite_is_found() -> None:
    """The checks are shipped with the package."""
    assert sorted(file.name for file in suite_of(DOMAIN).glob("test_*.py")) == [
        "test_chain.py",
        "test_cosmovisor.py",
        "test_keys.py",
        "test_nodes.py",
        "test_synced.py",
    ]

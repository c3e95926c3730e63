"""What every suite of checks has, whatever it checks: a domain's `conftest.py` imports it.

    from remediations.engine.verify.fixtures import (
        given, pytest_addoption, pytest_configure, saw, seen, wait,
    )

Then `pytest --pyargs PACKAGE --remediate-run DIRECTORY --remediate-inventory FILE` runs the checks
by hand, and `remediate apply` and `verify` run them with what they have verified before.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

from remediations.engine.apply.look import Sight
from remediations.engine.verify.given import Given
from remediations.engine.verify.wait import Wait
from remediations.errors import RemediationError

GIVEN = pytest.StashKey[Given]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """For pytest by hand: the run whose plan is checked, and who the machines are."""
    parser.addoption("--remediate-run", metavar="DIRECTORY", help="a run's directory")
    parser.addoption("--remediate-inventory", metavar="FILE", help="the inventory of its hosts")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker, and get what is to be checked: from `remediate`, which has verified it,
    or from the files that the command line names."""
    config.addinivalue_line("markers", "check(id, title): a check that plans promise by its id")
    handed = [one for one in config.pluginmanager.get_plugins() if isinstance(one, Given)]
    config.stash[GIVEN] = handed[0] if handed else _from_files(config)


def _from_files(config: pytest.Config) -> Given:
    directory = config.getoption("--remediate-run")
    inventory = config.getoption("--remediate-inventory")
    if not directory or not inventory:
        raise pytest.UsageError(
            "--remediate-run DIRECTORY (see `remediate status`) and --remediate-inventory FILE are "
            "needed"
        )
    try:
        return Given.from_files(Path(directory), Path(inventory))
    except RemediationError as error:
        raise pytest.UsageError(str(error)) from error


@pytest.fixture(scope="session")
def given(pytestconfig: pytest.Config) -> Given:
    """The plan that was applied, and who its machines are."""
    return pytestconfig.stash[GIVEN]


@pytest.fixture(scope="session")
def seen(given: Given) -> Callable[[Callable[[], Sight]], None]:
    """Hand on a look at the world that a check has made anyway, as a function that gives its sight:
    the plots of the report go on with it. Nothing that the function raises reaches the check."""
    return given.seen


@pytest.fixture
def wait(request: pytest.FixtureRequest, given: Given) -> Wait:
    """How this check waits. What it waits for is shown past pytest, which captures all output."""
    marker = request.node.get_closest_marker("check")
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def tell(line: str) -> None:
        with capture.global_and_fixture_disabled() if capture else nullcontext():
            given.tell(line)

    return Wait(marker.args[0], tell)


@pytest.fixture
def saw(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Say what was seen, also when the check passes."""
    return lambda text: record_property("saw", text)

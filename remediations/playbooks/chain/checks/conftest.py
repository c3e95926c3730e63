"""Gives the checks what they judge: all nodes of the plan that was applied, read once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import ClassVar

import pytest
from testinfra.host import Host

from remediations.engine.plan.compare import changed_logins
from remediations.engine.verify.given import Given
from remediations.engine.verify.wait import Wait
from remediations.errors import RemediationError
from remediations.playbooks.chain.baseline import ChainBaseline
from remediations.playbooks.chain.checks.fleet import Fleet
from remediations.playbooks.chain.checks.planned import PlannedChain
from remediations.playbooks.chain.checks.reading import ChainReading, NodeReading
from remediations.reach.blocking import BlockingReach
from remediations.systems.hosts.testinfra import testinfra_host

GIVEN = pytest.StashKey[Given]()


class _Every:
    """What a check without a host has in place of pytest's parameters."""

    params: ClassVar[dict[str, object]] = {}


def pytest_addoption(parser: pytest.Parser) -> None:
    """For pytest by hand: the run whose plan is checked, and who the machines are."""
    parser.addoption("--remediate-run", metavar="DIRECTORY", help="a run's directory")
    parser.addoption("--remediate-inventory", metavar="FILE", help="the inventory of its hosts")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker, and get what is to be checked: from `remediate`, which has verified it,
    or from the files that the command line names."""
    config.addinivalue_line("markers", "check(id, title): the check of docs/rules/checks.md")
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


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for `node` runs for each target, `acted` for each one that was acted on."""
    plan = PlannedChain.of(metafunc.config.stash[GIVEN].plan)
    everyone = [target.host for target in plan.targets]
    signers = [t.host for t in plan.targets if t.power and t.host in plan.acting]
    for name, hosts in (("node", everyone), ("acted", list(plan.acting)), ("signer", signers)):
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, hosts or [None], indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A check that bears on no host of this plan is left out: pytest would call it skipped."""
    items[:] = [
        item for item in items if None not in getattr(item, "callspec", _Every).params.values()
    ]


@pytest.fixture(scope="session")
def given(pytestconfig: pytest.Config) -> Given:
    """The plan that was applied, and who its machines are."""
    return pytestconfig.stash[GIVEN]


@pytest.fixture(scope="session")
def plan(given: Given) -> PlannedChain:
    """What the plan says of the chain."""
    return PlannedChain.of(given.plan)


@pytest.fixture(scope="session")
def baseline(plan: PlannedChain) -> ChainBaseline:
    """How things stood before anything was done."""
    return plan.baseline


@pytest.fixture(scope="session")
def reach(given: Given, plan: PlannedChain) -> Iterator[BlockingReach]:
    """Connections to the targets, each by the very name, way and host keys that the plan pins."""
    known = {entry.name for entry in given.inventory.hosts}
    targets = {target.host for target in plan.targets}
    reach = BlockingReach(given.inventory, given.resolver)
    try:
        elsewhere = changed_logins(
            [login for login in given.plan.logins if login.host in targets],
            [reach.login(host) for host in sorted(targets & known)],
        )
        assert not elsewhere, "; ".join(
            f"{d.name}: planned {d.planned}, now {d.now}" for d in elsewhere
        )
        yield reach
    finally:
        reach.close()


@pytest.fixture(scope="session")
def fleet(plan: PlannedChain, reach: BlockingReach) -> Fleet:
    """All targets, asked at once."""
    return Fleet(reach, plan.targets)


@pytest.fixture(scope="session")
def reading(plan: PlannedChain, fleet: Fleet) -> ChainReading:
    """What all checks judge, read once, when the first of them asks for it."""
    return fleet.read(plan.baseline, plan.acting)


def _one(request: pytest.FixtureRequest, reading: ChainReading) -> NodeReading:
    return reading.nodes[str(request.param)]


@pytest.fixture
def node(request: pytest.FixtureRequest, reading: ChainReading) -> NodeReading:
    """One target."""
    return _one(request, reading)


@pytest.fixture
def acted(request: pytest.FixtureRequest, reading: ChainReading) -> NodeReading:
    """One host on which something ran."""
    return _one(request, reading)


@pytest.fixture
def signer(request: pytest.FixtureRequest, reading: ChainReading) -> NodeReading:
    """One validator on which something ran."""
    return _one(request, reading)


@pytest.fixture
def host_of(reach: BlockingReach) -> Callable[[str], Host]:
    """testinfra's host of a name, for a check that asks one machine by hand: a round each time."""
    return lambda name: testinfra_host(reach, name)


@pytest.fixture
def wait(request: pytest.FixtureRequest, given: Given) -> Wait:
    """How this check waits. What it waits for is told past pytest, which captures all output."""
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

"""Gives the checks their plan and their nodes, from a run directory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from remediations.engine.plan.compare import changed_logins
from remediations.engine.verify.given import Given
from remediations.errors import RemediationError
from remediations.playbooks.chain.checks.planned import PlannedChain
from remediations.reach.blocking import BlockingReach
from remediations.systems.comet.asked import Node
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
    acted = list(plan.acting_hosts)
    everyone = [target.host for target in plan.targets]
    signers = [t.host for t in plan.targets if t.power and t.host in acted]
    for name, hosts in (("node", everyone), ("acted", acted), ("signer", signers)):
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, hosts or [None], indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A check that bears on no host of this plan is left out: pytest would call it skipped."""
    items[:] = [
        item for item in items if None not in getattr(item, "callspec", _Every).params.values()
    ]


@pytest.fixture(scope="session")
def plan(pytestconfig: pytest.Config) -> PlannedChain:
    """What the plan that was applied says of the chain."""
    return PlannedChain.of(pytestconfig.stash[GIVEN].plan)


@pytest.fixture(scope="session")
def nodes(pytestconfig: pytest.Config, plan: PlannedChain) -> Iterator[dict[str, Node]]:
    """Every target, each behind the very name, way and host keys that the plan has pinned."""
    given = pytestconfig.stash[GIVEN]
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
        yield {t.host: Node(t, testinfra_host(reach, t.host)) for t in plan.targets}
    finally:
        reach.close()


def _one(request: pytest.FixtureRequest, nodes: dict[str, Node]) -> Node:
    return nodes[str(request.param)]


@pytest.fixture
def node(request: pytest.FixtureRequest, nodes: dict[str, Node]) -> Node:
    """One target."""
    return _one(request, nodes)


@pytest.fixture
def acted(request: pytest.FixtureRequest, nodes: dict[str, Node]) -> Node:
    """One host on which something ran."""
    return _one(request, nodes)


@pytest.fixture
def signer(request: pytest.FixtureRequest, nodes: dict[str, Node]) -> Node:
    """One validator on which something ran."""
    return _one(request, nodes)


@pytest.fixture
def saw(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Say what was seen, also when the check passes."""
    return lambda text: record_property("saw", text)

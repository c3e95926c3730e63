"""Gives the checks their plan and their nodes, from a run directory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from remediations.model.inventory import Inventory
from remediations.model.wire import decode
from remediations.plan.plan import Plan
from remediations.reach.blocking import BlockingReach
from remediations.verify.backend import testinfra_host
from remediations.verify.node import Node

PLAN = pytest.StashKey[Plan]()


class _Every:
    """What a check without a host has in place of pytest's parameters."""

    params: ClassVar[dict[str, object]] = {}


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--remediate-run`: the directory that holds plan.json and inventory.json."""
    parser.addoption("--remediate-run", metavar="DIRECTORY", help="a run's directory")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker, and read the plan."""
    config.addinivalue_line("markers", "check(id, title): the check of chain-recovery §7.3")
    directory = config.getoption("--remediate-run")
    if not directory:
        raise pytest.UsageError("--remediate-run DIRECTORY is missing (see `remediate status`)")
    config.stash[PLAN] = decode((Path(directory) / "plan.json").read_bytes(), Plan)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for `node` runs for each target, `acted` for each one that was acted on."""
    plan = metafunc.config.stash[PLAN]
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
def plan(pytestconfig: pytest.Config) -> Plan:
    """The plan that was applied."""
    return pytestconfig.stash[PLAN]


@pytest.fixture(scope="session")
def nodes(pytestconfig: pytest.Config, plan: Plan) -> Iterator[dict[str, Node]]:
    """Every target, connected."""
    directory = Path(pytestconfig.getoption("--remediate-run"))
    inventory = decode((directory / "inventory.json").read_bytes(), Inventory)
    reach = BlockingReach(inventory)
    try:
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

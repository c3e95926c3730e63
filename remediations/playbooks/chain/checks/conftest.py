"""Gives the checks what they judge: all nodes of the applied plan, read once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import ClassVar

import pytest
from testinfra.host import Host

from remediations.engine.apply.look import Sight
from remediations.engine.verify.fixtures import (
    GIVEN,
    given,
    pytest_addoption,
    pytest_configure,
    saw,
    seen,
)
from remediations.engine.verify.fixtures import wait as wait_alone
from remediations.engine.verify.given import Given
from remediations.engine.verify.pinned_reach import pinned_reach
from remediations.engine.verify.wait import Wait
from remediations.playbooks.chain.baseline import ChainBaseline
from remediations.playbooks.chain.checks.fleet import Fleet, Statuses
from remediations.playbooks.chain.checks.keys import HeldFleet
from remediations.playbooks.chain.checks.planned import PlannedChain
from remediations.playbooks.chain.checks.reading import (
    CheckedChain,
    CheckedNode,
)
from remediations.playbooks.chain.look import look_at
from remediations.reach.blocking import BlockingReach
from remediations.systems.hosts.testinfra import testinfra_host

__all__ = ["given", "pytest_addoption", "pytest_configure", "saw", "seen", "wait_alone"]


class _Every:
    """Stands in for pytest's parameters where a check has none."""

    params: ClassVar[dict[str, object]] = {}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for `node` runs for each node of the plan, for `acted` or `signer` for each
    one, or each validator, that was acted on, for `freed` for each whose validator was unjailed,
    for `held` for each that was stopped and held, for `chosen` for each whose program cosmovisor
    selects, for `synced` for each that was rebuilt by state sync."""
    plan = PlannedChain.of(metafunc.config.stash[GIVEN].plan)
    asked = {
        "node": [target.host for target in plan.targets],
        "acted": list(plan.acting),
        "signer": [t.host for t in plan.targets if t.power and t.host in plan.acting],
        "freed": list(plan.freed),
        "held": [target.host for target in plan.held],
        "chosen": [one.host for one in plan.baseline.selected],
        "synced": [one.host for one in plan.synced],
    }
    for name, hosts in asked.items():
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, hosts or [None], indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leaves out a check that applies to no host of this plan: pytest would call it skipped."""
    items[:] = [
        item for item in items if None not in getattr(item, "callspec", _Every).params.values()
    ]


@pytest.fixture(scope="session")
def plan(given: Given) -> PlannedChain:
    """What the plan says about the chain."""
    return PlannedChain.of(given.plan)


@pytest.fixture(scope="session")
def baseline(plan: PlannedChain) -> ChainBaseline:
    """The state of the chain before anything was done."""
    return plan.baseline


@pytest.fixture(scope="session")
def reach(given: Given, plan: PlannedChain) -> Iterator[BlockingReach]:
    """Connections to the nodes of the plan, by exactly the names, routes and host keys that it
    pins."""
    hosts = {target.host for target in (*plan.targets, *plan.held)}
    with pinned_reach(given, hosts) as reach:
        yield reach


@pytest.fixture(scope="session")
def fleet(
    plan: PlannedChain, reach: BlockingReach, seen: Callable[[Callable[[], Sight]], None]
) -> Fleet:
    """All targets, asked at once. Where they stand then is a look for the report, too."""

    def look(statuses: Statuses) -> None:
        seen(lambda: look_at(plan.targets, plan.baseline.total_power, statuses).sight)

    return Fleet(reach, plan.targets, look)


@pytest.fixture
def wait(wait_alone: Wait, fleet: Fleet) -> Wait:
    """How this check waits. While it does so for one node, the report still shows all of them."""
    return replace(wait_alone, meanwhile=fleet.glance)


@pytest.fixture(scope="session")
def reading(plan: PlannedChain, fleet: Fleet) -> CheckedChain:
    """What all checks judge, read once when the first of them asks for it."""
    return fleet.read(plan.baseline, plan.acting)


def _one(request: pytest.FixtureRequest, reading: CheckedChain) -> CheckedNode:
    return reading.nodes[str(request.param)]


@pytest.fixture
def node(request: pytest.FixtureRequest, reading: CheckedChain) -> CheckedNode:
    """One node of the plan."""
    return _one(request, reading)


@pytest.fixture
def acted(request: pytest.FixtureRequest, reading: CheckedChain) -> CheckedNode:
    """One node that was acted on."""
    return _one(request, reading)


@pytest.fixture
def signer(request: pytest.FixtureRequest, reading: CheckedChain) -> CheckedNode:
    """One validator that was acted on."""
    return _one(request, reading)


@pytest.fixture(scope="session")
def held_fleet(plan: PlannedChain, reach: BlockingReach) -> HeldFleet:
    """The nodes that were stopped and held, and the chain that their keys signed in."""
    return HeldFleet(reach, plan)


@pytest.fixture
def held(request: pytest.FixtureRequest) -> str:
    """One host that was stopped and held."""
    return str(request.param)


@pytest.fixture
def freed(request: pytest.FixtureRequest, reading: CheckedChain) -> CheckedNode:
    """One node whose validator was unjailed."""
    return _one(request, reading)


@pytest.fixture
def host_of(reach: BlockingReach) -> Callable[[str], Host]:
    """Name → testinfra's host object, for a check that asks one host directly: a round trip each
    time."""
    return lambda name: testinfra_host(reach, name)


@pytest.fixture
def chosen(request: pytest.FixtureRequest, reading: CheckedChain) -> CheckedNode:
    """One node whose program cosmovisor selects, and a plan put in place."""
    return _one(request, reading)


@pytest.fixture
def synced(request: pytest.FixtureRequest, reading: CheckedChain) -> CheckedNode:
    """One node that was rebuilt by state sync."""
    return _one(request, reading)

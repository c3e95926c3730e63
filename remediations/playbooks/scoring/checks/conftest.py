"""Gives the checks what they judge: all services of the applied plan, asked once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import pytest
from testinfra.host import Host

from remediations.engine.apply.look import Sight
from remediations.engine.verify.fixtures import (
    given,
    pytest_addoption,
    pytest_configure,
    saw,
    seen,
    wait,
)
from remediations.engine.verify.given import Given
from remediations.engine.verify.pinned_reach import pinned_reach
from remediations.playbooks.scoring.baseline import Scorers, ScoringBaseline
from remediations.playbooks.scoring.look import Steadiness, look_at
from remediations.reach.blocking import BlockingReach
from remediations.reach.connection import HostUnreachable
from remediations.systems.hosts.testinfra import testinfra_host
from remediations.systems.scorer.poll import (
    NO_POLL,
    POLL_LIMIT_S,
    ScorerPoll,
    poll_command,
    read_poll,
)

__all__ = ["given", "pytest_addoption", "pytest_configure", "saw", "seen", "wait"]


@pytest.fixture(scope="session")
def before(given: Given) -> ScoringBaseline:
    """How the services were, and what is agreed."""
    return given.plan.part(ScoringBaseline)


@pytest.fixture(scope="session")
def reach(given: Given) -> Iterator[BlockingReach]:
    """Connections by exactly the names, routes and host keys that the plan pins."""
    hosts = {target.host for target in given.plan.part(Scorers).scorers}
    with pinned_reach(given, hosts) as reach:
        yield reach


@pytest.fixture
def host_of(reach: BlockingReach) -> Callable[[str], Host]:
    """Name → testinfra's host object, for a check that asks one host directly."""
    return lambda name: testinfra_host(reach, name)


@pytest.fixture(scope="session")
def polls(
    given: Given,
    before: ScoringBaseline,
    reach: BlockingReach,
    seen: Callable[[Callable[[], Sight]], None],
) -> Mapping[str, ScorerPoll]:
    """What each service answers now. The report shows it, too."""
    targets = given.plan.part(Scorers).scorers
    found: dict[str, ScorerPoll] = {}
    for target in targets:
        command = poll_command(target, before.golden, before.timeout_ms)
        try:
            done = reach.run(target.host, command, timeout_s=POLL_LIMIT_S)
            found[target.host] = read_poll(done.stdout, before.golden)
        except HostUnreachable:
            found[target.host] = NO_POLL
    seen(lambda: look_at(targets, before.golden, before.total_power, found, Steadiness()).sight)
    return found

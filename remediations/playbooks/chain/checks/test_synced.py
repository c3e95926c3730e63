"""Checks on nodes that were rebuilt by state sync: their settings, and what was set aside."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from remediations.playbooks.chain.checks.fleet import Fleet
from remediations.playbooks.chain.checks.planned import PlannedChain
from remediations.playbooks.chain.checks.reading import CheckedNode
from remediations.playbooks.chain.checks.titles import TITLES

Saw = Callable[[str], None]


@pytest.mark.check("P33", TITLES["P33"])
def test_settings_as_before(
    synced: CheckedNode, plan: PlannedChain, fleet: Fleet, saw: Saw
) -> None:
    """What stands below [statesync] is what the plan read there: off, with nothing of ours."""
    (planned,) = (one for one in plan.synced if one.host == synced.name)
    now = fleet.sync_settings(synced.target)
    saw(now.words)
    assert not now.enabled, "state sync is on"
    assert now.words == planned.settings, f"{now.words}, before {planned.settings}"


@pytest.mark.check("P34", TITLES["P34"])
def test_set_aside(synced: CheckedNode, plan: PlannedChain, fleet: Fleet, saw: Saw) -> None:
    """The former databases are all in the directory of the plan, which is named with what it takes
    and what removes it."""
    (planned,) = (one for one in plan.synced if one.host == synced.name)
    path = f"{synced.target.home}/data/{planned.aside}"
    size = fleet.set_aside(synced.target, planned.aside)
    assert size is not None, f"{path} is not there, or not whole"
    saw(f"{size >> 20} MiB in {path}; once nobody needs them: sudo rm -r {path}")

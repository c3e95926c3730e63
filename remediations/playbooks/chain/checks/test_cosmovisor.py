"""Checks on nodes below cosmovisor: what it selects, and the file by which it switches."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from remediations.playbooks.chain.baseline import ChainBaseline
from remediations.playbooks.chain.checks.reading import CheckedNode, known
from remediations.playbooks.chain.checks.titles import TITLES

Saw = Callable[[str], None]


@pytest.mark.check("P27", TITLES["P27"])
def test_selected(chosen: CheckedNode, baseline: ChainBaseline, saw: Saw) -> None:
    """cosmovisor's link leads to the program that the plan put in place."""
    (planned,) = (one for one in baseline.selected if one.host == chosen.name)
    leads = known(chosen.selected)
    saw(f"current leads to {leads or 'nothing'}")
    assert leads == planned.path, f"current leads to {leads or 'nothing'}, not to {planned.path}"


@pytest.mark.check("P28", TITLES["P28"])
def test_upgrade_info_kept(chosen: CheckedNode, baseline: ChainBaseline, saw: Saw) -> None:
    """`upgrade-info.json` has the hash that it had: cosmovisor and the application go by it."""
    (planned,) = (one for one in baseline.selected if one.host == chosen.name)
    now = known(chosen.upgrade_info)
    saw(f"sha256 {now[:16] or 'none'}")
    assert now == planned.upgrade_info, f"{now or 'none'}, before {planned.upgrade_info or 'none'}"

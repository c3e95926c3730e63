"""How long branches took: what they declare is what docs/plan.md says, for each of them."""

from __future__ import annotations

import re

from remediations.engine.catalogue import catalogue
from remediations.engine.plan.measured import Measured
from remediations.engine.plan.overview import shown_by
from remediations.machine.config import MachineConfig
from tests.unit.docs.pages import pages

HEADING = "### How long it takes"
ROW = re.compile(r"^\| ([^|]+) \| `([a-z-]+)` \| ([0-9]+) s \| ([0-9]+) s \|$", re.MULTILINE)


def test_the_page_has_what_is_declared() -> None:
    """Each figure, with the playbook that shows the branch, and no other."""
    section = pages()["docs/plan.md"].partition(HEADING)[2].partition("\n## ")[0]
    told = {
        (playbook, branch): Measured(gate_s=int(gate), verified_s=int(verified))
        for playbooks, branch, gate, verified in ROW.findall(section)
        for playbook in playbooks.split(", ")
    }
    ours = catalogue(MachineConfig()).playbooks
    shows = shown_by(ours)
    declared = {
        (one.playbook.id, branch.name): branch.measured
        for one in ours
        for branch in one.playbook.branches
        if branch.measured is not None and shows[id(branch)] == one.playbook.id
    }
    assert told == declared
    assert len(declared) >= 4


def test_nothing_is_verified_before_its_last_gate() -> None:
    """The checks begin then."""
    for one in catalogue(MachineConfig()).playbooks:
        for branch in one.playbook.branches:
            if branch.measured is not None:
                assert 0 < branch.measured.gate_s < branch.measured.verified_s

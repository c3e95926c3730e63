"""Plans and runs on a machine that is too busy to be read at once: one looks again."""

from __future__ import annotations

import re

from tests.lab.operator import Operator, Said
from tests.lab.shell import LabError

LOOKS = 6
"""A reading of a busy machine may lack something: then it is unknown, and one looks again."""
PLANNED, WORLD_CHANGED = 3, 6
_COPIED = re.compile(r"copied: ([0-9a-f]{64}), ")


def planned(operator: Operator, playbook: str, *options: str) -> str:
    """An approved run."""
    for _ in range(LOOKS):
        said = operator.plan(playbook, *options)
        if said.code == PLANNED:
            run = str(said.result["run"])
            assert operator.approve(run).code == 0
            return run
    raise LabError(str(said.document))


def applied(operator: Operator, playbook: str, *options: str) -> Said:
    """The end of a run that was not refused because the machine was too busy to be read."""
    for _ in range(LOOKS):
        said = operator.says("apply", planned(operator, playbook, *options))
        if said.code != WORLD_CHANGED:
            break
    return said


def brought(operator: Operator, playbook: str, donor: str, *to: str) -> str:
    """A copy of the donor, as its run names it, on these hosts."""
    said = applied(operator, playbook, "--donor", donor)
    assert said.code == 0, said.why
    journal = max(operator.state.glob("runs/*/journal.jsonl"), key=lambda one: one.stat().st_mtime)
    found = _COPIED.search(journal.read_text())
    assert found is not None, journal.read_text()
    staged = operator.says("stage", found[1], "--donor", donor, "--limit", ",".join(to))
    assert staged.code == 0, staged.document
    return found[1]

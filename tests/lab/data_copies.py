"""A copy of a node's databases, brought to those who get it."""

from __future__ import annotations

import re

from tests.lab.operator import Operator

_COPIED = re.compile(r"copied: ([0-9a-f]{64}), ")


def brought(operator: Operator, playbook: str, donor: str, *to: str) -> str:
    """A copy of the donor, as its run names it, on these hosts."""
    said = operator.rescue(playbook, "--donor", donor)
    assert said.code == 0, said.why
    journal = max(operator.state.glob("runs/*/journal.jsonl"), key=lambda one: one.stat().st_mtime)
    found = _COPIED.search(journal.read_text())
    assert found is not None, journal.read_text()
    staged = operator.says("stage", found[1], "--donor", donor, "--limit", ",".join(to))
    assert staged.code == 0, staged.document
    return found[1]

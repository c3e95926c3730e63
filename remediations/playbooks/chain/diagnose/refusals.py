"""Why nodes refuse what is proposed: where all vote and all refuse, that is the reason of the halt.

A refused proposal says nothing about the node that refuses it (docs/diagnosis.md#lines).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.playbooks.chain.diagnose.power import Power
from remediations.systems.comet.journal_lines import (
    cause_of,
    named_height,
    plain_line,
    same_words,
)
from remediations.systems.comet.journal_table import REFUSED_PROPOSAL
from remediations.values.reading import value_or_none

_REFUSED = re.compile(REFUSED_PROPOSAL)
_PREFIX = re.compile(r"^.*?(?:prevote|precommit) step: ")


@dataclass(frozen=True)
class Refusal:
    """A reason, in the words of one node, and the validators whose newest refusal gives it."""

    reason: str
    hosts: tuple[str, ...]
    power: int


def read_refusals(views: Sequence[NodeView], power: Power, tip: int) -> tuple[Refusal, ...]:
    """The reasons for which validators refuse blocks above `tip`, most power first."""
    told: dict[str, tuple[str, list[NodeView]]] = {}
    for view in views:
        reason = _newest(view, tip)
        if reason and power.of(view.address):
            told.setdefault(same_words(reason), (reason, []))[1].append(view)
    found = (
        Refusal(
            reason,
            tuple(sorted(view.host for view in members)),
            power.sum(view.address for view in members),
        )
        for reason, members in told.values()
    )
    return tuple(sorted(found, key=lambda refusal: (-refusal.power, refusal.reason)))


def _newest(view: NodeView, tip: int) -> str:
    for entry in reversed(value_or_none(view.reading.journal) or ()):
        line = plain_line(entry.message)
        if not _REFUSED.search(line):
            continue
        height = named_height(line)
        if height is not None and height <= tip:
            return ""
        cause = cause_of(line)
        return _PREFIX.sub("", line.partition(" err=")[0]) if cause == "null" else cause
    return ""

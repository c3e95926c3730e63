"""What a plan changes, apart from when it was made and how it is told. Pure.

A plan that is made again after it expired has another digest, and needs new signatures. If its
*change digest* is the same, whoever reads it reads nothing new. This is for people only: it is
signed by nobody, and nothing is decided by it.

What is left out is listed in `TOLD`; everything else counts. So a field that is added to a plan
later counts without a change here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from remediations.engine.plan.compare import SHOWN
from remediations.engine.plan.plan import Plan, plan_digest
from remediations.values.record import Moment, Record
from remediations.values.wire import as_tree, digest

Tree = Any
"""A JSON tree, which has no narrower type."""

TOLD: Mapping[str, str] = MappingProxyType(
    {
        "observed_at": "a time",
        "expires_at": "a time",
        "observation_digest": "it names another look at the same",
        "finding.headline": "words",
        "finding.explanation": "words",
        "finding.since": "a time",
        "finding.rows": "words; the verdict and the subjects count",
        "finding.tables": "words; the verdict and the subjects count",
        "finding.next_step": "advice",
        "finding.causes": "what else is not well",
        "finding.witnesses": "who was asked, not what is done",
        "finding.evidence": "readings; what decides of them is a fact",
        "finding.subjects.*.cause": "words; the condition counts",
        "finding.subjects.*.by_hand": "advice",
        "finding.subjects.*.evidence": "readings; what decides of them is a fact",
        "facts.*.at": "a time",
        "facts.*.source": "where it was read",
        "facts.*.why": "words",
        "guards.*.title": "words; id, subject and outcome count",
        "guards.*.got": "what it saw; the outcome counts",
        "guards.*.expected": "words",
        "guards.*.next_step": "advice",
        "stages.*.title": "words; the steps count",
        "stages.*.why": "words",
        "stages.*.gate.title": "words; what the gate asks counts",
    }
)
"""By path, with `*` for any index of a list, and why it does not count."""

_NAMED_BY: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "facts": ("name",),
        "guards": ("id", "subject"),
        "stages": ("number",),
        "steps": ("id",),
        "impacts": ("measure",),
        "checks": ("id",),
        "logins": ("host",),
        "subjects": ("name",),
        "baseline": ("kind",),
        "inputs": ("name",),
    }
)
"""By which members the entries of a list are matched, so that one more does not move the others."""


class PlanName(Record, frozen=True, kw_only=True):
    """A plan that is compared. `change` is its change digest."""

    digest: str
    change: str
    title: str
    observed_at: Moment
    expires_at: Moment


class PlanChange(Record, frozen=True, kw_only=True):
    """One thing in which two plans differ, by its path; "" for what one of them does not have."""

    path: str
    before: str
    after: str


class PlanDiff(Record, frozen=True, kw_only=True):
    """Two plans. `same_change` is whether nothing but times and words differ."""

    before: PlanName
    after: PlanName
    same_change: bool
    changes: tuple[PlanChange, ...]


def change_digest(plan: Plan) -> str:
    """The SHA-256 of what the plan changes, lower-case hex."""
    return digest(_without(as_tree(plan), ""))


def compare_plans(before: Plan, after: Plan) -> PlanDiff:
    """In what two plans differ, apart from times and words."""
    trees = [_keyed(_without(as_tree(plan), ""), "") for plan in (before, after)]
    names = (_named(before), _named(after))
    return PlanDiff(
        before=names[0],
        after=names[1],
        same_change=names[0].change == names[1].change,
        changes=tuple(_changes("", *trees)),
    )


def _named(plan: Plan) -> PlanName:
    return PlanName(
        digest=plan_digest(plan),
        change=change_digest(plan),
        title=plan.title,
        observed_at=plan.observed_at,
        expires_at=plan.expires_at,
    )


def _without(tree: Tree, path: str) -> Tree:
    """The tree without what does not count. Nothing in a part is left out."""
    if isinstance(tree, dict):
        inner = {name: f"{path}.{name}" if path else name for name in tree}
        return {
            name: _without(value, inner[name])
            for name, value in tree.items()
            if inner[name] not in TOLD
        }
    if isinstance(tree, list):
        return [_without(item, f"{path}.*") for item in tree]
    return tree


def _keyed(tree: Tree, name: str) -> Tree:
    """The tree with lists of named entries as objects."""
    if isinstance(tree, dict):
        return {key: _keyed(value, key) for key, value in tree.items()}
    if not isinstance(tree, list):
        return tree
    entries = [_keyed(item, "") for item in tree]
    by = _NAMED_BY.get(name, ())
    if not by or not all(isinstance(one, dict) and {*by} <= one.keys() for one in entries):
        return entries
    keys = [" ".join(filter(None, (str(one[member]) for member in by))) for one in entries]
    return dict(zip(keys, entries, strict=True)) if len({*keys}) == len(keys) else entries


def _changes(path: str, before: Tree, after: Tree) -> Iterator[PlanChange]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys((*before, *after)):
            inner = f"{path}[{key}]" if path.rpartition(".")[2] in _NAMED_BY else _joined(path, key)
            yield from _changes(inner, before.get(key), after.get(key))
    elif before != after:
        yield PlanChange(path=path or "plan", before=_shown(before), after=_shown(after))


def _joined(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _shown(value: Tree) -> str:
    if isinstance(value, dict):
        return f"{len(value)} members"
    if isinstance(value, list):
        texts = all(isinstance(item, str) for item in value)
        return ", ".join(value)[:SHOWN] if texts else f"{len(value)} entries"
    if isinstance(value, str) and "\n" in value:
        return f"{value.count(chr(10)) + 1} lines, SHA-256 {digest(value)[:16]}"
    return "" if value is None else str(value)[:SHOWN]

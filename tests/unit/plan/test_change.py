"""The same change, planned again: nothing but the times; anything else is told by its path."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from remediations.engine.diff.plan_text import plan_diff_text
from remediations.engine.plan.change import TOLD, change_digest, compare_plans
from remediations.engine.plan.plan import Plan, plan_digest
from remediations.values.wire import as_tree
from tests.hostile import record_of
from tests.unit.plan.cases import minority_down, plan_of, quorum_lost, wrong_clock

LATER = timedelta(minutes=40)


def planned_later() -> Plan:
    """The same world, looked at once more."""
    world = quorum_lost()
    return plan_of(replace(world, began=world.began + LATER, ended=world.ended + LATER))


def test_nothing_but_the_times() -> None:
    """Another digest, the same change."""
    before, after = plan_of(quorum_lost()), planned_later()
    assert plan_digest(before) != plan_digest(after)
    diff = compare_plans(before, after)
    assert (diff.same_change, diff.changes) == (True, ())
    assert change_digest(before) == change_digest(after) == diff.after.change
    told = plan_diff_text(diff, verbose=False)
    assert told.startswith("the same change: nothing but the times, and words that only describe\n")
    same = plan_diff_text(compare_plans(before, before), verbose=False)
    assert same.startswith("the same plan, byte for byte\n")


def test_what_differs_is_named() -> None:
    """By its path, with both values."""
    before = plan_of(quorum_lost())
    step = before.stages[0].steps[0]
    other = replace(step, timeout_s=31, payload=f"{step.payload}true\n")
    stage = replace(before.stages[0], steps=(other,))
    fact = replace(before.facts[-1], value="another")
    after = replace(before, stages=(stage,), facts=(*before.facts[:-1], fact), guards=())
    diff = compare_plans(before, after)
    assert diff.same_change is False
    found = {one.path: (one.before, one.after) for one in diff.changes}
    assert found["stages[1].steps[1-0].timeout_s"] == ("30", "31")
    assert "stages[1].steps[1-0].payload" in found
    assert found[f"facts[{fact.name}].value"] == (before.facts[-1].value, "another")
    assert found[f"guards[{before.guards[0].id}]"][1] == ""
    assert "another change: " in plan_diff_text(diff, verbose=True)


@pytest.mark.parametrize("other", [minority_down, lambda: wrong_clock(quorum_lost(), "val1")])
def test_another_world_is_another_change(other: object) -> None:
    """One that acts elsewhere, or whose guards do not pass."""
    assert callable(other)
    assert not compare_plans(plan_of(quorum_lost()), plan_of(other())).same_change


def paths(tree: object, path: str = "") -> set[str]:
    """Every path of a tree, with `*` for any index."""
    if isinstance(tree, dict):
        inner = {name: f"{path}.{name}" if path else name for name in tree}
        return {*inner.values()}.union(*(paths(tree[name], inner[name]) for name in tree))
    if isinstance(tree, list):
        return set().union(*(paths(item, f"{path}.*") for item in tree))
    return set()


def test_what_is_left_out_is_listed_and_there() -> None:
    """No path is of a field that a plan does not have; steps, values and outcomes all count."""
    whole = record_of(Plan, lambda number: f"word{number}", several=1)
    assert {*TOLD} <= paths(as_tree(whole))
    for field in ("stages.*.steps", "facts.*.value", "guards.*.outcome", "logins", "baseline"):
        assert not any(told.startswith(field) for told in TOLD)
    assert not any(told.startswith("stages.*.steps.") for told in TOLD)

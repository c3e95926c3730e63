"""Whether what was derived is reset, by each item's own probe, and was called once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from remediations.engine.apply.look import Sight
from remediations.engine.plan.plan import plan_digest
from remediations.engine.verify.given import Given
from remediations.engine.verify.result import NotVerified
from remediations.errors import RemediationError
from remediations.playbooks.keys.checks.titles import SESSION_CHECKS
from remediations.playbooks.keys.sessions_gates import ItemsLook, orders_of
from remediations.playbooks.keys.sessions_watch import item_now
from remediations.systems.sessions.calls import calls_in
from remediations.systems.sessions.inventory import sessions_of

Saw = Callable[[str], None]


@pytest.mark.check("RP10", SESSION_CHECKS["RP10"])
def test_each_is_reset(given: Given, saw: Saw, seen: Callable[[Callable[[], Sight]], None]) -> None:
    """Asked now, item by item; nothing is concluded from what a call answered."""
    found = tuple(item_now(order) for _, order in orders_of(given.plan))
    seen(lambda: ItemsLook(items=found).sight)
    for one in found:
        saw(f"{one.name}: {one.seen}")
    bad = [f"{one.name}: {one.seen}" for one in found if one.is_done is False]
    assert not bad, f"not reset: {'; '.join(bad)}"
    unknown = [f"{one.name}: {one.seen}" for one in found if one.is_done is None]
    if unknown:
        raise NotVerified(f"whether it is reset is not known: {'; '.join(unknown)}")


@pytest.mark.check("RP11", SESSION_CHECKS["RP11"])
def test_each_was_called_once(given: Given, saw: Saw) -> None:
    """By what is kept on this machine from before and after each call."""
    entry = sessions_of(given.inventory)
    if entry is None:
        raise NotVerified("the inventory has no `sessions` any more")
    calls, digest = calls_in(entry.directory), plan_digest(given.plan)
    payloads = {step.id: step.payload for step in given.plan.steps}
    for step, order in orders_of(given.plan):
        call = calls.named(digest, step)
        try:
            claim, result = call.claimed, call.result
        except RemediationError as error:
            raise NotVerified(f"{error.what}: {error.got}") from error
        assert claim is not None, f"{order.item.name} was never called from here"
        assert claim.payload == payloads[step], f"{order.item.name} was called otherwise"
        says = "its end was not seen" if result is None else result.says
        saw(f"{order.item.name}: {says}")

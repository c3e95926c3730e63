"""Looks at the items of a plan, by their own probes."""

from __future__ import annotations

import asyncio

from remediations.engine.apply.look import Watch
from remediations.engine.plan.plan import Plan
from remediations.playbooks.keys.sessions_gates import ItemNow, ItemsLook, orders_of
from remediations.reach.background import run_in_thread
from remediations.systems.sessions.probe import ProbeSilent, ask_probe
from remediations.systems.sessions.steps import ResetOrder


def watch_items(plan: Plan) -> Watch:
    """A look at all items of the plan, as it has them."""
    orders = tuple(order for _, order in orders_of(plan))

    async def look() -> ItemsLook:
        now = await asyncio.gather(*(run_in_thread(item_now, order) for order in orders))
        return ItemsLook(items=tuple(now))

    return look


def item_now(order: ResetOrder) -> ItemNow:
    """How an item stands now. The programs have to be the planned ones: another one proves
    nothing."""
    try:
        answer = ask_probe(order.item, order.programs)
    except ProbeSilent as silence:
        return ItemNow(name=order.item.name, is_done=None, seen=str(silence))
    is_done = answer.is_done(order.since)
    return ItemNow(name=order.item.name, is_done=is_done, seen=answer.seen)

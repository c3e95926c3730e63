"""What the gate asks of items, what was planned, and how a look at them answers. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from remediations.engine.apply.look import GateVerdict, Point, Sight
from remediations.engine.domain import Proposal
from remediations.engine.plan.plan import Gate, Plan
from remediations.playbooks.keys.sessions_actions import MEASURE
from remediations.playbooks.keys.sessions_scope import sessions_of
from remediations.playbooks.keys.situation import KeysSituation
from remediations.systems.sessions.steps import DRIVER_NAME, ResetOrder
from remediations.values.part import Kinded, Part

SERIES = "not reset"


class ItemsReset(Kinded, frozen=True, kw_only=True):
    """A gate: the probes of these items say that they are done."""

    KIND: ClassVar[str] = "keys.sessions-reset/1"

    items: tuple[str, ...]


class SessionsBefore(Kinded, frozen=True, kw_only=True):
    """The key that is out, and the items that were to be reset for it."""

    KIND: ClassVar[str] = "keys.sessions/1"

    fingerprint: str
    items: tuple[str, ...]


def sessions_before(keys: KeysSituation, proposal: Proposal[KeysSituation]) -> tuple[Part, ...]:
    """What checks compare with."""
    names = tuple(sessions_of(keys).item(target).item.name for target in proposal.targets)
    return (Part.of(SessionsBefore(fingerprint=keys.fingerprint, items=names)),)


def orders_of(plan: Plan) -> tuple[tuple[str, ResetOrder], ...]:
    """What a plan resets, with the ids of the steps."""
    steps = (step for step in plan.steps if step.driver == DRIVER_NAME)
    return tuple((step.id, ResetOrder.parse(step.payload)) for step in steps)


@dataclass(frozen=True, kw_only=True)
class ItemNow:
    """One item at one moment: whether it is done, None where its probe does not tell; and what was
    seen, or why nothing was."""

    name: str
    is_done: bool | None
    seen: str


@dataclass(frozen=True, kw_only=True)
class ItemsLook:
    """The items of a plan at one moment (the `Look` protocol)."""

    items: tuple[ItemNow, ...]

    @property
    def sight(self) -> Sight:
        """Which items are not reset, and how many in all."""
        points = [
            Point(
                series=SERIES,
                subject=one.name,
                value=None if one.is_done is None else int(not one.is_done),
            )
            for one in self.items
        ]
        left = sum(one.is_done is not True for one in self.items)
        points.insert(0, Point(series=MEASURE, subject="", value=left))
        headline = f"{len(self.items) - left} of {len(self.items)} items reset"
        return Sight(headline=headline, points=tuple(points))

    def judge(self, gate: Gate) -> GateVerdict:
        """Whether all items of the gate are reset.

        Raises:
            ValueError: it is no gate of ours.
        """
        asked = gate.asks.read(ItemsReset)
        found = {one.name: one for one in self.items if one.name in asked.items}
        seen = "; ".join(f"{one.name}: {_says(one)}" for one in found.values())
        opened = all(name in found and found[name].is_done is True for name in asked.items)
        return GateVerdict(open=opened, seen=seen or "no item was looked at")


def _says(item: ItemNow) -> str:
    return f"{ {True: 'done', False: 'not yet', None: 'not known'}[item.is_done] }, {item.seen}"

"""What a check is given in these tests: fake nodes, a plan, and waits that nobody waits for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from remediations.engine.verify.wait import Wait
from remediations.playbooks.chain.checks.fleet import Fleet
from remediations.playbooks.chain.checks.planned import PlannedChain
from remediations.playbooks.chain.checks.reading import CheckedNode
from tests.unit.verify.fakes import FakeNode, FakeReach

Nodes = dict[str, FakeNode]
Break = Callable[[Nodes], None]
T = TypeVar("T")


class OneMoreLook(Wait):
    """A condition that can come true later is looked at once more."""

    def until(
        self,
        look: Callable[[], T],
        enough: Callable[[T], bool],
        *,
        limit_s: float,
        missing: Callable[[T], str],
        seen: T | None = None,
    ) -> T:
        assert limit_s > 0
        now = look() if seen is None else seen
        self.tell(missing(now))
        return now if enough(now) else look()


@dataclass
class Desk:
    """What a check is given of a world, and what it said."""

    nodes: Nodes
    plan: PlannedChain
    saw: list[str] = field(default_factory=list)
    waited: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.baseline = self.plan.baseline
        self.fleet = Fleet(FakeReach(self.nodes), self.plan.targets)
        self.reading = self.fleet.read(self.baseline, self.plan.acting)
        self.wait = OneMoreLook("P0", self.waited.append)

    def one(self, host: str = "val1") -> CheckedNode:
        return self.reading.nodes[host]

    def say(self, text: str) -> None:
        self.saw.append(text)

"""One look at the services while a plan is applied: for gates, live display, plot and report.

The series are `agrees` for every service (1: the agreed answers, 0: others), `scoring power` for
the power behind the agreed answers, and `queue` for the requests that wait where a gate asks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from remediations.engine.apply.look import GateVerdict, Harm, Mark, Point, Sight, Watch
from remediations.engine.plan.plan import Gate, Plan
from remediations.playbooks.scoring.baseline import Scorers, ScoringBaseline
from remediations.playbooks.scoring.gates import AsDeclared, ScorerSnapshot, Serves, judge_gate
from remediations.playbooks.scoring.impact import POWER
from remediations.reach.connection import Reach
from remediations.render.formats import percent
from remediations.systems.scorer.poll import (
    QueueSource,
    ScorerPoll,
    ScorerTarget,
    poll_scorers,
)
from remediations.systems.scorer.values import GoldenVectors
from remediations.values.part import Kinded

K = TypeVar("K", bound=Kinded)

AGREES = "agrees"
QUEUE = "queue"


@dataclass(frozen=True, kw_only=True)
class ScoringLook:
    """The services at one moment (the `Look` protocol)."""

    scorers: tuple[ScorerSnapshot, ...]
    total_power: int

    @property
    def agreeing_power(self) -> int:
        """The power behind the agreed answers."""
        return sum(one.power for one in self.scorers if one.agrees is True)

    @property
    def sight(self) -> Sight:
        """Who agrees, and with how much power."""
        alike = sum(one.agrees is True for one in self.scorers)
        differ = [one.host for one in self.scorers if one.agrees is False]
        power: tuple[Point, ...] = ()
        marks: tuple[Mark, ...] = ()
        share = ""
        if self.total_power:
            power = (Point(series=POWER, subject="", value=self.agreeing_power),)
            marks = (
                Mark(series=POWER, label="2/3", value=2 * self.total_power // 3),
                Mark(series=POWER, label="all", value=self.total_power),
            )
            share = f", {percent(self.agreeing_power, self.total_power)} of the power"
        return Sight(
            headline=f"{alike} of {len(self.scorers)} scorers agree{share}",
            points=(
                *(
                    Point(
                        series=AGREES,
                        subject=one.host,
                        value=None if one.agrees is None else int(one.agrees),
                    )
                    for one in self.scorers
                ),
                *power,
                *(
                    Point(series=QUEUE, subject=one.host, value=one.queue)
                    for one in self.scorers
                    if one.queue is not None
                ),
            ),
            marks=marks,
            harms=(
                Harm(
                    name="other answers",
                    count=len(differ),
                    says=f"{', '.join(differ[:6])} gives other answers",
                ),
            ),
        )

    def judge(self, gate: Gate) -> GateVerdict:
        """Whether this look opens the gate.

        Raises:
            ValueError: it is not a gate of this domain.
        """
        return judge_gate(gate, {one.host: one for one in self.scorers})


@dataclass
class Steadiness:
    """Since when each service has agreed in one invocation, over the looks of one run."""

    clock: Callable[[], float] = time.monotonic
    _since: dict[str, tuple[str, float]] = field(default_factory=dict)

    def seconds(self, host: str, invocation: str, *, agrees: bool) -> int:
        """For how long it has agreed; 0 where it does not, or is another process than before."""
        now = self.clock()
        if not agrees or not invocation:
            self._since.pop(host, None)
            return 0
        before, since = self._since.get(host, ("", now))
        if before != invocation:
            since = now
        self._since[host] = (invocation, since)
        return int(now - since)


def look_at(
    targets: Sequence[ScorerTarget],
    golden: GoldenVectors,
    total_power: int,
    polls: Mapping[str, ScorerPoll],
    steadiness: Steadiness,
) -> ScoringLook:
    """What the services answered, as one look."""
    found = []
    for target in targets:
        poll = polls[target.host]
        agrees = agrees_with(poll, golden)
        steady = steadiness.seconds(target.host, poll.invocation, agrees=agrees is True)
        says = poll.trouble if agrees is None else "" if agrees else _difference(poll, golden)
        found.append(
            ScorerSnapshot(
                host=target.host,
                power=target.power,
                agrees=agrees,
                steady_s=steady,
                says=says,
                settings=poll.settings,
                queue=poll.queue,
            )
        )
    return ScoringLook(scorers=tuple(found), total_power=total_power)


def agrees_with(poll: ScorerPoll, golden: GoldenVectors) -> bool | None:
    """Whether a service gives the agreed answer to every vector; None where one is missing, and no
    other one differs."""
    if _difference(poll, golden):
        return False
    return True if all(one.name in poll.answers for one in golden.vectors) else None


def _difference(poll: ScorerPoll, golden: GoldenVectors) -> str:
    for one in golden.vectors:
        if poll.answers.get(one.name, one.answer) != one.answer:
            return f"vector {one.name}"
    return ""


def watch(plan: Plan, reach: Reach) -> Watch:
    """A watch that asks all services of the plan at once."""
    before, targets = plan.part(ScoringBaseline), plan.part(Scorers).scorers
    steadiness, names, queues = Steadiness(), names_awaited(plan), queues_awaited(plan)

    async def look() -> ScoringLook:
        polls = await poll_scorers(reach, targets, before.golden, before.timeout_ms, names, queues)
        return look_at(targets, before.golden, before.total_power, polls, steadiness)

    return look


def names_awaited(plan: Plan) -> Mapping[str, tuple[str, ...]]:
    """Host → the names of its process' environment that a gate of the plan waits for."""
    awaited: list[AsDeclared | Serves] = [*_awaited(plan, AsDeclared), *_awaited(plan, Serves)]
    return {host: tuple(one.name for one in ask.settings) for ask in awaited for host in ask.hosts}


def queues_awaited(plan: Plan) -> Mapping[str, QueueSource]:
    """Host → where the queue is read that a gate of the plan waits for."""
    return {one.host: one for ask in _awaited(plan, Serves) for one in ask.queues}


def _awaited(plan: Plan, kind: type[K]) -> list[K]:
    gates = [stage.gate.asks for stage in plan.stages]
    return [asks.read(kind) for asks in gates if asks.kind == kind.KIND]

"""How much a service takes and answers: its workers and its rate, within what people declared
(`scoring: {limits: …}`). Who gets another value, and the facts that decide about that. Pure.

A `Goal` is one change of one setting. Nothing but load is mended by it: a service that answers
otherwise, or whose host is in trouble, is left to the branches for that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from remediations.engine.domain import Facts, Input, StepData
from remediations.engine.plan.plan import Fact
from remediations.playbooks.scoring.classes import ScoringClass
from remediations.playbooks.scoring.conditions import ScorerCondition
from remediations.playbooks.scoring.declared import (
    backwards,
    file_data,
    file_facts,
    file_lacks,
)
from remediations.playbooks.scoring.facts import NONE, UNKNOWN, named, read_fact, scorer_facts
from remediations.playbooks.scoring.impact import smallest_first
from remediations.playbooks.scoring.situation import ScoringSituation
from remediations.systems.comet.quorum import can_halt
from remediations.systems.scorer.limits import MOST_RATE, Limit
from remediations.systems.scorer.poll import QueueSource
from remediations.systems.scorer.values import Setting
from remediations.values.reading import value_or_none

Condition = ScorerCondition
SYSTEMIC = (ScoringClass.LATENCY, ScoringClass.BACKLOG)
LOADED = (Condition.BACKLOG, Condition.SLOW)


def _number(text: str) -> str:
    if not text.isascii() or not text.isdecimal() or not 0 < int(text) <= MOST_RATE:
        raise ValueError(f"a whole number from 1 to {MOST_RATE}")
    return str(int(text))


WORKERS_INPUT = Input(
    name="workers",
    metavar="N",
    help="So many workers for each service, within the declared limits.",
    parse=_number,
)
RATE_INPUT = Input(
    name="rate",
    metavar="N",
    help="So many requests a second for each service, within the declared limits.",
    parse=_number,
)


@dataclass(frozen=True, kw_only=True)
class Goal:
    """One change. `conditions` are those of the services that get it, `key` is that of the limit in
    the inventory, `value` the one to set, from the limit, what runs now, and what people chose with
    `choice`. `changes` says whether that is a change in the right direction."""

    name: str
    key: str
    conditions: tuple[ScorerCondition, ...]
    value: Callable[[Limit, int, int | None], int]
    changes: Callable[[int, int], bool]
    choice: Input | None = None

    def limit(self, scoring: ScoringSituation) -> Limit | None:
        """What people declared, None for nothing."""
        limits = scoring.scoring.limits
        return limits.workers if self.key == "workers" else limits.rate

    def wanted(self, scoring: ScoringSituation, host: str) -> int | None:
        """The value that the service gets; None where nothing is declared or the present one is
        not known."""
        limit, now = self.limit(scoring), self.present(scoring, host)
        if limit is None or now is None:
            return None
        chosen = scoring.inputs.get(self.choice.name) if self.choice else None
        return self.value(limit, now, int(chosen) if chosen else None)

    def present(self, scoring: ScoringSituation, host: str) -> int | None:
        """What its process has; the normal value where it has none, None where that was not read or
        is no number."""
        text = self.present_text(scoring, host)
        return int(text) if text.isascii() and text.isdecimal() else None

    def present_text(self, scoring: ScoringSituation, host: str) -> str:
        """The same in words."""
        limit, process = self.limit(scoring), value_or_none(scoring.scorer(host).process)
        if limit is None or process is None:
            return UNKNOWN
        have = {one.name: one.value for one in process.settings}
        found = have.get(limit.setting)
        return str(limit.normal) if found is None else found or "empty"

    def settings(self, scoring: ScoringSituation, host: str) -> tuple[Setting, ...]:
        """What is written for it."""
        limit, wanted = self.limit(scoring), self.wanted(scoring, host)
        if limit is None or wanted is None:
            return ()
        return (Setting(name=limit.setting, value=str(wanted)),)


SCALE = Goal(
    name="scale",
    key="workers",
    conditions=LOADED,
    value=lambda limit, now, chosen: chosen or min(limit.most, 2 * now),
    changes=lambda now, wanted: wanted > now,
    choice=WORKERS_INPUT,
)
"""Twice as many workers, or as many as people choose."""
LIMIT = Goal(
    name="limit",
    key="rate",
    conditions=(Condition.BACKLOG,),
    value=lambda limit, _now, chosen: chosen or limit.least,
    changes=lambda now, wanted: wanted < now,
    choice=RATE_INPUT,
)
"""The lowest rate that people declared, or the one that they choose."""
LIFT = Goal(
    name="lift",
    key="rate",
    conditions=(Condition.CAPACITY,),
    value=lambda limit, _now, _chosen: limit.normal,
    changes=lambda now, wanted: wanted != now,
)
"""The normal rate again."""
SCALE_BACK = Goal(
    name="scale_back",
    key="workers",
    conditions=(Condition.CAPACITY,),
    value=lambda limit, _now, _chosen: limit.normal,
    changes=lambda now, wanted: wanted != now,
)
"""The normal number of workers again."""
GOALS: Mapping[str, Goal] = {one.name: one for one in (SCALE, LIMIT, LIFT, SCALE_BACK)}


def needing(scoring: ScoringSituation, goal: Goal) -> tuple[str, ...]:
    """The services with the condition for it, acted on or not: smallest power first."""
    return smallest_first(
        scoring, [one.host for one in scoring.finding.scorers if one.condition in goal.conditions]
    )


def targets(scoring: ScoringSituation, goal: Goal) -> tuple[str, ...]:
    """Those of them that may be acted on, and would get another value. Whose present value is not
    known stays among them: a guard says why."""
    return tuple(
        host
        for host in needing(scoring, goal)
        if scoring.may_act_on(host)
        and scoring.scorer(host).entry.environment_file
        and not indispensable(scoring, host)
        and _would_change(scoring, goal, host)
    )


def indispensable(scoring: ScoringSituation, host: str) -> bool:
    """Whether no two thirds are left while its service is restarted."""
    total = scoring.finding.total_power
    return bool(total) and can_halt(scoring.finding.scorer(host).power, total)


def _would_change(scoring: ScoringSituation, goal: Goal, host: str) -> bool:
    now, wanted = goal.present(scoring, host), goal.wanted(scoring, host)
    return now is None or wanted is None or goal.changes(now, wanted)


def writes(scoring: ScoringSituation, goal: Goal, host: str) -> bool:
    """Whether its file has to be written: a process may run with what stood there before."""
    return file_lacks(scoring, host, goal.settings(scoring, host))


def queue_source(scoring: ScoringSituation, host: str) -> QueueSource | None:
    """Where the length of its queue is read; None where the inventory does not name its metrics."""
    url = scoring.scorer(host).entry.metrics
    if url is None:
        return None
    return QueueSource(host=host, url=url, metric=scoring.scoring.metrics.queue)


def capacity_facts(goal: Goal, scoring: ScoringSituation, host: str) -> tuple[Fact, ...]:
    """What decides about the change of one service."""
    limit, reading, at = goal.limit(scoring), scoring.scorer(host), scoring.observation.began
    settings = goal.settings(scoring, host)
    wanted = " ".join(f"{one.name}={one.value}" for one in settings) or UNKNOWN
    bounds = f"{limit.least} to {limit.most}, normally {limit.normal}" if limit else NONE
    machine = value_or_none(reading.machine)
    return (
        *scorer_facts(scoring, host),
        named(f"scoring.{goal.key}", bounds, at, "inventory", why="people declared how far"),
        named(
            f"scoring.{goal.key}_cost",
            limit.cost if limit else NONE,
            at,
            "inventory",
            why="it is what another value costs",
        ),
        named(f"{host}.capacity", wanted, at, "inventory", why="it is written"),
        read_fact(
            f"{host}.capacity_now",
            goal.present_text(scoring, host),
            reading.process,
            "the new value is compared with it",
        ),
        read_fact(
            f"{host}.processors",
            str(machine.processors) if machine else UNKNOWN,
            reading.machine,
            "more workers than processors answer no sooner",
        ),
        named(
            f"{host}.scorer_queue",
            reading.entry.metrics or NONE,
            at,
            "inventory",
            why="the gate looks there whether requests wait",
        ),
        *file_facts(scoring, host, settings),
    )


def capacity_data(facts: Facts, host: str) -> StepData:
    """What the deploy needs to know."""
    return file_data(facts, host, f"{host}.capacity")


def capacity_undo_data(facts: Facts, host: str) -> StepData:
    """The same backwards, whatever runs by then."""
    return backwards(capacity_data(facts, host))

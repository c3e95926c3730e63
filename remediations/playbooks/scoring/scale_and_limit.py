"""Requests wait at many services, or all are slow: they get more workers, or take fewer requests,
within what people declared, and later what is normal again (docs/scoring.md#late).

One service at a time, smallest power first. Each is restarted, for a process has the environment
with which it was started: what waits there then is lost, and the plan says how much. The gate opens
when the golden vectors have the agreed answers and few requests wait, so a number of workers with
which a service computes otherwise stops the run at the first service.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from remediations.engine.domain import Action, Branch, Input, Move, Proposal, StageDraft
from remediations.engine.plan.plan import Gate, PlannedCheck, Risk
from remediations.playbooks.scoring.capacity import (
    LIFT,
    LIMIT,
    LOADED,
    SCALE,
    SCALE_BACK,
    SYSTEMIC,
    Goal,
    capacity_data,
    capacity_facts,
    capacity_undo_data,
    indispensable,
    needing,
    queue_source,
    targets,
    writes,
)
from remediations.playbooks.scoring.checks.titles import TITLES
from remediations.playbooks.scoring.container import ALIKE_LIMIT_S, RESTART_CONTAINER
from remediations.playbooks.scoring.containers import dependants_warning
from remediations.playbooks.scoring.declared import diff_of
from remediations.playbooks.scoring.declared_settings import RESTART_AGAIN
from remediations.playbooks.scoring.diagnose.view import ScorerView
from remediations.playbooks.scoring.gates import STEADY_S, Serves
from remediations.playbooks.scoring.guards.capacity import capacity_guards
from remediations.playbooks.scoring.guards.scorer import host_ready, unit_loaded
from remediations.playbooks.scoring.impact import no_effect
from remediations.playbooks.scoring.situation import ScoringSituation
from remediations.render.formats import name_some
from remediations.values.part import Part

CHECKS = tuple(
    PlannedCheck(id=id_, title=TITLES[id_])
    for id_ in ("VP1", "VP2", "VP10", "VP15", "VP13", "VP14")
)
WORST = (
    "a service does not come back, or answers otherwise: its validator is then without a right "
    "score, and the run stops before the next one. The old file is kept"
)


def _action(goal: Goal, deploy: str) -> Action[ScoringSituation]:
    back: Action[ScoringSituation] = Action(
        name=f"scorer.{goal.name}.undo",
        driver="host",
        deploy="scoring/put_back_settings",
        facts=partial(capacity_facts, goal),
        data=capacity_undo_data,
        guards=(host_ready, unit_loaded),
        effects=no_effect,
    )
    return Action(
        name=f"scorer.{goal.name}",
        driver="host",
        deploy=f"scoring/{deploy}",
        facts=partial(capacity_facts, goal),
        data=capacity_data,
        guards=capacity_guards(goal),
        effects=no_effect,
        undone_by=back,
    )


SET = {
    goal.name: _action(goal, deploy)
    for goal, deploy in (
        (SCALE, "scale_scorer"),
        (LIMIT, "limit_rate"),
        (LIFT, "lift_rate_limit"),
        (SCALE_BACK, "scale_back"),
    )
}
"""One line in the environment file of a service, by the goal's name. Nothing is started now."""

RESTART_SET = replace(RESTART_CONTAINER, name="container.restart.capacity", undone_by=RESTART_AGAIN)
"""`RESTART_CONTAINER` after one of them on the same host."""

UNDO = tuple(one.undone_by for one in SET.values() if one.undone_by is not None)
ACTIONS: tuple[Action[ScoringSituation], ...] = (*SET.values(), *UNDO, RESTART_SET)


def _fits(goal: Goal, scoring: ScoringSituation) -> str | None:
    if goal.conditions[0] in LOADED:
        if scoring.finding.verdict not in SYSTEMIC:
            return "no third of the power is slow or has a backlog: it is no matter of load"
    elif any(one.condition in LOADED for one in scoring.finding.scorers):
        return "a service has a backlog, or is slow: what was set is still needed"
    ill = needing(scoring, goal)
    if not ill:
        return f"no service is {' or '.join(goal.conditions)}"
    if goal.limit(scoring) is None:
        return f"the inventory declares no `limits: {{{goal.key}: …}}` (docs/scoring.md#limits)"
    if targets(scoring, goal):
        return None
    unnamed = [one for one in ill if not scoring.scorer(one).entry.environment_file]
    if unnamed:
        return f"the inventory names no environment file of {name_some(unnamed)}"
    needed = [one for one in ill if indispensable(scoring, one)]
    if needed:
        return (
            f"{name_some(needed)} has a third of the power or more: no two thirds are left "
            "while its service restarts"
        )
    return f"{goal.key} of {name_some(ill)} is what this would set, or beyond it, already"


def _propose(goal: Goal, title: str, scoring: ScoringSituation) -> Proposal[ScoringSituation]:
    hosts = targets(scoring, goal)
    return Proposal(
        title=f"{title} of {name_some(hosts)}",
        stages=tuple(_stage(goal, title, scoring, host) for host in hosts),
        checks=CHECKS,
        risk=Risk.MEDIUM,
        worst_case=WORST,
        warnings=tuple(_warnings(goal, scoring, hosts)),
    )


def _stage(
    goal: Goal, title: str, scoring: ScoringSituation, host: str
) -> StageDraft[ScoringSituation]:
    write = (Move(SET[goal.name], host),) if writes(scoring, goal, host) else ()
    settings, below = goal.settings(scoring, host), scoring.scoring.queue
    queue = queue_source(scoring, host)
    told = " ".join(f"{one.name}={one.value}" for one in settings)
    return StageDraft(
        title=f"{title} of {host}: {told} (power {scoring.finding.scorer(host).power})",
        why="one at a time, smallest power first; a process has the environment with which it was "
        "started, so it is restarted",
        moves=(*write, Move(RESTART_SET, host)),
        gate=Gate(
            title=f"{host} answers the golden vectors as agreed, one process for {STEADY_S} s, "
            f"which has {told}, and fewer than {below} requests wait",
            timeout_s=ALIKE_LIMIT_S,
            asks=Part.of(
                Serves(
                    hosts=(host,),
                    steady_s=STEADY_S,
                    settings=settings,
                    queues=() if queue is None else (queue,),
                    below=below,
                )
            ),
        ),
    )


def _warnings(goal: Goal, scoring: ScoringSituation, hosts: tuple[str, ...]) -> Iterator[str]:
    limit = goal.limit(scoring)
    if limit is not None and goal.conditions[0] in LOADED:
        yield f"it costs: {limit.cost}"
        yield f"it stays until people take it back: {_way_back(goal)}, when the backlog is gone"
    for host in hosts:
        facts = {one.name: one.value for one in capacity_facts(goal, scoring, host)}
        lines = diff_of(capacity_data(facts, host))
        file = scoring.scorer(host).entry.environment_file
        if lines:
            yield f"{host}: {file} changes by exactly these lines: {'  '.join(lines)}"
        else:
            yield f"{host}: {file} has it; the process was started before"
        yield from dependants_warning(scoring, host)
    waits = [one for one in hosts if _queue(scoring, one)]
    if waits:
        yield f"what waits at {name_some(waits)} is lost with the restart, and has to come again"
    yield from _left(goal, scoring)


def _left(goal: Goal, scoring: ScoringSituation) -> Iterator[str]:
    """Who is not acted on, and why."""
    needed = [one for one in needing(scoring, goal) if indispensable(scoring, one)]
    if needed:
        yield (
            f"{name_some(needed)}: left to people, because no two thirds are left while its "
            "service restarts"
        )
    unnamed = [
        one for one in needing(scoring, goal) if not scoring.scorer(one).entry.environment_file
    ]
    if unnamed:
        yield (
            f"{name_some(unnamed)}: left to people, because the inventory names no environment file"
        )


def _way_back(goal: Goal) -> str:
    return "`lift-rate-limit`" if goal is LIMIT else "`scale-back`"


def _queue(scoring: ScoringSituation, host: str) -> int:
    view = ScorerView(reading=scoring.scorer(host), scoring=scoring.scoring, power=0)
    return view.queue or 0


def _branch(
    goal: Goal, name: str, title: str, condition: str, what: str, *more: Callable[..., str | None]
) -> Branch[ScoringSituation]:
    def fits(scoring: ScoringSituation) -> str | None:
        return next((why for one in more if (why := one(scoring))), _fits(goal, scoring))

    inputs: tuple[Input, ...] = (goal.choice,) if goal.choice else ()
    return Branch(
        name=name,
        title=title,
        condition=condition,
        fits=fits,
        propose=partial(_propose, goal, what),
        inputs=inputs,
    )


def _lifted(scoring: ScoringSituation) -> str | None:
    """The rate first: what comes then has to be answered by the workers that are there."""
    still = targets(scoring, LIFT)
    return (
        f"the rate of {name_some(still)} is limited: lift-rate-limit comes first" if still else None
    )


SCALE_SCORERS = _branch(
    SCALE,
    "scale-scorers",
    "Give services more workers, as far as people declared",
    "a third of the power or more is slow or has a backlog, and `limits: {workers: …}` is declared",
    "set the workers",
)
LIMIT_RATE = _branch(
    LIMIT,
    "limit-rate",
    "Let services take fewer requests, as far as people declared",
    "a third of the power or more has a backlog, and `limits: {rate: …}` is declared",
    "limit the rate",
)
LIFT_RATE_LIMIT = _branch(
    LIFT,
    "lift-rate-limit",
    "Let services take the normal rate of requests again",
    "the backlog is gone, and the rate of a service is not the normal one",
    "lift the rate limit",
)
SCALE_BACK_SCORERS = _branch(
    SCALE_BACK,
    "scale-back",
    "Give services the normal number of workers again",
    "the backlog is gone, no rate is limited, and a service has not the normal number of workers",
    "set the normal workers",
    _lifted,
)
BRANCHES = (SCALE_SCORERS, LIMIT_RATE, LIFT_RATE_LIMIT, SCALE_BACK_SCORERS)

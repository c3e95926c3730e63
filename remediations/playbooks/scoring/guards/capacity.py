"""Guards on scaling a service, on limiting its rate, and on the way back."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from remediations.engine.find.finding import Health
from remediations.engine.plan.plan import GuardResult, guard_result
from remediations.playbooks.scoring.capacity import LOADED, SCALE, Goal
from remediations.playbooks.scoring.diagnose.condition import MEMORY_FLOOR_KIB
from remediations.playbooks.scoring.guards.scorer import host_ready, one_owner, unit_loaded
from remediations.playbooks.scoring.guards.settings import (
    file_decides_about,
    file_safe,
    lines_plain_of,
)
from remediations.playbooks.scoring.situation import ScoringSituation
from remediations.render.formats import name_some
from remediations.values.reading import Unknown, value_or_none

_LOOK = "`remediate diagnose scoring` shows the evidence"
_HOW = "docs/scoring.md#limits"
OfHost = Callable[[ScoringSituation, str], GuardResult]


def declared_harmless(goal: Goal, scoring: ScoringSituation, host: str) -> GuardResult:
    """V40: people declared how far, and that the chain does not notice it."""
    limit = goal.limit(scoring)
    word = "same_answers" if goal.key == "workers" else "spares_node"
    what = (
        "more workers give the same answers"
        if goal.key == "workers"
        else "requests of the host's own node are not turned away"
    )
    if limit is None:
        got = f"no `limits: {{{goal.key}: …}}` is declared"
    else:
        got = f"`{word}: {'true' if limit.harmless else 'false'}` for {limit.setting}"
    return guard_result(
        "V40",
        "people declared that the chain does not notice it",
        subject=host,
        holds=limit is not None and limit.harmless,
        got=got,
        expected=f"`{word}: true` in `scoring: {{limits: {{{goal.key}: …}}}}`: {what}",
        next_step=_LOOK
        if limit is not None and limit.harmless
        else f"try it where nobody scores, by golden vectors, then declare it ({_HOW})",
        facts=(f"scoring.{goal.key}",),
    )


def only_load(goal: Goal, scoring: ScoringSituation, host: str) -> GuardResult:
    """V41: nothing is wrong with it that this does not mend."""
    one = scoring.finding.scorer(host)
    holds: bool | None = one.condition in goal.conditions
    if one.condition.rule.health is Health.UNKNOWN:
        holds = None
    return guard_result(
        "V41",
        "what is wrong with the service is what this changes",
        subject=host,
        holds=holds,
        got=f"{one.condition}: {one.cause}",
        expected=" or ".join(goal.conditions),
        next_step=_LOOK if holds else one.by_hand or _LOOK,
        facts=(f"{host}.scorer",),
    )


def within_limits(goal: Goal, scoring: ScoringSituation, host: str) -> GuardResult:
    """V42: the new value is within what people declared, and a change in the right direction."""
    limit, now = goal.limit(scoring), goal.present(scoring, host)
    text, wanted = goal.present_text(scoring, host), goal.wanted(scoring, host)
    unread = value_or_none(scoring.scorer(host).process) is None
    trouble, mend = "", _LOOK
    if limit is None:
        trouble, mend = "nothing is declared", _HOW
    elif now is None or wanted is None:
        trouble = f"{limit.setting} is {text!r}, no whole number"
        mend = "set it to a whole number by hand, and find out who set it"
    elif not limit.least <= wanted <= limit.most:
        trouble, mend = (
            f"{limit.setting}={wanted}",
            "choose another number, or declare other limits",
        )
    elif not goal.changes(now, wanted):
        trouble, mend = f"{limit.setting} is {now} already", "choose another number"
    declared = f"from {limit.least} to {limit.most}" if limit else "limits that people declared"
    return guard_result(
        "V42",
        "the new value is within the declared limits",
        subject=host,
        holds=None if limit is not None and unread else not trouble,
        got="its process could not be read" if unread else trouble or f"{now}, then {wanted}",
        expected=f"{declared}, and other than now",
        next_step=mend,
        facts=(f"{host}.capacity", f"{host}.capacity_now", f"scoring.{goal.key}"),
    )


def has_room(scoring: ScoringSituation, host: str) -> GuardResult:
    """V43: the host has a processor for each worker, and memory left."""
    machine, wanted = value_or_none(scoring.scorer(host).machine), SCALE.wanted(scoring, host)
    holds: bool | None = None
    got = "its processors could not be read"
    if machine is not None and wanted is not None:
        holds = wanted <= machine.processors and machine.memory_available_kib >= MEMORY_FLOOR_KIB
        got = (
            f"{wanted} workers on {machine.processors} processors, "
            f"{machine.memory_available_kib} KiB of memory are free"
        )
    return guard_result(
        "V43",
        "the host has room for the workers",
        subject=host,
        holds=holds,
        got=got,
        expected=f"a processor for each, and {MEMORY_FLOOR_KIB} KiB of memory",
        next_step=_LOOK if holds else "fewer (--workers), a larger host, or limit-rate",
        facts=(f"{host}.processors", f"{host}.capacity"),
    )


def queue_seen(scoring: ScoringSituation, host: str) -> GuardResult:
    """V44: how many requests wait can be read: the gate waits for that."""
    reading = scoring.scorer(host)
    last, queue = reading.counters[1], None
    counted = value_or_none(last)
    if counted is not None:
        queue = counted.queue
    named = reading.entry.metrics is not None
    got = f"{queue} requests wait"
    if isinstance(last, Unknown):
        got = last.reason
    elif queue is None:
        got = f"no metric {scoring.scoring.metrics.queue}"
    return guard_result(
        "V44",
        "how many requests wait can be read",
        subject=host,
        holds=False if not named else None if counted is None else queue is not None,
        got=got if named else "the inventory names no metrics of it",
        expected=f"the metric {scoring.scoring.metrics.queue} at the URL `metrics` of the host",
        next_step=_LOOK if queue is not None else f"name `metrics` in the inventory ({_HOW})",
        facts=(f"{host}.scorer_queue",),
    )


def nobody_waits(scoring: ScoringSituation, _host: str) -> GuardResult:
    """V45: no service has a backlog or is slow any more: what was set is not needed."""
    every = scoring.finding.scorers
    loaded = [one.host for one in every if one.condition in LOADED]
    unread = [one.host for one in every if one.condition.rule.health is Health.UNKNOWN]
    holds: bool | None = not loaded
    got = f"{name_some(loaded)} has a backlog, or is slow" if loaded else "nobody"
    if holds and unread:
        holds, got = None, f"{name_some(unread)} could not be read"
    return guard_result(
        "V45",
        "nobody has a backlog any more",
        holds=holds,
        got=got,
        expected="no service with a backlog, and none that is slow",
        next_step=_LOOK if holds else "leave it as it is until the requests are answered",
        facts=("scoring.class",),
    )


def capacity_guards(goal: Goal) -> tuple[OfHost, ...]:
    """All on the change of one service."""

    def names(scoring: ScoringSituation) -> set[str]:
        limit = goal.limit(scoring)
        return set() if limit is None else {limit.setting}

    own: tuple[OfHost, ...] = (
        partial(declared_harmless, goal),
        partial(only_load, goal),
        partial(within_limits, goal),
    )
    if goal is SCALE:
        own = (*own, has_room)
    if goal.conditions[0] not in LOADED:
        own = (*own, nobody_waits)
    return (
        host_ready,
        unit_loaded,
        one_owner,
        *own,
        queue_seen,
        file_safe,
        lambda scoring, host: file_decides_about(scoring, host, names(scoring)),
        lambda scoring, host: lines_plain_of(scoring, host, names(scoring)),
    )

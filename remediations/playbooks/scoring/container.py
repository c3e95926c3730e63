"""Services whose container is restarted, or whose name a dead container has (docs/scoring.md).

Both are one service at a time, smallest power first, and end at golden vectors that agree in one
invocation. A service that was restarted often enough is left to its operator (V7).
"""

from __future__ import annotations

from collections.abc import Iterator

from remediations.engine.domain import Action, Branch, Move, Proposal, StageDraft
from remediations.engine.plan.plan import Gate, PlannedCheck, Risk
from remediations.playbooks.scoring.checks.titles import TITLES
from remediations.playbooks.scoring.containers import (
    container_data,
    container_facts,
    dependants_warning,
    restartable,
    service_container,
    stale,
)
from remediations.playbooks.scoring.gates import STEADY_S, AnswersAlike
from remediations.playbooks.scoring.guards import container as guards
from remediations.playbooks.scoring.guards.scorer import host_ready, unit_loaded
from remediations.playbooks.scoring.guards.settings import comes_back_as_declared
from remediations.playbooks.scoring.guards.table import RESTART_GUARDS
from remediations.playbooks.scoring.impact import restart_effect
from remediations.playbooks.scoring.situation import ScoringSituation
from remediations.render.formats import name_some
from remediations.values.part import Part

ALIKE_LIMIT_S = 180
"""A large model takes a while to load."""

RESTARTABLE = (*RESTART_GUARDS, *guards.CONTAINER_GUARDS, guards.port_is_its)
"""What every restart of a container needs."""

RESTART_CONTAINER = Action(
    name="container.restart",
    driver="host",
    deploy="scoring/restart_container",
    facts=container_facts,
    data=container_data,
    guards=(*RESTARTABLE, comes_back_as_declared),
    effects=restart_effect,
)
"""Stop the unit and start it, of the same image; what was stopped with it comes back."""

REMOVE_DEAD = Action(
    name="container.remove_dead",
    driver="host",
    deploy="scoring/remove_dead_container",
    facts=container_facts,
    data=container_data,
    guards=(
        host_ready,
        unit_loaded,
        *guards.CONTAINER_GUARDS,
        guards.port_is_its,
        guards.container_dead,
        comes_back_as_declared,
    ),
    effects=restart_effect,
)
"""Remove exactly the dead container, by its id and without force, and start the unit."""

ACTIONS = (RESTART_CONTAINER, REMOVE_DEAD)
CHECKS = tuple(PlannedCheck(id=id_, title=TITLES[id_]) for id_ in ("VP1", "VP2", "VP10", "VP15"))


def _restart_fits(scoring: ScoringSituation) -> str | None:
    if stale(scoring) and not restartable(scoring):
        return "a dead container has the name: the branch remove-stale-container"
    if not restartable(scoring):
        return "no service is down, frozen or failing in a way that a restart may cure"
    return None


def _stale_fits(scoring: ScoringSituation) -> str | None:
    return None if stale(scoring) else "no dead container keeps a service from its name"


def _propose_restart(scoring: ScoringSituation) -> Proposal[ScoringSituation]:
    hosts = restartable(scoring)
    return Proposal(
        title=f"restart the scoring service of {name_some(hosts)}",
        stages=tuple(_stages(scoring, hosts, RESTART_CONTAINER, "restart the container")),
        checks=CHECKS,
        risk=Risk.MEDIUM,
        worst_case="a service does not come back and stays down; its validator is then without a "
        "score, as it is now",
        warnings=tuple(_warnings(scoring, hosts)),
    )


def _propose_removal(scoring: ScoringSituation) -> Proposal[ScoringSituation]:
    hosts = stale(scoring)
    return Proposal(
        title=f"remove the dead container that has the name on {name_some(hosts)}",
        stages=tuple(_stages(scoring, hosts, REMOVE_DEAD, "remove the dead container")),
        checks=CHECKS,
        risk=Risk.MEDIUM,
        worst_case="the service does not start and stays down, as it is now; what the dead "
        "container had written into itself is gone",
        warnings=tuple(_warnings(scoring, hosts)),
    )


def _stages(
    scoring: ScoringSituation,
    hosts: tuple[str, ...],
    action: Action[ScoringSituation],
    what: str,
) -> Iterator[StageDraft[ScoringSituation]]:
    for host in hosts:
        yield StageDraft(
            title=f"{what} of {host} (power {scoring.finding.scorer(host).power})",
            why="one at a time, smallest power first: more than two thirds answer meanwhile",
            moves=(Move(action, host),),
            gate=Gate(
                title=f"{host} answers the golden vectors as agreed, one process for {STEADY_S} s",
                timeout_s=ALIKE_LIMIT_S,
                asks=Part.of(AnswersAlike(hosts=(host,), steady_s=STEADY_S)),
            ),
        )


def _warnings(scoring: ScoringSituation, hosts: tuple[str, ...]) -> Iterator[str]:
    for host in hosts:
        yield from dependants_warning(scoring, host)
        service = service_container(scoring, host)
        if service.unit is not None and service.unit.image and not service.unit.pinned:
            yield (
                f"{host}: {service.unit.name} names its image by a tag, {service.unit.image}; the "
                "step compares what the tag means there, a later start does not"
            )


RESTART = Branch(
    name="restart-container",
    title="Restart the container of a service that does not answer",
    condition="a service is down, frozen or answers with errors, and nothing else is wrong with it",
    fits=_restart_fits,
    propose=_propose_restart,
)
REMOVE_STALE = Branch(
    name="remove-stale-container",
    title="Remove a dead container that has the service's name",
    condition="the unit cannot start, because a container of which nothing lives has its name",
    fits=_stale_fits,
    propose=_propose_removal,
)

"""Services that answer otherwise because they run with other settings than declared: what is
declared is written into their unit's environment file, and they are restarted
(docs/scoring.md#declared-settings).

One service at a time, smallest power first. Nothing is called cured before the golden vectors have
the agreed answers in one invocation whose process has what is declared. Processors are never
mended by settings: a service on another class is left to its operator (V31).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from remediations.engine.domain import Action, Branch, Facts, Move, Proposal, StageDraft, StepData
from remediations.engine.plan.plan import Gate, PlannedCheck, Risk
from remediations.playbooks.scoring.checks.titles import TITLES
from remediations.playbooks.scoring.container import ALIKE_LIMIT_S, RESTART_CONTAINER, RESTARTABLE
from remediations.playbooks.scoring.containers import container_data, dependants_warning
from remediations.playbooks.scoring.declared import (
    by_hand,
    configurable,
    differences,
    environment_data,
    environment_facts,
    environment_undo_data,
    file_changes,
    needing_settings,
    settable,
    settings_text,
)
from remediations.playbooks.scoring.gates import STEADY_S, AsDeclared
from remediations.playbooks.scoring.guards import container as container_guards
from remediations.playbooks.scoring.guards import settings as guards
from remediations.playbooks.scoring.guards.scorer import host_ready, one_owner, unit_loaded
from remediations.playbooks.scoring.impact import no_effect
from remediations.playbooks.scoring.situation import ScoringSituation
from remediations.render.formats import name_some
from remediations.values.part import Part

PUT_BACK_SETTINGS = Action(
    name="scorer.configure.undo",
    driver="host",
    deploy="scoring/put_back_settings",
    facts=environment_facts,
    data=environment_undo_data,
    guards=(host_ready, unit_loaded),
    effects=no_effect,
)
"""What `CONFIGURE_SCORER` set, as it was before. It is read at the next start."""

CONFIGURE_SCORER = Action(
    name="scorer.configure",
    driver="host",
    deploy="scoring/configure_scorer",
    facts=environment_facts,
    data=environment_data,
    guards=(host_ready, unit_loaded, one_owner, *guards.SETTINGS_GUARDS),
    effects=no_effect,
    undone_by=PUT_BACK_SETTINGS,
)
"""What is declared, in the environment file of a service. Nothing is started now."""


def _any_data(facts: Facts, host: str) -> StepData:
    """The container that is there by then: the planned one was ended."""
    return {**container_data(facts, host), "id": "", "invocation": ""}


RESTART_AGAIN = replace(
    RESTART_CONTAINER,
    name="container.restart.undo",
    data=_any_data,
    guards=(host_ready, unit_loaded, one_owner, *container_guards.CONTAINER_GUARDS),
)
"""After `PUT_BACK_SETTINGS`: a process has the environment with which it was started."""

RESTART_CONFIGURED = replace(
    RESTART_CONTAINER,
    name="container.restart.configured",
    guards=(*RESTARTABLE, *guards.SETTINGS_GUARDS),
    undone_by=RESTART_AGAIN,
)
"""`RESTART_CONTAINER` after `CONFIGURE_SCORER` on the same host."""

ACTIONS = (CONFIGURE_SCORER, PUT_BACK_SETTINGS, RESTART_CONFIGURED, RESTART_AGAIN)
CHECKS = tuple(
    PlannedCheck(id=id_, title=TITLES[id_])
    for id_ in ("VP1", "VP2", "VP10", "VP15", "VP11", "VP12")
)


def _fits(scoring: ScoringSituation) -> str | None:
    if configurable(scoring):
        return None
    if not needing_settings(scoring):
        return "no service answers otherwise and runs with other settings than declared"
    unnamed = by_hand(scoring)
    if unnamed:
        return (
            f"the inventory names no environment file of {name_some(unnamed)} "
            "(`scoring: {environment_file: …}` of the host)"
        )
    return "no service that may be acted on needs other settings"


def _propose(scoring: ScoringSituation) -> Proposal[ScoringSituation]:
    hosts = configurable(scoring)
    return Proposal(
        title=f"bring the declared settings to the scoring service of {name_some(hosts)}",
        stages=tuple(_stages(scoring, hosts)),
        checks=CHECKS,
        risk=Risk.MEDIUM,
        worst_case="a service does not come back, or answers otherwise with the declared settings, "
        "too: its validator is then without a right score, as it is now. The old file is kept",
        warnings=tuple(_warnings(scoring, hosts)),
    )


def _stages(
    scoring: ScoringSituation, hosts: tuple[str, ...]
) -> Iterator[StageDraft[ScoringSituation]]:
    settings = settings_text(settable(scoring))
    for host in hosts:
        writes = (Move(CONFIGURE_SCORER, host),) if file_changes(scoring, host) else ()
        what = "set what is declared" if writes else "restart with what is declared"
        yield StageDraft(
            title=f"{what} on {host} (power {scoring.finding.scorer(host).power})",
            why="one at a time, smallest power first: more than two thirds answer meanwhile",
            moves=(*writes, Move(RESTART_CONFIGURED, host)),
            gate=Gate(
                title=f"{host} answers the golden vectors as agreed, one process for {STEADY_S} s, "
                f"which has {settings}",
                timeout_s=ALIKE_LIMIT_S,
                asks=Part.of(
                    AsDeclared(hosts=(host,), steady_s=STEADY_S, settings=settable(scoring))
                ),
            ),
        )


def _warnings(scoring: ScoringSituation, hosts: tuple[str, ...]) -> Iterator[str]:
    for host in hosts:
        file = scoring.scorer(host).entry.environment_file
        facts = {one.name: one.value for one in environment_facts(scoring, host)}
        lines = differences(facts, host)
        if lines:
            yield f"{host}: {file} changes by exactly these lines: {'  '.join(lines)}"
        else:
            yield f"{host}: {file} has what is declared; the process was started before"
        yield from dependants_warning(scoring, host)
    unnamed = by_hand(scoring)
    if unnamed:
        yield (
            f"{name_some(unnamed)}: left to people, because the inventory names no environment file"
        )


DECLARED_SETTINGS = Branch(
    name="declared-settings",
    title="Bring the declared settings to services that run with others",
    condition="a service answers otherwise and runs with other settings than declared, and its "
    "environment file is named",
    fits=_fits,
    propose=_propose,
)

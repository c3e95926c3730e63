"""A node ended because its unit may open too few files: the limit is raised, and it is started
again (docs/disk.md#open-files).

The limit is that of a drop-in of the unit. A process has the limits with which it was started, so
that the start is part of it.
"""

from __future__ import annotations

from remediations.engine.domain import Action, Branch, Facts, Proposal, StepData
from remediations.engine.plan.measured import Measured
from remediations.engine.plan.plan import Fact, PlannedCheck, Rule
from remediations.playbooks.chain.checks.titles import TITLES
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.facts import UNKNOWN, facts_of, node_data
from remediations.playbooks.chain.finding import NodeFinding
from remediations.playbooks.chain.guards.table import (
    LOWER_GUARDS,
    RAISE_GUARDS,
    START_RAISED_GUARDS,
)
from remediations.playbooks.chain.impact import (
    no_effect,
    restart_effect,
    smallest_first,
    stop_cost,
)
from remediations.playbooks.chain.prepared import (
    Prepared,
    prepared_checks,
    prepared_misfit,
    prepared_risk,
    prepared_stages,
    prepared_warnings,
)
from remediations.playbooks.chain.situation import ChainSituation, latest_status
from remediations.render.formats import name_some
from remediations.systems.hosts.values import OPEN_FILES
from remediations.values.reading import value_or_none

LIMIT_RAISED = PlannedCheck(id="P26", title=TITLES["P26"])


def raise_facts(chain: ChainSituation, host: str) -> tuple[Fact, ...]:
    """What decides about raising the limit, and about the start after it."""
    reading = chain.observation.host(host)
    unit = value_or_none(reading.unit)
    return (
        *facts_of(
            chain,
            host,
            dead=latest_status(reading) is not None,
            down=chain.finding.node(host).condition is NodeCondition.OPEN_FILES,
        ),
        Fact(
            name=f"{host}.open_files",
            value=UNKNOWN if unit is None else str(unit.open_files),
            rule=Rule.EQUAL,
            why="so many files its unit may open now; the undo gives that again",
            source=reading.unit.source,
            at=reading.unit.at,
        ),
    )


def raise_data(facts: Facts, host: str) -> StepData:
    """What the deploy needs to know. What could not be read becomes "", and guards block."""

    def fact(name: str) -> str:
        value = facts[f"{host}.{name}"]
        return "" if value == UNKNOWN else value

    return {
        **{name: fact(name) for name in ("unit", "home", "user")},
        "open_files": int(fact("open_files") or "0"),
        "new_open_files": OPEN_FILES,
    }


LOWER = Action(
    name="node.raise.undo",
    driver="host",
    deploy="chain/lower_open_files",
    facts=raise_facts,
    data=raise_data,
    guards=LOWER_GUARDS,
    effects=no_effect,
)
"""Takes back `RAISE`. A process keeps the limit with which it was started."""

RAISE = Action(
    name="node.raise",
    driver="host",
    deploy="chain/raise_open_files",
    facts=raise_facts,
    data=raise_data,
    guards=RAISE_GUARDS,
    effects=no_effect,
    undone_by=LOWER,
)
"""For a node whose unit may open too few files: a drop-in. Nothing is started now."""

START_RAISED = Action(
    name="node.start.raised",
    driver="host",
    deploy="chain/start_node",
    facts=raise_facts,
    data=node_data,
    guards=START_RAISED_GUARDS,
    effects=restart_effect,
    undo_cost=stop_cost,
)
"""A start after `RAISE` on the same host."""

RESTART_RAISED = Action(
    name="node.restart.raised",
    driver="host",
    deploy="chain/restart_node",
    facts=raise_facts,
    data=node_data,
    guards=START_RAISED_GUARDS,
    effects=restart_effect,
)
"""A restart after `RAISE` on the same host."""

ACTIONS = (RAISE, LOWER, START_RAISED, RESTART_RAISED)


def _limited(chain: ChainSituation) -> tuple[NodeFinding, ...]:
    """The nodes that were asked for and that ended for lack of open files."""
    return smallest_first(
        node
        for node in chain.finding.nodes
        if node.condition is NodeCondition.OPEN_FILES
        and node.host not in chain.voting
        and (node.host in chain.only or not chain.only)
    )


def _none_limited(chain: ChainSituation) -> str | None:
    return None if _limited(chain) else "no node ended because it may open too few files"


def _fits(chain: ChainSituation) -> str | None:
    return prepared_misfit(chain) or _none_limited(chain)


def _fits_going_on(chain: ChainSituation) -> str | None:
    return prepared_misfit(chain, halted=False) or _none_limited(chain)


def _now(chain: ChainSituation, host: str) -> str:
    unit = value_or_none(chain.observation.host(host).unit)
    return UNKNOWN if unit is None else str(unit.open_files)


def _propose(chain: ChainSituation) -> Proposal[ChainSituation]:
    nodes = _limited(chain)
    names = name_some([node.host for node in nodes])
    work = Prepared(
        nodes=nodes,
        prepare=RAISE,
        start=START_RAISED,
        restart=RESTART_RAISED,
        verb="raise the open files of",
        says=lambda host: f"LimitNOFILE {OPEN_FILES}, now {_now(chain, host)}",
    )
    return Proposal(
        title=f"raise the open files of {names} to {OPEN_FILES}, and start again",
        stages=prepared_stages(chain, work, more_s=0),
        checks=(*prepared_checks(chain, work), LIMIT_RAISED),
        risk=prepared_risk(chain, work),
        worst_case="the node ends again, for the same reason or for another one, and stays down as "
        "it is now; one file is written, a drop-in of its unit",
        warnings=(
            "the drop-in remediate-open-files.conf stays; put the limit where your units are kept, "
            "too, or the next rollout may take it away",
            *prepared_warnings(chain),
        ),
    )


RAISE_OPEN_FILES = Branch(
    name="raise-open-files",
    title="The limit of open files ended a node: raise it, and start the node again",
    condition="a node ended for `too many open files`, and its unit may open fewer than 65535",
    fits=_fits,
    propose=_propose,
)

RAISE_OPEN_FILES_GOING_ON = Branch(
    name="raise-open-files",
    title="The limit of open files ended a node: raise it, and start the node again",
    condition="blocks go on, a node ended for `too many open files`, and its unit may open fewer "
    "than 65535",
    fits=_fits_going_on,
    propose=_propose,
    measured=Measured(gate_s=8, verified_s=11),
)

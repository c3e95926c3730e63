"""Nodes that ended for a reason which a step removes: it is removed, and they are started again.

While blocks go on one node at a time, in a halt all together with the others that are missing and
that a start cures. A healthy node that runs is never touched.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from remediations.engine.domain import Action, Move, StageDraft
from remediations.engine.plan.plan import Gate, PlannedCheck, Risk
from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.finding import NodeFinding
from remediations.playbooks.chain.gates import Advances
from remediations.playbooks.chain.restart import CHECKS, checks_for, follows_gate, restartable
from remediations.playbooks.chain.rounds import round_timeout_s
from remediations.playbooks.chain.settings import (
    bring_back,
    more_blocks_s,
    restoring_stages,
    settings_warnings,
)
from remediations.playbooks.chain.situation import ChainSituation
from remediations.render.formats import name_some
from remediations.values.part import Part
from remediations.values.reading import value_or_none

_STOPPED = ("inactive", "failed")
Stages = tuple[StageDraft[ChainSituation], ...]


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What is done to `nodes`: `prepare`, then `start` if the unit is stopped, else `restart`.
    `verb` begins the title of a stage; `says` tells of a host what is done there."""

    nodes: tuple[NodeFinding, ...]
    prepare: Action[ChainSituation]
    start: Action[ChainSituation]
    restart: Action[ChainSituation]
    verb: str
    says: Callable[[str], str]


def prepared_misfit(chain: ChainSituation, *, halted: bool = True) -> str | None:
    """Why nothing is to be prepared in this chain; None if it may be. `halted`: also in a halt for
    lack of power."""
    found = chain.finding.chain
    if found is ChainClass.DOUBLE_SIGNING:
        return "a key signs twice now: `remediate plan double-sign` first"
    if found.rule.goes_on or (halted and found is ChainClass.QUORUM_LOST):
        return None
    if found is ChainClass.QUORUM_LOST:
        return f"the chain does not go on ({found}): use INC-001"
    return f"the chain is {found}, not degraded or quorum-lost"


def prepared_stages(chain: ChainSituation, work: Prepared, *, more_s: int) -> Stages:
    """The stages; `more_s` is what the preparation may take beside the start."""
    if chain.finding.chain.rule.goes_on:
        return _rolling(chain, work, more_s)
    return _together(chain, work, more_s)


def prepared_checks(chain: ChainSituation, work: Prepared) -> tuple[PlannedCheck, ...]:
    """The checks of the start."""
    return checks_for(work.nodes) if chain.finding.chain.rule.goes_on else CHECKS


def prepared_risk(chain: ChainSituation, work: Prepared) -> Risk:
    """High in a halt; else by whether a validator is among them."""
    if not chain.finding.chain.rule.goes_on:
        return Risk.HIGH
    return Risk.MEDIUM if any(node.power for node in work.nodes) else Risk.LOW


def prepared_warnings(chain: ChainSituation) -> tuple[str, ...]:
    """Of the settings of those that are started with them in a halt."""
    return settings_warnings(chain, _others(chain))


def _rolling(chain: ChainSituation, work: Prepared, more_s: int) -> Stages:
    gates = {node.host: follows_gate(node.host) for node in work.nodes}
    return tuple(
        StageDraft(
            title=f"{work.verb} {node.host} (power {node.power}), and start it again",
            why=f"{work.says(node.host)}. One at a time: the chain goes on meanwhile",
            moves=_moves(chain, work, node),
            gate=Gate(
                title=gates[node.host].title,
                timeout_s=gates[node.host].timeout_s + more_s,
                asks=gates[node.host].asks,
            ),
        )
        for node in work.nodes
    )


def _together(chain: ChainSituation, work: Prepared, more_s: int) -> Stages:
    others, finding = _others(chain), chain.finding
    more, seconds = more_blocks_s(chain, others)
    above, timeout = finding.height + more, round_timeout_s(finding.round) + seconds + more_s
    meant = {node.host for node in (*work.nodes, *others)} | chain.voting
    hosts = tuple(node.host for node in finding.nodes if node.power and node.host in meant)
    names = name_some([node.host for node in work.nodes])
    also = f", and start {name_some([node.host for node in others])} with it" if others else ""
    told = "; ".join(f"{node.host}: {work.says(node.host)}" for node in work.nodes)
    return (
        StageDraft(
            title=f"{work.verb} {names}, and start again{also}",
            why=f"{told}. Those that run hold the round, and are not touched",
            moves=(
                *(move for node in work.nodes for move in _moves(chain, work, node)),
                *(move for node in others for move in bring_back(chain, node)),
            ),
            gate=Gate(
                title=f"a block above {above} within {timeout} s",
                timeout_s=timeout,
                asks=Part.of(Advances(hosts=hosts, height=above)),
            ),
        ),
        *restoring_stages(chain, others),
    )


def _others(chain: ChainSituation) -> tuple[NodeFinding, ...]:
    """In a halt: what else is missing, and comes back by a start."""
    if chain.finding.chain.rule.goes_on:
        return ()
    return restartable(chain, validators_only=True, lifted=True)


def _moves(
    chain: ChainSituation, work: Prepared, node: NodeFinding
) -> tuple[Move[ChainSituation], ...]:
    unit = value_or_none(chain.observation.host(node.host).unit)
    stopped = unit is not None and unit.active_state in _STOPPED
    return Move(work.prepare, node.host), Move(work.start if stopped else work.restart, node.host)

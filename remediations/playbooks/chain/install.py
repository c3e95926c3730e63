"""INC-001: the program is the wrong one for the next block, and another one goes on.

Two classes have this: the application fails at the same block everywhere, and an upgrade waits for
its program. Both get one stage: the block was decided, so nobody signs before more than two thirds
are back, and whoever comes first waits. Nothing is rolled back: a block that was decided stays
(docs/rules/classes.md#deterministic-panic).
"""

from __future__ import annotations

import re

from remediations.engine.domain import Branch, Move, Proposal, StageDraft
from remediations.engine.plan.plan import Gate, Risk
from remediations.playbooks.chain.actions import INSTALL
from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.finding import NodeFinding
from remediations.playbooks.chain.gates import Advances
from remediations.playbooks.chain.guards.program import enough_get_program
from remediations.playbooks.chain.impact import smallest_first
from remediations.playbooks.chain.program import (
    FAILING,
    INPUT,
    PROGRAM,
    chosen_program,
    cured_by_program,
)
from remediations.playbooks.chain.restart import CHECKS, disabled_warnings, round_timeout_s
from remediations.playbooks.chain.situation import ChainSituation
from remediations.render.formats import count_of, name_some, percent
from remediations.values.part import Part

_NEEDED = re.compile(r'UPGRADE \\?"([A-Za-z0-9._ -]{1,64})\\?" NEEDED')


def _fits_panic(chain: ChainSituation) -> str | None:
    return _fits(chain, ChainClass.DETERMINISTIC_PANIC)


def _fits_upgrade(chain: ChainSituation) -> str | None:
    return _fits(chain, ChainClass.UPGRADE_NEEDED)


def _fits(chain: ChainSituation, wanted: ChainClass) -> str | None:
    found = chain.finding.chain
    if found is not wanted:
        return f"the chain is {found}, not {wanted}"
    if not chosen_program(chain):
        return f"no program was chosen (--{PROGRAM} {INPUT.metavar})"
    if not _targets(chain):
        return "no node fails at this block"
    return None


def _targets(chain: ChainSituation) -> tuple[NodeFinding, ...]:
    """Validators that fail or are down, and the other nodes that fail: those that are down
    otherwise are not needed for the next block."""
    return smallest_first(
        node
        for node in chain.finding.nodes
        if (cured_by_program(node) if node.power else node.condition in FAILING)
        and (node.host in chain.only or not chain.only)
        and node.condition is not NodeCondition.STANDBY
    )


def _propose_panic(chain: ChainSituation) -> Proposal[ChainSituation]:
    return _propose(chain, f"a program that gets past block {chain.finding.height}")


def _propose_upgrade(chain: ChainSituation) -> Proposal[ChainSituation]:
    names = sorted(
        {
            found.group(1)
            for node in chain.finding.nodes
            for proof in node.evidence
            if (found := _NEEDED.search(proof.says))
        }
    )
    return _propose(chain, f"the program of the upgrade {' or '.join(names)}".rstrip())


def _propose(chain: ChainSituation, what: str) -> Proposal[ChainSituation]:
    finding, nodes = chain.finding, _targets(chain)
    hosts = [node.host for node in nodes]
    power = sum(node.power for node in nodes)
    timeout = round_timeout_s(finding.round)
    gated = tuple(
        node.host
        for node in finding.nodes
        if node.power and (node.host in hosts or node.host in chain.voting)
    )
    return Proposal(
        title=f"install {what} on {count_of(len(nodes), 'node')} together",
        stages=(
            StageDraft(
                title=f"install and start {chosen_program(chain)[:16]} on {name_some(hosts)}",
                why=f"{percent(power, finding.total_power)} of the power get it. What was decided "
                "stays decided: nothing is rolled back. Order does not matter for safety; fewer "
                "than two thirds just wait",
                moves=tuple(Move(INSTALL, host) for host in hosts),
                gate=Gate(
                    title=f"a block above {finding.height} within {timeout} s",
                    timeout_s=timeout,
                    asks=Part.of(Advances(hosts=gated, height=finding.height)),
                ),
            ),
        ),
        checks=CHECKS,
        risk=Risk.HIGH,
        worst_case="the program fails at this block, too, and the chain stays halted as it is now; "
        "or it computes another state than the validators outside of this plan, which then stand "
        "alone: agree on its hash with them first. The former program is kept on each host",
        warnings=disabled_warnings(nodes),
    )


BRANCHES = (
    Branch(
        name="install-past-panic",
        title="The application fails at a block everywhere: install a program that does not",
        condition="nodes that can halt the chain fail at the same block, and a program is chosen",
        fits=_fits_panic,
        propose=_propose_panic,
        invariants=(enough_get_program,),
        inputs=(INPUT,),
    ),
    Branch(
        name="install-upgrade",
        title="An upgrade waits for its program: install it",
        condition="nodes that can halt the chain ask for an upgrade, and a program is chosen",
        fits=_fits_upgrade,
        propose=_propose_upgrade,
        invariants=(enough_get_program,),
        inputs=(INPUT,),
    ),
)

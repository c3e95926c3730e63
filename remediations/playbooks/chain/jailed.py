"""low-validators: a validator that is out of the set and may come back by one transaction.

While it was down, the chain jailed it and took a part of its stake. The cause comes first: its node
must run and follow, or the chain jails it again. Then its operator's key signs one transaction,
which is in the plan in full. A tombstoned validator never comes back, whatever is sent.
"""

from __future__ import annotations

from remediations.engine.domain import Branch, Move, Playbook, Proposal, StageDraft
from remediations.engine.plan.plan import Gate, PlannedCheck, Risk
from remediations.playbooks.chain.actions import UNJAIL
from remediations.playbooks.chain.checks.titles import TITLES
from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.finding import NodeFinding
from remediations.playbooks.chain.gates import Bonded
from remediations.playbooks.chain.jail_facts import FEES_INPUT, power_of, standing_of
from remediations.playbooks.chain.jail_signature import SIGNED, SIGNED_INPUT
from remediations.playbooks.chain.situation import ChainSituation
from remediations.render.formats import name_some
from remediations.systems.comet.inventory import Role
from remediations.systems.comet.quorum import has_quorum
from remediations.values.part import Part
from remediations.values.reading import value_or_none

IN_SET_TIMEOUT_S = 120
"""The set changes two blocks after the one with the transaction."""
_CHECKS = ("P1", "P2", "P3", "P4", "P5", "P8", "P10", "P12", "P13", "P20", "P21", "I13")


def _asked(chain: ChainSituation, node: NodeFinding) -> bool:
    return node.host in chain.only or not chain.only


def _jailed(chain: ChainSituation) -> tuple[NodeFinding, ...]:
    """Smallest stake first."""
    found = [
        node
        for node in chain.finding.nodes
        if node.condition is NodeCondition.JAILED and _asked(chain, node)
    ]
    return tuple(sorted(found, key=lambda node: (_power(chain, node), node.host)))


def _power(chain: ChainSituation, node: NodeFinding) -> int:
    validator = value_or_none(standing_of(chain.observation.host(node.host)).validator)
    return power_of(validator) if validator is not None else 0


def _fits(chain: ChainSituation) -> str | None:
    if chain.finding.chain is ChainClass.DOUBLE_SIGNING:
        return "a validator signs twice now: stop that first"
    if not chain.finding.chain.rule.goes_on:
        return f"the chain does not go on ({chain.finding.chain}): it includes no transaction"
    jailed = _jailed(chain)
    if SIGNED in chain.inputs and len(jailed) > 1:
        names = name_some([node.host for node in jailed])
        return f"a signature is one of one validator, and {names} are jailed: name one by --limit"
    return None if jailed else _why_nobody(chain)


def _why_nobody(chain: ChainSituation) -> str:
    """Why there is nobody to be freed: those without power, each with what keeps it out."""
    said = []
    for node in chain.finding.nodes:
        validates = chain.observation.host(node.host).role is Role.VALIDATOR
        if not validates or node.power or not _asked(chain, node):
            continue
        if node.condition is NodeCondition.TOMBSTONED:
            said.append(f"{node.host} is tombstoned: its key signed twice, and never comes back")
        elif node.condition is NodeCondition.UNBONDED:
            said.append(f"{node.host} is not jailed, it is not bonded")
        elif not node.condition.rule.running:
            said.append(
                f"{node.host} is {node.condition}: bring it back first (node-down), or it would "
                "be jailed again"
            )
        else:
            said.append(f"{node.host} is {node.condition}")
    return "no validator is jailed" + (f": {'; '.join(said)}" if said else "")


def _propose(chain: ChainSituation) -> Proposal[ChainSituation]:
    nodes = _jailed(chain)
    finding = chain.finding
    more = sum(_power(chain, node) for node in nodes)
    halts = not has_quorum(finding.online_power, finding.total_power + more)
    return Proposal(
        title=f"unjail {name_some([node.host for node in nodes])}",
        stages=tuple(_stage(chain, node) for node in nodes),
        checks=tuple(PlannedCheck(id=id_, title=TITLES[id_]) for id_ in _CHECKS),
        risk=Risk.HIGH if halts else Risk.MEDIUM,
        worst_case="it comes back and does not sign: the chain "
        + (
            f"halts, because its power of about {more} counts again and {finding.online_power} "
            "votes without it"
            if halts
            else "goes on without it, jails it again and takes a further part of its stake"
        ),
        warnings=tuple(
            f"{node.host}: nothing here mends why it missed blocks; find that out first"
            for node in nodes
        ),
    )


def _stage(chain: ChainSituation, node: NodeFinding) -> StageDraft[ChainSituation]:
    return StageDraft(
        title=f"unjail {node.host} (power about {_power(chain, node)})",
        why="its node follows, its time is over; one at a time, smallest stake first",
        moves=(Move(UNJAIL, node.host),),
        gate=Gate(
            title=f"{node.host} is in the validator set and follows the chain",
            timeout_s=IN_SET_TIMEOUT_S,
            asks=Part.of(Bonded(hosts=(node.host,))),
        ),
    )


PLAYBOOK = Playbook(
    id="low-validators",
    title="Too few validators",
    alerts=("LowValidatorCount", "ValidatorJailed", "ValidatorSetShrunk"),
    branches=(
        Branch(
            name="unjail",
            title="A jailed validator follows the chain again: end its jail by a transaction",
            condition="blocks go on, and a validator that follows them is jailed, not tombstoned",
            fits=_fits,
            propose=_propose,
            inputs=(FEES_INPUT, SIGNED_INPUT),
        ),
    ),
)

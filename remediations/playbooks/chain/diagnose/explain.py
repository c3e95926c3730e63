"""The sentences that an operator reads first: what is wrong, since when, why, and what next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.chain_class import ClassVerdict
from remediations.playbooks.chain.diagnose.halt import Halt
from remediations.playbooks.chain.diagnose.power import Power
from remediations.playbooks.chain.finding import NodeFinding, Tristate
from remediations.render.formats import name_some, percent


def explain(
    judgement: ClassVerdict, halt: Halt, power: Power, online: int, nodes: Sequence[NodeFinding]
) -> str:
    """The explanation of a finding, in one or two sentences."""
    state = {
        Tristate.YES: f"halted at {halt.tip} since {_clock(halt.newest)} ({halt.age_s} s)",
        Tristate.NO: f"not halted, height {halt.tip}, last block {halt.age_s} s old",
        Tristate.UNKNOWN: "whether the chain halts is not known",
    }[halt.answer]
    share = ""
    if power.known:
        share = f", {online} of {power.total} power online ({percent(online, power.total)})"
    lost = _causes(power, nodes) if judgement.chain is ChainClass.QUORUM_LOST else ""
    return f"{judgement.chain.rule.title}: {state}{share}. Why: {judgement.why}{lost}."


def _causes(power: Power, nodes: Sequence[NodeFinding]) -> str:
    """Which power is missing and why, most power first; then the power that no host accounts
    for."""
    ill = sorted(
        (n for n in nodes if n.power and n.condition is not NodeCondition.WAITING),
        key=lambda n: (-n.power, n.host),
    )
    parts = [f"{n.host} ({n.power}) {n.condition}" for n in ill[:4]]
    if len(ill) > 4:
        parts.append(f"{len(ill) - 4} more")
    if power.uncovered:
        blind = [f"{n.host} {n.condition}" for n in nodes if n.condition.rule.hides_power]
        unseen = f" ({', '.join(blind[:4])})" if blind else ""
        parts.append(f"{power.uncovered} power on no host that shows its key{unseen}")
    return f": {', '.join(parts)}" if parts else ""


def next_step(judgement: ClassVerdict, power: Power, nodes: Sequence[NodeFinding]) -> str:
    """The next command, or what to do instead of one."""
    chain = judgement.chain
    if chain is ChainClass.UNDETERMINED:
        return _next_reading(power, nodes)
    if chain is ChainClass.HALT_HEIGHT:
        hosts = [n.host for n in nodes if n.condition is NodeCondition.HALT_HEIGHT]
        return f"on {name_some(hosts)}: {chain.rule.next_step}; by hand, as said of each"
    if chain.rule.playbook:
        playbook = playbook_for(chain, nodes)
        return f"remediate plan {playbook}" if playbook else _first_by_hand(nodes)
    return chain.rule.next_step


def playbook_for(chain: ChainClass, nodes: Sequence[NodeFinding]) -> str | None:
    """The playbook that is worth planning now; None if there is none, or if it would cure no
    node."""
    curable = any(
        n.condition.rule.cure is not None
        and n.condition is not NodeCondition.STANDBY
        and (n.power or chain is ChainClass.DEGRADED)
        for n in nodes
    )
    return (chain.rule.playbook or None) if curable else None


def _first_by_hand(nodes: Sequence[NodeFinding]) -> str:
    """What a person does first where no playbook cures a node: for the one with the most power."""
    ill = sorted((n for n in nodes if n.by_hand), key=lambda n: (-n.power, n.host))
    if not ill:
        return "add the hosts of the missing validators to the inventory, then `remediate diagnose`"
    return f"{ill[0].host}: {ill[0].by_hand}"


def _next_reading(power: Power, nodes: Sequence[NodeFinding]) -> str:
    """What is needed for the next look to reach a conclusion."""
    unreached = [n.host for n in nodes if n.condition is NodeCondition.UNREACHABLE]
    if not power.known:
        return (
            "start a full node by hand (it holds no validator key) so that the validator set can "
            "be read, then `remediate diagnose` again"
        )
    if unreached:
        names = ", ".join(unreached[:4])
        return f"make {names} reachable by SSH, then `remediate diagnose` again"
    return "`remediate diagnose` again in a minute, with every node of the chain in the inventory"


def _clock(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC") if moment is not None else "unknown"

"""The sentences that an operator reads first: what is wrong, since when, why, and what next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.chain_class import ClassInput, ClassVerdict
from remediations.playbooks.chain.diagnose.power import Power
from remediations.playbooks.chain.finding import NodeFinding, Tristate
from remediations.render.formats import name_some, percent, short_digest
from remediations.values.reading import value_or_none


def explain(
    case: ClassInput, judgement: ClassVerdict, online: int, nodes: Sequence[NodeFinding]
) -> str:
    """The explanation of a finding, in a few sentences."""
    halt, power = case.halt, case.power
    state = {
        Tristate.YES: f"halted at {halt.tip} since {_clock(halt.newest)} ({halt.age_s} s)",
        Tristate.NO: f"not halted, height {halt.tip}, last block {halt.age_s} s old",
        Tristate.UNKNOWN: "whether the chain halts is not known",
    }[halt.answer]
    share = ""
    if power.known:
        share = f", {online} of {power.total} power online ({percent(online, power.total)})"
        if halt.answer is Tristate.NO:
            share += margin(online, power.total)
    lost = _causes(case, nodes) if judgement.chain is ChainClass.QUORUM_LOST else ""
    why = f"Why: {judgement.why}{lost}."
    first = f"{judgement.chain.rule.title}: {state}{share}."
    return " ".join([first, *_past(case, judgement.chain), why])


def margin(online: int, total: int) -> str:
    """How much more may be lost before blocks stop, where some is missing already; else ""."""
    more = online - 2 * total // 3
    return f": {more} more lost, and blocks stop" if online < total and more > 0 else ""


def _past(case: ClassInput, chain: ChainClass) -> Iterator[str]:
    """Double signing that is no longer going on, or that is told beside something worse."""
    blocks = case.equivocations.blocks
    if blocks:
        which = name_some([str(block.height) for block in blocks], 4)
        at = _clock(blocks[0].at)
        yield f"Evidence of double signing is in block {which} ({at}){_lost(case)}."
    for address, conflict in case.equivocations.conflicts.items():
        if conflict.now and chain in (ChainClass.DOUBLE_SIGNING, ChainClass.DEGRADED):
            continue
        names = case.power.holders.get(address) or (short_digest(address),)
        when = f"signed twice, last seen at {_clock(conflict.at)}"
        yield f"The key of {name_some(names)} {when}."


def _lost(case: ClassInput) -> str:
    """Who has no power any more, and how much it was, as far as any reading still tells."""
    out = case.without_power
    if not out:
        return ""
    addresses = {view.address for view in case.views if view.host in out}
    had = sum(max(_powers(case, address), default=0) for address in addresses)
    lost = f"with {had} power " if had else ""
    return f": {name_some(out)} {lost}is out of the set, {case.power.total} power is left"


def _powers(case: ClassInput, address: str) -> Iterator[int]:
    """What older answers say of the power of `address`."""
    for view in case.witnesses:
        members = value_or_none(view.reading.chain.validators)
        if members is not None:
            yield members.power_of(address)
        yield from (status.power for status in view.statuses if status.address == address)


def _causes(case: ClassInput, nodes: Sequence[NodeFinding]) -> str:
    """Which power is missing and why, most power first; then the power that no host accounts
    for."""
    power = case.power
    ill = _once_each(
        sorted(
            (n for n in nodes if n.power and n.condition is not NodeCondition.WAITING),
            key=lambda n: (-n.power, n.host),
        )
    )
    parts = [_missing(case, node) for node in ill[:4]]
    if len(ill) > 4:
        parts.append(f"{len(ill) - 4} more")
    if power.uncovered:
        blind = [f"{n.host} {n.condition}" for n in nodes if n.condition.rule.hides_power]
        unseen = f" ({', '.join(blind[:4])})" if blind else ""
        parts.append(f"{power.uncovered} power on no host that shows its key{unseen}")
    return f": {', '.join(parts)}" if parts else ""


def _missing(case: ClassInput, node: NodeFinding) -> str:
    """Its name and what is wrong; for a key that lies on several hosts all of them, and whether
    any runs."""
    if node.condition is not NodeCondition.DUPLICATE_KEY:
        return f"{node.host} ({node.power}) {node.condition}"
    holders = [view for view in case.views if view.address == node.address]
    names = " and ".join(view.host for view in holders)
    none = ", none of them runs" if all(view.down for view in holders) else ""
    return f"{names} ({node.power}) {node.condition}{none}"


def _once_each(nodes: Sequence[NodeFinding]) -> list[NodeFinding]:
    """The power of a key that lies on two hosts is there once."""
    first: dict[str, NodeFinding] = {}
    for node in nodes:
        first.setdefault(node.address, node)
    return list(first.values())


def next_step(judgement: ClassVerdict, power: Power, nodes: Sequence[NodeFinding]) -> str:
    """The next command, or what to do instead of one."""
    chain = judgement.chain
    if judgement.next_step:
        return judgement.next_step
    urgent = [n for n in nodes if n.condition.rule.comes_first]
    if urgent and chain is not ChainClass.UNDETERMINED:
        return _first_by_hand(urgent)
    if chain is ChainClass.UNDETERMINED:
        return _next_reading(power, nodes)
    if chain.rule.playbook:
        playbook = playbook_for(chain, nodes)
        return f"remediate plan {playbook}" if playbook else _first_by_hand(nodes)
    return chain.rule.next_step


def playbook_for(chain: ChainClass, nodes: Sequence[NodeFinding]) -> str | None:
    """The playbook that is worth planning now; None if there is none, or if it would cure no
    node."""
    if any(n.condition.rule.comes_first for n in nodes):
        return None
    curable = any(
        n.condition.rule.cure is not None
        and n.condition is not NodeCondition.STANDBY
        and (n.power or chain is ChainClass.DEGRADED)
        for n in nodes
    )
    return (chain.rule.playbook or None) if curable else None


def _first_by_hand(nodes: Sequence[NodeFinding]) -> str:
    """What a person does first where no playbook cures a node: for the one with the most power."""
    ill = sorted((n for n in nodes if n.by_hand), key=_urgency)
    if not ill:
        return "add the hosts of the missing validators to the inventory, then `remediate diagnose`"
    return f"{ill[0].host}: {ill[0].by_hand}"


def _urgency(node: NodeFinding) -> tuple[bool, int, str]:
    """A key that signs twice before everything else, then by power."""
    return (node.condition is not NodeCondition.DOUBLE_SIGNING, -node.power, node.host)


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

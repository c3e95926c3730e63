"""The sentences that an operator reads first: what is wrong, since when, why, and what next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.all_down import (
    common_reason,
    full_nodes,
    mend_first,
    power_reading_step,
)
from remediations.playbooks.chain.diagnose.class_input import ClassInput, ClassVerdict
from remediations.playbooks.chain.diagnose.links import advice, cut_off, removable
from remediations.playbooks.chain.diagnose.unread import unread_keys
from remediations.playbooks.chain.finding import (
    BrokenLink,
    FileWitness,
    Frees,
    NodeFinding,
    Tristate,
)
from remediations.render.formats import name_some, percent, short_digest
from remediations.systems.comet.inventory import Role
from remediations.systems.comet.quorum import can_halt
from remediations.values.reading import value_or_none

SECOND_HOLDER = "double-sign"
"""The playbook for a key with a second holder."""
MENDED_BY: Mapping[ChainClass, str] = MappingProxyType(
    {
        ChainClass.PARTITION: "INC-001",
        ChainClass.QUORUM_LOST: "INC-001",
        ChainClass.DEGRADED: "node-down",
    }
)
"""Where obstacles on hosts may be the cause, and the playbook that removes them."""
_VOTING = (NodeCondition.WAITING, NodeCondition.RPC_SILENT)
"""Their power is not missing, whatever else is to be said of them."""


def explain(
    judgement: ClassVerdict, case: ClassInput, online: int, nodes: Sequence[NodeFinding]
) -> str:
    """The explanation of a finding, in a few sentences."""
    halt, power = case.halt, case.power
    early = ""
    if halt.age_s <= case.limit_s:
        early = f", less than the {case.limit_s} s of a halt, but {halt.reason}"
    state = {
        Tristate.YES: f"halted at {halt.tip} since {_clock(halt.newest)} ({halt.age_s} s{early})",
        Tristate.NO: f"not halted, height {halt.tip}, last block {halt.age_s} s old",
        Tristate.UNKNOWN: "whether the chain halts is not known",
    }[halt.answer]
    share = ""
    if power.known:
        share = f", {online} of {power.total} power online ({percent(online, power.total)})"
        if halt.answer is Tristate.NO:
            share += margin(online, power.total)
    if judgement.chain is ChainClass.ALL_DOWN:
        state = "nobody can tell the height of the chain or the validator set"
    lost = _causes(case, nodes) if judgement.chain is ChainClass.QUORUM_LOST else ""
    if judgement.chain in (ChainClass.QUORUM_LOST, ChainClass.ALL_DOWN):
        lost = "; ".join(filter(None, (lost, common_reason(_validators(case, nodes)))))
        lost = lost if lost.startswith(":") or not lost else f"; {lost}"
    first = f"{judgement.chain.rule.title}: {state}{share}."
    why = f"Why: {judgement.why}{lost}."
    past, late = _past(case, judgement.chain), _slow(case, judgement)
    return " ".join((first, *past, why, *late, *_clocks(case)))


def _slow(case: ClassInput, judgement: ClassVerdict) -> Iterator[str]:
    """Whose proposals are missing, while blocks go on and somebody is ill: their turns are what
    makes blocks late."""
    if judgement.chain is not ChainClass.DEGRADED:
        return
    missing = [cause.says for cause in case.slow_causes if " proposed " in cause.says]
    if missing:
        yield f"Blocks are late at its turns: {name_some(missing, 3)}."


def _validators(case: ClassInput, nodes: Sequence[NodeFinding]) -> list[NodeFinding]:
    """The findings of those whose end matters to the chain."""
    hosts = {view.host for view in case.views if view.reading.role is Role.VALIDATOR}
    return [node for node in nodes if node.host in hosts]


def _clocks(case: ClassInput) -> Iterator[str]:
    """Wrong clocks: this machine's, which makes every age wrong, and those that make the time of
    blocks wrong."""
    if case.clocks.our_fault:
        yield f"{case.clocks.our_fault[:1].upper()}{case.clocks.our_fault[1:]}."
    power = case.power.sum(view.address for view in case.views if view.host in case.clocks.off)
    if case.power.known and can_halt(power, case.power.total):
        yield (
            f"Hosts with {power} of {case.power.total} power have a wrong clock, so the time of "
            "blocks is wrong: other chains refuse such headers (IBC)."
        )


def margin(online: int, total: int) -> str:
    """How much more may be lost before blocks stop, where some is missing already; else ""."""
    more = online - 2 * total // 3
    return f": {more} more lost, and blocks stop" if online < total and more > 0 else ""


def _past(case: ClassInput, chain: ChainClass) -> Iterator[str]:
    """Double signing that is no longer going on, or that is told beside something worse."""
    blocks = case.equivocations.blocks
    if blocks:
        which = name_some([str(block.height) for block in blocks], 4)
        which = f"block{'s' if len(blocks) > 1 else ''} {which}"
        yield f"Evidence of double signing is in {which} ({_clock(blocks[0].at)}){_lost(case)}."
    for address, conflict in case.equivocations.conflicts.items():
        if conflict.now and chain in (ChainClass.DOUBLE_SIGNING, ChainClass.DEGRADED):
            continue
        names = case.power.holders.get(address) or (short_digest(address),)
        when = f"signed twice, last seen at {_clock(conflict.at)}"
        when += f" ({conflict.says})" if conflict.proven else ""
        yield f"The key of {name_some(names)} {when}."


def _lost(case: ClassInput) -> str:
    """Who has no power any more, and how much it was, as far as any reading still tells."""
    out = case.without_power
    if not out:
        return ""
    addresses = {view.address for view in case.views if view.host in out}
    had = sum(max(_powers(case, address), default=0) for address in addresses)
    lost = f"with {had} power " if had else ""
    verb = "is" if len(out) == 1 else "are"
    return f": {name_some(out)} {lost}{verb} out of the set, {case.power.total} power is left"


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
    ill = _once_each(
        sorted(
            (n for n in nodes if n.power and n.condition not in _VOTING),
            key=lambda n: (-n.power, n.host),
        )
    )
    parts = [_missing(case, node) for node in ill[:4]]
    if len(ill) > 4:
        parts.append(f"{len(ill) - 4} more")
    if case.power.uncovered:
        parts.append(_unseen(case))
    return f": {', '.join(parts)}" if parts else ""


def _unseen(case: ClassInput) -> str:
    """The power that no host accounts for: on hosts that could not be read, or on none at all."""
    power, blind = case.power.uncovered, unread_keys(case.views)
    known = {key.host for key in blind}
    hidden = [
        f"{host}: {verdict.condition}"
        for host, verdict in case.verdicts.items()
        if verdict is not None and verdict.condition.rule.hides_power and host not in known
    ]
    if not blind and not hidden:
        return f"{power} of {case.power.total} power on no host of the inventory"
    named = name_some([*(key.says for key in blind), *hidden], 4)
    return f"{power} of {case.power.total} power: its key could not be read ({named})"


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


def next_step(
    judgement: ClassVerdict,
    case: ClassInput,
    nodes: Sequence[NodeFinding],
    files: FileWitness | None,
    links: Sequence[BrokenLink],
) -> str:
    """The next command, or what to do instead of one. `files` is what they tell where no node
    answers."""
    chain = judgement.chain
    if judgement.next_step:
        return judgement.next_step
    urgent = [n for n in nodes if n.condition.rule.comes_first]
    if second_holders(nodes):
        return f"remediate plan {SECOND_HOLDER}"
    if urgent and chain is not ChainClass.UNDETERMINED:
        return _first_by_hand(case, urgent)
    if case.clocks.our_fault:  # until then every plan is refused (G37)
        return "set the clock of this machine (`timedatectl`), then `remediate diagnose` again"
    if chain is ChainClass.ALL_DOWN:
        return _next_start(case, nodes, files)
    if chain is ChainClass.UNDETERMINED:
        return _next_reading(case, nodes)
    if chain is ChainClass.LOCAL_DIVERGENCE and not _some_diverged_answer(case):
        return _first_by_hand(case, nodes)
    playbook = playbook_for(chain, nodes, links)
    if playbook and (chain.rule.playbook or chain is ChainClass.PARTITION):
        return f"remediate plan {playbook}"
    if chain is ChainClass.PARTITION or _cut_off_only(nodes):
        return advice(links) or chain.rule.next_step or _first_by_hand(case, nodes)
    return _first_by_hand(case, nodes) if chain.rule.playbook else chain.rule.next_step


def _cut_off_only(nodes: Sequence[NodeFinding]) -> bool:
    """Whether nothing is wrong with any node but that it is cut off."""
    ill = {node.condition for node in nodes if node.by_hand}
    return ill == {NodeCondition.ISOLATED}


def _next_start(case: ClassInput, nodes: Sequence[NodeFinding], files: FileWitness | None) -> str:
    """What is done first where everybody is down: what they all name, or else a plan, if one can
    be made from files or begins with a full node."""
    first = mend_first(nodes, case.views)
    if first:
        return f"{first.rstrip('.')}; then `remediate diagnose` again"
    told = files is not None and files.newest
    playbook = playbook_for(ChainClass.ALL_DOWN, nodes)
    if playbook and (told or full_nodes(nodes, case.views)):
        return f"remediate plan {playbook}"
    return power_reading_step(nodes, case.views)


def _some_diverged_answer(case: ClassInput) -> bool:
    """Whether a node on a state of its own tells where it stands: only then it is rolled back."""
    return any(
        view.answers
        and (verdict := case.verdicts[view.host]) is not None
        and verdict.condition is NodeCondition.DIVERGED
        for view in case.views
    )


def second_holders(nodes: Sequence[NodeFinding]) -> tuple[str, ...]:
    """The hosts with a key that signs twice, or could, and that are not held yet."""
    kinds = (NodeCondition.DOUBLE_SIGNING, NodeCondition.DUPLICATE_KEY)
    return tuple(node.host for node in nodes if node.condition in kinds and not node.held)


def playbook_for(
    chain: ChainClass, nodes: Sequence[NodeFinding], links: Sequence[BrokenLink] = ()
) -> str | None:
    """The playbook that is worth planning now; None if there is none, or if it would cure no node
    before a person has done something about it, nor mend one of the broken `links`."""
    if second_holders(nodes):
        return SECOND_HOLDER
    if any(n.condition.rule.comes_first for n in nodes):
        return None
    anyone = chain in (ChainClass.DEGRADED, ChainClass.ALL_DOWN, ChainClass.HALT_HEIGHT)
    lifted = chain in (ChainClass.QUORUM_LOST, ChainClass.ALL_DOWN, ChainClass.HALT_HEIGHT)
    curable = any(
        (
            (n.condition.rule.cure is not None and not n.by_hand)
            or (lifted and n.condition.rule.setting_forbids)
            or (chain is not ChainClass.ALL_DOWN and _prepared(n))
        )
        and n.condition is not NodeCondition.STANDBY
        and (n.power or anyone)
        for n in nodes
    )
    if _mended(chain, nodes, links):
        return MENDED_BY[chain]
    return (chain.rule.playbook or None) if curable else None


def _prepared(node: NodeFinding) -> bool:
    """Whether a plan can remove what stands in the way of its start: a full disk, a limit."""
    return node.frees is Frees.ENOUGH or node.condition is NodeCondition.OPEN_FILES


def _mended(chain: ChainClass, nodes: Sequence[NodeFinding], links: Sequence[BrokenLink]) -> bool:
    """Whether removing what is in the way on hosts may help: to a halted chain, or a node that is
    cut off."""
    hosts = removable(links) if chain in MENDED_BY else {}
    return bool(hosts) and (not chain.rule.goes_on or bool(cut_off(nodes, links, hosts)))


def _first_by_hand(case: ClassInput, nodes: Sequence[NodeFinding]) -> str:
    """What a person does first where no playbook cures a node: for the one with the most power,
    which may be one whose key could not be read."""
    ill = sorted((n for n in nodes if n.by_hand), key=_urgency)
    blind = unread_keys(case.views)
    if blind and case.power.uncovered > (ill[0].power if ill else 0):
        return f"{blind[0].mend}, then `remediate diagnose` again"
    if not ill:
        return "add the hosts of the missing validators to the inventory, then `remediate diagnose`"
    alike = [node.host for node in ill if node.by_hand == ill[0].by_hand]
    return f"{name_some(alike)}: {ill[0].by_hand}"


def _urgency(node: NodeFinding) -> tuple[bool, int, str]:
    """A key that signs twice before everything else, then by power."""
    return (node.condition is not NodeCondition.DOUBLE_SIGNING, -node.power, node.host)


def _next_reading(case: ClassInput, nodes: Sequence[NodeFinding]) -> str:
    """What is needed for the next look to reach a conclusion."""
    unreached = [n.host for n in nodes if n.condition is NodeCondition.UNREACHABLE]
    if not case.power.known:
        return power_reading_step(nodes, case.views)
    if unreached:
        names = ", ".join(unreached[:4])
        return f"make {names} reachable by SSH, then `remediate diagnose` again"
    return "`remediate diagnose` again in a minute, with every node of the chain in the inventory"


def _clock(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC") if moment is not None else "unknown"

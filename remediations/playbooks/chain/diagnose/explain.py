"""The sentences for a person at three in the morning: what, since when, why; what next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from remediations.playbooks.chain.diagnose.chain_class import Judgement
from remediations.playbooks.chain.diagnose.halt import Halt
from remediations.playbooks.chain.diagnose.power import Power
from remediations.playbooks.chain.finding import Certainty, ChainClass, NodeCondition, NodeFinding
from remediations.render.formats import percent

_NAMES = {
    ChainClass.HEALTHY: "Blocks go on and all is well",
    ChainClass.DEGRADED: "Blocks go on, but not everybody is well",
    ChainClass.LOCAL_DIVERGENCE: "Blocks go on, but somebody's state diverged",
    ChainClass.SLOW: "Blocks come, but slowly",
    ChainClass.QUORUM_LOST: "The quorum is lost",
    ChainClass.PARTITION: "The network is parted",
    ChainClass.APP_HASH_SPLIT: "The validators disagree on the app hash",
    ChainClass.DETERMINISTIC_PANIC: "The application fails at the same block everywhere",
    ChainClass.UPGRADE_NEEDED: "An upgrade is waiting for its program",
    ChainClass.HALT_HEIGHT: "The chain was stopped by halt-height",
    ChainClass.SIGNING_BLOCKED: "Validators run but do not sign",
    ChainClass.UNDETERMINED: "Undetermined",
}

_NEXT = {
    ChainClass.HEALTHY: "nothing to do",
    ChainClass.SLOW: "look at load and disks of the proposers; `remediate diagnose` again",
    ChainClass.LOCAL_DIVERGENCE: "roll back or rebuild the diverged nodes by hand, one at a time; "
    "leave the majority alone",
    ChainClass.PARTITION: "mend the network between the components and wait; restart nothing",
    ChainClass.APP_HASH_SPLIT: "stop nothing, delete nothing; collect the evidence and agree which "
    "state is right, then roll back softly by hand",
    ChainClass.DETERMINISTIC_PANIC: "install a program that gets past this block on more than 2/3 "
    "of the power; no rollback",
    ChainClass.UPGRADE_NEEDED: "install the program of the upgrade on more than 2/3 of the power",
    ChainClass.HALT_HEIGHT: "set halt-height and halt-time to 0 on every validator, then start",
    ChainClass.SIGNING_BLOCKED: "do not touch sign states or WALs; read the journal of those that "
    "do not sign",
}

_PLAYBOOKS = {ChainClass.DEGRADED: "node-down", ChainClass.QUORUM_LOST: "INC-001"}

_BY_PLAYBOOK = frozenset(
    {
        NodeCondition.STOPPED,
        NodeCondition.DISABLED,
        NodeCondition.START_FAILS,
        NodeCondition.CRASH_LOOP,
        NodeCondition.FROZEN,
        NodeCondition.ZOMBIE,
    }
)
"""Conditions for which node-down is worth trying; the playbook itself decides."""


def explain(
    judgement: Judgement, halt: Halt, power: Power, online: int, nodes: Sequence[NodeFinding]
) -> str:
    """One or two sentences."""
    state = {
        Certainty.YES: f"halted at {halt.tip} since {_clock(halt.newest)} ({halt.age_s} s)",
        Certainty.NO: f"not halted, height {halt.tip}, last block {halt.age_s} s old",
        Certainty.UNKNOWN: "whether the chain halts is not known",
    }[halt.answer]
    share = ""
    if power.known:
        share = f", {online} of {power.total} power online ({percent(online, power.total)})"
    lost = _causes(power, nodes) if judgement.chain is ChainClass.QUORUM_LOST else ""
    return f"{_NAMES[judgement.chain]}: {state}{share}. Why: {judgement.why}{lost}."


def _causes(power: Power, nodes: Sequence[NodeFinding]) -> str:
    """Who is missing with what condition, most power first; then what no host accounts for."""
    ill = sorted(
        (n for n in nodes if n.power and n.condition is not NodeCondition.WAITING),
        key=lambda n: (-n.power, n.host),
    )
    parts = [f"{n.host} ({n.power}) {n.condition}" for n in ill[:4]]
    if len(ill) > 4:
        parts.append(f"{len(ill) - 4} more")
    if power.uncovered:
        blind = [
            f"{n.host} {n.condition}"
            for n in nodes
            if n.condition in (NodeCondition.UNREACHABLE, NodeCondition.KEY_MISSING)
        ]
        unseen = f" ({', '.join(blind[:4])})" if blind else ""
        parts.append(f"{power.uncovered} power on no host that shows its key{unseen}")
    return f": {', '.join(parts)}" if parts else ""


def next_step(judgement: Judgement, power: Power, nodes: Sequence[NodeFinding]) -> str:
    """The next command, or what to do instead of one."""
    chain = judgement.chain
    if chain is ChainClass.UNDETERMINED:
        return _next_reading(power, nodes)
    if chain in _PLAYBOOKS:
        playbook = playbook_for(chain, nodes)
        return f"remediate plan {playbook}" if playbook else _first_by_hand(nodes)
    return _NEXT[chain]


def playbook_for(chain: ChainClass, nodes: Sequence[NodeFinding]) -> str | None:
    """The playbook that is worth planning now; None where there is none, or it cures no node."""
    curable = any(
        n.condition in _BY_PLAYBOOK and (n.power or chain is ChainClass.DEGRADED) for n in nodes
    )
    return _PLAYBOOKS.get(chain) if curable else None


def _first_by_hand(nodes: Sequence[NodeFinding]) -> str:
    """What a person does first, where no playbook cures a node: for the one with most power."""
    ill = sorted((n for n in nodes if n.by_hand), key=lambda n: (-n.power, n.host))
    if not ill:
        return "add the hosts of the missing validators to the inventory, then `remediate diagnose`"
    return f"{ill[0].host}: {ill[0].by_hand}"


def _next_reading(power: Power, nodes: Sequence[NodeFinding]) -> str:
    """What would let the next look conclude."""
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

"""Nodes that answer, but are not where the others are: consensus dead, behind, isolated, diverged.

Process, `/health`, `catching_up` and systemd look fine in all of these cases
(docs/rules/hazards.md#looks-fine), so only progress counts.
"""

from __future__ import annotations

from datetime import timedelta

from remediations.engine.find.finding import Evidence, evidence_of
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.context import ChainContext, NodeVerdict
from remediations.playbooks.chain.diagnose.network import reach_of
from remediations.playbooks.chain.diagnose.node_view import READ_APART, NodeView
from remediations.render.formats import format_duration
from remediations.systems.comet.quorum import can_halt
from remediations.values.reading import Known, value_or_none

_FIRST_BLOCKS = timedelta(minutes=2)
"""What a node takes at most from its start to its first block in block sync."""


def untrusted(view: NodeView, context: ChainContext) -> NodeVerdict | None:
    """Its answers contradict each other: nothing can be concluded about it."""
    doubt = context.doubts.get(view.host)
    if doubt is None:
        return None
    return NodeVerdict(
        NodeCondition.UNKNOWN,
        f"its answers are not believed: {doubt}",
        view.status_evidence(doubt),
        f"Find out what answers on the RPC port of {view.host}, and why it says so.",
    )


def diverged(view: NodeView, context: ChainContext) -> NodeVerdict | None:
    """It stands still, and its app hash differs from the one in the next header: it failed alone
    (docs/rules/classes.md#local-divergence)."""
    how = context.hashes.diverged.get(view.host)
    if how is None or not view.stands:
        return None
    return NodeVerdict(NodeCondition.DIVERGED, how, _app_evidence(view, how))


def behind(view: NodeView, context: ChainContext) -> NodeVerdict | None:
    """In block sync, or well below the tip and rising: behind. Where its height stands it does not
    catch up, whatever `catching_up` says."""
    status = view.status
    if status is None:
        return None
    lag = context.tip - view.height
    if not (status.catching_up or (view.rises and lag > allowed_lag(context))):
        return None
    where = f"it is at {view.height}, the tip is {context.tip}"
    if view.stands and not _young(view, context):
        cause = f"{where}; it is in block sync, and its height stands"
        return NodeVerdict(NodeCondition.STUCK, cause, view.status_evidence(cause))
    cause = f"{where}; {_progress(view, context)}"
    return NodeVerdict(NodeCondition.BEHIND, cause, view.status_evidence(cause))


def _young(view: NodeView, context: ChainContext) -> bool:
    """Whether its process started so lately that it may still be looking for peers."""
    return view.started_at is not None and context.began - view.started_at < _FIRST_BLOCKS


def _progress(view: NodeView, context: ChainContext) -> str:
    """How fast it comes nearer, and when it will have arrived."""
    samples = [sample for sample in view.reading.samples if isinstance(sample.status, Known)]
    if len(view.statuses) < 2:
        return "whether it rises was not seen: only one sample could be read"
    seconds = (samples[-1].at - samples[0].at).total_seconds()
    rose = view.statuses[-1].height - view.statuses[0].height
    if rose <= 0 or seconds <= 0:
        return "it started less than two minutes ago; its height stands yet"
    nearer = (rose - context.growth) / seconds
    told = f"it rises by {rose / seconds:.1f} blocks a second"
    if nearer <= 0:
        return f"{told}, no faster than the tip"
    wait = timedelta(seconds=round((context.tip - view.height) / nearer))
    return f"{told}, and will have arrived in {format_duration(wait)}"


def isolated(view: NodeView, context: ChainContext) -> NodeVerdict | None:
    """It has no peers while others run; or it stands below the tip and sees no peer above it.

    Where that is so of several nodes, or in a halt, or where no peer's port answers its host, the
    network is at fault, and a restart mends nothing. Of one node alone it may be its own p2p, which
    a restart cures.
    """
    if view.status is None or context.witnesses < 2:
        return None
    cause = context.cut.get(view.host, "") or _shut_out(view, context)
    if not cause:
        return None
    evidence = (evidence_of(f"{view.host}.chain.peers", view.reading.chain.peers, cause),)
    more = context.poor.get(view.host, "")
    cause = f"{cause}; {more}" if more else cause
    if _is_dispensable(view, context) and len(context.cut) == 1:
        age = context.age_of(view)
        if age is not None and age <= context.grace:
            says = f"{cause}; it started {int(age.total_seconds())} s ago"
            return NodeVerdict(NodeCondition.UNKNOWN, says, evidence + view.unit_evidence())
        reach = reach_of(view)
        cause = f"{cause}; {reach.says}" if reach.says else cause
        if reach.open:
            return _starved(view, f"{cause}. Its own p2p is stuck", evidence)
        if not reach.cut:
            return _starved(view, f"{cause}. Its network is cut, or its own p2p is stuck", evidence)
    return NodeVerdict(NodeCondition.ISOLATED, cause, evidence + view.status_evidence(cause))


def _shut_out(view: NodeView, context: ChainContext) -> str:
    """Why a node that is far below the tip seems to be cut off although it was seen once only: no
    port of its persistent peers lets it through. "" if it does not."""
    far = context.tip - view.height > READ_APART and not view.rises
    return (
        f"it is at {view.height}, the tip is {context.tip}" if far and reach_of(view).shut else ""
    )


def _is_dispensable(view: NodeView, context: ChainContext) -> bool:
    """Whether blocks come without it: then a restart of it risks nothing."""
    total = context.power.total
    return context.goes_on and total > 0 and not can_halt(context.power.of(view.address), total)


def _starved(view: NodeView, cause: str, evidence: tuple[Evidence, ...]) -> NodeVerdict:
    cause += (
        ": a restart is a safe attempt while blocks go on without it; if it stands again, look "
        f"from {view.host} whether the p2p ports of its peers can be reached, and mend that"
    )
    return NodeVerdict(NodeCondition.STARVED, cause, evidence + view.status_evidence(""))


def zombie(view: NodeView, context: ChainContext) -> NodeVerdict | None:
    """Its height or its round stands still while its own peers are ahead: consensus is dead. With
    few peers, or silent ones, it may as well be starved of blocks."""
    if view.status is None or not view.stands:
        return None
    if context.tip - view.height > allowed_lag(context):
        cause = f"it stands at {view.height} while the tip is {context.tip}"
        reach = reach_of(view)
        if reach.shut:
            cut = f"{cause}; {reach.says}"
            proof = evidence_of(f"{view.host}.chain.peers", view.reading.chain.peers, cut)
            return NodeVerdict(NodeCondition.ISOLATED, cut, (proof,))
        poor = context.poor.get(view.host, "")
        if poor and _is_dispensable(view, context):
            poor = f"{poor}; {reach.says}" if reach.says else poor
            proof = evidence_of(f"{view.host}.chain.peers", view.reading.chain.peers, poor)
            both = f"{cause}; {poor}. It gets no blocks, or its consensus is dead"
            return _starved(view, both, (proof,))
        cause = f"{cause}: consensus is dead"
        return NodeVerdict(NodeCondition.ZOMBIE, cause, view.status_evidence(cause))
    state = view.round
    if state is None or len(view.rounds) < 2:
        return None
    own = (state.height, state.round)
    peers = value_or_none(view.reading.chain.peer_rounds) or ()
    ahead = max(((peer.height, peer.round) for peer in peers), default=(0, 0))
    if own < context.round and own < ahead:
        cause = (
            f"it stands in round {own[0]}/{own[1]} while its peers are in {ahead[0]}/{ahead[1]}: "
            "consensus is dead"
        )
        return NodeVerdict(NodeCondition.ZOMBIE, cause, view.status_evidence(cause))
    return None


def allowed_lag(context: ChainContext) -> int:
    """How many blocks a healthy node may be below the tip: hosts are read some seconds apart."""
    return 1 + 2 * context.growth if context.growth else 1


def _app_evidence(view: NodeView, how: str) -> tuple[Evidence, ...]:
    samples = view.reading.samples
    index = max((i for i, s in enumerate(samples) if value_or_none(s.app) is not None), default=0)
    return (evidence_of(f"{view.host}.samples[{index}].app", samples[index].app, how),)

"""A validator whose RPC is silent while the others have its votes: it signs."""

from __future__ import annotations

from remediations.engine.find.finding import evidence_of
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.context import ChainContext, NodeVerdict
from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.values.reading import value_or_none


def rpc_silent(view: NodeView, context: ChainContext) -> NodeVerdict | None:
    """The unit is active, its RPC does not answer, and the vote that is needed now is there. Its
    sign state is newer than what was read of the chain before, and right."""
    unit = view.unit
    if view.answers or view.paused or unit is None or unit.active_state != "active":
        return None
    if view.processes is not None and not view.processes:
        return None
    if not view.address or view.address not in context.heard:
        return None
    state = value_or_none(view.reading.sign_state)
    says = "/".join(map(str, state.hrs)) if state is not None else ""
    return NodeVerdict(
        NodeCondition.RPC_SILENT,
        "its RPC does not answer, and the others have its votes: it signs",
        (
            *view.unit_evidence(),
            evidence_of(f"{view.host}.sign_state", view.reading.sign_state, says),
            *view.status_evidence(""),
        ),
    )

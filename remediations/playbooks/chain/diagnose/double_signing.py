"""A key that signs twice now: what comes before everything else, on each host that holds it."""

from __future__ import annotations

from shlex import quote

from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.context import ChainContext, NodeVerdict
from remediations.playbooks.chain.diagnose.equivocation import Conflict, runs
from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.render.formats import format_moment, name_some
from remediations.systems.comet.inventory import Role

_FIND = (
    "Then find the second holder of the key before anything is started: an old machine, a standby, "
    "a restored backup, a second signer."
)

_LATER = "Start it by hand once the other one is gone, and never with an older sign state."


def double_signing(view: NodeView, context: ChainContext) -> NodeVerdict | None:
    """Its key signed two different things a short while ago, and still has power to lose."""
    conflict = context.equivocations.now(view.address) if view.address else None
    if conflict is None:
        return None
    signs = "signed" if view.down else "signs"
    cause = f"its key {signs} twice, last seen at {format_moment(conflict.at)}: {conflict.says}"
    hands = _of_both(view, conflict, context) if conflict.both else _of_one(view)
    return NodeVerdict(NodeCondition.DOUBLE_SIGNING, cause, conflict.evidence, hands)


def _of_one(view: NodeView) -> str:
    """Where the second holder is not among the hosts that were read."""
    if view.down:
        return f"It is stopped: leave it so. {_FIND} {_LATER}"
    signer = ""
    if view.remote_signer:
        signer = f" and the signer at {view.remote_signer}, which may serve a second chain node"
    return f"Stop this validator now{signer}: {_stop(view)}. {_FIND}"


def _of_both(view: NodeView, conflict: Conflict, context: ChainContext) -> str:
    """Where both holders are known: one of them has to go, a standby before a validator."""
    others = [context.holders[host] for host in conflict.both if host != view.host]
    if not runs(view):
        return f"It is stopped: leave it so, and stop all but one of {' and '.join(conflict.both)}."
    spares = [one.host for one in others if one.reading.role is not Role.VALIDATOR]
    if view.reading.role is not Role.VALIDATOR:
        kept = name_some([one.host for one in others])
        return (
            f"Stop this copy now, and leave {kept} alone: {_stop(view)}. Then disable the unit and "
            "move config/priv_validator_key.json away from this host."
        )
    if len(spares) == len(others):
        return (
            f"Leave this one alone if {name_some(spares)} can be stopped at once; if not, stop "
            f"this one: {_stop(view)}."
        )
    return (
        f"Stop all but one of {' and '.join(conflict.both)} now, if in doubt all of them; here: "
        f"{_stop(view)}. A validator that is stopped comes back, one that is tombstoned never does."
    )


def _stop(view: NodeView) -> str:
    unit = quote(view.unit.name) if view.unit is not None else "UNIT"
    return (
        f"`sudo systemctl stop {unit}` on {view.host}, or `remediate plan double-sign`, which also "
        "keeps it from being started"
    )

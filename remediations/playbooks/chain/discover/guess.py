"""What a host may be there for. A guess, with the reason that a reviewer can judge. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.playbooks.chain.diagnose.power import Power
from remediations.render.formats import name_some, percent, short_digest
from remediations.systems.comet.inventory import Role
from remediations.values.reading import Known, Unknown, Why, value_or_none
from remediations.values.record import Record


class Guess(Record, frozen=True, kw_only=True):
    """A role, and why it was guessed."""

    role: Role
    why: str


def guess_role(
    view: NodeView, views: Sequence[NodeView], power: Power, sharing: Sequence[str]
) -> Guess | None:
    """The role of one host; `sharing` are other hosts with its key. None: too little was read."""
    reading = view.reading
    if isinstance(reading.session, Unknown):
        return None
    if isinstance(reading.unit, Unknown):
        if reading.unit.why is Why.NO_UNIT:
            return Guess(role=Role.BASTION, why="there is no unit of the daemon")
        return None
    if reading.unit.value.load_state != "loaded":
        return None
    running = any(not v.down for v in views if v.host in sharing)
    if sharing and view.down and running:
        return Guess(role=Role.STANDBY, why="it is stopped, and another host with its key is not")
    share = power.of(view.address)
    if share:
        why = f"its key {short_digest(view.address)} has {share} of {power.total}"
        return Guess(role=Role.VALIDATOR, why=f"{why} ({percent(share, power.total)})")
    state = value_or_none(reading.sign_state)
    if state is not None and state.height:
        why = f"its key signed at height {state.height}, "
        why += "though it has no power now" if power.known else "and no node tells who has power"
        return Guess(role=Role.VALIDATOR, why=why)
    without = _without_power(view, power, never_signed=state is not None)
    if not without:
        return None
    if view.down and reading.unit.value.enabled != "enabled":
        return Guess(role=Role.STANDBY, why=f"it is stopped, not enabled, and {without}")
    return _full(view, views, power, without)


def _without_power(view: NodeView, power: Power, *, never_signed: bool) -> str:
    """Why a host is none of the validators; "" where that is not known: it may be one."""
    whose = view.address or isinstance(view.reading.key, Known)
    told = ["has no voting power"] if power.known and whose else []
    return " and ".join([*told, *(["never signed"] if never_signed else [])])


def _full(view: NodeView, views: Sequence[NodeView], power: Power, without: str) -> Guess:
    """A node without power; a sentry where a validator talks to such nodes only."""
    validators = {v.node_id for v in views if power.of(v.address)}
    guarded = []
    for other in views:
        listed = {peer.node_id for peer in value_or_none(other.reading.chain.peers) or ()}
        if power.of(other.address) and view.node_id in listed and not listed & validators:
            guarded.append(other.host)
    why = f"it {without}"
    if guarded:
        why += f"; a sentry: {name_some(guarded)} has no validator among its peers, but this node"
    return Guess(role=Role.FULL, why=why)

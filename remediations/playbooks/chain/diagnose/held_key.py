"""A node that is held because its key must not sign there: what has to be done before it may."""

from __future__ import annotations

from remediations.engine.find.finding import evidence_of
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.advice import SIGNED_TWICE
from remediations.playbooks.chain.diagnose.context import ChainContext, NodeVerdict
from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.render.formats import format_moment, name_some, short_digest
from remediations.systems.comet.sign_state import SignState
from remediations.values.reading import value_or_none

_KEY = "config/priv_validator_key.json"
_STATE = "data/priv_validator_state.json"


def held_holder(view: NodeView, context: ChainContext) -> NodeVerdict | None:
    """It is held, and its key lies on another host, too, or signed twice while it ran."""
    key = value_or_none(view.reading.key)
    address = key.address if key is not None else ""
    others = [h for h in context.duplicates.get(address, ()) if h != view.host]
    hold = view.held_as_second
    noted = hold is not None and hold.address == address
    if not view.held or not address or not (others or noted):
        return None
    since = f" since {format_moment(hold.since)}" if hold is not None and noted else ""
    masked = view.unit is not None and not view.unit.held
    cause = "its unit is masked" if masked else f"a run stopped it, and holds it{since}"
    if others:
        cause += f"; its key {short_digest(address)} lies on {name_some(others)}, too"
    else:
        cause += f", because its key {short_digest(address)} signed twice; no other holder is known"
    evidence = (
        *view.unit_evidence(),
        evidence_of(f"{view.host}.key", view.reading.key, f"address {address}"),
    )
    hands = _what_next(view, context, address, [context.holders[host] for host in others])
    condition = NodeCondition.DISABLED if masked else NodeCondition.HELD
    return NodeVerdict(condition, cause, evidence, hands)


def _what_next(view: NodeView, context: ChainContext, address: str, others: list[NodeView]) -> str:
    """What a person does before this one may be let go."""
    let_go = f"`remediate plan node-down --limit {view.host}` lets it go"
    if context.power.known and not context.power.of(address):
        return f"Leave it so: the key is out of the validator set. {SIGNED_TWICE}"
    if not others:
        return (
            "Leave it so until the second holder of its key is found and cannot start: an old "
            "machine, a restored backup, a second signer. Bring the newest sign state of the two "
            f"here; then {let_go}."
        )
    running = [other.host for other in others if not other.down]
    if running:
        return (
            f"Leave it so: {name_some(running)} goes on with its key. Move {_KEY} away from "
            f"this host; then {let_go}."
        )
    return _newest_first(view, others, let_go)


def _newest_first(view: NodeView, others: list[NodeView], let_go: str) -> str:
    """None of the holders runs: the one with the newest sign state may go on."""
    states = {one.host: value_or_none(one.reading.sign_state) for one in (view, *others)}
    told = ", ".join(f"{host} {_hrs(state)}" for host, state in states.items())
    known = {host: state.hrs for host, state in states.items() if state is not None}
    newest = [host for host, hrs in known.items() if hrs == max(known.values())]
    away = name_some([one.host for one in others])
    if len(known) < len(states):
        missing = name_some([host for host in states if host not in known])
        return (
            f"None of the holders runs ({told}). Find the sign state of {missing} first: the "
            "newest one that the key has must go on, whichever host it is on. Compare height, "
            "round and step with what is kept below /var/lib/remediate/evidence on each host."
        )
    if view.host in newest:
        return (
            f"None of the holders runs, and the newest sign state is here ({told}). If this host "
            f"is to sign: move {_KEY} away from {away}; then {let_go}."
        )
    return (
        f"None of the holders runs, and the newest sign state is on {name_some(newest)} ({told}). "
        f"Let that one go, or copy its {_STATE} here before {_KEY} is moved away from {away}; then "
        f"{let_go}. Never with the older one."
    )


def _hrs(state: SignState | None) -> str:
    return "unknown" if state is None else f"{state.height}/{state.round}/{state.step}"

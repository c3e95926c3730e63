"""Keys and sign states: what must be repaired before a node may be started (G2, G19, G45)."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import quote

from remediations.engine.find.finding import evidence_of
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.advice import SIGNED_TWICE
from remediations.playbooks.chain.diagnose.carried_state import carry_forward
from remediations.playbooks.chain.diagnose.context import (
    NO_STEP,
    ChainContext,
    LastSigned,
    NodeVerdict,
)
from remediations.playbooks.chain.diagnose.equivocation import runs
from remediations.playbooks.chain.diagnose.node_view import READ_APART, NodeView
from remediations.render.formats import name_some
from remediations.systems.comet.inventory import Role
from remediations.systems.comet.reading import HostReading
from remediations.values.reading import Known, Unknown, Why, value_or_none

_OF_THE_FILE = frozenset({Why.ABSENT, Why.REFUSED, Why.MALFORMED})
"""Reasons that lie in the file itself; all others lie in how it was read."""


def duplicate_key(view: NodeView, context: ChainContext) -> NodeVerdict | None:
    """The key is on two hosts: if both run, the validator is tombstoned within two blocks. A holder
    that is held does not count: nobody starts it (`held_key`)."""
    key = value_or_none(view.reading.key)
    address = key.address if key is not None else ""
    holders = tuple(h for h in context.duplicates.get(address, ()) if not context.holders[h].held)
    hands = ""
    if view.held or (len(holders) < 2 and address in context.duplicates):
        return None
    if len(holders) > 1:
        others = name_some([host for host in holders if host != view.host])
        states = ", ".join(f"{host} {_state(context.holders[host])}" for host in holders)
        cause = f"its validator key lies on {others}, too ({states})"
        apart = _apart(view, [context.holders[h] for h in holders])
        if _is_out(address, context):
            cause += "; the key is out of the validator set"
            hands = f"{apart} {SIGNED_TWICE}"
        else:
            hands = f"{apart} Two that run are tombstoned."
    elif view.reading.role is Role.STANDBY and address and context.power.of(address):
        if not context.unread_keys:
            return None
        unread = ", ".join(context.unread_keys)
        cause = f"a standby with the key of an active validator, and {unread} could not be read"
    else:
        return None
    evidence = (evidence_of(f"{view.host}.key", view.reading.key, f"address {address}"),)
    return NodeVerdict(NodeCondition.DUPLICATE_KEY, cause, evidence, hands)


def _is_out(address: str, context: ChainContext) -> bool:
    """Whether the key is no longer in the validator set, while something shows that one signed
    twice."""
    shown = context.equivocations
    gone = context.power.known and not context.power.of(address)
    return gone and bool(address in shown.conflicts or shown.blocks)


def _state(view: NodeView) -> str:
    if view.down:
        return "is stopped"
    return "runs" if runs(view) else "may run"


def _apart(view: NodeView, holders: Sequence[NodeView]) -> str:
    """What to do on this holder: the one that runs is left alone, and no key is moved while nobody
    has decided which copy is the validator."""
    active = [holder for holder in holders if not holder.down]
    if view.down and any(holder is not view for holder in active):
        running = name_some([holder.host for holder in active])
        return (
            f"Leave {running} alone. Here: `remediate plan double-sign` holds it, by hand `sudo "
            f"systemctl disable --now {_unit(view)}`; then move config/priv_validator_key.json "
            "away from this host."
        )
    others = name_some([holder.host for holder in holders if holder is not view])
    if active == [view]:
        return f"Leave this one alone: it is the copy that runs. Take the key away from {others}."
    if not active:
        return (
            f"None of them runs, so its power is missing. Decide whether this host or {others} is "
            "to sign, the one with the newest sign state; on the others disable the unit and move "
            "config/priv_validator_key.json away. Then `remediate diagnose`."
        )
    return (
        f"Find out whether this host or {others} signs; stop all others, disable their units, and "
        "move config/priv_validator_key.json away from them."
    )


def _unit(view: NodeView) -> str:
    return quote(view.unit.name) if view.unit is not None else "its unit"


def key_missing(view: NodeView, context: ChainContext) -> NodeVerdict | None:
    """A validator without its key: a start makes a new key and zeroes the sign state
    (docs/rules/hazards.md#start-without-key)."""
    if view.reading.role is not Role.VALIDATOR or view.remote_signer:
        return None
    reading = view.reading.key
    if isinstance(reading, Unknown):
        return None
    state = value_or_none(view.reading.sign_state)
    if not reading.value.address:
        cause = "there is no validator key file on this host"
    elif (
        context.power.uncovered
        and not context.power.of(reading.value.address)
        and state is not None
        and not state.height
    ):
        cause = (
            f"its key {reading.value.address} is not in the validator set and never signed, "
            f"while {context.power.uncovered} power has no host: it was started without its key"
        )
    else:
        return None
    evidence = (
        evidence_of(f"{view.host}.key", reading, f"address {reading.value.address or 'none'}"),
    )
    return NodeVerdict(NodeCondition.KEY_MISSING, cause, evidence)


def sign_state_lost(view: NodeView, context: ChainContext) -> NodeVerdict | None:
    """The sign state, which prevents double signing, is missing, zero or older than what the chain
    shows."""
    address = view.address
    power = context.power.of(address)
    validator = view.reading.role is Role.VALIDATOR and (power or not context.power.known)
    if not (power or validator) or view.remote_signer:
        return None
    reading = view.reading.sign_state
    path = f"{view.host}.sign_state"
    if isinstance(reading, Unknown):
        if reading.why not in _OF_THE_FILE or not isinstance(view.reading.key, Known):
            return None
        cause = f"its sign state could not be read: {reading.reason}"
        hands = carry_forward(view, context)
        evidence = (evidence_of(path, reading),)
        return NodeVerdict(NodeCondition.SIGN_STATE_LOST, cause, evidence, hands)
    state, mark = reading.value, context.marks.get(address, (0, 0, 0))
    reached = max(context.tip, context.signed_height)
    if not state.height and reached > 1:
        cause = f"its sign state is zero while the chain is at {reached}"
    elif _older(view, context, state.hrs, mark):
        cause = f"its sign state is older than what it signed: the chain shows {_shown(mark)}"
    else:
        return None
    evidence = (evidence_of(path, reading, _slashed(state.hrs)),)
    hands = carry_forward(view, context)
    return NodeVerdict(NodeCondition.SIGN_STATE_LOST, cause, evidence, hands)


def empty_state_missing(view: NodeView, context: ChainContext) -> NodeVerdict | None:
    """A full node that does not run and has no sign state file, without which it does not start.
    Its key signs nothing, so an empty state is right here, and nowhere else."""
    if view.answers or not may_be_empty(
        view.reading, context.power.total, context.power.of(view.address)
    ):
        return None
    assert isinstance(view.reading.sign_state, Unknown)
    return NodeVerdict(
        NodeCondition.SIGN_STATE_LOST,
        f"{view.reading.sign_state.reason}; its key has no voting power",
        (evidence_of(f"{view.host}.sign_state", view.reading.sign_state),),
        empty_state_advice(view.reading),
    )


def may_be_empty(reading: HostReading, total: int, power: int) -> bool:
    """Whether the sign state file is missing where it guards nothing: on a full node whose own key
    is known to have no power. `total` is 0 if the powers are unknown."""
    state, key = reading.sign_state, value_or_none(reading.key)
    return (
        isinstance(state, Unknown)
        and state.why is Why.ABSENT
        and reading.role is Role.FULL
        and key is not None
        and bool(key.address)
        and total > 0
        and not power
    )


def empty_state_advice(reading: HostReading) -> str:
    """How a full node gets its sign state file back."""
    unit = value_or_none(reading.unit)
    home = unit.home if unit is not None and unit.home else "HOME"
    owner = unit.user if unit is not None and unit.user else "root"
    return (
        f'Write {{"height":"0","round":0,"step":0}} to {home}/data/priv_validator_state.json, '
        f"owned by {owner}: its key has no voting power, so an empty state is right here. If this "
        "key was ever a validator's, find its newest copy instead. Then `remediate diagnose`"
    )


def _shown(mark: LastSigned) -> str:
    height, _, step = mark
    return f"that it signed block {height} or a later one" if step == NO_STEP else _slashed(mark)


def _older(
    view: NodeView, context: ChainContext, state: tuple[int, int, int], mark: tuple[int, int, int]
) -> bool:
    """Whether the sign state is older than the last signature that the chain shows. A node that
    runs signs between the two readings, so only the height counts then, with some tolerance."""
    if view.down:
        return state < mark
    return state[0] < mark[0] - (READ_APART + 2 * context.growth if context.growth else 1)


def _slashed(hrs: tuple[int, int, int]) -> str:
    return "/".join(map(str, hrs))

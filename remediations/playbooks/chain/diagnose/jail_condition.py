"""A validator by its role whose key is not in the validator set: jailed, tombstoned, or not bonded.

The kinds look the same from outside, and the chain gives the same answer to whoever tries to end
either jail. Its signing info tells them apart (docs/rules/conditions.md#tombstoned).
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import UNSET

from remediations.engine.find.finding import Evidence, evidence_of
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.advice import SIGNED_TWICE
from remediations.playbooks.chain.diagnose.context import ChainContext, NodeVerdict
from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.render.formats import format_duration, format_moment, name_some, short_digest
from remediations.systems.comet.inventory import Role
from remediations.systems.comet.staking import (
    BondStatus,
    SigningInfo,
    StakingValidator,
    Standing,
)
from remediations.values.reading import Known, Unknown, Why, value_or_none


def without_power(view: NodeView, context: ChainContext) -> NodeVerdict | None:
    """It follows the chain, and its key is not in the validator set."""
    if view.reading.role is not Role.VALIDATOR or not view.answers or not view.address:
        return None
    if not context.power.known or context.power.of(view.address):
        return None
    standing = view.reading.standing
    conflict = context.equivocations.conflicts.get(view.address)
    told = None if standing is UNSET else _told(view, standing)
    if told is None or (conflict is not None and told.condition is not NodeCondition.TOMBSTONED):
        return _untold(view, context)
    return told


def _told(view: NodeView, standing: Standing) -> NodeVerdict | None:
    """What the chain says of it; None if it did not tell enough."""
    signing, validator = value_or_none(standing.signing), value_or_none(standing.validator)
    evidence = tuple(_evidence(view, standing))
    where = f"it follows the chain at {view.height}"
    if signing is not None and signing.tombstoned:
        cause = f"{where}, but its key signed twice and is tombstoned: it never comes back"
        return NodeVerdict(
            NodeCondition.TOMBSTONED, cause + _stake(validator) + _last(view), evidence
        )
    unknown = standing.validator
    if isinstance(unknown, Unknown) and unknown.why is Why.ABSENT:
        cause = f"{where}, but no validator of the chain has its key {short_digest(view.address)}"
        return NodeVerdict(NodeCondition.UNBONDED, cause, evidence)
    if validator is None:
        return None
    if validator.jailed and signing is not None:
        return _jailed(view, validator, signing, evidence)
    if not validator.jailed and validator.status is not BondStatus.BONDED:
        state = "is leaving the bonded ones" if validator.status == BondStatus.UNBONDING else ""
        cause = f"{where}, but its validator {validator.operator} {state or 'is not bonded'}, and "
        cause += f"not jailed: others have more stake{_stake(validator)}"
        return NodeVerdict(NodeCondition.UNBONDED, cause, evidence)
    return None


def _jailed(
    view: NodeView,
    validator: StakingValidator,
    signing: SigningInfo,
    evidence: tuple[Evidence, ...],
) -> NodeVerdict:
    """For blocks that it missed: who signed twice is tombstoned."""
    until, now = signing.jailed_until, view.status.block_time if view.status is not None else None
    cause = f"it follows the chain at {view.height}, but its validator {validator.operator} is "
    cause += f"jailed, because it missed too many blocks{_last(view)}"
    hands = ""
    if now is not None and now < until:
        left = format_duration(until - now)
        cause += f"; it may be unjailed from {format_moment(until)} on, in {left}"
        hands = (
            f"Find out why it missed blocks. From {format_moment(until)} on (in {left}): "
            "`remediate plan low-validators`."
        )
    else:
        cause += f"; it may be unjailed since {format_moment(until)}"
    return NodeVerdict(NodeCondition.JAILED, cause + _stake(validator), evidence, hands)


def _stake(validator: StakingValidator | None) -> str:
    return "" if validator is None else f"; its stake is {validator.tokens} tokens"


def _last(view: NodeView) -> str:
    """What its own sign state says; nothing where another signer signs."""
    state = value_or_none(view.reading.sign_state)
    if state is None or not state.height or view.remote_signer:
        return ""
    return f"; it last signed {state.height}"


def _evidence(view: NodeView, standing: Standing) -> Iterator[Evidence]:
    signing, validator = standing.signing, standing.validator
    says = ""
    if isinstance(signing, Known):
        info = signing.value
        says = f"jailed until {format_moment(info.jailed_until)}, " + (
            "tombstoned" if info.tombstoned else f"not tombstoned, {info.missed} blocks missed"
        )
    yield evidence_of(f"{view.host}.standing.signing", signing, says)
    says = ""
    if isinstance(validator, Known):
        found = validator.value
        says = f"{found.operator}: {'jailed' if found.jailed else 'not jailed'}, "
        says += f"{found.status.name.lower()}, {found.tokens} tokens"
    yield evidence_of(f"{view.host}.standing.validator", validator, says)


def _untold(view: NodeView, context: ChainContext) -> NodeVerdict:
    """The chain was not asked, or its answer does not tell the kinds apart."""
    state = value_or_none(view.reading.sign_state)
    cause = f"it follows the chain at {view.height}, but its key {short_digest(view.address)} is "
    cause += "not in the validator set: tombstoned, jailed, or not bonded"
    if state is not None and state.height and not view.remote_signer:
        cause += f"; it last signed {state.height}"
    conflict = context.equivocations.conflicts.get(view.address)
    if conflict is not None:
        cause += f"; its key signed twice ({format_moment(conflict.at)}: {conflict.says})"
    elif blocks := context.equivocations.blocks:
        heights = name_some([str(block.height) for block in blocks], 4)
        cause += f"; evidence of double signing is in block {heights}"
    says = f"{len(context.power.addresses)} validators, without {view.address}"
    reading = view.reading.chain.validators
    shown = evidence_of(f"{view.host}.chain.validators", reading, says)
    evidence = (shown,) if isinstance(reading, Known) else view.status_evidence(cause)
    hands = SIGNED_TWICE if conflict is not None or context.equivocations.blocks else ""
    return NodeVerdict(NodeCondition.NO_POWER, cause, evidence, hands)

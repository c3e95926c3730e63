"""Guards on sending for the owner of a key, by its grant (ids: rules/guards.md here)."""

from __future__ import annotations

from typing import NamedTuple

from remediations.engine.plan.plan import GuardResult, guard_result
from remediations.playbooks.keys.conditions import day
from remediations.playbooks.keys.situation import KeysSituation
from remediations.systems.transactions.values import Grant
from remediations.values.reading import Unknown, value_or_none
from remediations.values.transaction import REGISTER, REVOKE

SOONER = "a grant that ends too soon: fewer `keys.timeout_blocks`, and sign at once"
_SLOWER = 2
"""Blocks may take twice as long from now on."""


def grant_of(keys: KeysSituation, grantee: str, message: str) -> Grant | None:
    """The right of an account to send a message for the owner of the key, None if none is known.
    There is one at most: a second grant takes the place of the first."""
    found = value_or_none(keys.reading.granted(keys.key_owner)) or ()
    wanted = (keys.key_owner, grantee, message)
    return next((one for one in found if (one.granter, one.grantee, one.message) == wanted), None)


def told_of_grant(keys: KeysSituation, target: str, message: str) -> str:
    """A grant in words, as a fact."""
    read = keys.reading.granted(keys.key_owner)
    grant = grant_of(keys, keys.account(target).entry.address, message)
    if isinstance(read, Unknown):
        return "unknown"
    if grant is None:
        return "not granted"
    return f"until {day(int(grant.expires))}" if grant.expires else "for ever"


def last_moment(keys: KeysSituation) -> int | None:
    """When the timeout height is reached, in seconds since 1970, if blocks take twice as long from
    now on; None where nobody tells how long they take."""
    states = [value_or_none(one.state) for one in keys.reading.used]
    told = [(one.block_time, one.pace_ms) for one in states if one is not None and one.pace_ms]
    if not told:
        return None
    pace_ms, now = max(pace for _, pace in told), max(at for at, _ in told)
    return now + _SLOWER * keys.reading.section.timeout_blocks * pace_ms // 1000


def may_revoke(keys: KeysSituation, target: str) -> GuardResult:
    """R9: the owner has granted the account to revoke, for longer than this can take."""
    found = _granted(keys, target, REVOKE)
    return guard_result(
        "R9",
        "the owner has granted the account to revoke its keys",
        subject=target,
        holds=found.holds,
        got=found.got,
        expected=found.expected,
        next_step=f"{SOONER}; a grant cannot be had now: whoever else has one (`remediate diagnose "
        "keys`), or governance (docs/keys.md#governance)",
        facts=(f"{target}.may-revoke", "keys.blocks"),
    )


def may_register(keys: KeysSituation, target: str) -> GuardResult:
    """R10: the same for registering the key that takes its place."""
    found = _granted(keys, target, REGISTER)
    return guard_result(
        "R10",
        "the owner has granted the account to register keys for it",
        subject=target,
        holds=found.holds,
        got=found.got,
        expected=found.expected,
        next_step=f"{SOONER}; without one plan without --new-key: the owner registers one when its "
        "own key signs again",
        facts=(f"{target}.may-register", "keys.blocks"),
    )


class _Granted(NamedTuple):
    holds: bool | None
    got: str
    expected: str


def _granted(keys: KeysSituation, target: str, message: str) -> _Granted:
    """Whether there is a grant for a message that lasts until the timeout height."""
    read = keys.reading.granted(keys.key_owner)
    grant, end = grant_of(keys, keys.account(target).entry.address, message), last_moment(keys)
    until = "the timeout height, at a time that is not known" if end is None else day(end)
    expected = f"of {keys.key_owner}, a grant for {message} that lasts beyond {until}"
    if isinstance(read, Unknown):
        return _Granted(None, read.reason, expected)
    told = told_of_grant(keys, target, message)
    if grant is None or not grant.expires:
        return _Granted(grant is not None, told, expected)
    return _Granted(None if end is None else int(grant.expires) > end, told, expected)

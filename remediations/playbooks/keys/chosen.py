"""What people choose for INC-005, and why a choice leads nowhere. Pure."""

from __future__ import annotations

import re
from dataclasses import replace

from remediations.engine.domain import Branch, Input
from remediations.playbooks.keys.conditions import day
from remediations.playbooks.keys.situation import (
    AS,
    CONTAIN_FIRST,
    FINGERPRINT,
    NEW_KEY,
    ORDER,
    REASON,
    ROTATE_FIRST,
    KeysSituation,
    parse_new_key,
)
from remediations.playbooks.keys.use_window import OUT_SINCE, parse_since
from remediations.systems.transactions.values import KeyEventKind
from remediations.values.reading import Unknown, value_or_none
from remediations.values.transaction import REVOKE

_FINGERPRINT = re.compile("[0-9a-f]{40}")
_REASON = re.compile(r"[A-Za-z0-9][A-Za-z0-9 .,:_/-]{2,79}")
_NAME = re.compile("[a-z][a-z0-9-]{0,31}")


def why_unknown(keys: KeysSituation) -> str:
    """Why the named key is of no account of the inventory, as far as anything tells."""
    unread = [one for one in keys.reading.accounts if isinstance(one.keys, Unknown)]
    if unread:
        names = ", ".join(one.entry.target for one in unread)
        return f"whether it is of {names} is not known: their keys were not read"
    admins = sorted(
        account.entry.name
        for one in value_or_none(keys.reading.others_grants) or ()
        for account in keys.reading.accounts
        if one.granter == keys.key_owner
        if (one.grantee, one.message) == (account.entry.address, REVOKE)
    )
    if admins:
        return (
            f"{keys.fingerprint} is of {keys.key_owner}, which is no account under "
            f"`keys.accounts`; it has granted to revoke it: --as {' or '.join(admins)}"
        )
    events = keys.events(keys.fingerprint)
    gone = next((one for one in events if one.kind is KeyEventKind.REVOKED), None)
    owner = next((one.address for one in events if one.kind is not KeyEventKind.ROTATED), "")
    ours = {one.entry.address for one in keys.reading.accounts}
    if gone is not None and gone.address in ours:
        return (
            f"{keys.fingerprint} was revoked {day(gone.at)} in block {gone.height}, and its record "
            "is purged: nothing is left to send"
        )
    if owner:
        return (
            f"{keys.fingerprint} is of {owner}, which is no account under `keys.accounts`: its "
            "owner revokes it, or whom it has granted that (--as), or governance"
        )
    if isinstance(keys.reading.events, Unknown):
        return f"no account of the inventory has {keys.fingerprint}, and events are not known"
    return (
        f"{keys.fingerprint} is of no account of the inventory, and no event tells of it: compare "
        "its digits with `remediate diagnose keys`"
    )


def flaw_of_key(keys: KeysSituation) -> str | None:
    """Why there is no key to act on: nobody named one or says why, nobody knows it, or it is
    revoked; None if there is one."""
    if not keys.fingerprint:
        active = ", ".join(one.fingerprint for one in keys.reading.keys if not one.revoked_at)
        return f"nobody says which key is out: --fingerprint, one of {active or 'none'}"
    if REASON not in keys.inputs:
        return "nobody says why: --reason, which stands in the memo for everybody to read"
    key = keys.key
    if key is None or keys.signer is None:
        return why_unknown(keys)
    if key.revoked_at:
        return (
            f"{key.fingerprint} is revoked since {day(key.revoked_at)}: nothing is left to send. "
            "What was sealed to it before still opens with it (docs/keys.md#afterwards)"
        )
    if keys.only and keys.signer.entry.target not in keys.only:
        return f"{keys.signer.entry.target} would sign, and --limit leaves it out"
    if keys.new_fingerprint == key.fingerprint:
        return "--new-key is the key that is out"
    return None


def _account(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("the name of an account under `keys.admins` of the inventory")
    return text


def flaw_of_order(keys: KeysSituation) -> str | None:
    """Why a key is not revoked now: people chose another order; None if they did not."""
    if keys.inputs.get(ORDER) == ROTATE_FIRST:
        return f"--order {ROTATE_FIRST} says that it is rotated, and revoked later"
    return None


def declining(branch: Branch[KeysSituation]) -> Branch[KeysSituation]:
    """The same branch, which does not fit where people chose something that it does not take: they
    mean another one, and the first that fits is planned."""
    taken = {one.name for one in branch.inputs}

    def fits(keys: KeysSituation) -> str | None:
        others = [name for name in keys.inputs if name not in taken]
        return branch.fits(keys) or (f"it takes no --{others[0]}" if others else None)

    return replace(branch, fits=fits)


def _order(text: str) -> str:
    if text not in (CONTAIN_FIRST, ROTATE_FIRST):
        raise ValueError(f"{CONTAIN_FIRST} or {ROTATE_FIRST}")
    return text


def _fingerprint(text: str) -> str:
    found = text.lower()
    if not _FINGERPRINT.fullmatch(found):
        raise ValueError("the fingerprint of a key: 40 hex digits, as `diagnose keys` shows it")
    return found


def _reason(text: str) -> str:
    found = " ".join(text.split())
    if not _REASON.fullmatch(found):
        raise ValueError("why, in 3 to 80 letters, digits and plain signs: it is public for ever")
    return found


KEY_INPUTS = (
    Input(name=FINGERPRINT, metavar="F", help="The key that is out.", parse=_fingerprint),
    Input(name=REASON, metavar="TEXT", help="Why, for the memo: it is public.", parse=_reason),
    Input(
        name=NEW_KEY,
        metavar="BASE64",
        help="The public key that takes its place; registered first.",
        parse=parse_new_key,
    ),
)
ORDERED = Input(
    name=ORDER,
    metavar="ORDER",
    help=f"{CONTAIN_FIRST} (left out: this), or {ROTATE_FIRST} for a key at risk only.",
    parse=_order,
)
SINCE = Input(
    name=OUT_SINCE,
    metavar="DATE",
    help="Since when the key may be out: what happened since then, and the report.",
    parse=parse_since,
)
INPUTS = (*KEY_INPUTS, ORDERED, SINCE)
SENDER = Input(
    name=AS, metavar="ACCOUNT", help="Who sends it by the owner's grant.", parse=_account
)

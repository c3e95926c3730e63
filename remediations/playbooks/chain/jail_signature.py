"""The signature that somebody hands in for a validator's unjail: made where the operator's key is,
and taken only if it is one of exactly the planned transaction. Pure.

The plan has it, so approvals are over it; the host signs nothing then. What is sent is made from
the plan with the signature that fits (docs/jailed.md#the-key-is-elsewhere).
"""

from __future__ import annotations

import base64
from typing import NamedTuple

from remediations.engine.domain import Input
from remediations.systems.comet.unjail import GAS, MOST_SIGNED, PlannedTransaction
from remediations.systems.transactions.signed import NotSigned, Refusal, read_signed, refusal_of
from remediations.values.transaction import UNJAIL, Unsigned, canonical

SIGNED = "signed"
_FORM = "the signed transaction as `tx encode` prints it: base64"


class HandedIn(NamedTuple):
    """What came of a signature: why it is not taken, None where it is; then what is sent, in
    base64."""

    refusal: Refusal | None
    to_send: str


def _parse(text: str) -> str:
    found = "".join(text.split())
    if found.startswith("{"):
        raise ValueError(f"{_FORM} (this is JSON: `tx encode signed.json` makes it)")
    if not found or len(found) > MOST_SIGNED:
        raise ValueError(_FORM)
    try:
        read_signed(found.encode())
    except NotSigned as error:
        raise ValueError(f"{_FORM} ({error})") from error
    return found


SIGNED_INPUT = Input(
    name=SIGNED,
    metavar="BASE64",
    help="The transaction, signed where the operator's key is, as `tx encode` prints it: the host "
    "signs nothing then.",
    parse=_parse,
)


def handed_in(signed: str, planned: PlannedTransaction, public_key: str) -> HandedIn:
    """Whether a signed transaction (`SIGNED_INPUT`) is the planned one, signed by this key."""
    unsigned = Unsigned(
        chain_id=planned.chain_id,
        account=planned.account,
        account_number=planned.account_number,
        sequence=planned.sequence,
        public_key=public_key,
        messages=canonical([{"@type": UNJAIL, "validator_addr": planned.operator}]),
        fee=planned.fee,
        gas=GAS,
        memo=planned.memo,
        timeout_height=0,
    )
    found = read_signed(signed.encode())
    refusal = refusal_of(found, unsigned)
    to_send = "" if refusal else base64.b64encode(found.to_send(unsigned)).decode()
    return HandedIn(refusal, to_send)

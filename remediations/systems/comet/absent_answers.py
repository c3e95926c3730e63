"""Parses what x/slashing stores about validators that did not sign the last block (`absent.sh`).

Its keys in the store are those of the Cosmos SDK (`x/slashing/types/keys.go`).
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction

import msgspec

from remediations.systems.comet.absence import Absence, SlashingTerms
from remediations.systems.comet.proof.protobuf import (
    Fields,
    Malformed,
    base64_bytes,
    one_bytes,
    one_number,
    one_text,
    read_fields,
)
from remediations.systems.comet.rpc_envelope import RpcError, result_of, shared
from remediations.systems.comet.staking_answers import StoreAnswer, StoreResponse

_PARAMETERS = b"\x00"
_SIGNING_INFO = b"\x01\x14"
_ADDRESS = 20
_MOST = 100
_ONE = 10**18
"""Decimals of the SDK have eighteen places, and no point."""

# Made once, at import (systems.comet.rpc_envelope).
_ANSWER = msgspec.json.Decoder(StoreAnswer, strict=False)


@shared
def parse_absences(text: bytes) -> tuple[Absence, ...]:
    """The section `absent`: answers of `/abci_query`, each beginning a line, the first one with the
    parameters. Who has no signing info is left out.

    Raises:
        RpcError: an answer is malformed, or the application does not answer.
    """
    first, *others = text.split(b"\n{", _MOST)
    try:
        key, parameters = _stored(first)
        if key != _PARAMETERS:
            raise RpcError("the first answer is not about the parameters of x/slashing")
        terms = read_fields(base64_bytes(parameters.value or ""))
        return tuple(_absences((b"{" + other for other in others), terms))
    except Malformed as error:
        raise RpcError(f"what x/slashing stores is malformed: {error}") from error


def _absences(answers: Iterable[bytes], parameters: Fields) -> Iterable[Absence]:
    window = one_number(parameters, 1)
    terms = _terms(parameters, window)
    for answer in answers:
        key, response = _stored(answer)
        if not key.startswith(_SIGNING_INFO) or len(key) != len(_SIGNING_INFO) + _ADDRESS:
            raise RpcError("an answer is not about a signing info")
        value = base64_bytes(response.value or "")
        if not value:
            continue
        fields = read_fields(value)
        yield Absence(
            address=key[len(_SIGNING_INFO) :].hex().upper(),
            height=response.height,
            missed=one_number(fields, 6),
            window=window,
            since=one_number(fields, 2),
            counted=one_number(fields, 3),
            terms=terms,
        )


def _terms(parameters: Fields, window: int) -> SlashingTerms | None:
    """What follows for those that miss too many (x/slashing `HandleValidatorSignature`): who signs
    less than the rounded share of the window. None for parameters that are not of that form."""
    try:
        least, slashed = (int(one_text(parameters, number)) for number in (2, 5))
        jail_s = one_number(read_fields(one_bytes(parameters, 3)), 1)
    except (Malformed, ValueError):
        return None
    if window <= 0 or not (0 <= least <= _ONE and 0 <= slashed <= _ONE):
        return None
    return SlashingTerms(
        window=window,
        may_miss=window - round(Fraction(least * window, _ONE)),
        jail_s=jail_s,
        slashed=format((Decimal(slashed) / _ONE).normalize(), "f"),
    )


def _stored(answer: bytes) -> tuple[bytes, StoreResponse]:
    response = result_of(answer, _ANSWER).response
    if response.code:
        raise RpcError("the application does not answer this query")
    return base64_bytes(response.key or ""), response

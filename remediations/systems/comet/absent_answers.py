"""Parses what x/slashing stores about validators that did not sign the last block (`absent.sh`).

Its keys in the store are those of the Cosmos SDK (`x/slashing/types/keys.go`).
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from remediations.systems.comet.absence import Absence
from remediations.systems.comet.proof.protobuf import (
    Malformed,
    base64_bytes,
    one_number,
    read_fields,
)
from remediations.systems.comet.rpc_envelope import RpcError, result_of, shared
from remediations.systems.comet.staking_answers import StoreAnswer, StoreResponse

_PARAMETERS = b"\x00"
_SIGNING_INFO = b"\x01\x14"
_ADDRESS = 20
_MOST = 100

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
        window = one_number(read_fields(base64_bytes(parameters.value or "")), 1)
        return tuple(_absences((b"{" + other for other in others), window))
    except Malformed as error:
        raise RpcError(f"what x/slashing stores is malformed: {error}") from error


def _absences(answers: Iterable[bytes], window: int) -> Iterable[Absence]:
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
        )


def _stored(answer: bytes) -> tuple[bytes, StoreResponse]:
    response = result_of(answer, _ANSWER).response
    if response.code:
        raise RpcError("the application does not answer this query")
    return base64_bytes(response.key or ""), response

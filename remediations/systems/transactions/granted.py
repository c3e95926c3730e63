"""What an endpoint is asked about grants (authz), and how its answers are read. Strictly."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from remediations.reach.node_rpc import RpcError
from remediations.systems.transactions.questions import query, read_answer
from remediations.systems.transactions.values import Grant
from remediations.values.bech32 import decode
from remediations.values.endpoint import Endpoint
from remediations.values.protobuf import (
    read_all,
    read_number,
    read_one,
    read_text,
    write_bytes,
    write_number,
    write_text,
)
from remediations.values.reading import Why

_AUTHZ = "cosmos.authz.v1beta1"
_GENERIC = "/cosmos.authz.v1beta1.GenericAuthorization"
_PAGE = 100
_MOST_GRANT_PAGES = 5


def grants(endpoint: Endpoint, granter: str, grantee: str, message: str) -> tuple[Grant, ...]:
    """The right to send a message that one account gave another, if it did.

    Raises:
        RpcError: no answer that can be used.
    """
    asked = write_text(1, granter) + write_text(2, grantee) + write_text(3, message)
    try:
        answer = query(endpoint, f"/{_AUTHZ}.Query/Grants", asked)
    except RpcError as error:
        if "authorization not found" in str(error):
            return ()
        raise

    def found() -> tuple[Grant, ...]:
        return tuple(
            Grant(granter=granter, grantee=grantee, message=message, expires=_expiry(one, 2))
            for one in read_all(answer, 1)
            if read_text(read_one(one, 1), 1) == _GENERIC
        )

    return read_answer(endpoint, found)


def grants_to(endpoint: Endpoint, grantee: str, messages: Collection[str]) -> tuple[Grant, ...]:
    """The rights to send one of these messages that an account has from anybody.

    Raises:
        RpcError: no answer that can be used, or more than can be gone through: anybody may grant.
    """
    given: list[Grant] = []
    page = write_number(3, _PAGE)
    for _ in range(_MOST_GRANT_PAGES):
        asked = write_text(1, grantee) + write_bytes(2, page)
        answer = query(endpoint, f"/{_AUTHZ}.Query/GranteeGrants", asked)
        given += read_answer(endpoint, partial(_granted, answer, grantee, messages))
        following = read_answer(endpoint, partial(_next_page, answer))
        if not following:
            return tuple(sorted(given, key=lambda one: (one.granter, one.message)))
        page = write_bytes(1, following) + write_number(3, _PAGE)
    said = f"{endpoint.name}: more than {_PAGE * _MOST_GRANT_PAGES} grants to {grantee}"
    raise RpcError(said, why=Why.TOO_LARGE)


def _granted(answer: bytes, grantee: str, messages: Collection[str]) -> list[Grant]:
    found = []
    for one in read_all(answer, 1):
        boxed = read_one(one, 3)
        message = read_text(read_one(boxed, 2), 1) if read_text(boxed, 1) == _GENERIC else ""
        if message not in messages:
            continue
        if read_text(one, 2) != grantee:
            raise ValueError("the answer is about another account")
        granter = read_text(one, 1)
        decode(granter)  # it stands in messages that are signed
        expires = _expiry(one, 4)
        found.append(Grant(granter=granter, grantee=grantee, message=message, expires=expires))
    return found


def _next_page(answer: bytes) -> bytes:
    return read_one(read_one(answer, 2), 1)


def _expiry(grant: bytes, number: int) -> str:
    """Seconds since 1970; "" for a grant that never ends."""
    expires = read_one(grant, number)
    return str(read_number(expires, 1)) if expires else ""

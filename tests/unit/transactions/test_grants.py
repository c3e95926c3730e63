"""Grants as they are asked for, page by page; and messages that one account sends for another."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import pytest

from remediations.reach.node_rpc import RpcError
from remediations.systems.transactions import granted
from remediations.systems.transactions.values import Grant
from remediations.values.bech32 import encode
from remediations.values.protobuf import read_one, write_bytes
from remediations.values.reading import Why
from remediations.values.transaction import EXEC, REGISTER, REVOKE, TransactionError, any_bytes
from tests.unit.transactions.fake_chain import FakeChain, FakeGrant

ADMIN = encode("ve", bytes([1]) * 20)
OWNERS = tuple(encode("ve", bytes([number]) * 20) for number in range(2, 5))
SEND = "/cosmos.bank.v1beta1.MsgSend"


@dataclass
class PagedChain(FakeChain):
    """One grant on a page, for so many pages; the key of the next page is its number."""

    pages: int = 1

    def _abci_query(self, words: dict[str, str]) -> dict[str, Any]:
        asked = read_one(bytes.fromhex(words["data"].removeprefix("0x")), 2)
        key = read_one(asked, 1)
        at = key[0] if key else 0
        more = write_bytes(2, write_bytes(1, bytes([at + 1]))) if at + 1 < self.pages else b""
        value = write_bytes(1, self.grants[at % len(self.grants)].in_list) + more
        return {"response": {"code": 0, "value": base64.b64encode(value).decode()}}


def asked(chain: FakeChain) -> tuple[Grant, ...]:
    """What the admin may send for anybody."""
    with chain.served() as endpoint:
        return granted.grants_to(endpoint, ADMIN, (REVOKE, REGISTER))


def test_all_pages_are_read_and_only_what_was_asked_for() -> None:
    """Other rights are left out; one without an end has none."""
    grants = [
        FakeGrant(OWNERS[0], ADMIN, REVOKE, 99), FakeGrant(OWNERS[1], ADMIN, SEND),
        FakeGrant(OWNERS[2], ADMIN, REGISTER),
    ]  # fmt: skip
    found = asked(PagedChain(grants=grants, pages=3))
    assert {(one.granter, one.message, one.expires) for one in found} == {
        (OWNERS[0], REVOKE, "99"), (OWNERS[2], REGISTER, ""),
    }  # fmt: skip


def test_more_than_can_be_gone_through_is_not_half_of_it() -> None:
    """Anybody may grant: who grants a thousand times hides nothing without being told."""
    chain = PagedChain(grants=[FakeGrant(OWNERS[0], ADMIN, REVOKE)], pages=50)
    with pytest.raises(RpcError, match="more than 500 grants") as caught:
        asked(chain)
    assert caught.value.why is Why.TOO_LARGE


@pytest.mark.parametrize(
    "grant",
    [FakeGrant(OWNERS[0], OWNERS[1], REVOKE), FakeGrant("ve1\x1b[2J", ADMIN, REVOKE)],
    ids=["of another grantee", "of no address"],
)
def test_an_odd_answer_is_refused(grant: FakeGrant) -> None:
    """An address stands in what is signed, and on the screen."""
    with pytest.raises(RpcError, match="another form"):
        asked(PagedChain(grants=[grant]))


@pytest.mark.parametrize(
    "inner",
    [
        [],
        "text",
        ["text"],
        [{"@type": SEND}],
        [{"@type": EXEC, "grantee": ADMIN, "msgs": [{"@type": REVOKE}]}],
    ],
    ids=["none", "a text", "texts", "one that is not known", "one that holds others"],
)
def test_what_is_sent_for_others_is_a_list_of_known_plain_messages(inner: object) -> None:
    """Of anything else no bytes are made."""
    with pytest.raises(TransactionError):
        any_bytes({"@type": EXEC, "grantee": ADMIN, "msgs": inner})

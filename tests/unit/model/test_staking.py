"""What the application stores about a validator, as values."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest

from remediations.systems.comet.proof.protobuf import bytes_field
from remediations.systems.comet.rpc_envelope import RpcError
from remediations.systems.comet.staking import DECIMALS, Account, BondStatus
from remediations.systems.comet.staking_answers import (
    parse_account,
    parse_own_shares,
    parse_signing_info,
    parse_validator,
)
from remediations.values.lines import TextError
from remediations.values.reading import Why
from tests.unit.model.stakes import (
    ACCOUNT_KEY,
    ADDRESS,
    INFO_KEY,
    VALIDATOR_KEY,
    account,
    info,
    validator,
)
from tests.unit.proof.stored import answer, tree
from tests.worlds.jail import OPERATOR


def proven(store: str, key: bytes, value: bytes) -> tuple[str, bytes]:
    app_hash, ops = tree(store, key, value)
    return app_hash, answer(key, value, ops)


def test_signing_info() -> None:
    """All that decides, and the app hash that it is proven against."""
    app_hash, text = proven("slashing", INFO_KEY, info())
    found = parse_signing_info(text, ADDRESS)
    assert found.jailed_until == datetime(2026, 11, 25, 12, 1, tzinfo=UTC)
    assert (found.tombstoned, found.missed, found.start_height) == (False, 11, 5)
    assert (found.proof.height, found.proof.app_hash, found.proof.flaw) == (112, app_hash, "")


@pytest.mark.parametrize(
    ("until", "year"), [("9999-12-31T23:59:59Z", 9999), ("1970-01-01T00:00:00Z", 1970)]
)
def test_for_ever_and_never(until: str, year: int) -> None:
    """A tombstoned one has the last day of the calendar, one that was never jailed the first."""
    _, text = proven("slashing", INFO_KEY, info(until, tombstoned=year == 9999))
    found = parse_signing_info(text, ADDRESS)
    assert (found.jailed_until.year, found.tombstoned) == (year, year == 9999)


def test_a_validator() -> None:
    """Fields that are false are left out."""
    app_hash, text = proven("staking", VALIDATOR_KEY, validator())
    found = parse_validator(text, ADDRESS)
    assert (found.operator, found.jailed, found.status) == (OPERATOR, True, BondStatus.UNBONDING)
    assert (found.tokens, found.shares, found.min_self_delegation) == (
        9_900_000,
        10_000_000 * DECIMALS,
        1,
    )
    assert found.proof.app_hash == app_hash
    _, text = proven("staking", VALIDATOR_KEY, validator(jailed=False, status=3))
    assert not parse_validator(text, ADDRESS).jailed


def test_a_proof_that_does_not_hold_costs_the_proof_alone() -> None:
    """What was told is told, and proven by nothing."""
    value = info()
    _, ops = tree("slashing", INFO_KEY, info(tombstoned=True))
    for some in ([], ops):
        found = parse_signing_info(answer(INFO_KEY, value, some), ADDRESS)
        assert (found.proof.app_hash, bool(found.proof.flaw)) == ("", True)


def test_the_answer_to_another_question_is_none() -> None:
    """A node that shows another validator is not believed."""
    other = b"\x01\x14" + bytes(20)
    with pytest.raises(RpcError, match="another question"):
        parse_signing_info(answer(other, info(), []), ADDRESS)
    with pytest.raises(RpcError, match="another key"):
        parse_validator(answer(VALIDATOR_KEY, validator(public=bytes(32)), []), ADDRESS)


@pytest.mark.parametrize(
    "value",
    [
        validator(operator="vevaloper1qqqqqqqq"),
        validator(operator="$(reboot)"),
        validator(status=9),
        validator()[:-3],
        validator() + bytes_field(5, b"1e9"),
    ],
)
def test_a_malformed_validator_is_unknown(value: bytes) -> None:
    """Its address goes into a transaction and a shell text: it is one, or nothing is known."""
    with pytest.raises(RpcError):
        parse_validator(answer(VALIDATOR_KEY, value, []), ADDRESS)


def test_what_the_chain_does_not_have_is_absent() -> None:
    """Not malformed, and not a default."""
    with pytest.raises(TextError) as none:
        parse_validator(answer(VALIDATOR_KEY, b"", []), ADDRESS)
    assert none.value.why is Why.ABSENT
    assert parse_own_shares(answer(b"x", b"", [])) == 0


@pytest.mark.parametrize("vesting", [False, True])
def test_accounts(vesting: bool) -> None:
    """A plain one, and one within a vesting account."""
    value = account(vesting=vesting)
    assert parse_account(answer(ACCOUNT_KEY, value, [])) == Account(number=7, sequence=3)


@pytest.mark.parametrize("address", ["", "AB", "x" * 40])
def test_without_an_address_nothing_is_known(address: str) -> None:
    """The node did not tell its own."""
    with pytest.raises(RpcError):
        parse_signing_info(answer(INFO_KEY, info(), []), address)


@pytest.mark.parametrize(
    "response",
    [
        {"code": 6, "log": "unknown store"},
        {"value": "!"},
        {"value": base64.b64encode(b"\xff").decode()},
    ],
)
def test_no_account_is_made_up(response: dict[str, object]) -> None:
    """An application with other stores, or no protobuf."""
    text = json.dumps({"jsonrpc": "2.0", "id": -1, "result": {"response": response}}).encode()
    with pytest.raises(TextError):
        parse_account(text)

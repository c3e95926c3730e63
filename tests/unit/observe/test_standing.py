"""What the chain says of a validator is asked where it has no power, of its own node alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from msgspec import UNSET

from remediations.systems.comet.inventory import Role
from remediations.systems.comet.proof.protobuf import bytes_field
from remediations.systems.comet.staking import Account, Standing
from remediations.values.reading import Known, Unknown, Why
from tests.unit.model import answers
from tests.unit.model.stakes import (
    ACCOUNT_KEY,
    ADDRESS,
    BY_KEY,
    INFO_KEY,
    OWN_KEY,
    VALIDATOR_KEY,
    account,
    info,
    validator,
)
from tests.unit.observe.fake_host import Host, Rpc, observe
from tests.unit.proof.stored import answer, tree
from tests.worlds.jail import OPERATOR, OPERATOR_BYTES


class Powerless(Rpc):
    """A node whose key has no power, and what its application stores."""

    def __init__(self) -> None:
        super().__init__()
        self.power = 0
        self.stored: dict[bytes, bytes] = {
            BY_KEY: OPERATOR_BYTES,
            INFO_KEY: info(),
            VALIDATOR_KEY: validator(),
            OWN_KEY: bytes_field(3, b"1"),
            ACCOUNT_KEY: account(),
        }

    def answer(self, path: str) -> bytes:
        parts = urlsplit(path)
        if parts.path == "/status":
            status = json.loads(answers.status(113))
            status["result"]["validator_info"] = {
                "address": ADDRESS,
                "pub_key": {"type": "t", "value": "AAAA"},
                "voting_power": str(self.power),
            }
            return json.dumps(status).encode()
        if parts.path != "/abci_query":
            return super().answer(path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        store = query["path"].strip('"').split("/")[2]
        key = bytes.fromhex(query["data"].removeprefix("0x"))
        value = self.stored.get(key, b"")
        ops = tree(store, key, value)[1] if value and query.get("prove") == "true" else []
        return answer(key, value, ops, height=int(query.get("height", "113")))

    @property
    def queries(self) -> list[str]:
        """What was asked about its own validator. Who did not sign a block is asked about, too
        (test_absent.py)."""
        asked = (path for path in self.asked if path.startswith("/abci_query"))
        return [path for path in asked if "slashing" not in path or ADDRESS in path]


@pytest.fixture
def rpc() -> Iterator[Powerless]:
    server = Powerless()
    yield server
    server.close()


def standing_of(host: Host) -> Standing:
    standing = observe(host).standing
    assert standing is not UNSET
    return standing


def test_all_of_it_is_read_in_the_same_trip(rpc: Powerless, tmp_path: Path) -> None:
    """Proven against the app hash of the block that others have a header of."""
    host = Host(tmp_path, rpc.port)
    keyring = host.home / "keyring-test"
    keyring.mkdir()
    (keyring / f"{OPERATOR_BYTES.hex()}.address").write_text("x")
    found = standing_of(host)
    assert isinstance(found.signing, Known), found.signing
    assert isinstance(found.validator, Known), found.validator
    assert found.signing.value.proof.height == found.validator.value.proof.height == 112
    assert found.signing.value.proof.app_hash == tree("slashing", INFO_KEY, info())[0]
    assert found.validator.value.operator == OPERATOR
    assert isinstance(found.own_shares, Known)
    assert found.own_shares.value == 1
    assert isinstance(found.account, Known), found.account
    assert found.account.value == Account(number=7, sequence=3)
    assert isinstance(found.key, Known), found.key
    assert (found.key.value.in_test_keyring, found.key.value.gas_price) == (True, "0stake")


def test_a_key_that_is_not_there_is_not_there(rpc: Powerless, tmp_path: Path) -> None:
    """No keyring, or one with the keys of others."""
    host = Host(tmp_path, rpc.port)
    found = standing_of(host).key
    assert isinstance(found, Known), found
    assert not found.value.in_test_keyring
    (host.home / "keyring-test").mkdir()
    (host.home / "keyring-test" / f"{bytes(20).hex()}.address").write_text("x")
    again = standing_of(host).key
    assert isinstance(again, Known)
    assert not again.value.in_test_keyring


def test_the_price_of_a_flag_comes_first(rpc: Powerless, tmp_path: Path) -> None:
    """As it does for the daemon."""
    host = Host(tmp_path, rpc.port)
    host.arguments += " --minimum-gas-prices 0.5uve"
    found = standing_of(host).key
    assert isinstance(found, Known)
    assert found.value.gas_price == "0.5uve"


def test_no_validator_with_this_key(rpc: Powerless, tmp_path: Path) -> None:
    """Absent, not malformed: the chain told."""
    rpc.stored.clear()
    found = standing_of(Host(tmp_path, rpc.port))
    for reading in (found.signing, found.validator):
        assert isinstance(reading, Unknown)
        assert reading.why is Why.ABSENT
    assert len(rpc.queries) == 2


@pytest.mark.parametrize("role", [Role.FULL, Role.STANDBY])
def test_who_validates_nothing_is_not_asked(rpc: Powerless, tmp_path: Path, role: Role) -> None:
    """A full node has no power, and nothing is wrong with that."""
    assert observe(Host(tmp_path, rpc.port), role=role).standing is UNSET
    assert rpc.queries == []


def test_who_has_power_is_not_asked(rpc: Powerless, tmp_path: Path) -> None:
    """There is nothing to be told."""
    rpc.power = 10
    assert observe(Host(tmp_path, rpc.port)).standing is UNSET
    assert rpc.queries == []


def test_an_application_with_other_stores_leaves_it_unknown(rpc: Powerless, tmp_path: Path) -> None:
    """Nothing is guessed from an answer of another kind."""
    rpc.stored = {BY_KEY: OPERATOR_BYTES, INFO_KEY: b"\xff", VALIDATOR_KEY: b"\xff"}
    found = standing_of(Host(tmp_path, rpc.port))
    for reading in (found.signing, found.validator):
        assert isinstance(reading, Unknown)
        assert reading.why is Why.MALFORMED

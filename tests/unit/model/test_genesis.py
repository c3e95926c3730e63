"""The validators of a genesis file: what a host prints of it, and what is read of that."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from remediations.systems.comet.genesis import parse_genesis
from remediations.systems.comet.system import KINDS
from remediations.systems.comet.values import Genesis, GenesisOf
from remediations.systems.hosts.guest import GUEST
from remediations.values.lines import TextError

POWERS = (40, 30, 20)
ODD = 'a "name", {"power":"9","pub_key":} ]["amount":"1"'
"""What a validator may call itself."""


def key(index: int) -> str:
    return base64.b64encode(hashlib.sha256(f"key {index}".encode()).digest()).decode()


def address(index: int) -> str:
    return hashlib.sha256(base64.b64decode(key(index))).hexdigest()[:40].upper()


def listed() -> dict[str, Any]:
    """CometBFT's own form, beside an application that has powers of its own."""
    validators = [
        {
            "address": address(i),
            "pub_key": {"type": "tendermint/PubKeyEd25519", "value": key(i)},
            "power": str(power),
            "name": ODD,
        }
        for i, power in enumerate(POWERS)
    ]
    staking = {"last_validator_powers": [{"address": "ve1", "power": "7"}]}
    return {"chain_id": "x", "validators": validators, "app_state": {"staking": staking}}


def created() -> dict[str, Any]:
    """The SDK's form: transactions, after balances that are none of our business."""
    transactions = [
        {
            "body": {
                "messages": [
                    {
                        "@type": "/cosmos.staking.v1beta1.MsgCreateValidator",
                        "description": {"moniker": ODD, "details": ""},
                        "commission": {"rate": "0.1"},
                        "min_self_delegation": "1",
                        "validator_address": "vevaloper1",
                        "pubkey": {"@type": "/cosmos.crypto.ed25519.PubKey", "key": key(i)},
                        "value": {"denom": "uve", "amount": f"{power}000000"},
                    }
                ]
            },
            "auth_info": {
                "signer_infos": [
                    {"public_key": {"@type": "/cosmos.crypto.secp256k1.PubKey", "key": "AAAA"}}
                ],
                "fee": {"amount": [{"denom": "uve", "amount": "5"}]},
            },
        }
        for i, power in enumerate(POWERS)
    ]
    coins = [{"address": "ve1", "coins": [{"denom": "uve", "amount": "100"}]}]
    return {"app_state": {"bank": {"balances": coins}, "genutil": {"gen_txs": transactions}}}


def look(home: Path, text: str) -> subprocess.CompletedProcess[bytes]:
    (home / "config").mkdir(exist_ok=True)
    (home / "config/genesis.json").write_text(text)
    return subprocess.run(
        ["sh", "-c", KINDS + GUEST, "guest", "genesis", f"{home}/config/genesis.json"],
        env={"PATH": os.environ["PATH"], "home": str(home)},
        capture_output=True,
        timeout=20,
    )


def read(home: Path, text: str) -> Genesis:
    done = look(home, text)
    assert done.returncode == 0, done.stderr
    return parse_genesis(done.stdout.decode())


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("sort", [False, True])
@pytest.mark.parametrize("form", [listed, created])
def test_keys_and_powers_are_read_in_every_form(
    tmp_path: Path, form: Callable[[], dict[str, Any]], sort: bool, indent: int | None
) -> None:
    """As Go writes it, pretty, or sorted by another tool; whatever validators call themselves."""
    text = json.dumps(form(), indent=indent, sort_keys=sort)
    genesis = read(tmp_path, text)
    assert genesis.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert genesis.of is (GenesisOf.VALIDATORS if form is listed else GenesisOf.GEN_TXS)
    assert [(v.address, v.power) for v in genesis.validators] == [
        (address(i), power) for i, power in enumerate(POWERS)
    ]


def test_a_file_without_validators_says_so(tmp_path: Path) -> None:
    """Its hash alone tells no powers."""
    with pytest.raises(TextError, match="names no validators"):
        read(tmp_path, '{"chain_id": "x"}')


def test_a_very_large_file_is_not_read(tmp_path: Path) -> None:
    """32 MiB are taken."""
    done = look(tmp_path, "x" * (33_554_432 + 1))
    assert done.returncode == 45
    assert b"larger than 33554432 bytes" in done.stderr


HASH = f"sha256 {'a' * 64}\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha256 ab\n",
        "pub_key x\n",
        HASH + "other 1\n",
        HASH + f"pub_key {key(0)}\n",
        HASH + f"pub_key {key(0)}\npub_key {key(1)}\n",
        HASH + f"pub_key {key(0)}\npower x\n",
        HASH + "pub_key AAAA\npower 1\n",
        HASH + f"pub_key {key(0)}\npower 1\n" * 2,
        HASH + f"create\nkey {key(0)}\n",
        HASH + f"create\nkey {key(0)}\ncreate\nkey {key(1)}\namount 1\n",
        HASH + f"create\nkey {key(0)}\namount 10\n",
    ],
)
def test_what_is_incomplete_is_malformed(text: str) -> None:
    """A power without a key, or the other way round, would give somebody another's power."""
    with pytest.raises(TextError):
        parse_genesis(text)

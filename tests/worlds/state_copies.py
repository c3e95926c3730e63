"""Copies of a lost sign state, signed by a real key that a world's validator has."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from remediations.systems.comet.proof.keys import ED25519
from remediations.systems.comet.reading import CometReading, HostReading
from remediations.systems.comet.sign_state import SignState
from remediations.systems.comet.state_copies import StateCopies, StateCopy
from remediations.values.reading import Known
from tests.worlds.base import BEGAN, CHAIN_ID, HOME, change, key_of, known, unit_of

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
BESIDE = f"{HOME}/data/priv_validator_state.json"


def with_real_key(observation: CometReading, host: str) -> CometReading:
    """The validator of `host` has the address and the public key of `KEY`, wherever it is told."""
    public = KEY.public_key().public_bytes_raw()
    old, new = key_of(observation.host(host)), hashlib.sha256(public).hexdigest()[:40].upper()
    text = msgspec.json.encode(observation).replace(old.encode(), new.encode())
    text = text.replace(old[:12].encode(), new[:12].encode())
    found = msgspec.json.decode(text, type=CometReading)

    def show(reading: HostReading) -> HostReading:
        members = reading.chain.validators
        if not isinstance(members, Known):
            return reading
        pub_key = base64.b64encode(public).decode()
        shown = tuple(
            replace(v, key_type=ED25519, pub_key=pub_key) if v.address == new else v
            for v in members.value.validators
        )
        value = replace(members.value, validators=shown)
        return replace(reading, chain=replace(reading.chain, validators=known(value)))

    return replace(found, hosts=tuple(map(show, found.hosts)))


def copy_at(
    height: int,
    name: str,
    *,
    round_: int = 0,
    key: Ed25519PrivateKey = KEY,
    chain_id: str = CHAIN_ID,
) -> StateCopy:
    """A precommit of that height, signed; its bytes are the message as it was signed."""
    message = f"{chain_id}/{height}/{round_}".encode()
    return StateCopy(
        path=f"{BESIDE}{name}",
        modified=BEGAN - timedelta(hours=1),
        state=SignState(height=height, round=round_, step=3, block="", chain_id=chain_id),
        signature=base64.b64encode(key.sign(message)).decode(),
        sign_bytes=message.hex(),
    )


def copied(
    observation: CometReading,
    host: str,
    copies: Sequence[StateCopy],
    *,
    down: datetime | None = BEGAN - timedelta(minutes=5),
    booted: datetime = BEGAN - timedelta(hours=1),
) -> CometReading:
    """Its host has these copies; the unit went down then, None: not since the boot."""
    found = known(StateCopies(booted=booted, copies=tuple(copies)))

    def show(reading: HostReading) -> HostReading:
        return replace(reading, state_copies=found, unit=unit_of(reading, inactive_since=down))

    return change(observation, host, show)

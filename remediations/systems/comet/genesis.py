"""The validators of a genesis file, as `home_kinds.sh` prints them. Pure."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence

from remediations.systems.comet.values import Genesis, GenesisOf, Validator
from remediations.values.lines import TextError, parse_number, split_lines

POWER_REDUCTION = 1_000_000
"""So much of the staking token is a unit of voting power (Cosmos SDK, `DefaultPowerReduction`). A
chain may have another one; the proportions of the powers are the same then."""
_SHA256_DIGITS = 64
_KEY_BYTES = 32  # of ed25519
_ADDRESS_DIGITS = 40


def parse_genesis(text: str) -> Genesis:
    """Its hash, then the validators that it lists, or else those that its transactions create.

    Raises:
        TextError: a line is malformed, a validator incomplete or there twice, or there is none.
    """
    rows = [_row(line) for line in split_lines(text)]
    if not rows or rows[0][0] != "sha256" or len(rows[0][1]) != _SHA256_DIGITS:
        raise TextError("the hash of the genesis file is not reported")
    listed = [row for row in rows[1:] if row[0] in ("pub_key", "power")]
    created = [row for row in rows[1:] if row[0] in ("create", "key", "amount")]
    found = tuple(_listed(listed) if listed else _created(created))
    if len({one.address for one in found}) < len(found):
        raise TextError("the genesis file has a validator twice")
    if not sum(one.power for one in found):
        raise TextError("the genesis file names no validators")
    of = GenesisOf.VALIDATORS if listed else GenesisOf.GEN_TXS
    return Genesis(sha256=rows[0][1], of=of, validators=found)


def _row(line: str) -> tuple[str, str]:
    name, _, value = line.partition(" ")
    if name not in ("sha256", "pub_key", "power", "create", "key", "amount"):
        raise TextError("a line of the genesis file is malformed")
    return name, value


def _listed(rows: Sequence[tuple[str, str]]) -> Iterator[Validator]:
    """Key and power in turn: whichever of them a file has first, it has first everywhere."""
    if len(rows) % 2:
        raise TextError("a validator of the genesis file has no power or no key")
    for pair in zip(rows[::2], rows[1::2], strict=True):
        both = dict(pair)
        if len(both) < len(pair):
            raise TextError("a validator of the genesis file has no power or no key")
        yield _validator(both["pub_key"], parse_number(both["power"]))


def _created(rows: Sequence[tuple[str, str]]) -> Iterator[Validator]:
    """A creation, a key and an amount in turn."""
    for index in range(0, len(rows), 3):
        three = rows[index : index + 3]
        if [name for name, _ in three] != ["create", "key", "amount"]:
            raise TextError("a validator that the genesis file creates has no key or no amount")
        yield _validator(three[1][1], parse_number(three[2][1]) // POWER_REDUCTION)


def _validator(key: str, power: int) -> Validator:
    try:
        content = base64.b64decode(key, validate=True)
    except ValueError as error:
        raise TextError("the key of a validator of the genesis file is malformed") from error
    if len(content) != _KEY_BYTES:
        raise TextError("the key of a validator of the genesis file is malformed")
    address = hashlib.sha256(content).hexdigest()[:_ADDRESS_DIGITS].upper()
    return Validator(address=address, power=power)

"""A validator that is out of the set, and what the chain says of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from msgspec import UNSET
from msgspec.structs import replace

from remediations.systems.comet.reading import CometReading, HostReading
from remediations.systems.comet.staking import (
    DECIMALS,
    Account,
    BondStatus,
    OperatorKey,
    Proven,
    SigningInfo,
    StakingValidator,
    Standing,
)
from remediations.values.bech32 import encode
from remediations.values.reading import Known, Unknown, Why
from tests.worlds.base import BEGAN, HEIGHT, change, known
from tests.worlds.signing import powerless

OPERATOR_BYTES = bytes(range(20))
OPERATOR = encode("vevaloper", OPERATOR_BYTES)
ACCOUNT = encode("ve", OPERATOR_BYTES)
TOKENS = 9_900_000
PAST = BEGAN - timedelta(minutes=5)
NEVER = datetime.max.replace(tzinfo=BEGAN.tzinfo, microsecond=0)


def jailed(
    observation: CometReading,
    host: str,
    *,
    until: datetime = PAST,
    **fields: Any,  # noqa: ANN401 - fields of what the chain says
) -> CometReading:
    """It missed too many blocks, and its node follows. `fields` are those of what the chain says
    of it, and of its operator's key."""
    world = powerless(observation, host)
    return change(
        world, host, lambda reading: replace(reading, standing=_standing(reading, until, fields))
    )


def tombstoned(observation: CometReading, host: str) -> CometReading:
    """It signed twice."""
    return jailed(observation, host, until=NEVER, tombstoned=True)


def unbonded(observation: CometReading, host: str) -> CometReading:
    """Others have more stake."""
    return jailed(observation, host, until=datetime(1970, 1, 1, tzinfo=BEGAN.tzinfo), jailed=False)


def unlisted(observation: CometReading, host: str) -> CometReading:
    """No validator of the chain has its key."""
    return told(
        jailed(observation, host), host, *("signing", "validator", "own_shares"), why=Why.ABSENT
    )


def told(
    observation: CometReading, host: str, *names: str, why: Why = Why.TIME_LIMIT
) -> CometReading:
    """These answers of the chain could not be read."""
    nothing = Unknown(why=why, reason="no answer", source="abci_query", at=BEGAN)

    def how(reading: HostReading) -> HostReading:
        assert reading.standing is not UNSET
        return replace(reading, standing=replace(reading.standing, **dict.fromkeys(names, nothing)))

    return change(observation, host, how)


def _standing(reading: HostReading, until: datetime, fields: dict[str, Any]) -> Standing:
    blocks = reading.chain.blocks
    assert isinstance(blocks, Known)
    headers = {block.height: block.app_hash for block in blocks.value}
    proof = Proven(height=HEIGHT - 1, app_hash=headers[HEIGHT])
    tokens = fields.get("tokens", TOKENS)
    shares = fields.get("shares", tokens * DECIMALS)
    return Standing(
        signing=known(
            SigningInfo(
                jailed_until=until,
                tombstoned=fields.get("tombstoned", False),
                missed=0,
                start_height=0,
                proof=fields.get("proof", proof),
            )
        ),
        validator=known(
            StakingValidator(
                operator=OPERATOR,
                jailed=fields.get("jailed", True),
                status=fields.get("status", BondStatus.UNBONDING),
                tokens=tokens,
                shares=shares,
                min_self_delegation=fields.get("min_self_delegation", 1),
                proof=fields.get("proof", proof),
            )
        ),
        own_shares=known(fields.get("own_shares", shares)),
        account=known(
            Account(
                number=7,
                sequence=fields.get("sequence", 3),
                public_key=fields.get("public_key", ""),
            )
        ),
        key=known(
            OperatorKey(
                in_test_keyring=fields.get("in_test_keyring", True),
                gas_price=fields.get("gas_price", "0.025uve"),
            )
        ),
    )

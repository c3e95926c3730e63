"""How a key stands: one condition, from its record and from what happened to it. Pure.

Whether somebody *uses* a key, the chain does not tell: there is no query for it. A key that is out
looks like any other one.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from remediations.engine.find.finding import Health
from remediations.playbooks.keys.situation import KeysSituation
from remediations.systems.transactions.values import KeyRecord


class KeyCondition(StrEnum):
    """rules/conditions.md has each."""

    ACTIVE = "key-active"
    DEPRECATED = "key-deprecated"
    ROTATED_BY_STRANGER = "key-rotated-by-stranger"
    EXPIRED = "key-expired"
    REVOKED = "key-revoked"
    UNREAD = "keys-unread"


class Judged(NamedTuple):
    """A condition, its health, and why in one sentence."""

    condition: KeyCondition
    health: Health
    cause: str


def day(seconds: int) -> str:
    """A time of the chain for people."""
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return f"{seconds} s after 1970"


def judge_key(keys: KeysSituation, key: KeyRecord) -> Judged:
    """How a key stands, what can never be taken back first."""
    since = f"registered {day(key.registered_at)}"
    if key.revoked_at:
        purge = f", its record goes {day(key.purge_at)}" if key.purge_at else ""
        return Judged(
            KeyCondition.REVOKED, Health.WELL, f"{since}, revoked {day(key.revoked_at)}{purge}"
        )
    stranger = keys.stranger(key)
    if stranger is not None:
        cause = f"{stranger.address} rotated it to {stranger.new}, and does not own it"
        return Judged(KeyCondition.ROTATED_BY_STRANGER, Health.DEGRADED, cause)
    if key.expires_at and key.expires_at <= int(keys.at.timestamp()):
        return Judged(KeyCondition.EXPIRED, Health.WELL, f"expired {day(key.expires_at)}")
    if key.deprecated_at:
        cause = f"{since}, rotated {day(key.deprecated_at)}: it still opens what was sealed to it"
        return Judged(KeyCondition.DEPRECATED, Health.WELL, cause)
    return Judged(KeyCondition.ACTIVE, Health.WELL, since)

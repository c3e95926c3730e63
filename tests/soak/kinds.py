"""The kinds of trouble that a disaster is made of, and what is right for each of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Kind(StrEnum):
    """What is broken before a contestant is called."""

    STOPPED = "stopped"
    FAILED = "crashed until systemd gave up"
    FROZEN = "frozen"
    POWER_CUT = "lost its power, came back without its unit"
    DISABLED = "disabled"
    DOUBLE_SIGN_CHECK = "stopped with a double_sign_check_height"
    DISK_FREED = "dead of a full disk that has room again"
    DIVERGED_MENDED = "diverged, cause mended"
    MASKED = "masked"
    HOST_OFF = "host gone"
    LOGIN_LOST = "no login"
    SUDO_LOST = "no sudo"
    KEY_MISSING = "key file missing"
    STATE_MISSING = "sign state missing"
    STATE_ZEROED = "sign state zeroed"
    STATE_OLDER = "sign state older"
    KEY_COPIED = "stopped, its key lies on the standby, too"
    DATABASE = "database corrupt"
    DISK_FULL = "dead of a full disk"
    DIVERGED = "diverged, cause still there"
    EVERYBODY = "everybody down"
    HALT_HEIGHT = "halt-height"
    SPLIT_MENDED = "app hashes split, cause mended"
    SPLIT = "app hashes split, cause still there"
    PARTITION = "network parted"
    PANIC = "application fails at a block"
    UPGRADE = "upgrade needed"


class DuringKind(StrEnum):
    """What goes wrong while a contestant acts."""

    SECOND_STOPS = "another one stops"
    SESSIONS_LOST = "SSH sessions lost"
    LOGIN_DROPS = "SSH down for a while"
    CONTROLLER_KILLED = "controller killed"
    STARTED_BY_HAND = "started by hand meanwhile"
    STOPPED_BY_HAND = "stopped by hand meanwhile"


@dataclass(frozen=True)
class KindRule:
    """What follows from one kind.

    `curable`: it can be brought back without anything mended by hand first. `words`: a correct
    reason why it is not has one of them. `unsound`: its daemon must not be started, because it
    would start (without a sign state file it does not), and sign what it may have signed before.
    `alive`: it votes all the same. `needs_blocks`: it can be broken only while blocks come.
    """

    curable: bool = False
    words: tuple[str, ...] = ()
    unsound: bool = False
    alive: bool = False
    needs_blocks: bool = False


_NO_ACCESS = ("unreachable", "logged in", "sudo", "could not be read", "no answer")
_STATE = ("sign state",)
_HASH = ("app hash", "diverge", "differ")

KINDS: Mapping[Kind, KindRule] = MappingProxyType(
    {
        Kind.STOPPED: KindRule(curable=True),
        Kind.FAILED: KindRule(curable=True),
        Kind.FROZEN: KindRule(curable=True),
        Kind.POWER_CUT: KindRule(curable=True),
        Kind.DISABLED: KindRule(curable=True),
        Kind.DOUBLE_SIGN_CHECK: KindRule(curable=True),
        Kind.DISK_FREED: KindRule(curable=True, needs_blocks=True),
        Kind.DIVERGED_MENDED: KindRule(curable=True, needs_blocks=True),
        Kind.MASKED: KindRule(words=("mask", "disabled")),
        Kind.HOST_OFF: KindRule(words=_NO_ACCESS),
        Kind.LOGIN_LOST: KindRule(words=_NO_ACCESS, alive=True),
        Kind.SUDO_LOST: KindRule(words=_NO_ACCESS, alive=True),
        Kind.KEY_MISSING: KindRule(words=("key missing", "no validator key"), unsound=True),
        Kind.STATE_MISSING: KindRule(words=_STATE),
        Kind.STATE_ZEROED: KindRule(words=_STATE, unsound=True),
        Kind.STATE_OLDER: KindRule(words=_STATE, unsound=True),
        Kind.KEY_COPIED: KindRule(words=("duplicate key", "key lies on", "one host only")),
        Kind.DATABASE: KindRule(curable=True, needs_blocks=True),
        Kind.DISK_FULL: KindRule(words=("disk", "no space"), needs_blocks=True),
        Kind.DIVERGED: KindRule(words=_HASH, needs_blocks=True),
        Kind.EVERYBODY: KindRule(curable=True),
        Kind.HALT_HEIGHT: KindRule(curable=True, needs_blocks=True),
        Kind.SPLIT_MENDED: KindRule(curable=True, needs_blocks=True),
        Kind.SPLIT: KindRule(words=_HASH, needs_blocks=True),
        Kind.PARTITION: KindRule(curable=True, needs_blocks=True),
        Kind.PANIC: KindRule(curable=True, needs_blocks=True),
        Kind.UPGRADE: KindRule(curable=True, needs_blocks=True),
    }
)
RESTARTS_ALL = frozenset(
    {
        Kind.EVERYBODY,
        Kind.HALT_HEIGHT,
        Kind.SPLIT_MENDED,
        Kind.SPLIT,
        Kind.PANIC,
        Kind.UPGRADE,
    }
)
"""Where the right thing ends the process of everybody: nobody is healthy there."""
BLOCKS_ALL = frozenset({Kind.SPLIT})
"""No block comes whatever is started."""

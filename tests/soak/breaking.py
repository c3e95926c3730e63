"""Does to the lab what a disaster says, and waits until it is there to be seen."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType

from tests.lab.lab import Lab
from tests.soak.disaster import POWERS, STARTED, Disaster, During, Fault
from tests.soak.kinds import KINDS, RESTARTS_ALL, DuringKind, Kind

YOUNG = 12
"""Below this height there is no older sign state to be had, and no snapshot."""
LIMIT_S = 90.0
SEEN_BLOCKS = 8
"""Without a signature of whoever is down, until it can be seen that it does not sign."""
HALTED_S = 6.0
"""A second more than what counts as halted in the lab's inventory."""
LOGIN_DOWN_S = 6.0
UPGRADE_AHEAD = 14
"""Blocks, within which the chain has to take the plan."""
STARTED_S = 20.0
"""Somebody who stops a daemon by hand waits so long for it to be there."""

One = Callable[[Lab, str], object]
Some = Callable[[Lab, tuple[str, ...]], object]


def _power_cut(lab: Lab, host: str) -> None:
    lab.systemctl(host, "disable", "--quiet", lab.unit(host))
    lab.break_power(host, back=True)


def _with_double_sign_check(lab: Lab, host: str) -> None:
    lab.break_double_sign_check(host)
    lab.break_stop(host)


def _key_copied(lab: Lab, host: str) -> None:
    lab.break_stop(host)
    lab.break_duplicate_key(host)


def _disk_freed(lab: Lab, host: str) -> None:
    lab.break_disk_full(host)
    lab.free_disk(host)


def _diverged(lab: Lab, host: str) -> None:
    at = lab.world.top() + 4
    lab.break_app_hash(host, at=at)
    lab.wait_height(at + 4, LIMIT_S, *(other for other in POWERS if other != host))


def _diverged_mended(lab: Lab, host: str) -> None:
    _diverged(lab, host)
    lab.mend_cause(host)


def _split(lab: Lab, hosts: tuple[str, ...]) -> None:
    lab.break_app_hash(*hosts, at=lab.world.top() + 5)
    lab.wait_stalled()


def _split_mended(lab: Lab, hosts: tuple[str, ...]) -> None:
    _split(lab, hosts)
    lab.mend_cause(*hosts)


def _everybody(lab: Lab, hosts: tuple[str, ...]) -> None:
    """All processes end without a word, as when the power goes, and nobody starts them again."""
    for host in hosts:
        lab.break_kill(host)
    lab.break_stop(*hosts)


def _halt_height(lab: Lab, hosts: tuple[str, ...]) -> None:
    lab.break_halt_height(*hosts, at=lab.world.top() + 12)
    for host in hosts:
        lab.systemctl(host, "restart", lab.unit(host))
    lab.wait_stalled(HALTED_S, LIMIT_S)


def _partition(lab: Lab, side: tuple[str, ...]) -> None:
    lab.break_partition(side, tuple(host for host in STARTED if host not in side))


def _panic(lab: Lab, _: tuple[str, ...]) -> None:
    lab.break_panic(at=lab.world.top() + 4)
    lab.wait_stalled(HALTED_S)


def _upgrade(lab: Lab, _: tuple[str, ...]) -> None:
    lab.break_upgrade(at=lab.world.top() + UPGRADE_AHEAD)
    lab.wait_stalled(HALTED_S, LIMIT_S)


ON_ONE: Mapping[Kind, One] = MappingProxyType(
    {
        Kind.STOPPED: lambda lab, host: lab.break_stop(host),
        Kind.FAILED: lambda lab, host: lab.break_start_limit(host),
        Kind.FROZEN: lambda lab, host: lab.break_freeze(host),
        Kind.POWER_CUT: _power_cut,
        Kind.DISABLED: lambda lab, host: lab.break_disable(host),
        Kind.DOUBLE_SIGN_CHECK: _with_double_sign_check,
        Kind.DISK_FREED: _disk_freed,
        Kind.DIVERGED_MENDED: _diverged_mended,
        Kind.MASKED: lambda lab, host: lab.break_mask(host),
        Kind.HOST_OFF: lambda lab, host: lab.break_host_gone(host),
        Kind.LOGIN_LOST: lambda lab, host: lab.break_ssh(host),
        Kind.SUDO_LOST: lambda lab, host: lab.break_sudo(host),
        Kind.KEY_MISSING: lambda lab, host: lab.break_key_missing(host),
        Kind.STATE_MISSING: lambda lab, host: lab.break_sign_state_missing(host),
        Kind.STATE_ZEROED: lambda lab, host: lab.break_sign_state_zeroed(host),
        Kind.STATE_OLDER: lambda lab, host: lab.break_sign_state_older(host),
        Kind.KEY_COPIED: _key_copied,
        Kind.DATABASE: lambda lab, host: lab.break_database(host),
        Kind.DISK_FULL: lambda lab, host: lab.break_disk_full(host),
        Kind.DIVERGED: _diverged,
    }
)
ON_SOME: Mapping[Kind, Some] = MappingProxyType(
    {
        Kind.EVERYBODY: _everybody,
        Kind.HALT_HEIGHT: _halt_height,
        Kind.SPLIT_MENDED: _split_mended,
        Kind.SPLIT: _split,
        Kind.PARTITION: _partition,
        Kind.PANIC: _panic,
        Kind.UPGRADE: _upgrade,
    }
)


def strike(lab: Lab, disaster: Disaster) -> None:
    """Break everything: first what needs blocks, last what keeps us from looking."""
    lab.wait_height(YOUNG, LIMIT_S)
    for fault in sorted(disaster.faults, key=_rank):
        if fault.kind in ON_SOME:
            ON_SOME[fault.kind](lab, fault.hosts)
        else:
            for host in fault.hosts:
                ON_ONE[fault.kind](lab, host)
    _wait_visible(lab)


def _rank(fault: Fault) -> int:
    rule = KINDS[fault.kind]
    return 2 if rule.alive else 0 if rule.needs_blocks or fault.kind in RESTARTS_ALL else 1


def _wait_visible(lab: Lab) -> None:
    """Until the chain is seen to stand, or to go on without those that are down."""
    end = time.monotonic() + LIMIT_S
    goal = lab.world.top() + SEEN_BLOCKS
    while lab.world.top() < goal and time.monotonic() < end:
        if not lab.grows(HALTED_S, blocks=1):
            return


def _login_drops(lab: Lab, host: str) -> None:
    lab.break_ssh(host)
    time.sleep(LOGIN_DOWN_S)
    lab.hosts[host].sh("systemctl start ssh.service")


def _stopped_by_hand(lab: Lab, host: str) -> None:
    """Once it runs: nobody stops what does not."""
    end = time.monotonic() + STARTED_S
    while lab.world.daemon(host) is None and time.monotonic() < end:
        time.sleep(0.1)
    lab.systemctl(host, "stop", lab.unit(host), check=False)


MEANWHILE: Mapping[DuringKind, One] = MappingProxyType(
    {
        DuringKind.SECOND_STOPS: lambda lab, host: lab.break_stop(host),
        DuringKind.SESSIONS_LOST: lambda lab, host: lab.break_sessions(host),
        DuringKind.LOGIN_DROPS: _login_drops,
        DuringKind.STARTED_BY_HAND: lambda lab, host: lab.systemctl(
            host, "start", lab.unit(host), check=False
        ),
        DuringKind.STOPPED_BY_HAND: _stopped_by_hand,
    }
)
"""On the hosts. The controller is killed by who started it (`scene.py`)."""


def disturb(lab: Lab, during: During) -> None:
    """What goes wrong on the hosts during the rescue."""
    MEANWHILE[during.kind](lab, during.host)

"""A seed gives a disaster, always the same one. Pure.

Seeds 1 to 100 have one or two faults, and every second one that can be rescued something that goes
wrong meanwhile. Those above are the second series: a rescue of many steps or with something to be
fetched, up to three faults, and always something that goes wrong meanwhile.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.soak.disaster import (
    BEHIND,
    POWERS,
    STARTED,
    Disaster,
    During,
    Fault,
    right,
)
from tests.soak.kinds import DuringKind, Kind

FIRST_SERIES = 100
LATEST = 9
"""The last record of a journal (or second) at which something goes wrong during a rescue."""
LATEST_OF_MANY = 24
"""The same in the second series, whose rescues have more records."""
DOWN = (Kind.STOPPED, Kind.STOPPED, Kind.FAILED, Kind.FROZEN, Kind.POWER_CUT, Kind.DISABLED)
"""A start or a restart cures them."""
BY_HAND = (Kind.MASKED, Kind.HOST_OFF, Kind.DATABASE, Kind.KEY_MISSING)
UNSOUND = (Kind.STATE_MISSING, Kind.STATE_ZEROED, Kind.STATE_OLDER, Kind.KEY_MISSING)
MINORITIES = (("val4",), ("val3",), ("val2",), ("val3", "val4"))
MAJORITIES = (("val1",), ("val2", "val4"), ("val2", "val3"), ("val1", "val4"), ("val1", "val3"))
"""Without these there is no quorum."""
Draw = random.Random


def _single(draw: Draw, hosts: tuple[str, ...], kinds: tuple[Kind, ...]) -> tuple[Fault, ...]:
    return tuple(Fault(draw.choice(kinds), (host,)) for host in hosts)


def _minority(draw: Draw) -> tuple[Fault, ...]:
    """Blocks go on; one or two are down, one of them perhaps for people to mend."""
    hosts = draw.choice(MINORITIES)
    return _single(draw, hosts[:1], DOWN) + _single(draw, hosts[1:], DOWN + BY_HAND)


def _quorum_lost(draw: Draw) -> tuple[Fault, ...]:
    """The chain is halted, and a start brings it back."""
    return _single(draw, draw.choice(MAJORITIES), DOWN)


def _quorum_and_unsound(draw: Draw) -> tuple[Fault, ...]:
    """The chain is halted; one has lost what it signed, or is for people to mend. Whether the
    others are enough depends on who it is."""
    first, second = draw.choice(MAJORITIES[1:])
    ill, other = draw.choice(((first, second), (second, first)))
    return _single(draw, (other,), DOWN) + _single(draw, (ill,), UNSOUND + BY_HAND[:2])


def _alone(*kinds: Kind) -> Callable[[Draw], tuple[Fault, ...]]:
    """One validator of a minority has one of these."""
    return lambda draw: _single(draw, draw.choice(MINORITIES[:3]), kinds)


def _everybody(draw: Draw) -> tuple[Fault, ...]:
    """All are down; one perhaps without what it signed."""
    ill = draw.choice(("", "", "val4", "val3"))
    all_down = Fault(Kind.EVERYBODY, tuple(host for host in STARTED if host != ill))
    return (all_down, *(_single(draw, (ill,), UNSOUND[:3]) if ill else ()))


def _halt_height(_draw: Draw) -> tuple[Fault, ...]:
    return (Fault(Kind.HALT_HEIGHT, STARTED),)


def _double_sign_check(draw: Draw) -> tuple[Fault, ...]:
    hosts = draw.choice(MAJORITIES)
    return tuple(Fault(Kind.DOUBLE_SIGN_CHECK, (host,)) for host in hosts)


def _split(draw: Draw) -> tuple[Fault, ...]:
    kind = draw.choice((Kind.SPLIT_MENDED, Kind.SPLIT_MENDED, Kind.SPLIT))
    return (Fault(kind, draw.choice(MAJORITIES)),)


def _no_access(draw: Draw) -> tuple[Fault, ...]:
    """Somebody is down, and another one, who is well, can not be looked at."""
    down, shut = draw.sample(tuple(POWERS), 2)
    kind = draw.choice((Kind.LOGIN_LOST, Kind.SUDO_LOST))
    return (Fault(draw.choice(DOWN[:2]), (down,)), Fault(kind, (shut,)))


def _partition(draw: Draw) -> tuple[Fault, ...]:
    side = draw.choice((("val1", "val4"), ("val2", "val3"), ("val1", "val4", "full1")))
    return (Fault(Kind.PARTITION, side),)


SHAPES: tuple[Callable[[Draw], tuple[Fault, ...]], ...] = (
    *(_minority, _minority, _quorum_lost, _quorum_lost),
    *(_quorum_and_unsound, _quorum_and_unsound, _everybody, _double_sign_check, _split, _no_access),
    _halt_height,
    _alone(*UNSOUND),
    _alone(Kind.DIVERGED_MENDED, Kind.DIVERGED),
    _alone(Kind.DISK_FREED, Kind.DISK_FULL),
    _alone(Kind.KEY_COPIED, Kind.DATABASE),
    _partition,
)
"""Those that are named twice come twice as often, as they do to people."""


def _three(draw: Draw) -> tuple[Fault, ...]:
    """All but the greatest are down, one of them for people to mend."""
    hosts = draw.sample(("val2", "val3", "val4"), 3)
    ill = (*UNSOUND, Kind.MASKED, Kind.HOST_OFF)
    return _single(draw, tuple(hosts[:2]), DOWN) + _single(draw, tuple(hosts[2:]), ill)


def _everybody_and_two(draw: Draw) -> tuple[Fault, ...]:
    """All are down; two have lost what they signed, and the others are enough."""
    ill = ("val3", "val4")
    rest = Fault(Kind.EVERYBODY, tuple(host for host in STARTED if host not in ill))
    return (rest, *_single(draw, ill, UNSOUND[:3]))


def _split_mended(draw: Draw) -> tuple[Fault, ...]:
    return (Fault(Kind.SPLIT_MENDED, draw.choice(MAJORITIES)),)


def _database(draw: Draw) -> tuple[Fault, ...]:
    """Of one, who may be needed; another one is down besides, or not."""
    host, other = draw.choice(("val1", "val3", "val4")), draw.choice(("", "val2"))
    return (
        *_single(draw, (host,), (Kind.DATABASE,)),
        *(_single(draw, (other,), DOWN) if other else ()),
    )


def _program(draw: Draw) -> tuple[Fault, ...]:
    """All stop at one block until they have another program."""
    return (Fault(draw.choice((Kind.PANIC, Kind.UPGRADE)), STARTED),)


SECOND: tuple[Callable[[Draw], tuple[Fault, ...]], ...] = (
    *(_three, _three, _everybody_and_two, _split_mended, _split_mended, _database, _database),
    *(_program, _program),
)


def drawn(seed: int) -> Disaster:
    """The disaster of a seed; always the same one."""
    draw = random.Random(f"disaster {seed}")
    if seed > FIRST_SERIES:
        faults = draw.choice(SECOND)(draw)
        return Disaster(seed=seed, faults=faults, during=_during(draw, faults, LATEST_OF_MANY))
    faults = draw.choice(SHAPES)(draw)
    rescue = bool(right(faults, None).back) and draw.random() >= UNDISTURBED
    return Disaster(seed, faults, _during(draw, faults, LATEST) if rescue else None)


UNDISTURBED = 0.4
"""Of the rescues of the first series."""
MEANWHILE = (*DuringKind, DuringKind.SECOND_STOPS, DuringKind.CONTROLLER_KILLED)


def _during(draw: Draw, faults: tuple[Fault, ...], latest: int) -> During:
    """Something that goes wrong while those who can be brought back are."""
    back = right(faults, None).back
    broken = {host: fault.kind for fault in faults for host in fault.hosts}
    healthy = [host for host in POWERS if host not in broken]
    stopped = [host for host, kind in broken.items() if kind in DOWN and kind is not Kind.FROZEN]
    hosts = {
        DuringKind.SECOND_STOPS: healthy,
        DuringKind.SESSIONS_LOST: ["bastion"] if back & BEHIND else [],
        DuringKind.LOGIN_DROPS: sorted(back & set(POWERS)),
        DuringKind.CONTROLLER_KILLED: [""],
        DuringKind.STARTED_BY_HAND: stopped,
        DuringKind.STOPPED_BY_HAND: stopped,
    }
    kind = draw.choice([kind for kind in MEANWHILE if hosts[kind]])
    return During(kind, draw.choice(hosts[kind]), draw.randint(1, latest))

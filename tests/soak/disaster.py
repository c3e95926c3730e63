"""A seed gives a disaster: what is broken, what goes wrong during the rescue, what is right. Pure.

What is right is said by the faults alone, as the best operator would: who comes back, whether
blocks go on then, and what has to be named because it is for people to mend.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tests.lab.spec import NODES, VALIDATORS
from tests.soak.kinds import BLOCKS_ALL, KINDS, RESTARTS_ALL, DuringKind, Kind

POWERS: Mapping[str, int] = MappingProxyType(
    {spec.name: spec.node.power for spec in VALIDATORS if spec.node is not None}
)
STARTED = tuple(s.name for s in NODES if s.node is not None and s.node.started)
STANDBY = "standby1"
BEHIND = frozenset(spec.name for spec in VALIDATORS if spec.behind_bastion)
LATEST = 9
"""The last record of a journal (or second) at which something goes wrong during a rescue."""


@dataclass(frozen=True)
class Fault:
    """One thing that is broken on these hosts."""

    kind: Kind
    hosts: tuple[str, ...]

    def __str__(self) -> str:
        return f"{', '.join(self.hosts)} {self.kind}"


@dataclass(frozen=True)
class During:
    """What goes wrong while the contestant acts: when it has got to its step `at` (a record of our
    journal; a second, for those that keep none), on `host`."""

    kind: DuringKind
    host: str
    at: int

    def __str__(self) -> str:
        return f"{self.kind} ({self.host or 'controller'}, at {self.at})"


@dataclass(frozen=True)
class Reason:
    """What has to be named: a line with the host ("" for the chain) and one of the words."""

    host: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Right:
    """What the best operator reaches. With `goes_on` blocks come and `back` sign; without it a
    refusal is right. `named` has to be told in both cases. `may_refuse`: it may be refused although
    blocks could come, because too little can be seen to be sure."""

    goes_on: bool
    back: frozenset[str]
    named: tuple[Reason, ...]
    may_refuse: bool
    may_restart: frozenset[str]
    must_not_run: frozenset[str]


@dataclass(frozen=True)
class Disaster:
    """What happens under one seed."""

    seed: int
    faults: tuple[Fault, ...]
    during: During | None

    def __str__(self) -> str:
        told = "; ".join(map(str, self.faults))
        return f"{told}; during: {self.during}" if self.during else told

    @property
    def right(self) -> Right:
        """What is right."""
        return right(self.faults, self.during)


def right(faults: tuple[Fault, ...], during: During | None) -> Right:
    """What the best operator reaches when these things are broken."""
    broken = {host: fault.kind for fault in faults for host in fault.hosts}
    kinds = set(broken.values())
    down = {host for host, kind in broken.items() if not KINDS[kind].alive}
    curable = {host for host in down if KINDS[broken[host]].curable}
    blocked = bool(kinds & BLOCKS_ALL)
    alive = sum(power for host, power in POWERS.items() if host not in down - curable)
    unseen = {h for h, kind in broken.items() if kind in UNSEEN}
    seen = sum(power for host, power in POWERS.items() if host not in unseen)
    if during is not None and during.kind is DuringKind.SECOND_STOPS:
        curable.add(during.host)
    whole = kinds & (RESTARTS_ALL | BLOCKS_ALL)
    meanwhile = {during.host} if during is not None and during.kind in ON_UNITS else set()
    copied = Kind.KEY_COPIED in kinds
    return Right(
        goes_on=not blocked and _is_quorum(alive),
        back=frozenset() if blocked else frozenset(curable),
        named=tuple(_reasons(faults)),
        may_refuse=copied or not _is_quorum(seen),
        may_restart=frozenset(STARTED if whole & RESTARTS_ALL else down | meanwhile),
        must_not_run=frozenset(
            {host for host, kind in broken.items() if KINDS[kind].unsound}
            | ({STANDBY} if copied else set())
        ),
    )


UNSEEN = frozenset({Kind.HOST_OFF, Kind.LOGIN_LOST, Kind.SUDO_LOST})
"""Nobody sees whose key lies there."""
ON_UNITS = frozenset(
    {DuringKind.SECOND_STOPS, DuringKind.STARTED_BY_HAND, DuringKind.STOPPED_BY_HAND}
)


def _reasons(faults: tuple[Fault, ...]) -> Iterator[Reason]:
    for fault in faults:
        rule = KINDS[fault.kind]
        if rule.curable:
            continue
        hosts = ("",) if fault.kind in BLOCKS_ALL else fault.hosts
        yield from (Reason(host, rule.words) for host in hosts)


def _is_quorum(power: int) -> bool:
    return 3 * power > 2 * sum(POWERS.values())


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


def drawn(seed: int) -> Disaster:
    """The disaster of a seed; always the same one."""
    draw = random.Random(f"disaster {seed}")
    faults = draw.choice(SHAPES)(draw)
    return Disaster(seed=seed, faults=faults, during=_during(draw, faults))


MEANWHILE = (*DuringKind, DuringKind.SECOND_STOPS, DuringKind.CONTROLLER_KILLED)


def _during(draw: Draw, faults: tuple[Fault, ...]) -> During | None:
    """Something that goes wrong during every second rescue that there is to be."""
    aim = right(faults, None)
    if not aim.back or draw.random() < 0.4:
        return None
    broken = {host: fault.kind for fault in faults for host in fault.hosts}
    healthy = [host for host in POWERS if host not in broken]
    stopped = [host for host, kind in broken.items() if kind in DOWN and kind is not Kind.FROZEN]
    hosts = {
        DuringKind.SECOND_STOPS: healthy,
        DuringKind.SESSIONS_LOST: ["bastion"] if aim.back & BEHIND else [],
        DuringKind.LOGIN_DROPS: sorted(aim.back & set(POWERS)),
        DuringKind.CONTROLLER_KILLED: [""],
        DuringKind.STARTED_BY_HAND: stopped,
        DuringKind.STOPPED_BY_HAND: stopped,
    }
    kind = draw.choice([kind for kind in MEANWHILE if hosts[kind]])
    return During(kind, draw.choice(hosts[kind]), draw.randint(1, LATEST))

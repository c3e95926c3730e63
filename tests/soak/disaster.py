"""A disaster: what is broken, what goes wrong during the rescue, what is right. Pure.

What is right is said by the faults alone, as the best operator would: who comes back, whether
blocks go on then, and what has to be named because it is for people to mend.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
DONOR = "full1"
"""Stops for seconds, so that its databases can be copied."""


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
    donors = {DONOR} if Kind.DATABASE in kinds else set()
    return Right(
        goes_on=not blocked and _is_quorum(alive),
        back=frozenset() if blocked else frozenset(curable),
        named=tuple(_reasons(faults)),
        may_refuse=copied or not _is_quorum(seen),
        may_restart=frozenset(STARTED if whole & RESTARTS_ALL else down | meanwhile | donors),
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

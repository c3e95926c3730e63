"""Seeded troubles of scoring services: kind × who × power split × chain, each with what is right.

What is right follows from how a case was made, in integers, and from nothing that the product says:
who has which fault, and on which side of a third and of two thirds of the power they are.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from remediations.engine.observe.observation import Observation
from remediations.systems.comet.reading import CometReading, HostReading, sealed
from remediations.systems.podman.values import PodmanReading
from remediations.systems.scorer.limits import Limits
from remediations.systems.scorer.reading import ScorersReading
from remediations.values.part import Part
from remediations.values.reading import Known
from tests import worlds
from tests.soak.scoring_kinds import (
    CAPACITY,
    COMBINED,
    DECLARED,
    KINDS,
    LOOK_ALIKES,
    MAJORITY,
    MODEL,
    Kind,
    runs_with,
)
from tests.worlds import containers
from tests.worlds import scoring as world
from tests.worlds.base import known, silenced

FAMILIES = ("minority", "minority", "minority", "two kinds", "two kinds", "combined", "combined",
            "split", "majority", "systemic", "unreadable", "look-alike", "dark")  # fmt: skip
CHAINS = ("well", "well", "halted", "split alike", "one away")
CALLED = {"model": "model-skew", "settings": "scores-vary"}
WELL = LOOK_ALIKES[0]
SLOW = {"slow": "systemic-latency", "queue": "systemic-backlog"}


@dataclass(frozen=True, kw_only=True)
class ScoringCase:
    """One case. `verdict` and `conditions` are the right ones (a host of which nothing is said may
    be called anything); `mended` says which branch is right for which hosts. Nothing at all may be
    done where `frozen`. `away` are validators that do not vote. `kept`: the agreed model is a file
    on every host, so that it is put in place at once."""

    seed: int
    family: str
    chain: str
    powers: tuple[int, ...]
    kinds: Mapping[str, Kind]
    verdict: str
    conditions: Mapping[str, str]
    mended: Mapping[str, frozenset[str]]
    frozen: bool
    away: tuple[str, ...]
    kept: bool

    @property
    def limited(self) -> bool:
        """Whether people declared how far services may be scaled or slowed down."""
        return self.seed % 2 == 0

    @property
    def total(self) -> int:
        """The power of all."""
        return sum(self.powers)

    def power(self, hosts: Sequence[str] | frozenset[str]) -> int:
        """That of some."""
        return sum(self.powers[int(host.removeprefix("val")) - 1] for host in hosts)

    @property
    def hosts(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(f"val{index}" for index in range(1, len(self.powers) + 1))

    def __str__(self) -> str:
        faults = ", ".join(f"{host} {kind.name}" for host, kind in self.kinds.items())
        return f"{self.family}; chain {self.chain}; powers {self.powers}; {faults or 'all well'}"


def case_drawn(seed: int) -> ScoringCase:
    """The case of a seed, for ever the same."""
    dice = random.Random(f"scoring {seed}")
    powers = _powers(dice)
    hosts = [f"val{index}" for index in range(1, len(powers) + 1)]
    family = FAMILIES[seed % len(FAMILIES)]
    made = _Draft(dice, powers, hosts)
    match family:
        case "minority":
            turn = seed // len(FAMILIES) * FAMILIES.count("minority") + seed % len(FAMILIES)
            kinds = dict.fromkeys(made.below_a_third(), KINDS[turn % len(KINDS)])  # each of them
        case "two kinds":
            few = made.below_a_third()
            first, second = dice.sample(KINDS, 2)
            kinds = {host: dice.choice((first, second)) for host in few}
        case "combined":
            kinds = {host: dice.choice(COMBINED) for host in made.below_a_third()}
        case "split":
            answering = [kind for kind in KINDS if kind.answers]
            kinds = dict.fromkeys(made.between(), dice.choice(answering))
        case "majority":
            named = {kind.name: kind for kind in KINDS}
            kinds = dict.fromkeys(made.most(), named[dice.choice(sorted(MAJORITY))])
        case "systemic":
            slow = [kind for kind in KINDS if kind.name in SLOW]
            kinds = dict.fromkeys(made.between(), dice.choice(slow))
        case "unreadable":
            named = {kind.name: kind for kind in KINDS}
            kinds = dict.fromkeys(made.between(), named["not read"])
        case "look-alike":
            kinds = {host: dice.choice(LOOK_ALIKES) for host in hosts}
        case _:
            kinds = dict.fromkeys(made.below_a_third(), dice.choice(KINDS))
    chain = "dark" if family == "dark" else dice.choice(CHAINS)
    return _judged(seed, family, chain, powers, kinds, dice)


@dataclass(frozen=True)
class _Draft:
    """Draws who has it, by power."""

    dice: random.Random
    powers: tuple[int, ...]
    hosts: list[str]

    def below_a_third(self) -> list[str]:
        """Some with less than a third of the power."""
        order = self.dice.sample(self.hosts, len(self.hosts))
        found: list[str] = []
        for host in order[: self.dice.randint(1, 3)]:
            if 3 * self._power([*found, host]) < sum(self.powers):
                found.append(host)
        return sorted(found)

    def most(self) -> list[str]:
        """All but some with less than a third."""
        few = set(self.below_a_third())
        return [host for host in self.hosts if host not in few]

    def between(self) -> list[str]:
        """Some with a third or more, and at most two thirds: at least two of them."""
        total = sum(self.powers)
        order = self.dice.sample(self.hosts, len(self.hosts))
        for number in range(2, len(order)):
            power = self._power(order[:number])
            if total <= 3 * power <= 2 * total:
                return sorted(order[:number])
        # Two with the least, and as many more as it takes.
        order.sort(key=lambda host: self._power([host]))
        number = 2
        while 3 * self._power(order[:number]) < total:
            number += 1
        return sorted(order[:number])

    def _power(self, hosts: Sequence[str]) -> int:
        return sum(self.powers[int(host.removeprefix("val")) - 1] for host in hosts)


def _powers(dice: random.Random) -> tuple[int, ...]:
    """Nobody has a third alone."""
    if dice.random() < 0.3:
        return (10,) * dice.randint(4, 7)  # a third, and two thirds, exactly
    while True:
        found = tuple(dice.randint(5, 30) for _ in range(dice.randint(4, 7)))
        if 3 * max(found) < sum(found):
            return found


def _judged(
    seed: int, family: str, chain: str, powers: tuple[int, ...], kinds: dict[str, Kind],
    dice: random.Random,
) -> ScoringCase:  # fmt: skip
    hosts = [f"val{index}" for index in range(1, len(powers) + 1)]
    conditions = {host: kinds[host].condition if host in kinds else "agrees" for host in hosts}
    mended: dict[str, set[str]] = {}
    for host, kind in kinds.items():
        if kind.branch:
            mended.setdefault(kind.branch, set()).add(host)
    ill = {host for host in hosts if conditions[host] != "agrees"}
    if family == "split":
        verdict, conditions, mended = "scores-split", {}, {}
    elif family == "majority":
        name = next(iter(kinds.values())).name
        theirs, others, verdict, branch = MAJORITY[name]
        conditions = {host: theirs if host in kinds else others for host in hosts}
        sound = {host for host in hosts if host not in kinds}
        mended = {branch: sound} if branch else {}
    elif family == "systemic":
        verdict = SLOW[next(iter(kinds.values())).name]
    elif family == "unreadable":
        verdict, conditions = "scores-unread", {}
    else:
        verdict = _verdict([kinds[host] for host in ill], len(hosts), dark=chain == "dark")
    alike = family == "minority" and all(kind.answers for kind in kinds.values())
    if chain == "split alike" and not alike:
        chain = "well"
    away: tuple[str, ...] = ()
    if chain == "one away":
        away = tuple(h for h in dice.sample(hosts, len(hosts)) if h not in kinds)[:1]
        power = sum(powers[int(h.removeprefix("val")) - 1] for h in away)
        if not away or 3 * power >= sum(powers):
            chain, away = "well", ()
    return ScoringCase(
        seed=seed, family=family, chain=chain, powers=powers, kinds=kinds, verdict=verdict,
        conditions=conditions, away=away,
        frozen=chain == "dark" or family in ("split", "unreadable"),
        mended={name: frozenset(those) for name, those in mended.items()},
        kept=dice.random() < 0.5,
    )  # fmt: skip


def _verdict(ill: Sequence[Kind], number: int, *, dark: bool) -> str:
    """What it is called where fewer than a third have something."""
    groups = {kind.group for kind in ill}
    for group, called in CALLED.items():
        if group in groups:
            return called
    slow = [kind for kind in ill if kind.name in SLOW]
    if dark and len(slow) > 1 and 3 * len(slow) >= number:
        return SLOW["queue" if any(kind.name == "queue" for kind in slow) else "slow"]
    others = [kind for kind in ill if kind.group == "other"]
    if others:
        return "one-scorer" if len(others) == 1 else "scorer-minority"
    return "scores-unread" if ill else "scores-agree"


def observation_of(case: ScoringCase) -> Observation:
    """What is read in that case."""
    right = {"process": known(world.process(settings=DECLARED))}
    if case.limited:
        right = dict(runs_with(*DECLARED, *CAPACITY))
    limits = world.LIMITED if case.limited else Limits()
    settings = tuple(sorted(DECLARED, key=lambda one: one.name))
    reading = ScorersReading(
        scoring=world.declared(settings=settings, limits=limits),
        hosts=tuple(
            world.service(host, **{**right, **case.kinds.get(host, WELL).service})
            for host in case.hosts
        ),
    )
    whole = sealed(_chain(case))
    podman = PodmanReading(
        hosts=tuple(
            containers.host(login.host, **case.kinds.get(login.host, WELL).container)
            for login in whole.logins
        )
    )
    parts = (*whole.parts, Part.of(reading), Part.of(podman))
    return replace(whole, parts=tuple(sorted(parts, key=lambda part: part.kind)))


def _chain(case: ScoringCase) -> CometReading:
    chain = worlds.healthy(case.powers)
    if case.kept:
        sha256 = world.OTHER if case.family == "majority" else world.MODEL
        for host in case.hosts:
            chain = worlds.change(chain, host, lambda reading: _keeps(reading, sha256))
    match case.chain:
        case "halted":
            return worlds.halted(chain)
        case "split alike":
            sound = [host for host in case.hosts if host not in case.kinds]
            return worlds.split(chain, (*sound, "full1"), sorted(case.kinds))
        case "one away":
            return worlds.stopped(chain, *case.away)
        case "dark":
            for node in chain.hosts:
                chain = worlds.change(chain, node.host, silenced)
    return chain


def _keeps(reading: HostReading, sha256: str) -> HostReading:
    assert isinstance(reading.records, Known)
    return replace(reading, records=known(replace(reading.records.value, staged=(sha256,))))


def branches_of(case: ScoringCase) -> Mapping[str, frozenset[str]]:
    """The right branches, by their names, each with the hosts that it may act on. Bringing a model
    begins with keeping it on a host that has it, where nobody keeps it."""
    found = {name: hosts for name, hosts in case.mended.items() if name != MODEL}
    if case.limited and case.verdict in SLOW.values():
        load = {host for host, kind in case.kinds.items() if kind.name in SLOW}
        waits = {host for host in load if case.kinds[host].name == "queue"}
        found["scale-scorers"] = frozenset(load)
        found |= {"limit-rate": frozenset(waits)} if waits else {}
    needing = case.mended.get(MODEL, frozenset())
    if needing and case.kept:
        found["model-skew"] = needing
    elif needing:
        found["keep-model"] = frozenset(case.hosts) - needing - set(case.kinds) or frozenset(
            set(case.hosts) - needing
        )
    return found

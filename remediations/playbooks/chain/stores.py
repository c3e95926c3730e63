"""Which store of the application differs from node to node, with the power behind each hash.

It is a hint to the cause: the module that owns the store, its inputs, its order of writing. It
decides nothing, because app hashes do. What one node's program did not tell is unknown, and never
taken to be equal.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from remediations.engine.plan.rehearsal import Agreement, Comparison, Difference, Side
from remediations.render.formats import count_of, name_some, short_digest
from remediations.systems.comet.module_hashes import (
    ModuleHashes,
    NoModuleHashes,
    read_module_hashes,
)

MAX_NAMED = 4
"""Stores that are named in a sentence; all are in the document."""
ABSENT = "absent"
EMPTY = "empty"


@dataclass(frozen=True, kw_only=True)
class StoreReading:
    """The stores of one node's state, or why they are not known."""

    hashes: ModuleHashes | None
    reason: str = ""

    def of(self, store: str) -> str:
        """The hash of one store, for people."""
        assert self.hashes is not None
        if store not in self.hashes.stores:
            return ABSENT
        return self.hashes.stores[store] or EMPTY


NOT_ASKED = StoreReading(hashes=None, reason="the program was not asked")


@dataclass(frozen=True, kw_only=True)
class Weights:
    """The voting power of each host that was tried, and of the whole set."""

    powers: Mapping[str, int]
    total: int


def read_stores(text: str, height: int, app_hash: str) -> StoreReading:
    """What a program printed of the stores of the state after `height`, which must give
    `app_hash`."""
    if not app_hash:
        return StoreReading(hashes=None, reason="the app hash to compare with is not known")
    try:
        return StoreReading(hashes=read_module_hashes(text, height, app_hash))
    except NoModuleHashes as error:
        return StoreReading(hashes=None, reason=str(error))


def compare_stores(
    moment: str, readings: Mapping[str, StoreReading], weights: Weights
) -> Comparison:
    """The stores of the nodes, held against each other."""
    known = {host: one for host, one in readings.items() if one.hashes is not None}
    names = _names(list(known.values()))
    differences = [
        Difference(subject=f"store {name}", sides=sides)
        for name in names
        if len(sides := _sides(name, known, weights)) > 1
    ]
    if differences:
        rest = count_of(len(names) - len(differences), "other store")
        says = f"{_named(differences, weights.total)}; the same in {rest}"
        agreement = Agreement.DIFFERENT
    elif len(known) < 2:
        says, agreement = "nothing to compare", Agreement.UNKNOWN
    else:
        says = f"the same in all {count_of(len(names), 'store')} on {name_some(list(known))}"
        agreement = Agreement.SAME if len(known) == len(readings) else Agreement.UNKNOWN
    return Comparison(
        moment=moment,
        agreement=agreement,
        says="; ".join((says, *_unknown(readings))),
        differences=tuple(differences),
    )


def compare_runs(
    before: Mapping[str, StoreReading], after: Mapping[str, StoreReading], weights: Weights
) -> Comparison:
    """Each node's two states, held against each other: what one execution made otherwise than the
    other."""
    changed: dict[str, list[str]] = defaultdict(list)
    both = [host for host in before if before[host].hashes and after[host].hashes]
    for host in both:
        for name in _names((before[host], after[host])):
            if before[host].of(name) != after[host].of(name):
                changed[name].append(host)
    differences = tuple(
        Difference(
            subject=f"store {name}",
            sides=tuple(
                Side(value=f"{one[host].of(name)} {when}", targets=(host,), weight=power)
                for host in hosts
                for power in (weights.powers[host],)
                for when, one in (("before", before), ("after", after))
            ),
        )
        for name, hosts in sorted(changed.items())
    )
    stores = [f"store {name} on {name_some(hosts)}" for name, hosts in sorted(changed.items())]
    unknown = [host for host in before if host not in both]
    if stores:
        says, agreement = f"other than before: {name_some(stores, MAX_NAMED)}", Agreement.DIFFERENT
    elif unknown:
        says, agreement = "unknown", Agreement.UNKNOWN
    else:
        says, agreement = "each node came to the hashes that it had", Agreement.SAME
    if unknown:
        says = f"{says}; not known of {name_some(unknown)}"
    return Comparison(
        moment="what another execution changed",
        agreement=agreement,
        says=says,
        differences=differences,
    )


def _names(readings: Sequence[StoreReading]) -> list[str]:
    found = {name for one in readings if one.hashes for name in one.hashes.stores}
    return sorted(found)


def _sides(store: str, known: Mapping[str, StoreReading], weights: Weights) -> tuple[Side, ...]:
    hosts: dict[str, list[str]] = defaultdict(list)
    for host, reading in known.items():
        hosts[reading.of(store)].append(host)
    sides = [
        Side(value=value, targets=tuple(names), weight=sum(weights.powers[one] for one in names))
        for value, names in hosts.items()
    ]
    return tuple(sorted(sides, key=lambda side: (-side.weight, side.value)))


def _named(differences: Sequence[Difference], total: int) -> str:
    told = [
        f"{one.subject}: "
        + ", ".join(
            f"{_short(side.value)} {side.weight} of {total} ({name_some(side.targets)})"
            for side in one.sides
        )
        for one in differences[:MAX_NAMED]
    ]
    more = len(differences) - len(told)
    return "; ".join((*told, *([f"and {count_of(more, 'more store')}"] if more else [])))


def _short(value: str) -> str:
    return value if value in (ABSENT, EMPTY) else f"{short_digest(value)}…"


def _unknown(readings: Mapping[str, StoreReading]) -> list[str]:
    """Who did not tell, by reason."""
    hosts: dict[str, list[str]] = defaultdict(list)
    for host, one in readings.items():
        if one.hashes is None:
            hosts[one.reason].append(host)
    return [f"not known of {name_some(names)}: {reason}" for reason, names in hosts.items()]

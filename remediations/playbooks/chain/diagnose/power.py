"""Who holds which voting power: the validator set, and the hosts that hold its keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.systems.comet.values import ValidatorSet
from remediations.values.reading import Known, value_or_none


@dataclass(frozen=True)
class Power:
    """The validator set and the holders of its keys. An empty set: the powers are unknown.

    `source` is the host whose `/validators` was used, "" if there is none. `holders` maps an
    address to the hosts that hold its key.
    """

    addresses: tuple[str, ...]
    powers: dict[str, int]
    source: str
    holders: dict[str, tuple[str, ...]]

    @cached_property
    def total(self) -> int:
        """All voting power; 0 if unknown."""
        return sum(self.powers.values())

    @property
    def known(self) -> bool:
        """Whether a validator set could be read."""
        return self.total > 0

    def of(self, address: str) -> int:
        """The power of one address; 0 if it is not in the set."""
        return self.powers.get(address, 0)

    def sum(self, addresses: Iterable[str]) -> int:
        """The power of some addresses, each counted once."""
        return sum(self.powers.get(address, 0) for address in set(addresses))

    @cached_property
    def uncovered(self) -> int:
        """The power of addresses whose key is on no host of the inventory."""
        return sum(p for address, p in self.powers.items() if address not in self.holders)


def read_power(
    views: Sequence[NodeView],
    witnesses: Sequence[NodeView],
    proven: frozenset[str] = frozenset(),
) -> Power:
    """The newest validator set that a witness knows, and who holds its keys. The sets that hosts
    in `proven` show come before any other."""
    best: ValidatorSet | None = None
    source = ""
    sure = [view for view in witnesses if view.host in proven]
    for view in sorted(sure or witnesses, key=lambda view: view.host):
        members = value_or_none(view.reading.chain.validators)
        if members is None or not members.validators:
            continue
        if best is None or members.height > best.height:
            best, source = members, view.host
    holders: dict[str, list[str]] = {}
    for view in views:
        if view.address:
            holders.setdefault(view.address, []).append(view.host)
    members_of = best.validators if best is not None else ()
    return Power(
        addresses=tuple(v.address for v in members_of),
        powers={v.address: v.power for v in members_of},
        source=source,
        holders={address: tuple(sorted(hosts)) for address, hosts in holders.items()},
    )


def duplicate_keys(
    views: Sequence[NodeView], same: Mapping[str, str]
) -> dict[str, tuple[str, ...]]:
    """Address → the hosts that have its key file, if there are several (G2). A machine that is
    there under two names, as `same` tells, has it once, and is called by one of them."""
    held: dict[str, set[str]] = {}
    for view in views:
        key = view.reading.key
        if isinstance(key, Known) and key.value.address:
            held.setdefault(key.value.address, set()).add(same.get(view.host, view.host))
    return {address: tuple(sorted(hosts)) for address, hosts in held.items() if len(hosts) > 1}

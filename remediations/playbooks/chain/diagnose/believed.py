"""Whose validator set is believed: one that follows from a pinned block, else one that two machines
agree on (docs/diagnosis.md#what-is-proven)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.render.formats import name_some
from remediations.systems.comet.blocks import PinnedBlock
from remediations.systems.comet.proof.commit import ProvenBlock
from remediations.systems.comet.proof.trust import alike, follows, is_pinned
from remediations.systems.comet.values import ValidatorSet
from remediations.values.reading import Known, value_or_none

_CLUSTERS = 8
"""So many different sets are compared with each other; a host that shows one more stands alone."""
_SHOWN = 4


@dataclass(frozen=True)
class Believed:
    """The believed set. `pinned` is that of the pinned block, None where none is; `hosts` are those
    whose sets agree. `trust` says whose set it is, `reason` why none is believed."""

    pinned: ValidatorSet | None
    hosts: frozenset[str]
    trust: str
    reason: str

    def covers(self, host: str, block: ProvenBlock) -> bool:
        """Whether a block that a set signed is one of a believed set."""
        if self.pinned is not None:
            return follows(block, self.pinned)
        return host in self.hosts


def believed_sets(views: Sequence[NodeView], pin: PinnedBlock | None) -> Believed:
    """The set to start from."""
    if pin is not None:
        for view in views:
            anchor, members = view.reading.chain.anchor, view.reading.chain.anchor_set
            if not isinstance(anchor, Known) or not isinstance(members, Known):
                continue
            if anchor.value.header and is_pinned(pin, anchor.value.header, members.value):
                trust = f"its set follows from block {pin.height}, which the inventory pins"
                return Believed(
                    members.value, frozenset(), trust, f"no block follows from {pin.height}"
                )
    clusters = _clusters(views)
    machines = [_machines(cluster) for cluster in clusters]
    most = max(machines, default=0)
    if most < 2 or machines.count(most) > 1:
        reason = "hosts show different validator sets" if most > 1 else "one host shows the set"
        return Believed(None, frozenset(), "", f"{reason}; pin a block in the inventory")
    hosts = [view.host for view in clusters[machines.index(most)]]
    unpinned = f", since no host shows the pinned block {pin.height}" if pin is not None else ""
    trust = f"its set is the one that {name_some(tuple(hosts), _SHOWN)} agree on{unpinned}"
    return Believed(None, frozenset(hosts), trust, "")


def _clusters(views: Sequence[NodeView]) -> list[list[NodeView]]:
    """The hosts by the sets that they show."""
    clusters: list[tuple[ValidatorSet, list[NodeView]]] = []
    for view in views:
        members = value_or_none(view.reading.chain.validators)
        if not view.answers or members is None:
            continue
        for first, hosts in clusters:
            if first is members or alike(first, members):
                hosts.append(view)
                break
        else:
            if len(clusters) < _CLUSTERS:
                clusters.append((members, [view]))
    return [hosts for _, hosts in clusters]


def _machines(views: Sequence[NodeView]) -> int:
    """How many machines they are: one of two names is one."""
    boots = set()
    for view in views:
        session = value_or_none(view.reading.session)
        boots.add(session.boot_id if session is not None else view.host)
    return len(boots)

"""The chain's situation: everything that was read, the diagnosis, and who may be acted on.

What the guards of every host are compared with is computed once. A guard that searched all hosts
for each host would take hours where the diagnosis takes seconds.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from remediations.engine.domain import NO_INPUTS, Inputs
from remediations.engine.observe.observation import Observation
from remediations.errors import UsageError
from remediations.playbooks.chain.beside import with_scorers
from remediations.playbooks.chain.diagnose.clocks import Clocks, read_clocks
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.playbooks.chain.diagnose.links import left_to_people, removable
from remediations.playbooks.chain.diagnose.machines import machines_of
from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.playbooks.chain.diagnose.power import duplicate_keys
from remediations.playbooks.chain.diagnose.room import RoomPlan, needs_copies, room_plan
from remediations.playbooks.chain.finding import ChainFinding, LinkObstacle, NodeFinding
from remediations.playbooks.chain.holders import KEEP, SharedKey, read_shared_keys
from remediations.render.formats import name_some
from remediations.systems.comet.absence import Absence, SlashingTerms
from remediations.systems.comet.inventory import SECTION, Role
from remediations.systems.comet.reading import CometReading, HostReading, comet_reading
from remediations.systems.comet.values import NodeStatus
from remediations.systems.hosts.obstacles import Obstacle
from remediations.values.reading import value_or_none


class ProgramUse(NamedTuple):
    """How many hosts run a program, and the voting power that they hold."""

    hosts: int
    power: int


class SignedMemory(NamedTuple):
    """What the chain remembers of a key. `height` is one that it signed, or a lower one than it
    signed last; None if nothing that was read shows any. `says` tells it in words. `unread`: the
    key has power, and not one commit could be read. `looked_from`: it may have signed any height
    below this one; 0 where that is no question."""

    height: int | None
    says: str
    unread: bool = False
    looked_from: int = 0


@dataclass(frozen=True, kw_only=True)
class ChainSituation:
    """`only` are the hosts that may be acted on, empty for all. What is read is never narrowed:
    quorum is counted over the whole set. `inputs` are what people chose for the plan."""

    observation: CometReading
    finding: ChainFinding
    only: frozenset[str]
    inputs: Inputs = field(default_factory=lambda: NO_INPUTS)

    @cached_property
    def voting(self) -> frozenset[str]:
        """The hosts whose power votes now."""
        return frozenset(self.finding.voting)

    def may_sign(self, host: str) -> bool:
        """Whether its key has voting power, or may have some that no node tells of today."""
        if self.finding.node(host).power:
            return True
        told = self.finding.total_power and self.finding.files is None
        return not told and self.observation.host(host).role is Role.VALIDATOR

    @property
    def by_files(self) -> str:
        """Whose powers are counted, for a sentence; "" where a node tells those of today."""
        files = self.finding.files
        if files is None:
            return ""
        shown = name_some(list(files.agreed), 4)
        return f"; powers of the first block, by the genesis file of {shown}, not those of today"

    @cached_property
    def same_machine(self) -> Mapping[str, str]:
        """Host → the one name of its machine, for machines that the inventory has twice."""
        return machines_of(self.observation)

    @cached_property
    def shared_keys(self) -> tuple[SharedKey, ...]:
        """The keys of which some holder has to be stopped, and who of them may go on."""
        keep = self.inputs.get(KEEP, "")
        return read_shared_keys(self.observation, self.finding, self.same_machine, self.tip, keep)

    @cached_property
    def held_seconds(self) -> frozenset[str]:
        """The hosts that are held because their key must not sign there, or whose key lies on
        another host as well."""
        views = [NodeView(reading) for reading in self.observation.hosts]
        holders = duplicate_keys(views, self.same_machine)
        shared = {host for hosts in holders.values() for host in hosts}
        return frozenset(
            view.host
            for view in views
            if view.held and (view.host in shared or view.held_as_second is not None)
        )

    @cached_property
    def tip(self) -> int:
        """The highest block that any node reports; 0 if none does."""
        blocks = (value_or_none(r.chain.blocks) or () for r in self.observation.hosts)
        return max(self.finding.height, *(meta.height for many in blocks for meta in many), 0)

    @cached_property
    def obstacles(self) -> Mapping[str, tuple[Obstacle, ...]]:
        """Host → what shuts ways there and can be removed, of the hosts that may be acted on."""
        found = removable(self.finding.links)
        return {host: these for host, these in found.items() if host in self.only or not self.only}

    @cached_property
    def obstacles_kept(self) -> Mapping[str, tuple[LinkObstacle, ...]]:
        """Host → what shuts ways there and is left to people."""
        found: dict[str, tuple[LinkObstacle, ...]] = {}
        for one in left_to_people(self.finding.links):
            found[one.host] = (*found.get(one.host, ()), one)
        return found

    def room(self, host: str) -> RoomPlan | None:
        """What a plan would remove on this host to make room; None where that was not read."""
        return room_plan(self.observation.host(host), copies_for=self._copies_for)

    @cached_property
    def _copies_for(self) -> str:
        return needs_copies((n.host, n.condition, n.held) for n in self.finding.nodes)

    @cached_property
    def clocks(self) -> Clocks:
        """Whose clock is wrong."""
        return read_clocks(self.observation)

    def memory_of(self, node: NodeFinding) -> SignedMemory:
        """What the commits that were read show of a key. That they lack its signature says nothing
        about the heights before them: of those the chain tells how many it missed."""
        height = node.last_signed if node.address else None
        if height is not None:
            return SignedMemory(height, f"the chain saw it sign {height}")
        if not node.power:
            return SignedMemory(None, "its key has no voting power")
        commits = self.finding.commits
        if not commits:
            return SignedMemory(None, "no commit could be read", unread=True)
        first, last = commits[0], commits[-1]
        lacks = f"the commits {first} to {last} lack" if first != last else f"commit {last} lacks"
        absences = [one for one in self._absences if one.address == node.address]
        signed = [one.signed for one in absences if one.signed is not None]
        if signed:
            missed = min(one.missed for one in absences)
            says = f"{lacks} its signature, and the chain counts {missed} blocks that it missed: "
            says += (
                f"it signed {max(signed)} or a later one"
                if max(signed)
                else "it may have signed none"
            )
            return SignedMemory(max(signed), says)
        says = f"{lacks} its signature; what it signed before was not looked at"
        return SignedMemory(None, says, looked_from=first)

    @cached_property
    def _absences(self) -> tuple[Absence, ...]:
        """What all nodes tell of those who did not sign."""
        told = (reading.chain.absent for reading in self.observation.hosts)
        known = (value_or_none(absent) for absent in told if absent is not None)
        return tuple(one for many in known for one in many or ())

    @cached_property
    def slashing(self) -> SlashingTerms | None:
        """What follows for validators that miss too many blocks, as far as a node told it: it is
        asked where somebody is absent."""
        return next((one.terms for one in self._absences if one.terms is not None), None)

    @cached_property
    def running(self) -> Mapping[str, ProgramUse]:
        """SHA-256 → who runs that program."""
        found: dict[str, ProgramUse] = {}
        for reading in self.observation.hosts:
            binary = value_or_none(reading.binary)
            if binary is not None and binary.running_sha256:
                hosts, power = found.get(binary.running_sha256, (0, 0))
                power += self.finding.node(reading.host).power
                found[binary.running_sha256] = ProgramUse(hosts + 1, power)
        return found


def situation(observation: Observation, only: frozenset[str]) -> ChainSituation:
    """The observation, and its diagnosis.

    Raises:
        UsageError: the observation has no reading of a chain, or one of `only` is a host without a
            node.
    """
    found = situation_of(comet_reading(observation), only)
    return dataclasses.replace(found, finding=with_scorers(found.finding, observation))


def situation_of(reading: CometReading, only: frozenset[str]) -> ChainSituation:
    """The same, of what an observation says of the chain.

    Raises:
        UsageError: one of `only` is a host without a node.
    """
    _have_nodes(only, reading)
    return ChainSituation(observation=reading, finding=diagnose(reading), only=only)


def _have_nodes(only: frozenset[str], reading: CometReading) -> None:
    """Refuse to act on hosts that are there, and have no part in the chain."""
    strange = [one.host for one in reading.elsewhere if one.host in only]
    if strange:
        raise UsageError(
            f"{name_some(strange)} has no node of the chain {reading.chain_id}",
            guard="--limit",
            got=", ".join(strange),
            expected=f"hosts with a section `{SECTION}`: "
            f"{name_some([node.host for node in reading.hosts])}",
            next_step="correct --limit, or give the host that section in the inventory",
        )


def latest_status(reading: HostReading) -> NodeStatus | None:
    """The newest `/status` that was read on this host, or None."""
    for sample in reversed(reading.samples):
        status = value_or_none(sample.status)
        if status is not None:
            return status
    return None

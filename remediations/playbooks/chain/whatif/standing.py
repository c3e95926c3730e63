"""Whether blocks go on with those that vote, and what would stop them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

from remediations.engine.find.finding import Health
from remediations.engine.whatif.projection import SinglePoint
from remediations.playbooks.chain.finding import Tristate
from remediations.playbooks.chain.situation import ChainSituation
from remediations.playbooks.chain.whatif.links import (
    OUTSIDE,
    Link,
    Links,
    Part,
    read_links,
    strongest,
)
from remediations.render.formats import short_digest
from remediations.systems.comet.quorum import has_quorum
from remediations.systems.comet.values import ValidatorSet
from remediations.values.reading import value_or_none


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Who runs, which of those surely vote and which perhaps, and which links are cut. `blind` are
    stopped, and nothing is known of their keys: some of the votes that were seen may be theirs.
    `again`: they execute the newest block again, and what comes of it is not known."""

    running: frozenset[str]
    voting: frozenset[str]
    perhaps: frozenset[str] = frozenset()
    blind: frozenset[str] = frozenset()
    cuts: frozenset[Link] = frozenset()
    again: bool = False


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What a scene comes to: `surely` is the power that votes together, `perhaps` the same if all
    that is unclear turns out well."""

    surely: int
    perhaps: int
    health: Health
    verdict: str
    points: tuple[SinglePoint, ...]

    @property
    def goes_on(self) -> bool:
        """Whether blocks surely go on."""
        return self.health in (Health.WELL, Health.DEGRADED)


@dataclass(frozen=True)
class Judge:
    """Judges scenes of one situation."""

    chain: ChainSituation

    @cached_property
    def links(self) -> Links:
        """Who reaches whom."""
        return read_links(self.chain)

    @property
    def total(self) -> int:
        """All power."""
        return self.chain.finding.total_power

    @property
    def needed(self) -> int:
        """The least power that is more than two thirds."""
        return 2 * self.total // 3 + 1

    @cached_property
    def outside(self) -> int:
        """The power that votes and is on no host of the inventory."""
        return self.chain.finding.online_power - sum(self._weights(self.chain.voting).values())

    @cached_property
    def now(self) -> Scene:
        """As it was read."""
        running = {n.host for n in self.chain.finding.nodes if n.condition.rule.running}
        return Scene(running=frozenset(running | self.chain.voting), voting=self.chain.voting)

    @cached_property
    def held_up(self) -> bool:
        """Whether blocks stand although enough power votes: for a reason that is not power."""
        together = _power(self._together(self.now, self.now.voting))
        return self.chain.finding.halted is Tristate.YES and has_quorum(together, self.total)

    def standing(self, scene: Scene) -> Standing:
        """What the scene comes to."""
        part = self._together(scene, scene.voting, self.at_most(scene.blind))
        surely = perhaps = _power(part)
        if scene.perhaps or scene.blind:
            perhaps = _power(self._together(scene, scene.voting | scene.perhaps))
        health, verdict = self._verdict(surely, perhaps, again=scene.again)
        goes_on = health in (Health.WELL, Health.DEGRADED)
        points = self._points(part) if part is not None and goes_on else ()
        return Standing(
            surely=surely, perhaps=perhaps, health=health, verdict=verdict, points=points
        )

    def _verdict(self, surely: int, perhaps: int, *, again: bool) -> tuple[Health, str]:
        if not has_quorum(perhaps, self.total):
            told = f"{surely} of {self.total} power vote together, {self.needed} are needed"
            return Health.DOWN, f"blocks stand: {told}"
        if not has_quorum(surely, self.total):
            told = f"{surely} surely vote together, perhaps {perhaps}; {self.needed} are needed"
            return Health.UNKNOWN, f"it is not known whether blocks go on: {told}"
        if again:
            return Health.UNKNOWN, "enough power votes; blocks go on if their new states agree"
        if self.held_up:
            finding = self.chain.finding
            return Health.DOWN, f"blocks stand, and not for want of power: {finding.chain}"
        if self.chain.finding.halted is Tristate.UNKNOWN:
            return Health.UNKNOWN, "enough power votes; whether blocks come now was not read"
        return (Health.WELL if surely == self.total else Health.DEGRADED), "blocks go on"

    def at_most(self, blind: Collection[str]) -> int:
        """The most of the power outside that may be that of these hosts: one key each, and none
        that another host holds."""
        if not blind or not self._strangers:
            return self.outside if blind else 0
        greatest = sorted(self._strangers.values(), reverse=True)
        return min(self.outside, sum(greatest[: len(blind)]))

    def _together(self, scene: Scene, voting: Collection[str], less: int = 0) -> Part | None:
        """Those that vote together; `less` of the power outside is not there."""
        weights = {**self._weights(voting), OUTSIDE: self.outside - less}
        graph = self.links.among(scene.running, scene.cuts, outside=self.outside > 0)
        return strongest(graph, weights)

    def _weights(self, voting: Collection[str]) -> dict[str, int]:
        """Host → its power. A key that is on several hosts counts on the first of them only."""
        found: dict[str, int] = {}
        seen: set[str] = set()
        for host in sorted(voting):
            node = self.chain.finding.node(host)
            if node.power and node.address not in seen:
                seen.add(node.address)
                found[host] = node.power
        return found

    def _points(self, part: Part) -> tuple[SinglePoint, ...]:
        """Every single loss after which too little is together, the greatest first."""
        names = self._names
        found = [
            SinglePoint(name=names.get(loss.name, loss.name), weight=part.total - loss.left)
            for loss in part.losses()
            if not has_quorum(loss.left, self.total)
        ]
        if self.outside:
            found += [
                SinglePoint(name=f"validator {short_digest(address)}…", weight=power)
                for address, power in self._strangers.items()
                if not has_quorum(part.total - power, self.total)
            ]
        return tuple(sorted(found, key=lambda point: (-point.weight, point.name)))

    @cached_property
    def _names(self) -> Mapping[str, str]:
        """Id of a node outside the inventory → what it calls itself."""
        return {
            peer.node_id: f"{peer.moniker or 'node'} {short_digest(peer.node_id)}…"
            for peer in self.chain.finding.unlisted
        }

    @cached_property
    def _strangers(self) -> Mapping[str, int]:
        """Address → power of the validators that are on no host of the inventory."""
        held = {node.address for node in self.chain.finding.nodes if node.address}
        members = self._members
        return {
            one.address: one.power
            for one in (members.validators if members is not None else ())
            if one.address not in held
        }

    def with_other_names(self, hosts: Collection[str]) -> frozenset[str]:
        """These hosts, with the other names that their machines have in the inventory."""
        same = self.chain.same_machine
        machines = {same.get(host, host) for host in hosts}
        return frozenset(hosts) | {name for name, one in same.items() if one in machines}

    def keys_on_two(self, scene: Scene) -> list[tuple[str, ...]]:
        """The hosts of each key that would sign on several machines at once."""
        held: dict[str, dict[str, str]] = {}
        for node in self.chain.finding.nodes:
            if node.address and node.power and node.host in scene.running:
                machine = self.chain.same_machine.get(node.host, node.host)
                held.setdefault(node.address, {}).setdefault(machine, node.host)
        return [tuple(hosts.values()) for hosts in held.values() if len(hosts) > 1]

    @property
    def _members(self) -> ValidatorSet | None:
        """The newest set that a witness told and whose power is the one that was found."""
        sets = [
            members
            for host in self.chain.finding.witnesses
            if (members := value_or_none(self.chain.observation.host(host).chain.validators))
        ]
        newest = sorted(sets, key=lambda members: -members.height)
        return next((members for members in newest if members.total == self.total), None)


def _power(part: Part | None) -> int:
    return part.total if part is not None else 0

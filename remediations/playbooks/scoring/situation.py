"""The situation: what was read of the services, and of the chain that counts their answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from msgspec import UnsetType

from remediations.engine.domain import NO_INPUTS, Inputs
from remediations.engine.observe.observation import Observation
from remediations.errors import UsageError
from remediations.playbooks.chain.finding import ChainFinding
from remediations.playbooks.chain.situation import ChainSituation
from remediations.playbooks.chain.situation import situation as chain_situation
from remediations.playbooks.scoring.diagnose.conclude import conclude
from remediations.playbooks.scoring.diagnose.reference import Given, Powers, why_not_pinned
from remediations.playbooks.scoring.finding import ScoringFinding
from remediations.render.formats import name_some
from remediations.systems.comet.reading import has_nodes
from remediations.systems.hosts.reading import HostsReading
from remediations.systems.podman.values import PodmanReading
from remediations.systems.scorer.inventory import SECTION, ScoringEntry
from remediations.systems.scorer.reading import ScorerReading, ScorersReading
from remediations.systems.scorer.source import ModelSource
from remediations.systems.scoringpods.reading import PodsReading
from remediations.values.reading import value_or_none

NO_POWER = Powers(of=lambda _host: 0, total=0)


@dataclass(frozen=True, kw_only=True)
class ScoringSituation:
    """`only` are the hosts that may be acted on, empty for all. What is read is never narrowed:
    agreement is counted over the whole set. `chain` is None where the inventory has none, `pods`
    where no workload of a cluster scores."""

    observation: Observation
    reading: ScorersReading
    hosts: HostsReading
    chain: ChainSituation | None
    finding: ScoringFinding
    only: frozenset[str]
    inputs: Inputs = field(default_factory=lambda: NO_INPUTS)
    pods: PodsReading | None = None

    @property
    def scoring(self) -> ScoringEntry:
        """What the inventory declares of all services."""
        return self.reading.scoring

    @property
    def source(self) -> ModelSource | None:
        """The model as it lies on the machine that read the inventory; None where none is named."""
        source = self.scoring.source
        return None if isinstance(source, UnsetType) else source

    @cached_property
    def why_not_pinned(self) -> str:
        """Why the pinned model's golden answers are not the measure; "" where they are, or would
        be."""
        given = [Given(one.model, one.answers, one.power) for one in self.finding.scorers]
        given += [Given("", one.answers, one.power) for one in self.finding.of_pods]
        return why_not_pinned(self.scoring, given, self.finding.total_power)

    def scorer(self, host: str) -> ScorerReading:
        """The reading of the service on `host`."""
        return self.reading.host(host)

    def may_act_on(self, host: str) -> bool:
        """Whether people asked for it."""
        return host in self.only or not self.only

    @cached_property
    def podman(self) -> PodmanReading | None:
        """What was read of containers, None in an observation of before they were."""
        if self.observation.part(PodmanReading.KIND) is None:
            return None
        return self.observation.read(PodmanReading)

    @cached_property
    def staged(self) -> Mapping[str, tuple[str, ...]]:
        """SHA-256 of a kept file → the hosts that keep it."""
        found: dict[str, list[str]] = {}
        for login in self.hosts.hosts:
            records = value_or_none(login.records)
            for sha256 in () if records is None else records.staged:
                found.setdefault(sha256, []).append(login.host)
        return {sha256: tuple(hosts) for sha256, hosts in found.items()}


def has_scorers(observation: Observation) -> bool:
    """Whether there is a service to read."""
    return observation.part(ScorersReading.KIND) is not None


def situation(observation: Observation, only: frozenset[str]) -> ScoringSituation:
    """What was read of the services, and what it amounts to.

    Raises:
        UsageError: the observation has no reading of services that this version can read, or one of
            `only` is a host without a service.
    """
    reading = observation.read(ScorersReading)
    _have_scorers(only, reading)
    # `only` may name hosts without a node: the chain is looked at as a whole.
    chain = chain_situation(observation, frozenset()) if has_nodes(observation) else None
    has_pods = observation.part(PodsReading.KIND) is not None
    pods = observation.read(PodsReading) if has_pods else None
    return ScoringSituation(
        observation=observation,
        reading=reading,
        hosts=observation.read(HostsReading),
        chain=chain,
        finding=conclude(
            reading,
            powers_of(chain),
            _clusters(chain),
            images_of(observation, reading),
            ended_for_memory(observation, reading),
            pods.workloads if pods else (),
        ),
        only=only,
        pods=pods,
    )


def images_of(observation: Observation, reading: ScorersReading) -> Mapping[str, str]:
    """Host → the digest of the image that the service's unit runs, where podman told it."""
    if observation.part(PodmanReading.KIND) is None:
        return {}
    hosts = {one.host: one for one in observation.read(PodmanReading).hosts}
    found: dict[str, str] = {}
    for one in reading.hosts:
        there = hosts.get(one.host)
        containers = value_or_none(there.containers) if there else None
        running = [c for c in containers or () if c.unit == one.entry.unit and c.runs]
        if len(running) == 1 and running[0].image_digest:
            found[one.host] = running[0].image_digest
    return found


def ended_for_memory(observation: Observation, reading: ScorersReading) -> frozenset[str]:
    """The hosts whose service's container podman calls ended for memory. One that was removed after
    its end tells nothing."""
    if observation.part(PodmanReading.KIND) is None:
        return frozenset()
    units = {one.host: one.entry.unit for one in reading.hosts}
    return frozenset(
        there.host
        for there in observation.read(PodmanReading).hosts
        for one in value_or_none(there.containers) or ()
        if one.unit == units.get(there.host) and one.out_of_memory and not one.runs
    )


def powers_of(chain: ChainSituation | None) -> Powers:
    """The powers of hosts, as a believed node tells them today. Those of the first block are not
    those of today: they decide nothing here."""
    if chain is None or not chain.finding.total_power or chain.finding.files is not None:
        return NO_POWER
    known = {node.host: node.power for node in chain.finding.nodes}
    return Powers(of=lambda host: known.get(host, 0), total=chain.finding.total_power)


def _clusters(chain: ChainSituation | None) -> tuple[frozenset[str], ...]:
    """The hosts of each app hash at the highest height at which there are several."""
    finding: ChainFinding | None = chain.finding if chain else None
    if finding is None:
        return ()
    heights: dict[int, list[frozenset[str]]] = {}
    for cluster in finding.clusters:
        heights.setdefault(cluster.height, []).append(frozenset(cluster.hosts))
    split = [height for height, found in heights.items() if len(found) > 1]
    return tuple(heights[max(split)]) if split else ()


def _have_scorers(only: frozenset[str], reading: ScorersReading) -> None:
    known = {one.host for one in reading.hosts}
    strange = sorted(only - known)
    if strange:
        raise UsageError(
            f"{name_some(strange)} has no scoring service",
            guard="--limit",
            got=", ".join(strange),
            expected=f"hosts with a section `{SECTION}`: {name_some(sorted(known))}",
            next_step="correct --limit, or give the host that section in the inventory",
        )


def resources(scoring: ScoringSituation) -> tuple[str, ...]:
    """What one run at a time may change: the chain, whose votes a restart can cost; without one,
    the services of this inventory by their golden vectors' model."""
    if scoring.chain is not None:
        return (f"chain/{scoring.chain.observation.chain_id}",)
    return (f"scoring/{scoring.scoring.golden.model[:16]}",)

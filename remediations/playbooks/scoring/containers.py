"""The container of each scoring service: what decides about acting on it. Pure.

The service is the unit that the inventory names; its container is the one that the command of this
unit names. What listens on the service's port without belonging to it is another service.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from remediations.engine.domain import Facts, StepData
from remediations.engine.plan.plan import Fact
from remediations.playbooks.scoring.conditions import Cure, ScorerCondition
from remediations.playbooks.scoring.facts import NONE, UNKNOWN, named, read_fact, scorer_facts
from remediations.playbooks.scoring.facts import unit_data as of_unit
from remediations.playbooks.scoring.impact import smallest_first
from remediations.playbooks.scoring.situation import ScoringSituation
from remediations.render.formats import name_some
from remediations.systems.podman.values import (
    Container,
    ContainerHost,
    ContainerUnit,
    Image,
)
from remediations.values.reading import Known, Unknown, Why, value_or_none

ALWAYS = frozenset({"always", "newer"})
"""Values of `--pull` with which a start may bring other bytes than those that are there."""


@dataclass(frozen=True, kw_only=True)
class ServiceContainer:
    """One service. `unit` is None where its unit runs no container, or that is not known;
    `container` is the one with the name that the unit gives, None where there is none. `image` is
    the image on the host that the unit's command means now."""

    reading: ContainerHost
    unit: ContainerUnit | None
    container: Container | None
    image: Image | None

    @property
    def is_stale(self) -> bool:
        """Whether a dead container keeps its name from a unit that is down and has to make it."""
        unit, one = self.unit, self.container
        return (
            unit is not None
            and one is not None
            and unit.creates
            and not unit.replaces
            and unit.active_state != "active"
            and one.is_dead
        )

    @property
    def is_somebodys(self) -> bool:
        """Whether a container of that name lives although its unit is down, and nothing shows that
        the unit made it: somebody started it. While the unit is up the name is its own; a conmon
        that is gone, and one in a control group of its own, show no unit."""
        unit, one = self.unit, self.container
        return (
            unit is not None
            and one is not None
            and one.runs
            and one.unit != unit.name
            and (unit.active_state in ("inactive", "failed") or unit.sub_state == "auto-restart")
        )

    @property
    def active_dependants(self) -> tuple[str, ...]:
        """The units that a stop of the service stops now."""
        active = ("active", "activating", "reloading")
        found = self.unit.dependants if self.unit else ()
        return tuple(one.unit for one in found if one.active_state in active)

    @property
    def is_none(self) -> bool:
        """Whether it is known that the service's unit runs no container of podman's."""
        if self.unit is not None:
            return False
        engine = value_or_none(self.reading.engine)
        absent = engine is not None and not engine.is_there
        return absent or isinstance(self.reading.units, Known)

    def digest(self) -> str:
        """What its image's reference means on the host, by bytes; "" where nobody knows."""
        if self.unit is None or self.image is None:
            return ""
        _, _, pinned = self.unit.image.partition("@")
        if pinned:
            return pinned if pinned in self.image.digests else ""
        return self.image.digests[0] if len(self.image.digests) == 1 else ""


def service_container(scoring: ScoringSituation, host: str) -> ServiceContainer:
    """The container of the service on `host`."""
    reading = _host(scoring, host)
    units = value_or_none(reading.units) or ()
    wanted = scoring.scorer(host).entry.unit
    unit = next((one for one in units if one.name == wanted), None)
    containers = value_or_none(reading.containers) or ()
    name = unit.container if unit else ""
    images = value_or_none(reading.images) or ()
    return ServiceContainer(
        reading=reading,
        unit=unit,
        container=next((one for one in containers if name and one.name == name), None),
        image=next((one for one in images if unit and _means(unit.image, one)), None),
    )


def _means(reference: str, image: Image) -> bool:
    """Whether a unit's reference leads to this image on the host."""
    _, _, digest = reference.partition("@")
    if digest:
        return digest in image.digests
    return bool(reference) and (reference in image.names or reference == image.id)


def _host(scoring: ScoringSituation, host: str) -> ContainerHost:
    found = scoring.podman
    if found is not None:
        return found.host(host)
    unknown = Unknown(
        why=Why.NOT_ASKED,
        reason="the observation was made without a reading of containers",
        source="podman",
        at=scoring.observation.began,
    )
    return ContainerHost(
        host=host,
        engine=unknown,
        containers=unknown,
        units=unknown,
        images=unknown,
        listeners=unknown,
    )


def stale(scoring: ScoringSituation) -> tuple[str, ...]:
    """The services that do not start because a dead container has their name."""
    down = (ScorerCondition.DOWN, ScorerCondition.LOOPING)
    return smallest_first(
        scoring,
        [
            one.host
            for one in scoring.finding.scorers
            if one.condition in down
            and scoring.may_act_on(one.host)
            and service_container(scoring, one.host).is_stale
        ],
    )


def restartable(scoring: ScoringSituation) -> tuple[str, ...]:
    """The services that a restart may cure, whose unit runs a container."""
    left_out = set(stale(scoring))
    return smallest_first(
        scoring,
        [
            one.host
            for one in scoring.finding.scorers
            if one.condition.rule.cure is Cure.RESTART
            and one.host not in left_out
            and scoring.may_act_on(one.host)
        ],
    )


def container_facts(scoring: ScoringSituation, host: str) -> tuple[Fact, ...]:
    """What decides about acting on the container of a service."""
    service = service_container(scoring, host)
    unit, one, reading = service.unit, service.container, service.reading
    read = isinstance(reading.units, Known) and isinstance(reading.containers, Known)
    lives = unit is not None and unit.active_state == "active"
    # A unit in a loop makes another container every time; a dead one that has the name stays.
    same = one is not None and (lives or one.is_dead)
    return (
        *scorer_facts(scoring, host),
        container_fact(scoring, host),
        read_fact(
            f"{host}.container_id",
            UNKNOWN if not read else one.id if one and same else NONE,
            reading.containers,
            "exactly this one is ended, or removed",
        ),
        read_fact(
            f"{host}.container_state",
            UNKNOWN if not read else _state(one),
            reading.containers,
            "nothing that lives is removed",
        ),
        read_fact(
            f"{host}.container_image",
            unit.image if unit and unit.image else NONE,
            reading.units,
            "the next start runs it",
        ),
        read_fact(
            f"{host}.container_digest",
            service.digest() or NONE,
            reading.images,
            "a name can mean other bytes tomorrow",
        ),
        dependants_fact(scoring, host),
        named(
            f"{host}.scorer_port",
            str(scoring.scorer(host).entry.port),
            scoring.observation.began,
            "inventory",
            why="nobody may listen there while it is down",
        ),
    )


def container_fact(scoring: ScoringSituation, host: str) -> Fact:
    """The name of the service's container."""
    service = service_container(scoring, host)
    return read_fact(
        f"{host}.container",
        service.unit.container if service.unit and service.unit.container else NONE,
        service.reading.units,
        "it is the one that is looked at",
    )


def dependants_fact(scoring: ScoringSituation, host: str) -> Fact:
    """The units that are stopped with the service. Of a unit that runs no container they are not
    read: the step itself refuses to stop one."""
    service = service_container(scoring, host)
    return read_fact(
        f"{host}.container_dependants",
        " ".join(service.active_dependants) or NONE,
        service.reading.units,
        "they are stopped with it, and have to come back",
    )


def dependants_warning(scoring: ScoringSituation, host: str) -> Iterator[str]:
    """That units are stopped with the service, where there are some."""
    units = service_container(scoring, host).active_dependants
    if units:
        are = "is" if len(units) == 1 else "are"
        yield f"{host}: {name_some(units, 4)} {are} stopped with the service, and started again"


def _state(one: Container | None) -> str:
    if one is None:
        return "absent"
    return "dead" if one.is_dead else "alive"


def dependants_of(facts: Facts, host: str) -> str:
    """The dependants of a step, from its facts."""
    value = facts[f"{host}.container_dependants"]
    return "" if value in (UNKNOWN, NONE) else value


def container_data(facts: Facts, host: str) -> StepData:
    """What the step has to know, from its facts."""

    def text(name: str) -> str:
        value = facts[f"{host}.{name}"]
        return "" if value in (UNKNOWN, NONE) else value

    return {
        **of_unit(facts, host),
        "container": text("container"),
        "id": text("container_id"),
        "image": text("container_image"),
        "digest": text("container_digest"),
        "dependants": dependants_of(facts, host),
        "port": int(text("scorer_port") or 0),
    }

"""The system `podman`: containers, as a fragment of what every host runs (engine/system.py)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from importlib.resources import files
from types import MappingProxyType
from typing import TypeVar

from remediations.engine.observe.section import HostDocument, Section, Trouble
from remediations.engine.system import HostSystem
from remediations.systems.hosts.read_section import SILENT, read_section
from remediations.systems.podman.parse import (
    Processes,
    parse_containers,
    parse_engine,
    parse_images,
    parse_listeners,
    parse_processes,
)
from remediations.systems.podman.parse_units import SOURCE, parse_units
from remediations.systems.podman.values import Container, ContainerHost, Engine, PodmanReading
from remediations.values.inventory import HostEntry, Inventory
from remediations.values.reading import Known, Reading, Why, value_or_none

T = TypeVar("T")

SECTIONS: Mapping[str, int] = MappingProxyType(
    {
        "podman_engine": 4096,
        "podman_containers": 65_536,
        "podman_images": 65_536,
        "podman_processes": 262_144,
        "podman_units": 524_288,
        "podman_listeners": 65_536,
    }
)
"""Section → bytes."""

NOT_INSTALLED = Trouble(Why.ABSENT, "podman is not installed on the host")
ASLEEP = Trouble(
    Why.NOT_ASKED,
    "podman has not been used since the host was booted, and is not asked: its first answer "
    "writes the state of all containers anew (`sudo podman ps` by hand does that)",
)


def _read(document: HostDocument, entry: HostEntry, at: datetime) -> ContainerHost:
    engine = read_section(
        document,
        "podman_engine",
        "podman --version",
        lambda section: parse_engine(section.text),
        absent=SILENT,
        at=at,
    )
    trouble = _why_not(engine)

    def read(name: str, source: str, parse: Callable[[Section], T]) -> Reading[T]:
        return read_section(document, name, source, parse, absent=trouble or SILENT, at=at)

    found = read("podman_processes", "/proc", lambda part: parse_processes(part.text))
    known = value_or_none(found) or Processes()
    # Without these nothing can be said of what lives: no container is called dead by default.
    containers: Reading[tuple[Container, ...]]
    if isinstance(found, Known):
        containers = read(
            "podman_containers",
            "podman container inspect",
            lambda part: parse_containers(part.text, found.value),
        )
    else:
        containers = found
    in_use = value_or_none(containers) or ()
    running = {one.unit for one in in_use} | {unit for _, unit in known.conmon.values()}
    return ContainerHost(
        host=entry.name,
        engine=engine,
        containers=containers,
        units=read(
            "podman_units",
            SOURCE,
            lambda part: parse_units(part.text, running=frozenset(running), at=part.at),
        ),
        images=read("podman_images", "podman image inspect", lambda p: parse_images(p.text)),
        listeners=read(
            "podman_listeners",
            "ss -ltnp",
            lambda part: parse_listeners(part.text, known),
        ),
    )


def _why_not(engine: Reading[Engine]) -> Trouble | None:
    """Why the host's containers were not asked for; None if they were."""
    if not isinstance(engine, Known):
        return Trouble(engine.why, engine.reason)
    if not engine.value.is_there:
        return NOT_INSTALLED
    return ASLEEP if engine.value.asleep else None


def _unread(entry: HostEntry, trouble: Trouble, at: datetime) -> ContainerHost:
    unknown = trouble.unknown(f"ssh {entry.ssh}", at)
    return ContainerHost(
        host=entry.name,
        engine=unknown,
        containers=unknown,
        units=unknown,
        images=unknown,
        listeners=unknown,
    )


def _whole(_: Inventory, hosts: Sequence[ContainerHost]) -> PodmanReading:
    return PodmanReading(hosts=tuple(hosts))


PODMAN = HostSystem(
    name="podman",
    kind=PodmanReading,
    fragment=files("remediations.systems.podman").joinpath("probe.sh").read_text(),
    sections=SECTIONS,
    settings=lambda _: {},
    read=_read,
    unread=_unread,
    whole=_whole,
)

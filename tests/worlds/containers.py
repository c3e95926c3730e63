"""Worlds of containers, made by hand: one of each host's scoring service, and what is changed."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from remediations.engine.observe.observation import Observation
from remediations.systems.podman.values import (
    Container,
    ContainerHost,
    ContainerUnit,
    Engine,
    Image,
    Listener,
    PodmanReading,
)
from remediations.values.part import Part
from tests.worlds.base import BEGAN, known
from tests.worlds.scoring import INVOCATION

ID, OTHER_ID = "a1" * 32, "b2" * 32
DIGEST, OTHER_DIGEST = f"sha256:{'c3' * 32}", f"sha256:{'d4' * 32}"
REFERENCE = f"localhost/scorer@{DIGEST}"
UNIT = "veid-scorer.service"


def container(**fields: Any) -> Container:  # noqa: ANN401 - the record's own fields
    """One that runs."""
    made = Container(
        id=ID,
        name="veid-scorer",
        state="running",
        image=REFERENCE,
        image_id="e5" * 32,
        image_digest=DIGEST,
        created_at=BEGAN,
        started_at=BEGAN,
        finished_at=None,
        exit_code=0,
        pid=801,
        pid_alive=True,
        conmon_pid=799,
        conmon_alive=True,
        restart_policy="",
        left=(801,),
        network="host",
        unit=UNIT,
    )
    return replace(made, **fields)


DEAD = container(state="exited", pid_alive=False, conmon_alive=False, left=())


def unit(**fields: Any) -> ContainerUnit:  # noqa: ANN401 - the record's own fields
    """Its unit, active."""
    made = ContainerUnit(
        name=UNIT,
        load_state="loaded",
        active_state="active",
        sub_state="running",
        result="success",
        enabled="enabled",
        invocation=INVOCATION,
        main_pid=799,
        main_status=0,
        main_started=BEGAN,
        restarts=0,
        restart_policy="on-failure",
        stop_timeout_s=30,
        start_timeout_s=90,
        user="root",
        container="veid-scorer",
        image=REFERENCE,
        starts=known((BEGAN,)),
        pull="never",
        removes=True,
        creates=True,
    )
    return replace(made, **fields)


def image(*digests: str, names: tuple[str, ...] = ("localhost/scorer:1",)) -> Image:
    """What lies on the host."""
    return Image(id="e5" * 32, digests=digests or (DIGEST,), names=names)


def host(name: str, **fields: Any) -> ContainerHost:  # noqa: ANN401 - the record's own fields
    """One host; `fields` are readings."""
    listener = Listener(address="127.0.0.1", port=8501, pid=801, command="scorer", container=ID)
    made = ContainerHost(
        host=name,
        engine=known(Engine(version="4.3.1")),
        containers=known((container(),)),
        units=known((unit(),)),
        images=known((image(),)),
        listeners=known((listener,)),
    )
    return replace(made, **fields)


def with_containers(observation: Observation, name: str, **fields: Any) -> Observation:  # noqa: ANN401
    """The observation with containers on all its hosts; those of host `name` have `fields`."""
    hosts = tuple(
        host(login.host, **(fields if login.host == name else {})) for login in observation.logins
    )
    part = Part.of(PodmanReading(hosts=hosts))
    parts = sorted((*observation.parts, part), key=lambda one: one.kind)
    return replace(observation, parts=tuple(parts))

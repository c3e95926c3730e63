"""Containers of one host, made by hand: as podman and systemd tell of them."""

from __future__ import annotations

from remediations.systems.podman.values import (
    Container,
    ContainerHost,
    ContainerUnit,
    Engine,
    Image,
    Listener,
    PodmanReading,
)
from tests.worlds.base import BEGAN, known


def reading(
    *hosts: str, unit: str = "veid-scorer.service", digest: str = "sha256:aa"
) -> PodmanReading:
    """One container of `unit` on each host, from an image with this digest."""
    return PodmanReading(hosts=tuple(_host(host, unit, digest) for host in hosts))


def _host(host: str, unit: str, digest: str) -> ContainerHost:
    container = Container(
        id="c" * 64,
        name="veid-scorer",
        state="running",
        image=f"localhost/scorer@{digest}",
        image_id="d" * 64,
        image_digest=digest,
        created_at=BEGAN,
        started_at=BEGAN,
        finished_at=None,
        exit_code=0,
        pid=42,
        pid_alive=True,
        conmon_pid=41,
        conmon_alive=True,
        restart_policy="",
        unit=unit,
    )
    service = ContainerUnit(
        name=unit,
        load_state="loaded",
        active_state="active",
        sub_state="running",
        result="success",
        enabled="enabled",
        invocation="0123456789abcdef" * 2,
        main_pid=41,
        main_status=0,
        main_started=BEGAN,
        restarts=0,
        restart_policy="on-failure",
        stop_timeout_s=30,
        start_timeout_s=90,
        user="root",
        container="veid-scorer",
        image=f"localhost/scorer@{digest}",
        starts=known((BEGAN,)),
    )
    return ContainerHost(
        host=host,
        engine=known(Engine(version="4.3.1")),
        containers=known((container,)),
        units=known((service,)),
        images=known((Image(id="d" * 64, digests=(digest,), names=("localhost/scorer:1",)),)),
        listeners=known((Listener(address="127.0.0.1", port=8501, pid=42, command="scorer"),)),
    )

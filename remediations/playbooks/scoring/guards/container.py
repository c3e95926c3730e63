"""Guards on the container of a service that is acted on."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from msgspec.structs import replace

from remediations.engine.plan.plan import GuardResult, Outcome, guard_result
from remediations.playbooks.scoring.containers import (
    ALWAYS,
    ServiceContainer,
    service_container,
)
from remediations.playbooks.scoring.situation import ScoringSituation
from remediations.render.formats import name_some
from remediations.values.reading import Known, Unknown, value_or_none

Guard = Callable[[ScoringSituation, str], GuardResult]
_LOOK = "`remediate diagnose scoring` shows the evidence"


def podman_there(scoring: ScoringSituation, host: str) -> GuardResult:
    """V20: root's podman is there, and its containers, units and images were read."""
    reading = service_container(scoring, host).reading
    engine = value_or_none(reading.engine)
    unread = [
        one.reason
        for one in (reading.engine, reading.containers, reading.units, reading.images)
        if isinstance(one, Unknown)
    ]
    holds: bool | None = None if unread else True
    got = f"podman {engine.version}" if engine and engine.version else ""
    next_step = _LOOK
    if unread:
        got, next_step = unread[0], "sudo podman ps --all (on the host, by hand)"
    if engine is not None and not engine.is_there:
        holds, got = False, "podman is not installed"
        next_step = "correct `unit` in the inventory, or restart a service without a container"
        next_step += " by its operator's means"
    if engine is not None and engine.rootless:
        got += f"; {name_some(engine.rootless, 3)} runs containers, too"
    return guard_result(
        "V20",
        "root's podman is on the host",
        subject=host,
        holds=holds,
        got=got,
        expected="podman of root's, whose containers could be read",
        next_step=next_step,
        facts=(f"{host}.container",),
    )


def unit_runs_container(scoring: ScoringSituation, host: str) -> GuardResult:
    """V21: the unit's command runs a container as root, nobody holds the unit, and what lives under
    the container's name is its own."""
    service = service_container(scoring, host)
    unit, wanted = service.unit, scoring.scorer(host).entry.unit
    trouble, next_step = "", "put it under one unit of root's: docs/scoring.md"
    if unit is None:
        trouble = _without_unit(service, wanted)
    elif service.is_somebodys:
        under = service.container.unit if service.container else ""
        trouble = f"{unit.container} runs under {under or 'no unit'}, and {unit.name} is down"
        next_step = (
            f"find out who started it; `podman stop {unit.container}`, then plan again: its unit "
            "starts it"
        )
    elif unit.user != "root":
        trouble = f"{unit.name} runs it as {unit.user}: root's podman does not have it"
    elif not unit.container or not unit.image:
        what = "container" if not unit.container else "image"
        trouble = f"the command of {unit.name} does not name its {what} plainly"
    elif unit.held:
        trouble = f"a run holds {unit.name}"
    elif unit.needs_reload:
        trouble = f"the files of {unit.name} changed since systemd read them"
    known = isinstance(service.reading.units, Known)
    return guard_result(
        "V21",
        "the unit runs the container",
        subject=host,
        holds=not trouble if known else None,
        got=trouble or f"{wanted} runs {unit.container if unit else ''}",
        expected="`podman run --name NAME … IMAGE` or `podman start NAME` of root's in the unit",
        next_step=_LOOK if not trouble else next_step,
        facts=(f"{host}.container", f"{host}.container_image"),
    )


def _without_unit(service: ServiceContainer, wanted: str) -> str:
    alone = [one for one in value_or_none(service.reading.containers) or () if not one.unit]
    if alone:
        return f"{wanted} runs no container; {alone[0].name} runs under no unit"
    return f"{wanted} runs no container"


def port_is_its(scoring: ScoringSituation, host: str) -> GuardResult:
    """V22: nobody but its container listens on the service's port."""
    service = service_container(scoring, host)
    listeners = value_or_none(service.reading.listeners)
    port = scoring.scorer(host).entry.port
    own = service.container.id if service.container else ""
    here = [one for one in listeners or () if one.port == port]
    # A unit that runs no container listens as a process of the host's.
    strange = [
        one
        for one in here
        if (one.container != own if own else one.container or not service.is_none)
    ]
    first = strange[0] if strange else None
    got = f"nobody else on port {port}"
    if first is not None:
        whose = f"container {first.container[:12]}" if first.container else "of the host"
        got = f"process {first.pid} ({first.command or 'unknown'}, {whose}) on port {port}"
    return guard_result(
        "V22",
        "the port is its container's",
        subject=host,
        holds=None if listeners is None else not strange,
        got=got if listeners is not None else "what listens could not be read",
        expected=f"the container of {scoring.scorer(host).entry.unit}, or nobody",
        next_step=_LOOK if not strange else "stop that process by hand, then plan again",
        facts=(f"{host}.container_id", f"{host}.scorer_port"),
    )


def image_here(scoring: ScoringSituation, host: str) -> GuardResult:
    """V23: the next start finds its image on the host, and it is the pinned one, or the one that
    runs now."""
    service = service_container(scoring, host)
    unit, digest, pin = service.unit, service.digest(), scoring.scoring.image
    ran = service.container.image_digest if service.container else ""
    wanted = pin or ran or digest
    trouble = ""
    if unit is not None and unit.pull in ALWAYS:
        trouble = f"--pull={unit.pull} in {unit.name}: a start may bring other bytes"
    elif not digest:
        trouble = f"{unit.image if unit else 'its image'} is not on the host"
    elif digest != wanted:
        trouble = f"{digest[:19]}…, but {'the pin is' if pin else 'it ran'} {wanted[:19]}…"
    known = unit is not None and isinstance(service.reading.images, Known)
    return guard_result(
        "V23",
        "its image is on the host, by its digest",
        subject=host,
        holds=not trouble if known else None,
        got=trouble or f"{digest[:19]}…",
        expected=f"{wanted[:19]}… on the host" if wanted else "an image on the host",
        next_step=_LOOK
        if known and not trouble
        else "bring that image to the host (`podman load`), and name it by digest in the unit",
        facts=(f"{host}.container_image", f"{host}.container_digest"),
    )


def dependants_safe(scoring: ScoringSituation, host: str) -> GuardResult:
    """V24: nothing that signs is stopped with the service."""
    service = service_container(scoring, host)
    nodes = {scoring.scorer(host).entry.node}
    for one in scoring.chain.observation.hosts if scoring.chain else ():
        if one.host == host:
            nodes |= {getattr(value_or_none(one.unit), "name", None), *one.candidates}
    hit = [one for one in service.active_dependants if one in nodes]
    return guard_result(
        "V24",
        "no node of the chain is stopped with it",
        subject=host,
        holds=None if service.unit is None else not hit,
        got=f"{hit[0]} is stopped with it"
        if hit
        else name_some(service.active_dependants, 4) or "nothing is stopped with it",
        expected="units that do not sign; they are started again",
        next_step="take the dependency out of the node's unit (`Wants=` in place of `Requires=`)"
        if hit
        else _LOOK,
        facts=(f"{host}.container_dependants",),
    )


def container_dead(scoring: ScoringSituation, host: str) -> GuardResult:
    """V25: what is removed is dead: no process, no conmon; and its unit makes a new one."""
    service = service_container(scoring, host)
    one, unit = service.container, service.unit
    known = isinstance(service.reading.containers, Known) and unit is not None
    trouble = ""
    if one is None:
        trouble = "no container has the name"
    elif not one.is_dead:
        pids = (*one.left, *((one.conmon_pid,) if one.conmon_alive else ()))
        trouble = f"processes {name_some([str(pid) for pid in pids], 4)} of {one.id[:12]} live"
    elif unit is not None and not unit.creates:
        trouble = f"{unit.name} starts the container that is there: a removal is its end"
    elif unit is not None and unit.active_state == "active":
        trouble = f"{unit.name} is active"
    return guard_result(
        "V25",
        "the container is dead, and its unit makes a new one",
        subject=host,
        holds=not trouble if known else None,
        got=trouble or f"{one.id[:12] if one else ''} {one.state if one else ''}, nothing lives",
        expected="a container without a process and a conmon, under a unit that is down",
        next_step=_LOOK if not trouble else "end those processes by hand, then plan again",
        facts=(f"{host}.container_id", f"{host}.container_state"),
    )


def where_contained(guard: Guard) -> Guard:
    """The guard, for a step on a unit that may run no container: then there is nothing to ask. What
    is stopped with such a unit is not read, so the step itself refuses to stop another one."""

    @wraps(guard)
    def asked(scoring: ScoringSituation, host: str) -> GuardResult:
        found = guard(scoring, host)
        if not service_container(scoring, host).is_none:
            return found
        return replace(
            found,
            outcome=Outcome.PASS,
            got="its unit runs no container of podman's, and the step stops no other unit",
            next_step=_LOOK,
        )

    return asked


CONTAINER_GUARDS = (podman_there, unit_runs_container, image_here, dependants_safe)
"""What every step on a container needs."""
PROCESS_GUARDS = (*map(where_contained, CONTAINER_GUARDS), port_is_its)
"""What a step on a unit needs that may run a container, and may not."""
PROCESS_BACK_GUARDS = tuple(map(where_contained, (podman_there, image_here, dependants_safe)))
"""What its way back needs: files of the unit may have changed since systemd read them (V21)."""

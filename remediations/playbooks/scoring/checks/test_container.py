"""Whether the container that was acted on runs, of which image, and answers itself."""

from __future__ import annotations

import shlex
from collections.abc import Callable

import pytest
from testinfra.host import Host

from remediations.engine.verify.given import Given
from remediations.playbooks.scoring.baseline import Scorers
from remediations.playbooks.scoring.checks.titles import TITLES
from remediations.playbooks.scoring.facts import NONE
from remediations.systems.podman.owner import OWN, owner_text
from remediations.systems.scorer.inventory import port_of


@pytest.mark.check("VP10", TITLES["VP10"])
def test_container_runs_the_planned_image(
    given: Given, host_of: Callable[[str], Host], saw: Callable[[str], None]
) -> None:
    """Its unit is active, and the container of that name runs the bytes that stand in the plan."""
    facts = {fact.name: fact.value for fact in given.plan.facts}
    wrong: dict[str, str] = {}
    for name in given.plan.targets:
        container = facts[f"{name}.container"]
        host = host_of(name)
        with host.sudo():
            found = host.check_output(
                "podman container inspect --format '{{.State.Running}} {{.ImageDigest}}' "
                + shlex.quote(container)
            )
            active = host.check_output(
                "systemctl show -p ActiveState --value " + shlex.quote(facts[f"{name}.scorer_unit"])
            )
        if (active, found) != ("active", f"true {facts[f'{name}.container_digest']}"):
            wrong[name] = f"{active}, {found}"
    right = len(given.plan.targets) - len(wrong)
    saw(f"{right} of {len(given.plan.targets)} run the planned image under their unit")
    assert not wrong, f"otherwise: {wrong}"


@pytest.mark.check("VP15", TITLES["VP15"])
def test_who_answers_is_the_service(
    given: Given, host_of: Callable[[str], Host], saw: Callable[[str], None]
) -> None:
    """Each process on the port of a service that was acted on belongs to its container; of a unit
    that runs none, to the unit."""
    facts = {fact.name: fact.value for fact in given.plan.facts}
    ports = {one.host: port_of(one.url) for one in given.plan.part(Scorers).scorers}
    found: dict[str, str] = {}
    for name in given.plan.targets:
        container = facts[f"{name}.container"]
        text = owner_text(
            facts[f"{name}.scorer_unit"], "" if container == NONE else container, ports[name]
        )
        host = host_of(name)
        with host.sudo():
            found[name] = host.check_output(f"sh -c {shlex.quote(text)}").strip()
    others = {name: told for name, told in found.items() if told != OWN}
    saw(f"{len(found) - len(others)} of {len(found)} answer by their own process")
    assert not others, f"others: {others}"

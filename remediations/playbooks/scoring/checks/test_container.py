"""Whether the container that was acted on runs, and of which image."""

from __future__ import annotations

import shlex
from collections.abc import Callable

import pytest
from testinfra.host import Host

from remediations.engine.verify.given import Given
from remediations.playbooks.scoring.checks.titles import TITLES


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

"""`apply` of a plan whose playbook or branch is not installed on this machine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from remediations.engine.observe.digest import inventory_digest
from remediations.engine.observe.inventory import load_inventory
from remediations.engine.plan.plan import Plan
from remediations.engine.runs.store import RunDirectory, create_run
from remediations.systems.comet.reading import sealed
from remediations.values.origin import Origin
from tests.unit.cli.desk import Desk, remediate
from tests.unit.plan.cases import plan_of, quorum_lost

ELSEWHERE = Origin(distribution="acme-playbooks", version="1.2", digest="4" * 64)


def approved(desk: Desk, change: Callable[[Plan], Plan]) -> RunDirectory:
    """A run of a plan that another machine made, approved by somebody who may."""
    inventory = load_inventory(desk.inventory)
    now = datetime.now(UTC).replace(microsecond=0)
    world = replace(quorum_lost(), inventory_digest=inventory_digest(inventory), ended=now)
    run = create_run(change(plan_of(world)), sealed(world), inventory, now)
    assert remediate("approve", run.name, "--key", desk.key, "--yes").code == 0
    return run


@pytest.mark.parametrize(
    ("change", "got"),
    [
        (
            lambda plan: replace(plan, branch="rollback-one", origin=ELSEWHERE),
            "INC-001 with copy-databases, adopt-side, rebuild, free-space, raise-open-files, "
            "start-missing-together, "
            "restart-minority, mend-links, roll-back-together, roll-back-alone, "
            "install-past-panic, install-upgrade, start-everybody, start-full-nodes, "
            "lift-halt-height",
        ),
        (
            lambda plan: replace(plan, playbook="INC-999", origin=ELSEWHERE),
            "no playbook INC-999",
        ),
    ],
    ids=["branch", "playbook"],
)
def test_what_made_the_plan_is_named_with_how_to_install_it(
    desk: Desk,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Plan], Plan],
    got: str,
) -> None:
    """Exit 2 before any host is contacted; the run can still be applied afterwards."""
    monkeypatch.setenv("REMEDIATE_HOME", str(tmp_path / "state"))
    run = approved(desk, change)
    done = remediate("apply", run.name, "--json")
    assert done.code == 2
    error = done.document["error"]
    assert isinstance(error, dict)
    assert error["got"] == got
    assert "acme-playbooks 1.2 (444444444444)" in error["expected"]
    assert "pip install acme-playbooks==1.2" in error["next"]
    assert "Nothing was changed" in error["what"]
    assert not run.journal.exists()

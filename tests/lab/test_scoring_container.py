"""Containers of scoring services: broken for real, mended, and the world asserted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab.choice import full_lab
from tests.lab.lab import Lab
from tests.lab.operator import Operator
from tests.lab.scoring import UNIT
from tests.lab.test_scoring import assert_alike, conditions, containers, scoring
from tests.lab.test_scoring_lab import wait_for
from tests.lab.truth import one_chain

REFUSED = 4


@pytest.fixture
def operator(scorers: Lab, tmp_path: Path) -> Operator:
    """Somebody whose inventory has the scorers."""
    return Operator(scorers, tmp_path)


def all_ids(lab: Lab, host: str) -> set[str]:
    """Every container of root's, whether it runs or not."""
    return set(lab.hosts[host].sh("podman ps --all --quiet --no-trunc").split())


def digest(lab: Lab, host: str) -> str:
    """Of the image that runs there."""
    return lab.hosts[host].sh("podman inspect --format '{{.ImageDigest}}' veid-scorer").strip()


@full_lab
def test_dead_container_with_the_name_is_removed_by_its_id(
    scorers: Lab, operator: Operator
) -> None:
    """As after a power cut. Exactly that one goes; nobody else's container or daemon is touched."""
    image = digest(scorers, "val1")
    scorers.break_stale_container("val4")
    (dead,) = all_ids(scorers, "val4")
    before, daemons = containers(scorers), scorers.world.daemons()
    # systemd tried again until its limit of starts, and gave up.
    assert conditions(scoring(operator))["val4"] in ("scorer-down", "scorer-looping")

    rescued = operator.rescue("INC-002")

    assert rescued.code == 0, rescued.why
    (new,) = all_ids(scorers, "val4")
    assert new != dead
    assert digest(scorers, "val4") == image
    after = containers(scorers)
    assert {host for host in after if after[host] != before[host]} == {"val4"}
    assert scorers.world.daemons() == daemons
    assert_alike(scorers, "after")
    one_chain(scorers, scorers.world.top())


@full_lab
@pytest.mark.parametrize(
    ("fault", "condition"),
    [("break_scorer_hangs", "frozen-engine"), ("break_scorer_stopped", "scorer-down")],
)
def test_service_is_restarted_of_the_same_image(
    scorers: Lab, operator: Operator, fault: str, condition: str
) -> None:
    """By its unit, and nothing else is touched."""
    image = digest(scorers, "val4")
    getattr(scorers, fault)("val4")
    wait_for(lambda: conditions(scoring(operator))["val4"] == condition)
    daemons = scorers.world.daemons()

    rescued = operator.rescue("INC-002")

    assert rescued.code == 0, rescued.why
    assert digest(scorers, "val4") == image
    assert scorers.systemctl("val4", "is-active", UNIT).strip() == "active"
    assert scorers.world.daemons() == daemons
    assert_alike(scorers, "after")


@full_lab
def test_what_still_lives_is_not_removed(scorers: Lab, operator: Operator) -> None:
    """Its conmon is gone, and it holds the port: refused, and everything is as before."""
    scorers.break_orphaned_scorer("val4")
    before, daemons = all_ids(scorers, "val4"), scorers.world.daemons()
    assert operator.plan("INC-002", "--branch", "remove-stale-container").code == REFUSED
    assert all_ids(scorers, "val4") == before
    assert scorers.world.daemons() == daemons

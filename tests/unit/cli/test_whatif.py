"""`whatif`: an answer on every question that can be asked, and one error on every other."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import worlds
from tests.unit.cli.desk import Desk, remediate
from tests.unit.cli.wrong import refused
from tests.unit.docs.test_schema import validator
from tests.unit.plan.cases import quorum_lost, wrong_clock


@pytest.fixture
def well(desk: Desk) -> Path:
    return desk.saved(worlds.healthy(), "well")


@pytest.fixture
def lost(desk: Desk) -> Path:
    return desk.saved(quorum_lost(), "lost")


def test_a_stop_that_leaves_enough(well: Path) -> None:
    done = remediate("whatif", "--stop", "val4", "--from", well)
    assert done.code == 0
    assert "WHAT IF val4 stops\n" in done.out
    assert "voting power  100 → 90 of 100 (90.0 %)" in done.out
    assert "each of these alone brings it down: val1 (40), val2 (30)" in done.out
    assert done.out.rstrip().endswith("remediate diagnose")


def test_hosts_are_named_in_a_list_or_one_by_one(well: Path) -> None:
    together = remediate("whatif", "--stop", "val1, val4", "--from", well, "--json")
    apart = remediate("whatif", "--stop", "val1", "--stop", "val4", "--from", well, "--json")
    assert together.code == 3
    assert together.document == apart.document


def test_a_cut(well: Path) -> None:
    done = remediate("whatif", "--cut", "val1:val2,val2:val3", "--from", well)
    assert done.code == 0
    assert "the links val1:val2, val2:val3 break" in done.out


def test_a_branch(lost: Path) -> None:
    words = ("whatif", "INC-001", "--branch", "start-missing-together", "--from", lost)
    done = remediate(*words)
    assert done.code == 0
    assert "60 → 100 of 100" in done.out
    assert "100 of 100 can sign at 114/0; more than two thirds is reached" in done.out
    assert "remediate plan INC-001 --branch start-missing-together" in done.out


def test_a_branch_that_a_guard_refuses_now(desk: Desk) -> None:
    """What would follow, and that it is not carried out as things are."""
    world = desk.saved(wrong_clock(quorum_lost(), "val1"), "wrong-clock")
    done = remediate("whatif", "INC-001", "--from", world)
    assert done.code == 0
    assert "refused as things are" in done.out
    assert "G37 val1" in done.out


def test_a_height(well: Path) -> None:
    """Everybody has signed 114 already."""
    done = remediate("whatif", "--height", "114", "--from", well)
    assert done.code == 3
    assert "0 of 100 can sign at 114/0" in done.out
    assert "117 is the first height that more than two thirds can sign" in " ".join(
        done.out.split()
    )


def test_the_document_fits_its_schema(lost: Path) -> None:
    done = remediate("whatif", "INC-001", "--stop", "val4", "--from", lost, "--json")
    found = done.document["result"]
    validator("whatif").validate(found)
    assert isinstance(found, list)
    (one,) = found
    assert [stage["title"] for stage in one["stages"]] == ["now", "val4 stops", "start val1"]
    assert one["stages"][-1]["impacts"][0]["after"] == "90"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), ("nothing is supposed", "--stop HOST")),
        (("--stop", "nosuch"), ("there is no host 'nosuch'", "val1, val2")),
        (("--stop", "val1,,val2"), ("--stop has an empty name",)),
        (("--stop", ""), ("--stop has an empty name",)),
        (("--cut", "val1"), ("'val1' is not a link between two hosts",)),
        (("--cut", "val1:val1"), ("'val1:val1' is not a link",)),
        (("--cut", "val1:val2:val3"), ("is not a link",)),
        (("--cut", "val1:nosuch"), ("there is no host 'nosuch'",)),
        (("--height", "-4"), ("'-4' is not a height",)),
        (("--branch", "restart-minority", "--stop", "val1"), ("a branch belongs to a playbook",)),
        (("INC-999",), ("there is no playbook 'INC-999'",)),
        (("INC-001", "--branch", "nosuch"), ("INC-001 has no branch 'nosuch'",)),
    ],
)
def test_wrong_input(
    desk: Desk, lost: Path, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    refused(2, *words, arguments=("whatif", *arguments, "--from", lost), state=desk.home)


def test_a_branch_that_does_not_fit(desk: Desk, well: Path) -> None:
    refused(
        4, "no branch for this", arguments=("whatif", "INC-001", "--from", well), state=desk.home
    )


def test_a_chain_that_cannot_be_judged(desk: Desk) -> None:
    world = worlds.stopped(worlds.healthy(), "val1", "val2", "val3", "val4", "full1")
    seen = desk.saved(world, "dark")
    error = refused(
        11,
        "its validator set is not known",
        arguments=("whatif", "--stop", "val1", "--from", seen),
        state=desk.home,
    )
    assert error["guard"] == "total power"


def test_a_broken_machine_configuration_is_one_error(
    desk: Desk, well: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The options of domains are not known then; the reason is told."""
    config = tmp_path / "broken.toml"
    config.write_text("playbooks = 7\n")
    config.chmod(0o644)
    monkeypatch.setenv("REMEDIATE_CONFIG", str(config))
    refused(
        2, "broken.toml", arguments=("whatif", "--stop", "val1", "--from", well), state=desk.home
    )

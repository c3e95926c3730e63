"""Options that a playbook declares, on the command line of `plan`."""

from __future__ import annotations

from pathlib import Path

import pytest

from remediations.cli import inputs as cli_inputs
from remediations.engine.plan.plan import Plan
from remediations.engine.runs.store import find_run
from tests.unit.cli.desk import Desk, Done, remediate
from tests.unit.plan.cases import minority_down, quorum_lost
from tests.unit.plan.choices import CHOOSING
from tests.worlds import healthy


@pytest.fixture(autouse=True)
def _choosing(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The chain's playbook leaves two choices to people, and nobody has planned anything yet."""
    monkeypatch.setenv("REMEDIATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr("remediations.playbooks.chain.domain.DOMAIN", CHOOSING)


@pytest.fixture
def lost(desk: Desk) -> Path:
    return desk.saved(quorum_lost(), "lost")


def plan(desk: Desk, source: Path, *words: str) -> Done:
    return remediate("plan", *words, "-i", desk.inventory, "--from", source)


def planned(done: Done) -> Plan:
    assert done.code == 3, done.err
    return find_run("last").plan


@pytest.mark.parametrize(
    "words",
    [
        ("INC-001", "--to-height", "100"),
        ("INC-001", "--to-height=0100"),
        ("--to-height", "100", "INC-001"),
        ("--word=--to-height", "inc-001", "--to-height", "100"),
    ],
)
def test_choice_is_taken_wherever_it_is_typed(
    desk: Desk, lost: Path, words: tuple[str, ...]
) -> None:
    """It is on the screen, and in the plan of the run."""
    done = plan(desk, lost, *words)
    chosen = {one.name: one.value for one in planned(done).inputs}
    assert chosen["to-height"] == "100"
    assert chosen.get("word") == ("--to-height" if len(words) == 4 else None)
    assert "--to-height 100" in done.out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--to-height", "100", "--to-height", "100"), "--to-height cannot be used"),
        (("--to-height", "x"), "--to-height cannot be used"),
        (("--to-height=",), "--to-height cannot be used"),
        (("--to-height",), "--to-height has no value"),
        (("--to-height", "-3"), "--to-height cannot be used"),
        (("--to-height=-3",), "--to-height cannot be used"),
        (("--to-height", "-"), "--to-height cannot be used"),
        (("--to-hight", "100"), "`plan` has no option --to-hight, and no playbook takes it"),
        (("--brnach", "x"), "`plan` has no option --brnach, and no playbook takes it"),
        (("--to-height", "--branch", "x"), "--to-height has no value"),
        (("--to-height", "-i", "x"), "--to-height has no value"),
        (("--to-height", "-vv"), "--to-height has no value"),
        (("-x",), "No such option '-x'."),
    ],
)
def test_wrong_option_is_one_clear_error(
    desk: Desk, lost: Path, tmp_path: Path, words: tuple[str, ...], says: str
) -> None:
    """Exit 2, before any host is read, and no run."""
    done = plan(desk, lost, "INC-001", *words)
    assert done.code == 2
    assert done.err.startswith(f"error: {says}")
    assert "remediate plan" in done.err.splitlines()[-1]
    assert not (tmp_path / "state" / "runs").exists()


def test_value_that_begins_with_a_dash_is_read_by_the_playbook(desk: Desk, lost: Path) -> None:
    """Which says what it expects; and one that is missing is named with what is behind it."""
    done = plan(desk, lost, "INC-001", "--to-height", "-3")
    assert "'-3'" in done.err
    assert "HEIGHT: " in done.err
    done = plan(desk, lost, "INC-001", "--to-height", "--branch", "x")
    assert "the option --branch behind it" in done.err
    assert "--to-height HEIGHT; a value that looks like an option as --to-height=VALUE" in done.err
    done = remediate("plan", "INC-001", "--word", "-dash", "-i", desk.inventory, "--from", lost)
    assert {one.name: one.value for one in planned(done).inputs}["word"] == "-dash"


def test_unknown_option_lists_what_playbooks_take(desk: Desk, lost: Path) -> None:
    """Beside what looks like it."""
    done = plan(desk, lost, "INC-001", "--to-hight", "100")
    assert "perhaps --to-height; INC-001 takes --word WORD, --to-height HEIGHT" in done.err


def test_other_playbook_does_not_take_it(desk: Desk, lost: Path) -> None:
    done = plan(desk, lost, "node-down", "--to-height", "100")
    assert done.code == 2
    assert done.err.startswith("error: node-down takes no --to-height")


def test_branch_that_does_not_use_it_does_not_ignore_it(desk: Desk) -> None:
    done = plan(desk, desk.saved(minority_down(), "down"), "INC-001", "--to-height", "100")
    assert done.code == 2
    assert done.err.startswith("error: the branch restart-minority takes no --to-height")


def test_choice_for_a_healthy_chain_is_not_answered_with_nothing_to_do(desk: Desk) -> None:
    """Somebody asked for something: there is no branch for it."""
    well = desk.saved(healthy(), "well")
    assert plan(desk, well, "INC-001").code == 0
    done = plan(desk, well, "INC-001", "--to-height", "100")
    assert done.code == 4
    assert "INC-001 has no branch for this" in done.err


def test_what_can_be_chosen_is_listed() -> None:
    """By the help of the command, and with each branch."""
    for words in (("plan", "--help"), ("plan", "-h"), ("list",)):
        done = remediate(*words)
        assert done.code == 0
        assert "--to-height HEIGHT" in done.out
        assert "The last block that is kept." in " ".join(done.out.split())
    told = remediate("list", "--json").document["result"]
    assert isinstance(told, dict)
    (own,) = (p for p in told["playbooks"] if p["id"] == "INC-001")
    branches = {b["name"]: b["inputs"] for b in own["branches"]}
    assert [one["name"] for one in branches["start-missing-together"]] == ["word", "to-height"]
    assert branches["restart-minority"] == []


def test_playbooks_are_not_asked_for_a_command_line_of_our_own_options(
    desk: Desk, lost: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their import takes longer than the rest: it goes on while the compiler starts."""
    asked: list[object] = []
    monkeypatch.setattr(cli_inputs, "catalogue", asked.append)
    assert plan(desk, lost, "INC-001", "--branch", "start-missing-together", "--json").code == 3
    assert asked == []

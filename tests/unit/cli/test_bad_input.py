"""What is not usable as given is refused with 2, with what is expected, in text and in JSON."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.cli.desk import INVENTORY, Desk, remediate
from tests.unit.plan.cases import quorum_lost

Arguments = tuple[str | Path, ...]
Make = Callable[[Desk, Path], Arguments]


def written(path: Path, data: bytes | str) -> Path:
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def truncated_observation(desk: Desk, tmp: Path) -> Arguments:
    whole = desk.saved(quorum_lost(), "bad").read_bytes()
    return "diagnose", "--from", written(tmp / "o.json", whole[: len(whole) // 2])


def other_inventory(desk: Desk, tmp: Path) -> Arguments:
    other = written(tmp / "other.yaml", INVENTORY.replace("val4", "val5"))
    return "plan", "INC-001", "-i", other, "--from", desk.saved(quorum_lost(), "bad")


def edited_plan(desk: Desk, tmp: Path) -> Arguments:
    return "show", written(tmp / "plan.json", '{"format": "1"}')


CASES: tuple[tuple[str, str, Make], ...] = (
    ("no such inventory", "No such file", lambda d, t: ("diagnose", "-i", t / "none.yaml")),
    (
        "inventory is not YAML",
        "bad.yaml",
        lambda d, t: ("diagnose", "-i", written(t / "bad.yaml", "hosts: [\n")),
    ),
    (
        "inventory with a misspelt key",
        "chian",
        lambda d, t: (
            "diagnose",
            "-i",
            written(t / "i.yaml", INVENTORY.replace("chain:", "chian:")),
        ),
    ),
    (
        "inventory is not UTF-8",
        "UTF-8",
        lambda d, t: ("diagnose", "-i", written(t / "i.yaml", b"\xff\xfe")),
    ),
    ("observation is cut", "not an observation", truncated_observation),
    ("observation is of another inventory", "not read with this inventory", other_inventory),
    (
        "no observation at all",
        "not an observation",
        lambda d, t: ("diagnose", "--from", written(t / "o.json", "[]")),
    ),
    ("edited plan", "cannot be used", edited_plan),
    ("no such run", "no run is called 'nosuch'", lambda d, t: ("show", "nosuch")),
    ("no such run to approve", "no run", lambda d, t: ("approve", "nosuch", "--key", d.key)),
    (
        "no such playbook",
        "INC-001, double-sign, node-down",
        lambda d, t: ("plan", "INC-999", "-i", d.inventory),
    ),
    (
        "no such branch",
        "restart-minority",
        lambda d, t: (
            *("plan", "INC-001", "--branch", "x", "-i", d.inventory),
            *("--from", d.saved(quorum_lost(), "bad")),
        ),
    ),
    (
        "no such host",
        "val9",
        lambda d, t: (
            *("plan", "INC-001", "--limit", "val1,val9", "-i", d.inventory),
            *("--from", d.saved(quorum_lost(), "bad")),
        ),
    ),
    ("no such command", "nosuch", lambda d, t: ("nosuch",)),
    ("no such option", "--foce", lambda d, t: ("list", "--foce")),
    ("missing argument", "PLAYBOOK", lambda d, t: ("plan",)),
    ("a directory", "directory", lambda d, t: ("diagnose", "--from", t)),
    ("empty name", "it is empty", lambda d, t: ("verify", "")),
)


@pytest.mark.parametrize(("words", "make"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_bad_input(desk: Desk, tmp_path: Path, words: str, make: Make) -> None:
    """The message names what is wrong and what to do; the document says the same."""
    (tmp_path / "run").mkdir()
    arguments = make(desk, tmp_path)
    done = remediate(*arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: ")
    assert words in done.err
    assert "Traceback" not in done.err
    assert "\n  next      " in done.err
    document = remediate(*arguments, "--json").document
    assert document["outcome"] == "usage"
    assert document["result"] is None


def test_no_command_shows_help() -> None:
    """`remediate` alone says what there is."""
    done = remediate()
    assert done.code == 2
    assert "diagnose" in done.out


def test_state_directory_that_cannot_be_used(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A state directory that is a file is this machine's trouble: 12, and no run."""
    monkeypatch.setenv("REMEDIATE_HOME", str(written(tmp_path / "file", "x")))
    source = desk.saved(quorum_lost(), "bad")
    done = remediate("plan", "INC-001", "-i", desk.inventory, "--from", source)
    assert done.code == 12
    assert "Traceback" not in done.err
    assert done.out == ""


def test_no_inventory(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither given nor named by the machine: how to get one."""
    monkeypatch.delenv("REMEDIATE_INVENTORY")
    done = remediate("diagnose")
    assert (done.code, done.out) == (2, "")
    assert "$REMEDIATE_INVENTORY" in done.err
    assert "remediate inventory discover" in done.err

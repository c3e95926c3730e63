"""`remediate stage`: what it says, how it ends, and what it refuses before a host is contacted."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from remediations.cli.commands import stage
from remediations.engine.stage.stage import StagedOn, StageOutcome
from tests.unit.cli.desk import Desk, remediate
from tests.unit.docs.test_answers import said_of
from tests.unit.docs.test_schema import validator

CONTENT = b"\x7fELF and the rest of a program"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
THERE, STAGED = StageOutcome.ALREADY_THERE, StageOutcome.STAGED
FAILED, SILENT = StageOutcome.FAILED, StageOutcome.SILENT


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "program"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def outcomes(monkeypatch: pytest.MonkeyPatch) -> dict[str, StageOutcome]:
    """What becomes of the file on each host."""
    found: dict[str, StageOutcome] = {}

    async def staged(*arguments: object) -> tuple[StagedOn, ...]:
        return tuple(
            StagedOn(target=host, outcome=outcome, why="" if outcome.there else "no \x1b[2Jroom")
            for host, outcome in found.items()
        )

    monkeypatch.setattr(stage, "stage_file", staged)
    return found


@pytest.mark.parametrize(
    ("one", "other", "code"),
    [
        (STAGED, THERE, 0),
        (STAGED, FAILED, 7),
        (THERE, SILENT, 7),
        (FAILED, FAILED, 4),
        (FAILED, SILENT, 4),
        (SILENT, SILENT, 11),
    ],
)
def test_the_exit_code_tells_who_has_it(
    desk: Desk,
    program: Path,
    outcomes: dict[str, StageOutcome],
    one: StageOutcome,
    other: StageOutcome,
    code: int,
) -> None:
    """All, some, none, or none that answered."""
    outcomes |= {"val1": one, "val22": other}
    done = remediate("stage", program, "-i", desk.inventory)
    assert done.code == code
    lines = done.out.splitlines()
    assert lines[0] == f"{program}: {len(CONTENT)} bytes, SHA-256 {SHA256}"
    assert lines[1].startswith(f"val1   {one}")
    assert lines[
        3
    ] == f"{[one.there, other.there].count(True)} of 2 hosts; nothing that runs was " + ("changed")
    again = f"`remediate stage {program} --inventory {desk.inventory}`"
    assert (SHA256 in lines[-1]) if code == 0 else (again in lines[-1])
    assert "\x1b" not in done.out


def test_its_document_has_all_of_it(
    desk: Desk, program: Path, outcomes: dict[str, StageOutcome]
) -> None:
    """With an outcome for each host."""
    outcomes |= {"val1": STAGED, "val2": FAILED}
    done = remediate("stage", program, "-i", desk.inventory, "--json")
    result = done.document["result"]
    validator("result-stage/1").validate(result)
    assert isinstance(result, dict)
    assert {*result, *result["hosts"][0]} == said_of("stage")
    assert (result["digest"], result["bytes"]) == (SHA256, str(len(CONTENT)))
    assert [host["outcome"] for host in result["hosts"]] == ["staged", "failed"]


def test_a_file_that_is_not_a_program_is_refused(
    desk: Desk, outcomes: dict[str, StageOutcome], tmp_path: Path
) -> None:
    """Before any host is contacted."""
    (tmp_path / "script").write_text("#!/bin/sh\n")
    done = remediate("stage", tmp_path / "script", "-i", desk.inventory)
    assert done.code == 2
    assert "does not begin as an ELF file" in done.err


def test_a_host_that_is_not_in_the_inventory_is_refused(desk: Desk, program: Path) -> None:
    """The file goes nowhere."""
    done = remediate("stage", program, "--limit", "val9", "-i", desk.inventory)
    assert done.code == 2
    assert "val9 is not in the inventory" in done.err


def test_a_directory_is_brought_as_one_file(
    desk: Desk, outcomes: dict[str, StageOutcome], tmp_path: Path
) -> None:
    """Its contents in the order of paths; what is left out stands in the command that is typed
    again."""
    model = tmp_path / "model"
    model.mkdir()
    for name in ("b", "a", "notes"):
        (model / name).write_text(name)
    outcomes |= {"val1": STAGED, "val22": FAILED}
    done = remediate("stage", model, "--without", "notes", "-i", desk.inventory)
    assert done.code == 7
    assert done.out.startswith(f"{model}: 2 bytes, SHA-256 {hashlib.sha256(b'ab').hexdigest()}")
    again = f"`remediate stage {model} --without notes --inventory {desk.inventory}`"
    assert again in done.out.splitlines()[-1]
    outcomes |= {"val22": STAGED}
    done = remediate("stage", model, "--without", "notes", "-i", desk.inventory)
    assert done.out.splitlines()[-1] == "next: remediate plan PLAYBOOK"


@pytest.mark.parametrize("donor", [(), ("--donor", "val1")])
def test_nothing_is_left_out_of_a_file(desk: Desk, program: Path, donor: tuple[str, ...]) -> None:
    """Whoever types that takes it for a directory."""
    file = SHA256 if donor else program
    done = remediate("stage", file, "--without", "notes", *donor, "-i", desk.inventory)
    assert done.code == 2
    assert "--without leaves files out of a directory" in done.err

"""The `result` of commands that act, printed by the program itself on the lamps, fits the published
schema of its command; and a version stands for one form."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest

from remediations.cli import results
from remediations.cli.commands.schema import result_types
from remediations.values.record import Record
from tests.unit.docs.documents import Json
from tests.unit.docs.lamps import Desk, install, until
from tests.unit.docs.test_schema import schema, validator

GOLDEN = Path(__file__).with_name("golden") / "results.json"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("acme"))


@pytest.fixture
def desk(tmp_path: Path, site: Path) -> Desk:
    return Desk(tmp_path, site)


def fits(desk: Desk, line: str, code: int = 0) -> Json:
    """The result of a command, which ended so, and fits its schema; a member more does not."""
    done = desk.types(f"{line} --json")
    assert done.code == code, done.out + done.err
    name = f"result-{line.split()[0]}/1"
    validator(name).validate(done.result)
    if isinstance(done.result, dict) and not line.startswith("path"):
        assert not validator(name).is_valid({**done.result, "unheard_of": "x"})
        assert not validator(name).is_valid({})
    return done.result


def test_a_run_from_plan_to_report(desk: Desk) -> None:
    """Each command in turn."""
    fits(desk, "list")
    fits(desk, "doctor", 3)
    fits(desk, "plan dark", 3)
    fits(desk, "status")
    fits(desk, "status last")
    fits(desk, "show last")
    fits(desk, "approve last --key KEY --yes")
    fits(desk, "approvals last")
    assert fits(desk, "apply last")["checks"]
    fits(desk, "verify last")
    fits(desk, "status last")
    fits(desk, "report last")
    exported = fits(desk, "export last")
    fits(desk, f"import {exported['file']}")
    for line in (
        "explain FUSE",
        "alerts lamp",
        "path probe",
        "schema",
        "schema plan",
        "completion bash",
    ):
        fits(desk, line)


def test_a_refused_plan(desk: Desk) -> None:
    """There is no run."""
    desk.fuse("out")
    assert fits(desk, "plan dark", 4)["run"] is None


def test_nothing_to_do(desk: Desk) -> None:
    """A finding, and no plan."""
    desk.lamp("hall", "lit 1")
    assert "finding" in fits(desk, "plan dark")


def test_killed_resumed_and_stopped(desk: Desk) -> None:
    """In the middle of a step; and before one."""
    desk.lamp("hall", "dark 1")
    desk.approved()
    desk.killed_while_it_applies()
    fits(desk, "resume last")
    desk.lamp("porch", "dark 1")
    desk.approved()
    fits(desk, "stop last")
    desk.lamp("porch", "dark 2")
    desk.approved()
    desk.killed_while_it_applies()
    until(lambda: desk.at_rest)
    fits(desk, "abandon last --reason x")
    desk.lamp("porch", "dark 2")
    desk.approved()
    desk.killed_while_it_applies()
    until(lambda: desk.at_rest)
    fits(desk, "undo last --reason x")


@pytest.mark.parametrize("name", result_types())
def test_it_is_a_schema(name: str) -> None:
    """By the rules of JSON Schema itself, with a version in its name."""
    assert re.fullmatch(r"result-[a-z]+/[1-9]", name)
    jsonschema.Draft202012Validator.check_schema(schema(name))


OWN = {
    name
    for name, kind in vars(results).items()
    if isinstance(kind, type) and issubclass(kind, Record) and kind.__module__ == results.__name__
}


def forms() -> dict[str, Json]:
    """The members of each result, as far as they are the command's own: a plan in it has a format
    of its own."""
    return {
        name: {
            key: sorted(one["properties"])
            for key, one in sorted(schema(name)["$defs"].items())
            if key in OWN
        }
        for name in result_types()
    }


def test_another_form_is_another_version() -> None:
    """To change one, give it the next number, and put the printed value into the file."""
    now = forms()
    assert json.loads(GOLDEN.read_text()) == now, json.dumps(now, indent=1)

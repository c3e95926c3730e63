"""`remediate diff`: two files in, what changed out, and a code that says whether it decides."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from remediations.engine.runs.store import list_runs
from remediations.errors import ExitCode
from remediations.values.reading import Known
from tests import worlds
from tests.unit.cli.desk import Desk, remediate
from tests.unit.cli.wrong import is_document, is_error
from tests.unit.docs.test_schema import validator
from tests.unit.plan.cases import minority_down, quorum_lost


def test_what_decides_ends_with_3(desk: Desk) -> None:
    """Another class; both files are named, and the later conclusion comes with its cause."""
    before, after = desk.saved(worlds.healthy(), "well"), desk.saved(quorum_lost(), "lost")
    done = remediate("diff", before, after)
    assert (done.code, done.err) == (ExitCode.CHANGES_PENDING, "")
    assert done.out.startswith("CHANGED: chain: HEALTHY → QUORUM-LOST")
    assert "before  well.json" in done.out
    assert max(map(len, done.out.splitlines())) <= 80
    found = remediate("diff", before, after, "--json").document
    assert (found["error"], found["outcome"]) == (None, "changes_pending")


def test_what_does_not_decide_ends_with_0(desk: Desk) -> None:
    """A file and itself, and a disk that fills."""
    before = desk.saved(worlds.healthy(), "well")
    done = remediate("diff", before, before)
    assert (done.code, done.err) == (ExitCode.OK, "")
    assert "SAME: nothing has changed" in done.out
    world = worlds.healthy()
    disk = world.host("val1").disk
    assert isinstance(disk, Known)
    disk = replace(disk, value=replace(disk.value, available=9_000_000_000))
    hosts = (replace(one, disk=disk) if one.host == "val1" else one for one in world.hosts)
    after = desk.saved(replace(world, hosts=tuple(hosts)), "fuller")
    done = remediate("diff", before, after)
    assert done.code == ExitCode.OK
    assert done.out.startswith("SAME: nothing that decides has changed")
    assert re.search(r"^disk +val1 +available: [0-9]+ → 9000000000$", done.out, re.MULTILINE)


def test_verbose_folds_nothing(desk: Desk) -> None:
    """Every value that differs has a line."""
    before, after = desk.saved(worlds.healthy(), "well"), desk.saved(quorum_lost(), "lost")
    folded, whole = remediate("diff", before, after), remediate("diff", "--verbose", before, after)
    assert len(whole.out.splitlines()) > len(folded.out.splitlines())


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("content", [None, "", "{}", "[]", '{"format":"3"}', '{"format":"4"}'])
def test_a_file_that_is_not_an_observation(
    desk: Desk, tmp_path: Path, place: str, content: str | None
) -> None:
    """Whichever of the two it is, it is named."""
    good, bad = desk.saved(worlds.healthy(), "well"), tmp_path / "bad.json"
    if content is not None:
        bad.write_text(content)
    words = ("diff", *((bad, good) if place == "before" else (good, bad)))
    is_error(remediate(*words), ExitCode.USAGE, str(bad))
    is_document(remediate(*words, "--json"), ExitCode.USAGE, str(bad))


def test_one_file_is_not_enough(desk: Desk) -> None:
    """The command line says what is missing."""
    done = remediate("diff", desk.saved(worlds.healthy(), "well"))
    is_error(done, ExitCode.USAGE, "AFTER")


def test_two_plans(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs, and their files; a plan is not compared with an observation."""
    monkeypatch.setenv("REMEDIATE_HOME", str(tmp_path))
    source = desk.saved(quorum_lost(), "diff-plans", fresh=True)
    assert remediate("plan", "INC-001", "--from", source).code == 3
    (run,) = list_runs()
    same = remediate("diff", "last", run.path / "plan.json")
    assert (same.code, same.err) == (0, "")
    assert same.out.startswith("the same plan, byte for byte\n")
    other = desk.saved(minority_down(), "diff-other")
    assert remediate("plan", "INC-001", "--from", other).code == 3
    differs = remediate("diff", run.name, "last", "--json")
    assert differs.code == 3
    result = differs.document["result"]
    assert isinstance(result, dict)
    validator("plan-diff").validate(result)
    mixed = remediate("diff", "last", source)
    assert (mixed.code, "two of a kind" in mixed.err) == (2, True)
    nothing = remediate("diff", "nothing", "last")
    assert (nothing.code, "no run is called" in nothing.err) == (2, True)

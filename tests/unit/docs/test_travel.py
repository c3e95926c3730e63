"""docs/travel.md, typed on three machines that share nothing but files."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.unit.docs.lamps import Done, install
from tests.unit.docs.reader import LEFT_OUT, missing_lines
from tests.unit.docs.travellers import Machine, Typed, machines, script

DIGEST = re.compile(r"\b[0-9a-f]{8}\b")
"""The first digits of a plan's digest, by which it is named."""


@dataclass(frozen=True)
class Journey:
    """What came of every line of the page, and the machines as they were left."""

    place: Path
    machines: dict[str, Machine]
    done: list[tuple[Typed, Done]]


def carried(place: Path, typed: Typed, made: dict[str, Machine]) -> Done:
    """`scp MACHINE:FILE .`"""
    source, _, path = typed.line.split()[1].partition(":")
    made[typed.machine].has(place / source / path)
    return Done(0, "", "")


@pytest.fixture(scope="module")
def journey() -> Iterator[Journey]:
    """Below a directory that every user may enter."""
    place = Path(tempfile.mkdtemp(prefix="travel-"))
    try:
        place.chmod(0o755)
        (place / "acme").mkdir()
        site = install(place / "acme")
        for path in (site, *site.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        made = machines(place, site)
        done = [
            (typed, carried(place, typed, made))
            if typed.line.startswith("scp ")
            else (typed, made[typed.machine].types(typed.line))
            for typed in script()
        ]
        yield Journey(place, made, done)
    finally:
        shutil.rmtree(place)


def test_every_screen_is_as_the_page_shows_it(journey: Journey) -> None:
    """In order, numbers aside; what is refused ends with its code."""
    assert len(journey.done) >= 15
    for typed, done in journey.done:
        printed = done.out + done.err
        shown = [DIGEST.sub("0", line) for line in typed.shown]
        assert missing_lines(shown, DIGEST.sub("0", printed)) == [], f"{typed.line}\n{printed}"
        if "error:" in "".join(typed.shown):
            assert done.code == 5, typed.line
        elif typed.line.startswith("remediate plan"):
            assert done.code == 3
        else:
            assert done.code == 0, f"{typed.line}\n{printed}"
        assert typed.shown.count(LEFT_OUT) <= 3


def test_it_was_done(journey: Journey) -> None:
    """The lamp shines, and the machine that signed has kept nothing but files."""
    assert (journey.place / "desk" / "room" / "hall.lamp").read_text() == "lit 1\n"
    alice = journey.place / "alice"
    assert not (alice / ".local").exists()
    runs = [journey.place / name / ".local/state/remediate/runs" for name in ("plan", "apply")]
    assert [len(list(one.iterdir())) for one in runs] == [2, 1]
    assert not list(runs[0].glob("*/journal.jsonl"))


def test_what_acts_needs_a_run_of_its_machine(journey: Journey) -> None:
    """Each says where to go."""
    apply = journey.machines["apply"]
    for words in ("apply", "resume", "stop", "verify", "abandon --reason x"):
        refused = apply.types(f"remediate {words} applied.tar --json")
        assert refused.code == 2
        assert refused.error["guard"] == "a run here"
        assert refused.error["next"] == "remediate import applied.tar"
    added = apply.types("remediate approvals run.tar --add alice.json --json")
    assert (added.code, added.error["guard"]) == (2, "a run here")
    signed = journey.machines["alice"].types("remediate approve run.tar --key key --yes --json")
    assert (signed.code, signed.error["guard"]) == (2, "--out")


def test_what_reads_takes_the_file_as_the_directory(journey: Journey) -> None:
    """The same answers; and a list of who may approve is all that names need."""
    apply = journey.machines["apply"]
    for words in ("status", "approvals", "report", "show"):
        of_run = apply.types(f"remediate {words} last --json")
        of_file = apply.types(f"remediate {words} applied.tar --json")
        assert (of_run.code, of_file.code) == (0, 0), of_file.err
        here, there = of_run.result, of_file.result
        if words == "report":
            assert there["file"] is None
            here["file"] = None
        assert there == here


def test_imported_again_it_is_the_same(journey: Journey) -> None:
    """And in a third home, the bytes come out as they went in."""
    apply = journey.machines["apply"]
    again = apply.types("remediate import applied.tar --json")
    assert (again.code, again.result["new"]) == (0, False)
    other = apply.types("remediate import run.tar --json")
    assert (other.code, other.error["guard"]) == (2, "one directory of a run")
    third = "HOME=$HOME/third remediate"
    assert apply.types(f"{third} import applied.tar").code == 0
    assert apply.types(f"{third} export last again.tar").code == 0
    assert apply.types("cmp applied.tar again.tar").code == 0
    assert apply.types(f"{third} apply last").code == 10


def test_names_lead_where_they_led(journey: Journey) -> None:
    """Another login for the same name is another machine."""
    apply = journey.machines["apply"]
    third = "HOME=$HOME/fourth remediate"
    assert apply.types(f"{third} import run.tar").code == 0
    assert apply.types(f"{third} approvals last --add alice.json").code == 0
    config = journey.place / "apply" / "ssh_config"
    before = config.read_text()
    config.write_text(before.replace("User lamps", "User mallory"))
    config.chmod(0o600)
    refused = apply.types(f"{third} apply last --json")
    config.write_text(before)
    assert refused.code == 6, refused.out

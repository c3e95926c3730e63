"""A plan of a saved observation is the same file wherever it is made: other home, other user, other
directory, other time zone and locale, other Python."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.docs.lamps import install
from tests.unit.docs.reader import Reader
from tests.unit.docs.travellers import (
    PYTHON,
    Machine,
    desk_at,
    obeys,
    other_users,
    reach_the_world,
)

ELSEWHERE = {"TZ": "Asia/Kathmandu", "LC_ALL": "C", "PYTHONHASHSEED": "7", "COLUMNS": "40"}
KEPT = ("plan.json", "plan.md")


def pythons() -> tuple[str, ...]:
    """The Python of these tests, and every other one here that can load the package."""
    candidates = dict.fromkeys(
        (sys.executable, PYTHON, *map(str, Path("/usr/bin").glob("python3.*")))
    )
    test = "import sys, remediations.cli.main; print(sys.version)"
    found: dict[str, str] = {}
    for one in candidates:
        if re.fullmatch(r".*/python(3|3\.\d+)?", one) and Path(one).exists():
            path = os.pathsep.join(filter(None, sys.path))
            done = subprocess.run(
                [one, "-c", test], env={"PYTHONPATH": path}, capture_output=True, text=True
            )
            if done.returncode == 0:
                found.setdefault(done.stdout, one)
    return tuple(found.values())


@pytest.fixture
def place() -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="same-"))
    try:
        place.chmod(0o755)
        yield place
    finally:
        shutil.rmtree(place)


def made(machine: Machine, line: str, elsewhere: dict[str, str] | None = None) -> list[bytes]:
    """What `plan … --out` leaves on a machine."""
    done = machine.types(f"remediate {line} --out handed", elsewhere)
    assert done.code == 3, done.out + done.err
    return [(machine.path / "handed" / name).read_bytes() for name in KEPT]


def test_on_a_bastion_and_on_a_laptop(place: Path) -> None:
    """The bastion reads the room; the laptop has the observation and the inventory, and no room."""
    (place / "acme").mkdir()
    site = install(place / "acme")
    for path in (site, *site.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    users = other_users("bastion", "laptop")
    desk = desk_at(place, site)
    bastion = Machine(place / "bastion", site, desk.room, users["bastion"])
    laptop = Machine(place / "laptop", site, None, users["laptop"], online=False)
    reach_the_world(desk, bastion, laptop)
    obeys(desk, users["bastion"])
    for machine in (bastion, laptop):
        machine.installs(sys.executable if users["laptop"] is None else PYTHON)
    assert bastion.types("remediate diagnose --save seen.json").code == 3
    laptop.has(bastion.path / "seen.json")
    here = made(bastion, "plan dark --from seen.json")
    assert made(laptop, "plan dark --from seen.json", ELSEWHERE) == here
    runs = [next((m.path / ".local/state/remediate/runs").iterdir()) for m in (bastion, laptop)]
    assert runs[0].name[-8:] == runs[1].name[-8:]


def test_with_every_python(place: Path) -> None:
    """Of a chain, whose bytes are compiled by pyinfra in processes of their own."""
    (place / "desk").mkdir()
    reader = Reader(place / "desk")
    users = other_users("first", "second")
    results = []
    found = pythons()
    for number, python in enumerate(found):
        name = "first" if number % 2 == 0 else "second"
        other = users[name] if python == PYTHON else None
        machine = Machine(place / f"home{number}", None, None, other)
        machine.installs(python)
        machine.has(reader.inventory, reader.seen, *reader.path.glob("allowed_signers"))
        line = "plan INC-001 --from seen.json --inventory my-chain.yaml"
        results.append(made(machine, line, ELSEWHERE if number else None))
    assert results
    assert all(one == results[0] for one in results)


def test_an_artifact_is_shown(place: Path) -> None:
    """At 80 columns, as Markdown and as a page, by somebody with neither inventory nor domain."""
    (place / "acme").mkdir()
    site = install(place / "acme")
    desk = desk_at(place, site)
    planner = Machine(place / "planner", site, desk.room, None)
    reader = Machine(place / "reader", None, None, None, online=False)
    reach_the_world(desk, planner)
    for machine in (planner, reader):
        machine.installs(sys.executable)
    made(planner, "plan dark")
    reader.has(planner.path / "handed/run.tar")
    for options in ("", "--verbose"):
        shown = reader.types(f"remediate show run.tar {options}")
        assert shown.code == 0, shown.err
        assert shown.out.startswith("light hall\n")
        assert max(map(len, shown.out.splitlines())) <= 80
    for options in ("--markdown", "--as markdown"):
        assert reader.types(f"remediate show run.tar {options}").out.startswith("# light hall\n")
    page = reader.types("remediate show run.tar --as html").out
    assert page.startswith("<!doctype html>")
    assert "<h1>light hall</h1>" in page

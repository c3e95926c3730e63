"""docs/ci/shell.md: its scripts, typed as three jobs of three users with three homes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.unit.docs.lamps import Done, install, until
from tests.unit.docs.pages import ROOT
from tests.unit.docs.reader import missing_lines
from tests.unit.docs.test_travel import DIGEST
from tests.unit.docs.travellers import (
    PYTHON,
    Machine,
    desk_at,
    obeys,
    other_users,
    reach_the_world,
    script,
)

PAGE = "docs/ci/shell.md"
SCRIPTS = ROOT / "docs/ci/shell"
EXPIRES = (
    "import datetime as d, remediations.engine.plan.build as b; b.VALID_FOR = d.timedelta(0, 6); "
)
"""A planner whose plans are valid for nine seconds."""


class Jobs:
    """Four machines around one room: a planner, a laptop, and two that may apply."""

    def __init__(self, place: Path, site: Path) -> None:
        users = other_users("plan", "alice", "apply", "other")
        self.place, self.desk = place, desk_at(place, site)
        room = self.desk.room
        self.plan = Machine(place / "plan", site, room, users["plan"])
        self.alice = Machine(place / "alice", None, None, users["alice"], online=False)
        self.apply = Machine(place / "apply", site, room, users["apply"])
        self.other = Machine(place / "other", site, room, users["apply"])
        self.named = {"plan": self.plan, "alice": self.alice, "apply": self.apply}
        reach_the_world(self.desk, self.plan, self.apply, self.other)
        self.alice.has(self.desk.path / "key", self.desk.path / "key.pub")
        obeys(self.desk, users["apply"])
        for machine in (self.plan, self.alice, self.apply, self.other):
            machine.installs(sys.executable if users["plan"] is None else PYTHON)
            machine.has(*SCRIPTS.iterdir())

    def carried(self, line: str, to: Machine) -> None:
        """`scp MACHINE:FILE DIRECTORY`, as root does it."""
        _, source, target = line.split()
        name, _, path = source.partition(":")
        found, into = self.place / name / path, to.path / target
        if found.is_dir():
            shutil.copytree(found, into / found.name, dirs_exist_ok=True)
        else:
            into.mkdir(exist_ok=True)
            shutil.copy(found, into)

    def planned(self, machine: Machine | None = None) -> None:
        """Plan, sign, and lay everything before both that may apply."""
        assert (machine or self.plan).types("sh plan.sh handed dark").code == 3
        self.carried("scp plan:handed .", self.alice)
        signed = self.alice.types("sh sign.sh handed key alice.json --yes")
        assert signed.code == 0, signed.err
        for one in (self.apply, self.other):
            self.carried("scp plan:handed .", one)
            self.carried("scp alice:alice.json approvals", one)

    def applies(self, machine: Machine | None = None) -> Done:
        """The third job."""
        return (machine or self.apply).types("sh apply.sh handed/run.tar approvals done")

    def untouched(self) -> bool:
        """Whether nothing was ever started in the room."""
        return self.desk.says("hall").startswith("dark") and not self.desk.claims


@pytest.fixture(scope="module")
def site() -> Iterator[Path]:
    """The lamps, installed where every user may read them."""
    place = Path(tempfile.mkdtemp(prefix="site-"))
    try:
        site = install(place)
        place.chmod(0o755)
        for path in (site, *site.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        yield site
    finally:
        shutil.rmtree(place)


@pytest.fixture
def jobs(site: Path) -> Iterator[Jobs]:
    """New machines, below a directory that every user may enter."""
    place = Path(tempfile.mkdtemp(prefix="ci-"))
    try:
        place.chmod(0o755)
        yield Jobs(place, site)
    finally:
        shutil.rmtree(place)


def test_the_page_is_typed(jobs: Jobs) -> None:
    """Every screen is as shown, each code as told; the lamp shines, and it was lit once."""
    codes = []
    for typed in script(PAGE):
        machine = jobs.named[typed.machine]
        if typed.line.startswith("scp "):
            jobs.carried(typed.line, machine)
            continue
        done = machine.types(typed.line)
        printed = done.out + done.err
        shown = [DIGEST.sub("0", line) for line in typed.shown]
        assert missing_lines(shown, DIGEST.sub("0", printed)) == [], f"{typed.line}\n{printed}"
        codes.append(done.code)
    assert codes == [3, 0, 0, 5, 0, 0, 0]
    assert jobs.desk.says("hall") == "lit 1"
    assert len(jobs.desk.claims) == 1
    assert not (jobs.alice.path / ".local").exists()


@pytest.mark.parametrize("name", [path.name for path in sorted(SCRIPTS.iterdir())])
def test_scripts_are_plain_shell(name: str) -> None:
    """Each is read by dash and by bash, stops at the first error, and says how it is used."""
    text = (SCRIPTS / name).read_text()
    assert text.startswith("#!/bin/sh\n# ")
    assert "\nset -eu\n" in text
    assert f"# usage: {name} " in text
    for shell in ("sh", "bash"):
        subprocess.run([shell, "-n", SCRIPTS / name], check=True)


def test_a_review_of_another_plan_is_not_signed(jobs: Jobs) -> None:
    """The text that people read is not signed, so it has to be what the bytes give."""
    assert jobs.plan.types("sh plan.sh handed dark").code == 3
    jobs.carried("scp plan:handed .", jobs.alice)
    review = jobs.alice.path / "handed/plan.md"
    review.write_text(review.read_text().replace("light hall", "light porch", 1))
    assert jobs.alice.types("sh sign.sh handed key alice.json --yes").code == 1
    assert not (jobs.alice.path / "alice.json").exists()


def test_a_refused_plan_is_read_and_not_handed_on(jobs: Jobs) -> None:
    """Exit 4, the guard in the first lines of the review, and no run."""
    jobs.desk.fuse("out")
    assert jobs.plan.types("sh plan.sh handed dark").code == 4
    handed = jobs.plan.path / "handed"
    assert sorted(one.name for one in handed.iterdir()) == ["plan.json", "plan.md"]
    assert "FUSE" in "\n".join((handed / "plan.md").read_text().splitlines()[:12])


def remove_approval(jobs: Jobs) -> None:
    (jobs.apply.path / "approvals/alice.json").unlink()


def edited_artifact(jobs: Jobs) -> None:
    """Another plan in the archive, of the same length."""
    file = jobs.apply.path / "handed/run.tar"
    data = file.read_bytes()
    assert data.count(b"light hall") >= 2
    file.write_bytes(data.replace(b"light hall", b"light yard"))


def edited_approval(jobs: Jobs) -> None:
    """Its time, which is not even signed."""
    file = jobs.apply.path / "approvals/alice.json"
    tree = json.loads(file.read_text())
    tree["statement"]["plan"] = "0" * 64
    file.write_text(json.dumps(tree, sort_keys=True, separators=(",", ":")))


def blow_the_fuse(jobs: Jobs) -> None:
    jobs.desk.fuse("out")


def light_it_by_hand(jobs: Jobs) -> None:
    jobs.desk.lamp("hall", "lit 1")


REFUSED: Mapping[str, tuple[Callable[[Jobs], None], int, str]] = {
    "no approval": (
        lambda jobs: (jobs.apply.path / "approvals/alice.json").unlink(),
        5,
        "approvals",
    ),
    "edited approval": (edited_approval, 5, "digest"),
    "edited artifact": (edited_artifact, 2, "file edited"),
    "another world": (blow_the_fuse, 6, "fuse"),
    "another world for one target": (light_it_by_hand, 6, "hall.light"),
}
"""What is done before the third job, its code, and a word of its reason."""


@pytest.mark.parametrize("what", REFUSED)
def test_refused(jobs: Jobs, what: str) -> None:
    """With code and guard; nothing was started, and nothing is handed on."""
    spoil, code, guard = REFUSED[what]
    jobs.planned()
    spoil(jobs)
    done = jobs.applies()
    assert done.code == code, done.out + done.err
    assert guard in done.err, done.err
    assert not jobs.desk.claims
    assert not (jobs.apply.path / "done").exists()


def test_expired_since_it_was_signed(jobs: Jobs) -> None:
    """By the plan's own time, whatever was signed."""
    jobs.plan.installs(sys.executable if os.geteuid() else PYTHON, EXPIRES)
    jobs.planned()
    until(lambda: jobs.apply.types("remediate approvals handed/run.tar").code == 5)
    expires = json.loads((jobs.plan.path / "handed/plan.json").read_text())["expires_at"]
    until(lambda: jobs.apply.types(f"test $(date -u +%FT%T) '>' {expires[:19]}").code == 0)
    done = jobs.applies()
    assert (done.code, "expir" in done.err) == (5, True), done.err
    assert jobs.untouched()


@pytest.mark.parametrize("where", ["one home", "two homes"])
def test_two_apply_jobs_at_once(jobs: Jobs, where: str) -> None:
    """One wins, the other one is refused; the lamp is lit once."""
    jobs.desk.lamp("hall", "dark 2")
    jobs.planned()
    second = jobs.apply if where == "one home" else jobs.other
    words = ("sh", "apply.sh", "handed/run.tar", "approvals", "done")
    with jobs.apply.starts(*words) as first, second.starts(*words) as other:
        ended = [process.communicate(timeout=120) for process in (first, other)]
    codes = sorted((first.returncode, other.returncode))
    assert codes[0] == 0, ended
    assert codes[1] in ((5, 10) if where == "one home" else (6, 7, 10)), ended
    assert len(jobs.desk.claims) == 1
    assert jobs.desk.says("hall") == "lit 2"


def test_killed_and_started_again(jobs: Jobs) -> None:
    """With its state directory it goes on with the run; without it, it is refused. Lit once."""
    jobs.desk.lamp("hall", "dark 3")
    jobs.planned()
    words = ("sh", "apply.sh", "handed/run.tar", "approvals", "done")
    with jobs.apply.starts(*words) as process:
        until(lambda: bool(jobs.desk.claims))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    new_home = jobs.applies(jobs.other)
    assert new_home.code in (6, 7, 10), new_home.out + new_home.err
    again = jobs.applies()
    assert again.code == 0, again.out + again.err
    assert "VERIFIED" in again.out
    assert len(jobs.desk.claims) == 1
    with tarfile.open(jobs.apply.path / "done/applied.tar") as archive:
        journal = archive.extractfile("journal.jsonl")
        assert journal is not None
        assert journal.read().count(b'"kind":"run-resumed"') == 1

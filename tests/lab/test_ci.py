"""docs/ci/shell/ on the real chain: planned by who may only read, signed where there is no network,
applied by a third one; and what is refused, with nothing started."""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.lab.choice import full_lab
from tests.lab.jobs import Jobs
from tests.lab.lab import Lab
from tests.lab.truth import rescued
from tests.unit.docs.travellers import PYTHON

USAGE, APPROVAL, WORLD_CHANGED, LOCKED = 2, 5, 6, 10
APPLY = ("sh", "apply.sh", "handed/run.tar", "approvals", "done")
VALID_S = 45
SHORT = (
    "import datetime as d, remediations.engine.plan.build as b; "
    f"b.VALID_FOR = d.timedelta(0, {VALID_S}); "
)
"""A planner whose plans are valid for less than a minute."""
COMMENT = 65_536


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that every user may enter."""
    place = Path(tempfile.mkdtemp(prefix="ci-"))
    try:
        place.chmod(0o755)
        yield place
    finally:
        shutil.rmtree(place)


@pytest.fixture
def jobs(lab: Lab, place: Path) -> Jobs:
    return Jobs(lab, place)


def until(true: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


def test_three_jobs(jobs: Jobs, lab: Lab) -> None:
    """Halted; refused without a signature, rescued with two, and reported; started again it does
    nothing."""
    lab.break_stop("val2", "val4")
    lab.wait_stalled()
    jobs.planned()
    review = (jobs.place / "plan/handed/plan.md").read_text()
    assert review.startswith("# ")
    assert len(review) < COMMENT
    assert jobs.machines["plan"].types("ssh -F ssh_config val2 sudo -n id").code == 77

    jobs.sign()
    refused = jobs.apply()
    assert refused.code == APPROVAL, refused.err
    assert "approvals" in refused.err
    assert [jobs.starts(host) for host in ("val2", "val4")] == [0, 0]
    assert lab.world.daemon("val2") is None

    jobs.sign("alice", "bob")
    with rescued(lab, "val2", "val4"):
        done = jobs.apply()
        assert done.code == 0, done.out + done.err
    assert [jobs.starts(host) for host in ("val2", "val4")] == [1, 1]
    out = jobs.place / "apply/done"
    assert sorted(one.name for one in out.iterdir()) == ["applied.tar", "report.html", "report.md"]
    report = (out / "report.md").read_text()
    assert "alice@lab" in report
    assert "bob@lab" in report
    again = jobs.apply()
    assert again.code == 0, again.err
    assert [jobs.starts(host) for host in ("val2", "val4")] == [1, 1]


def edit_artifact(jobs: Jobs) -> None:
    """Another host in the archive, of the same length."""
    file = jobs.place / "apply/handed/run.tar"
    file.write_bytes(file.read_bytes().replace(b"val4", b"val1"))


def edit_approval(jobs: Jobs) -> None:
    file = jobs.place / "apply/approvals/alice.json"
    tree = json.loads(file.read_text())
    tree["statement"]["plan"] = "0" * 64
    file.write_text(json.dumps(tree, sort_keys=True, separators=(",", ":")))


def change_the_world(jobs: Jobs) -> None:
    jobs.lab.start("val4")
    jobs.lab.wait_height(jobs.lab.world.top() + 3, 30)


def let_expire(jobs: Jobs) -> None:
    plan = json.loads((jobs.place / "plan/handed/plan.json").read_text())
    until(lambda: time.strftime("%FT%T", time.gmtime()) > plan["expires_at"][:19], VALID_S + 5)


@full_lab
@pytest.mark.parametrize(
    ("spoil", "code", "guard"),
    [
        (edit_artifact, USAGE, "file edited"),
        (edit_approval, APPROVAL, "digest"),
        (let_expire, APPROVAL, "expiry"),
        (change_the_world, WORLD_CHANGED, "val4"),
    ],
)
def test_refused(
    jobs: Jobs, lab: Lab, spoil: Callable[[Jobs], None], code: int, guard: str
) -> None:
    """With its code and guard. Nothing of the plan was started, and nobody was restarted."""
    lab.break_stop("val4")
    if spoil is let_expire:
        jobs.machines["plan"].installs(PYTHON, SHORT)
    jobs.ready("alice")
    spoil(jobs)
    before = lab.world.daemons()
    done = jobs.apply()
    assert done.code == code, done.out + done.err
    assert guard in done.err, done.err
    assert lab.world.daemons() == before
    assert {host: jobs.starts(host) for host in lab.hosts} == dict.fromkeys(lab.hosts, 0)
    assert jobs.journal("apply") == []
    assert not (jobs.place / "apply/done").exists()


@full_lab
def test_two_apply_jobs_at_once(jobs: Jobs, lab: Lab) -> None:
    """On two runners: one wins, the other one is refused; each validator is started once."""
    lab.break_stop("val3", "val4")
    jobs.ready("alice")
    with rescued(lab, "val3", "val4"):
        first, second = jobs.machines["apply"], jobs.machines["other"]
        with first.starts(*APPLY) as one, second.starts(*APPLY) as other:
            ended = [process.communicate(timeout=240) for process in (one, other)]
    codes = sorted((one.returncode, other.returncode))
    assert codes[0] == 0, ended
    assert codes[1] in (WORLD_CHANGED, LOCKED), ended
    assert [jobs.starts(host) for host in ("val3", "val4")] == [1, 1]


@full_lab
def test_killed_and_started_again(jobs: Jobs, lab: Lab) -> None:
    """In its first stage. A runner without its state directory is refused; with it the job goes on,
    and each validator is started once."""
    lab.break_stop("val3", "val4")
    jobs.ready("alice")
    with rescued(lab, "val3", "val4"):
        with jobs.machines["apply"].starts(*APPLY) as process:
            until(lambda: "step-ended" in jobs.journal("apply"), 60)
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        fresh = jobs.apply("other")
        assert fresh.code in (WORLD_CHANGED, LOCKED), fresh.out + fresh.err
        assert "step-starting" not in jobs.journal("other")
        again = jobs.apply()
        assert again.code == 0, again.out + again.err
    assert jobs.journal("apply").count("run-resumed") == 1
    assert [jobs.starts(host) for host in ("val3", "val4")] == [1, 1]

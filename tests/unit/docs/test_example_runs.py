"""The domain in docs/writing-a-domain.md, whose runs are killed, resumed, stopped and abandoned."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.unit.docs.lamps import Desk, install, until


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that the package of the page was installed into."""
    return install(tmp_path_factory.mktemp("acme"))


@pytest.fixture
def desk(tmp_path: Path, site: Path) -> Desk:
    return Desk(tmp_path, site)


def test_killed_controller_leaves_a_step_that_goes_on(desk: Desk) -> None:
    """Status unknown; the run is never applied again; what is left to do is a new plan."""
    desk.lamp("hall", "dark 3")
    desk.lamp("ward", "dark 0")
    desk.approved()
    desk.killed_while_it_applies()
    assert desk.says("hall") == "dark 3"
    assert desk.types("status last --json").result["state"] == "unknown"
    again = desk.types("apply last --json")
    assert again.code == 10
    assert again.error["guard"] == "one plan, one application"
    until(lambda: desk.at_rest)
    assert desk.says("hall") == "lit 3"
    assert desk.says("ward") == "dark 0"
    assert len(desk.claims) == 1
    desk.approved()
    done = desk.types("apply last")
    assert done.code == 0, done.err
    assert desk.says("ward") == "lit 0"
    assert len(desk.claims) == 2


def killed_in_the_middle(desk: Desk) -> None:
    """The ward is left to do; the hall's step goes on by itself."""
    desk.lamp("hall", "dark 3")
    desk.lamp("ward", "dark 0")
    desk.approved()
    desk.killed_while_it_applies()


def test_killed_run_is_resumed(desk: Desk) -> None:
    """The step that runs is followed, what is left is done, and each of them once."""
    killed_in_the_middle(desk)
    assert "`remediate resume " in desk.types("status last").out
    done = desk.types("resume last")
    assert done.code == 0, done.err
    assert "VERIFIED" in done.out
    assert (desk.says("hall"), desk.says("ward")) == ("lit 3", "lit 0")
    assert len(desk.claims) == 2
    assert "run resumed" in desk.types("report last").out
    again = desk.types("resume last --json")
    assert (again.code, again.error["guard"]) == (2, "an open run")


def test_resumed_run_holds_what_it_did_not_touch_to_its_plan(desk: Desk) -> None:
    """A fuse that went out meanwhile: exit 6, in the journal, and the ward stays dark."""
    killed_in_the_middle(desk)
    until(lambda: desk.at_rest)
    desk.fuse("out")
    refused = desk.types("resume last --json")
    assert refused.code == 6
    assert "Nothing more was changed" in refused.error["what"]
    assert desk.says("ward") == "dark 0"
    assert desk.types("status last --json").result["state"] == "stopped"
    desk.fuse("in")
    assert desk.types("resume last").code == 0


def test_another_version_does_not_end_a_run(tmp_path: Path, site: Path) -> None:
    """It cannot make the plan again, so it says which one can, and the run waits for that."""
    own = Path(shutil.copytree(site, tmp_path / "site"))
    desk = Desk(tmp_path, own)
    killed_in_the_middle(desk)
    until(lambda: desk.at_rest)
    module = own / "acme_lamp/domain.py"
    before = module.read_text()
    module.write_text(before + "\n# another version\n")
    refused = desk.types("resume last --json")
    assert (refused.code, refused.error["guard"]) == (4, "version of the plan")
    assert "abandon" in refused.error["next"]
    assert desk.types("status last --json").result["state"] == "unknown"
    module.write_text(before)
    done = desk.types("resume last")
    assert done.code == 0, done.err


def test_approvals_of_a_resumed_run_are_those_of_its_beginning(desk: Desk) -> None:
    """Without one of them nothing is done: exit 5, with what is missing."""
    killed_in_the_middle(desk)
    (approval,) = desk.run.glob("approvals/*.json")
    kept = approval.read_bytes()
    approval.unlink()
    refused = desk.types("resume last --json")
    assert (refused.code, refused.error["guard"]) == (5, "approvals")
    assert "is missing" in refused.error["got"]
    approval.write_bytes(kept)
    assert desk.types("resume last").code == 0


def test_stopped_run_can_never_go_on(desk: Desk) -> None:
    """A receipt for each step: the one that runs ends, the other is voided at its lamp."""
    killed_in_the_middle(desk)
    done = desk.types("stop last --json", "--reason", "the ward is being rewired")
    assert done.code == 0, done.err
    outcomes = {step["target"]: step["outcome"] for step in done.result["steps"]}
    assert outcomes == {"hall": "finished", "ward": "voided"}
    assert desk.types("status last --json").result["state"] == "aborted"
    refused = desk.types("resume last --json")
    assert (refused.code, refused.error["guard"]) == (4, "a step happens at most once")
    assert desk.says("ward") == "dark 0"
    told = desk.types("report last").out
    assert "stop asked" in told
    assert "the ward is being rewired" in told


def test_plan_that_was_never_begun_can_be_stopped(desk: Desk) -> None:
    """It is approved, and applied nowhere any more; no journal comes to be."""
    desk.approved()
    done = desk.types("stop last")
    assert done.code == 0, done.err
    assert "not recorded" in done.out
    assert desk.types("apply last").code == 7
    assert desk.says("hall") == "dark 1"


def test_abandoned_run_says_what_would_undo_it(desk: Desk) -> None:
    """Step by step, with the reason kept; a new plan does what is left."""
    killed_in_the_middle(desk)
    until(lambda: desk.at_rest)
    for reason in ("", " ", "x" * 301, "two\nlines"):
        wrong = desk.types("abandon last --json", "--reason", reason)
        assert (wrong.code, wrong.error["guard"]) == (2, "reason")
    done = desk.types("abandon last", "--reason", "the electrician comes")
    assert done.code == 0, done.err
    assert "is abandoned" in done.out
    assert "nothing was done" in done.out
    status = desk.types("status last --json").result
    assert (status["state"], status["message"]) == ("abandoned", "the electrician comes")
    for verb in ("resume last --json", "stop last --json"):
        assert desk.types(verb).code == 2
    desk.approved()
    assert desk.types("apply last").code == 0
    assert desk.says("ward") == "lit 0"


@pytest.mark.parametrize("verb", ["resume last", "abandon last --reason x"])
def test_run_that_was_not_begun_is_neither_resumed_nor_abandoned(desk: Desk, verb: str) -> None:
    """Exit 2, and what to look at."""
    desk.approved()
    refused = desk.types(f"{verb} --json")
    assert (refused.code, refused.error["guard"]) == (2, "journal")
    assert refused.error["next"].startswith("remediate status ")

"""The domain in docs/writing-a-domain.md, whose runs are undone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from remediations.engine.runs import journal_check
from tests.unit.docs.lamps import Desk, install, until

UNDO = ("--reason", "the fuse is too weak")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that the package of the page was installed into."""
    return install(tmp_path_factory.mktemp("acme"))


@pytest.fixture
def desk(tmp_path: Path, site: Path) -> Desk:
    return Desk(tmp_path, site)


def killed_between_two(desk: Desk) -> None:
    """The hall is lit by a step that went on by itself; the ward is left to do."""
    desk.lamp("hall", "dark 1")
    desk.lamp("ward", "dark 0")
    desk.approved()
    desk.killed_while_it_applies()
    until(lambda: desk.at_rest)
    assert (desk.says("hall"), desk.says("ward")) == ("lit 1", "dark 0")


def checks_out(desk: Desk) -> None:
    """Nothing is wrong with the journal, says the program that stands alone."""
    words = [sys.executable, journal_check.__file__, "journal.jsonl", "plan.json"]
    done = subprocess.run(words, cwd=desk.run, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_what_a_killed_run_did_is_taken_back(desk: Desk) -> None:
    """What had an effect, and nothing else: what never started is voided at its lamp."""
    killed_between_two(desk)
    assert "`remediate undo " in desk.types("status last").out
    done = desk.types("undo last --json", *UNDO)
    assert done.code == 0, done.err
    outcomes = {step["target"]: step["state"] for step in done.result["steps"]}
    assert outcomes == {"hall": "done", "ward": "planned"}
    assert (desk.says("hall"), desk.says("ward")) == ("dark 1", "dark 0")
    assert desk.types("status last --json").result["state"] == "undone"
    checks_out(desk)
    told = desk.types("report last").out
    assert "undo began" in told
    assert UNDO[1] in told


def test_the_newest_is_taken_back_first(desk: Desk) -> None:
    """All was done, and a check fails: the ward goes dark again before the hall does."""
    killed_between_two(desk)
    desk.lamp("porch", "dark 0")
    assert desk.types("resume last").code == 8, "a lamp went dark"
    assert (desk.says("hall"), desk.says("ward")) == ("lit 1", "lit 0")
    done = desk.types("undo last --json", *UNDO)
    assert done.code == 0, done.err
    assert [step["target"] for step in done.result["steps"]] == ["ward", "hall"]
    assert (desk.says("hall"), desk.says("ward")) == ("dark 1", "dark 0")
    events = [json.loads(line)["event"] for line in (desk.run / "journal.jsonl").open()]
    started = [event["step"] for event in events if event["kind"] == "step-starting"]
    assert started == ["1-0", "2-0", "3-0", "4-0"]
    checks_out(desk)


def test_a_run_that_is_undone_never_goes_on(desk: Desk) -> None:
    """Nor is it undone, stopped or abandoned again."""
    killed_between_two(desk)
    assert desk.types("undo last", *UNDO).code == 0
    for line in ("resume last --json", "undo last --json --reason x", "stop last --json"):
        refused = desk.types(line)
        assert refused.code == 2, line
    desk.approved()
    assert desk.types("apply last").code == 0


def test_what_somebody_took_back_by_hand_is_left_alone(desk: Desk) -> None:
    """Its effect is not there: there is nothing to undo, and the journal says so."""
    killed_between_two(desk)
    desk.lamp("hall", "dark 1")
    claims = len(desk.claims)
    done = desk.types("undo last", *UNDO)
    assert done.code == 0, done.err
    assert "not needed" in done.out
    assert len(desk.claims) == claims + 1, "only the void of the ward"
    assert "nothing to undo on hall" in desk.types("report last").out
    checks_out(desk)


def test_the_guards_of_the_way_back_hold(desk: Desk) -> None:
    """Exit 6 with the guard, nothing is switched; with the fuse in it goes on."""
    killed_between_two(desk)
    desk.fuse("out")
    refused = desk.types("undo last --json", *UNDO)
    assert refused.code == 6
    assert "FUSE hall" in refused.error["got"]
    assert "Nothing more was changed" in refused.error["what"]
    assert desk.says("hall") == "lit 1"
    assert desk.types("status last --json").result["state"] == "stopped"
    assert desk.types("resume last --json").error["guard"] == "one direction"
    desk.fuse("in")
    assert desk.types("undo last", *UNDO).code == 0
    assert desk.says("hall") == "dark 1"
    checks_out(desk)


def test_an_undoing_that_is_killed_is_taken_up_again(desk: Desk) -> None:
    """Its step goes on at the lamp; it is followed, and happens once."""
    desk.lamp("hall", "dark 2")
    desk.lamp("ward", "dark 0")
    desk.approved()
    desk.killed_while_it_applies()
    until(lambda: desk.at_rest)
    desk.killed_while("undo", "last", *UNDO)
    done = desk.types("undo last", *UNDO)
    assert done.code == 0, done.err
    assert desk.says("hall") == "dark 2"
    assert len(desk.claims) == 3, "one for each: lit, voided, darkened"
    checks_out(desk)


def test_what_came_to_its_goal_is_not_undone(desk: Desk) -> None:
    """Exit 2, and what to do instead."""
    desk.approved()
    assert desk.types("apply last").code == 0
    refused = desk.types("undo last --json", *UNDO)
    assert (refused.code, refused.error["guard"]) == (2, "an open run")
    assert "a new plan" in refused.error["next"]
    assert desk.says("hall") == "lit 1"


@pytest.mark.parametrize("reason", ["", " ", "x" * 301, "two\nlines"])
def test_a_reason_is_one_sentence(desk: Desk, reason: str) -> None:
    killed_between_two(desk)
    refused = desk.types("undo last --json", "--reason", reason)
    assert (refused.code, refused.error["guard"]) == (2, "reason")
    assert desk.says("hall") == "lit 1"

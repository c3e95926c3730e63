"""The stand-alone checker, run as an auditor would: with a bare Python, on two files."""

from __future__ import annotations

import asyncio
import hashlib
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from remediations.engine.apply.look import Sample
from remediations.engine.plan.plan import Plan, plan_digest
from remediations.engine.runs import journal_check
from remediations.engine.runs.journal import Journal, read_journal
from remediations.engine.runs.journal_check import check_journal
from remediations.engine.runs.records import (
    JOURNAL_FORMAT,
    Checked,
    CheckEnded,
    Event,
    FenceGiven,
    FenceTaken,
    JournalEntry,
    Verified,
)
from remediations.engine.verify.result import CheckOutcome
from remediations.errors import UsageError
from remediations.values.wire import canonical
from tests.unit.run.events import BEGAN as BEGAN_CHECKS
from tests.unit.run.events import began, check_ended, checked, ends, run_ends, seen, starts
from tests.unit.run.fakes import Bench, FakeDriver
from tests.unit.run.plans import command, plan, stage

PLAN = plan(stage(1, command("val1", "one"), command("val1", "two"), command("val2", "two")))
PLAN_BYTES = canonical(PLAN)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """The journal of a run that went well."""
    bench = Bench(
        tmp_path,
        PLAN,
        FakeDriver(),
        begin=began(message="by otto, approved by alice@example.org SHA256:k\x1b[2J"),
    )
    asyncio.run(bench.application.apply())
    bench.journal.close()
    return bench.path


def story(path: Path, plan: Plan, *events: Event) -> bytes:
    """A well-chained journal that tells whatever it is told to."""
    journal = Journal(path, plan_digest(plan))
    for event in events:
        journal.append(event)
    journal.close()
    return path.read_bytes()


BEGAN, ENDED = began(), run_ends()
TAKEN = FenceTaken(resource="lamp/1", number=4, hosts=("val1",))
GIVEN = FenceGiven(resource="lamp/1", number=4, hosts=())
A, B, C = ("1-0", "val1"), ("1-1", "val1"), ("1-2", "val2")
"""The steps of the plan, and what they act on."""


def test_a_good_journal_as_a_program(journal: Path, tmp_path: Path) -> None:
    """Isolated from this package and its environment; tells plan, people, head and end."""
    (tmp_path / "plan.json").write_bytes(PLAN_BYTES)
    done = subprocess.run(
        [sys.executable, "-I", "-S", journal_check.__file__, str(journal), tmp_path / "plan.json"],
        capture_output=True,
        text=True,
        cwd="/",
        env={"LC_ALL": "C"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    head = hashlib.sha256(journal.read_bytes().splitlines()[-1]).hexdigest()
    assert lines[0].endswith(f"records, head {head}")
    assert lines[1] == f"plan {plan_digest(PLAN)}"
    assert lines[2].endswith("by otto, approved by alice@example.org SHA256:k?[2J")
    assert lines[-2:] == [f"compared with plan {plan_digest(PLAN)}", "nothing wrong"]
    assert lines[3].startswith("ended ")


@pytest.mark.parametrize("arguments", [[], ["a", "b", "c"], ["missing"]])
def test_no_files_no_verdict(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """2 is neither good nor wrong."""
    assert journal_check.main(arguments) == 2
    assert capsys.readouterr().out == ""


def test_without_a_plan_it_says_what_was_not_compared(journal: Path) -> None:
    """A verdict about the chain alone is named as such."""
    report = check_journal(journal.read_bytes())
    assert report.exit_status == 0
    assert report.lines[-1] == "no plan was given: what ran was not compared"


def test_a_missing_end_is_a_crash_or_a_cut(journal: Path) -> None:
    """At every line: nothing is wrong, nothing is proven, and what may still run is named."""
    lines = journal.read_bytes().splitlines(keepends=True)
    for kept in range(len(lines)):
        report = check_journal(b"".join(lines[:kept]), PLAN_BYTES)
        assert (report.problems, report.exit_status) == ((), 3)
        said = "no end: either the machine died or the end was cut off"
        assert said in report.lines
    starting = next(n for n, line in enumerate(lines, 1) if b"step-starting" in line)
    report = check_journal(b"".join(lines[:starting]) + lines[starting][:7])
    assert "may still run: step 1-0 on val1" in report.lines
    assert "the last line is incomplete (7 bytes without an end): it says nothing" in report.lines


def test_other_bytes_than_planned_are_found(tmp_path: Path) -> None:
    """By the id of the step, and in the order of the plan."""
    swapped = (starts(*A, "two"), ends("1-0"), starts(*B, "one"), ends("1-1"))
    data = story(tmp_path / "j", PLAN, BEGAN, *swapped, ENDED)
    said = "what ran is not what the plan says"
    assert check_journal(data, PLAN_BYTES).problems == (
        f"step 1-0 on val1: {said}",
        f"step 1-1 on val1: {said}",
    )
    assert check_journal(data).problems == ()
    early = (starts(*B, "two"), ends("1-1"), starts(*A, "one"), ends("1-0"))
    data = story(tmp_path / "k", PLAN, BEGAN, *early, ENDED)
    said = "step 1-0 on val1: ran after a later step of its target"
    assert check_journal(data, PLAN_BYTES).problems == (said,)


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        ((starts("1-0", "val3", "one"),), "step 1-0: ran on val3, the plan says on val1"),
        ((starts("1-3", "val2", "two"),), "step 1-3: ran, and is not in"),
        ((starts(*C, "two"), ends("1-2")) * 2, "record 4: step 1-2 starts twice"),
        ((starts(*C, "two"),) * 2, "record 3: step 1-2 starts twice"),
        ((starts(*C, "two"), ends("1-2"), ends("1-2")), "record 4: step 1-2 ends twice"),
        ((ends("1-2"),), "record 2: step 1-2 ends and did not start"),
        ((TAKEN, TAKEN), "record 3: takes a fence with a number that does not rise"),
        ((TAKEN, GIVEN, TAKEN), "record 4: takes a fence with a number that does not rise"),
        ((GIVEN,), "record 2: gives a fence back that is not held"),
        ((TAKEN, GIVEN, GIVEN), "record 4: gives a fence back that is not held"),
        ((ENDED,), "record 3: something but a verification follows the end"),
        ((BEGAN,), "record 2: a journal begins with run-began, once"),
    ],
)
def test_an_impossible_story_is_found(
    tmp_path: Path, steps: tuple[Event, ...], problem: str
) -> None:
    """Also where the chain was made anew."""
    report = check_journal(story(tmp_path / "j", PLAN, BEGAN, *steps, ENDED), PLAN_BYTES)
    assert any(found.startswith(problem) for found in report.problems)
    assert report.exit_status == 1


def test_a_fence_may_be_given_back_behind_the_end(tmp_path: Path) -> None:
    """And taken again by a run that goes on, with a higher number."""
    again = FenceTaken(resource="lamp/1", number=7, hosts=())
    events = (BEGAN, TAKEN, again, ENDED, FenceGiven(resource="lamp/1", number=7, hosts=("val1",)))
    path = tmp_path / "j"
    report = check_journal(story(path, PLAN, *events), PLAN_BYTES)
    assert (report.problems, report.exit_status) == ((), 0)
    assert [entry.event for entry in read_journal(path)] == list(events)


@pytest.mark.parametrize("made", [b'"number":"x"', b'"number":"-4"', b'"number":[]'])
def test_a_fence_of_another_form_is_found(tmp_path: Path, made: bytes) -> None:
    """Its number is one, and its hosts are a list."""
    path = tmp_path / "j"
    told = story(path, PLAN, BEGAN, TAKEN)
    *lines, last, end = told.split(b"\n")
    changed = b"\n".join((*lines, last.replace(b'"number":"4"', made), end))
    (problem,) = check_journal(changed).problems
    assert problem == "record 2: a fence that is not in the form in which it is written"


def test_verifications_are_told_and_may_follow_the_end(journal: Path) -> None:
    """As often as somebody verified; nothing else may."""
    states: tuple[Verified, ...] = ("unverified", "verified")
    for state in states:
        with closing(Journal.reopened(journal)) as reopened:
            reopened.append(checked(state, "of 3"))
        report = check_journal(journal.read_bytes(), PLAN_BYTES)
        assert (report.problems, report.exit_status) == ((), 0)
        assert any(line.endswith(f": {state}: of 3") for line in report.lines)
    with closing(Journal.reopened(journal)) as reopened:
        reopened.append(starts("1-0", "val1"))
    problems = check_journal(journal.read_bytes()).problems
    assert any("something but a verification follows the end" in found for found in problems)


SECOND = timedelta(seconds=1)
PASSED, FAILED = CheckOutcome.PASSED, CheckOutcome.FAILED
LOOKED = seen(118).sight


def test_a_verification_brings_the_looks_of_its_checks(tmp_path: Path) -> None:
    """Inside its record: the checker and the reader accept them there."""
    told = checked(
        "unverified",
        ended=(
            check_ended("P1", PASSED, BEGAN_CHECKS + SECOND),
            check_ended("P2", FAILED, BEGAN_CHECKS + SECOND, "val1"),
        ),
        samples=(Sample(at=BEGAN_CHECKS, sight=LOOKED), Sample(at=BEGAN_CHECKS, sight=LOOKED)),
    )
    data = story(tmp_path / "j", PLAN, BEGAN, ENDED, told)
    assert check_journal(data).problems == ()
    assert read_journal(tmp_path / "j")[-1].event == told


def test_a_look_after_the_end_is_refused(tmp_path: Path) -> None:
    """One that no verification brings was not made by what the journal tells of."""
    for after in ((ENDED,), (ENDED, checked("verified"))):
        path = tmp_path / str(len(after))
        data = story(path, PLAN, BEGAN, *after, seen(118))
        said = "something but a verification follows the end"
        assert [said in found for found in check_journal(data).problems] == [True]
        with pytest.raises(UsageError) as refused:
            read_journal(path)
        assert said in refused.value.got


EARLY = Sample(at=BEGAN_CHECKS - SECOND, sight=LOOKED)
LATE = Sample(at=BEGAN_CHECKS + SECOND, sight=LOOKED)


@pytest.mark.parametrize(
    ("was", "made", "problem"),
    [
        (
            checked("unverified"),
            (b'"unverified"', b'"verified"'),
            "verified is not what its checks",
        ),
        (
            checked("verified"),
            (b'"verified"', b'"unverified"'),
            "unverified is not what its checks",
        ),
        (checked("unverified", ended=()), (b'"unverified"', b'"verified"'), "verified is not what"),
        (
            checked("verified"),
            (b'"passed"', b'"good"'),
            "its checks or samples are not in the form",
        ),
        (checked("verified"), (b'"host":"",', b""), "its checks or samples are not in the form"),
        (
            checked("verified", samples=(LATE,)),
            (b'12:02:01Z","sight"', b'12:01:01Z","sight"'),
            "its times do not rise",
        ),
        (
            checked("verified", samples=(LATE, LATE)),
            (b'12:02:01Z","sight"', b'12:02:09Z","sight"'),
            "its times do not rise",
        ),
    ],
)
def test_a_verification_that_cannot_be_is_found(
    tmp_path: Path, was: Checked, made: tuple[bytes, bytes], problem: str
) -> None:
    """By the checker and by the reader, also where the chain was made anew."""
    path = tmp_path / "j"
    data = story(path, PLAN, BEGAN, ENDED, was)
    assert check_journal(data).problems == ()
    forged = data.replace(*made, 1)
    assert forged != data
    path.write_bytes(forged)
    assert [
        found.split(": ", 1)[1][: len(problem)] for found in check_journal(forged).problems
    ] == [problem]
    with pytest.raises(UsageError):
        read_journal(path)


def test_a_verification_that_cannot_be_is_not_written() -> None:
    """Its times are of one clock that only rises; its verdict is what its checks came to."""
    with pytest.raises(ValueError, match="do not rise"):
        checked("verified", samples=(EARLY,))
    with pytest.raises(ValueError, match="verified is not what its checks came to"):
        checked("verified", ended=())


def test_a_journal_of_another_plan_is_found(journal: Path) -> None:
    """Digests of the file and of the journal differ."""
    other = canonical(plan(branch="another"))
    assert (
        check_journal(journal.read_bytes(), other).problems[0].startswith("the journal is of plan ")
    )
    assert "the plan is not one" in check_journal(journal.read_bytes(), b"[]").problems


def test_a_journal_without_a_beginning_is_wrong(tmp_path: Path) -> None:
    """Cut at the front and chained anew."""
    report = check_journal(story(tmp_path / "j", PLAN, ENDED))
    assert report.problems == ("record 1: a journal begins with run-began, once",)


def test_it_knows_exactly_the_events_that_are_written() -> None:
    """It imports nothing of this package, so its table of kinds, members and states is compared."""
    members: dict[str, set[str]] = {}
    states: dict[str, set[str]] = {}
    for kind in get_args(Event):
        tag = str(kind.__struct_config__.tag)
        members[tag] = set(kind.__struct_fields__)
        if "state" in members[tag]:
            states[tag] = set(get_args(get_type_hints(kind)["state"]))
    assert members == journal_check.EVENTS
    assert states == journal_check.STATES
    assert set(CheckEnded.__struct_fields__) == journal_check.CHECK
    assert set(CheckOutcome) == journal_check.OUTCOMES
    assert set(Sample.__struct_fields__) == journal_check.SAMPLE
    assert set(JournalEntry.__struct_fields__) == journal_check.HEAD
    assert str(JOURNAL_FORMAT) == journal_check.FORMAT


@pytest.mark.parametrize(
    "other", [b'{"kind":"run-began","number":"1"}\n', b'{"event":{"format":"\\u001b9"}}\n']
)
def test_a_journal_of_another_form_is_not_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], other: bytes
) -> None:
    """2, with what to do: an intact journal of another version is not called wrong."""
    path = tmp_path / "journal.jsonl"
    path.write_bytes(other)
    assert journal_check.main([str(path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("this reads journals of format 3, and that is one of format ")
    assert "\x1b" not in err
    assert check_journal(other).exit_status == 1

"""One round: everything of one host in one command, each answer whole or unknown."""

from __future__ import annotations

import base64
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from remediations.reach.connection import Completed
from remediations.systems.hosts import rounds
from remediations.systems.hosts.rounds import (
    FUNCTIONS,
    Question,
    ask_hosts,
    parse_round,
    round_program,
)
from remediations.values.reading import Known, Reading, Unknown, Why
from tests.unit.verify.local import LocalReach

AT = datetime(2026, 11, 25, tzinfo=UTC)


def question(command: str, *, source: str = "it", root: bool = False) -> Question[str]:
    return Question(source=source, command=command, parse=bytes.decode, root=root)


def completed(stdout: bytes, *, truncated: bool = False, timed_out: bool = False) -> Completed:
    return Completed(
        exit_status=None if timed_out else 0,
        stdout=stdout,
        stderr=b"",
        duration_ms=1,
        truncated=truncated,
        timed_out=timed_out,
    )


def line(text: bytes, status: int = 0) -> bytes:
    return base64.b64encode(text) + b" %d\n" % status


def told(reading: Reading[str]) -> str:
    assert isinstance(reading, Known), reading
    return reading.value


def why(reading: Reading[object]) -> tuple[Why, str]:
    assert isinstance(reading, Unknown), reading
    return reading.why, reading.reason


@pytest.fixture
def local(tmp_path: Path) -> LocalReach:
    return LocalReach(tmp_path)


def test_answers_are_told_apart_whatever_they_hold(local: LocalReach) -> None:
    """Lines, quotes, bytes of every kind, and what looks like another answer."""
    texts = ["printf 'a\\nb 0\\n'", 'printf %s "it\'s"', ":", "printf 'eA== 0\\n'"]
    asked = [question(text, source=f"q{n}", root=n % 2 == 0) for n, text in enumerate(texts)]
    answers = ask_hosts(local, {"h": asked})["h"]
    assert [told(answers.to(one)) for one in asked] == ["a\nb 0\n", "it's", "", "eA== 0\n"]


def test_questions_run_side_by_side(local: LocalReach) -> None:
    """The slowest decides, not the sum; and none of them reads the program behind it."""
    asked = [question("sleep 4; cat; echo over", source=f"q{n}") for n in range(8)]
    began = time.monotonic()
    answers = ask_hosts(local, {"h": asked})["h"]
    assert time.monotonic() - began < 24
    assert {told(answers.to(one)) for one in asked} == {"over\n"}


def test_what_hangs_ends_by_itself_and_costs_the_others_nothing(
    local: LocalReach, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own limit strikes on the host, also of what runs as root and of its children."""
    monkeypatch.setattr(rounds, "FUNCTIONS", FUNCTIONS.replace("-k 1 15", "-k 1 0.3"))
    hangs = question("sleep 60 | cat", source="the journal", root=True)
    other = question("echo whole", source="other")
    answers = ask_hosts(local, {"h": (hangs, other)})["h"]
    assert told(answers.to(other)) == "whole\n"
    assert why(answers.to(hangs)) == (Why.FAILED, "h: the journal cannot be read within 15 s")


def test_a_failure_is_told_in_its_own_words(local: LocalReach) -> None:
    """What it printed, or its status; what went to standard error is not part of an answer."""
    words = question("echo no such thing; exit 3", source="it")
    nothing = question("echo hidden >&2; exit 3", source="that")
    noisy = question("echo warning >&2; echo 7", source="this")
    answers = ask_hosts(local, {"h": (words, nothing, noisy)})["h"]
    assert why(answers.to(words))[1] == "h: it cannot be read: no such thing"
    assert why(answers.to(nothing))[1] == "h: that cannot be read: exit 3"
    assert told(answers.to(noisy)) == "7\n"


def test_without_sudo_only_what_needs_root_is_unknown(local: LocalReach) -> None:
    """A login that may not become root still answers for the rest."""
    local.tool("sudo", "#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n")
    root, plain = question("id", source="root", root=True), question("echo x", source="plain")
    answers = ask_hosts(local, {"h": (root, plain)})["h"]
    assert why(answers.to(root)) == (Why.FAILED, "h: root cannot be read: exit 1")
    assert told(answers.to(plain)) == "x\n"


def test_half_a_program_asks_nothing(local: LocalReach, tmp_path: Path) -> None:
    """Whatever part of it arrived."""
    trace = tmp_path / "trace"
    program = round_program([question(f"touch {trace}")])
    for size in range(len(program) - 40, len(program) - 15):
        local.run_on_all("bash -s", {"h": program[:size]}, limits=rounds.LIMITS)
    assert not trace.exists()


@pytest.mark.parametrize(
    ("done", "expected"),
    [
        (completed(line(b"a") + b"QUF", truncated=True), (Why.TOO_LARGE, "larger than what is")),
        (completed(line(b"a") + b"QUFB 0", timed_out=True), (Why.TIME_LIMIT, "within 20 s")),
        (completed(line(b"a")), (Why.CORRUPT, "no whole answer")),
        (completed(line(b"a") + b"*** 0\n"), (Why.CORRUPT, "no whole answer")),
        (completed(line(b"a") + b"QUFB -1\n"), (Why.CORRUPT, "no whole answer")),
        (completed(line(b"a") + b"QUFB\n"), (Why.CORRUPT, "no whole answer")),
    ],
)
def test_what_is_not_whole_is_unknown(done: Completed, expected: tuple[Why, str]) -> None:
    """What came before it stands; a cut-off answer proves nothing, whatever its beginning says."""
    first, second = question("x", source="first"), question("x", source="second")
    answers = parse_round("h", (first, second), done, AT)
    assert told(answers.to(first)) == "a"
    kind, reason = why(answers.to(second))
    assert kind is expected[0]
    assert reason.startswith("h: ")
    assert expected[1] in reason


def test_an_answer_of_another_form_is_unknown() -> None:
    """The parser's complaint, with host and question."""
    number: Question[int] = Question(source="it", command="x", parse=int)
    answers = parse_round("h", (number,), completed(line(b"seven")), AT)
    kind, reason = why(answers.to(number))
    assert kind is Why.MALFORMED
    assert reason.startswith("h: it: invalid literal")

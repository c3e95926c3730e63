"""One round: all hosts are asked at once, each all its questions in one command.

    STATUS = Question(source="status", command="curl …/status", parse=parse_status)
    answers = ask_hosts(reach, {"val1": (STATUS,), "val2": (STATUS, PEERS)})
    answers["val1"].to(STATUS)          # Known, or Unknown with the reason

Rules:
1. A question only reads. It is a text for `sh -c`, run as the login, or as root with sudo. Its
   answer is what it prints; error output is dropped, unless it prints that, too (`2>&1`).
2. All questions of a host run side by side, each under a time limit of its own on the host. If one
   of them hangs, or a host does, the others are not affected.
3. An answer that is incomplete, ended with a status other than 0, or cannot be parsed is Unknown: a
   value, with a reason.

Each question becomes one line on the host, its output in base64 and its status, so that nothing in
an answer can be taken for another one. The lines are in the order of the questions.
"""

from __future__ import annotations

import base64
import binascii
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, Protocol, TypeVar

from remediations.reach.blocking import Limits
from remediations.reach.connection import Completed, HostUnreachable
from remediations.systems.hosts.read_section import LIMIT_PASSED
from remediations.values.reading import Known, Reading, Unknown, Why

T = TypeVar("T", covariant=True)

QUESTION_LIMIT_S = 15
"""For one question, on the host: what runs as root there does not end with our connection."""
LIMITS = Limits(command_s=20.0, host_s=30.0, max_bytes=16 << 20)
"""Sixteen MiB are five commits of ten thousand validators."""
SHOWN = 200
"""Characters of a question's output that are shown where it failed."""

COMMAND = "bash -s"
"""The program is its standard input, so that no text is quoted more than once."""

FUNCTIONS = f"""
as_login() {{ timeout -k 1 {QUESTION_LIMIT_S} sh -c "$1"; }}
as_root() {{ sudo -n timeout -k 1 {QUESTION_LIMIT_S} sh -c "$1"; }}
answer() {{ "$1" "$2" 2>/dev/null </dev/null | base64 -w 0; printf ' %s\\n' "${{PIPESTATUS[0]}}"; }}
"""


@dataclass(frozen=True, kw_only=True)
class QuestionResult:
    """Exit status and output of one question on its host."""

    status: int
    output: bytes


def failure_reason(answer: QuestionResult) -> str:
    """Why a question failed: what it printed, if anything."""
    if answer.status in LIMIT_PASSED:
        return f"cannot be read within {QUESTION_LIMIT_S} s"
    words = " ".join(answer.output[: 4 * SHOWN].decode("utf-8", "replace").split())[:SHOWN]
    return f"cannot be read: {words or f'exit {answer.status}'}"


@dataclass(frozen=True, kw_only=True)
class Question(Generic[T]):
    """What one host is asked. `source` names the question for people, and is unique among those to
    its host. `parse` raises ValueError if the answer is malformed; `failure` says what it means
    if the command failed."""

    source: str
    command: str
    parse: Callable[[bytes], T]
    root: bool = False
    failure: Callable[[QuestionResult], str] = failure_reason


@dataclass(frozen=True, kw_only=True)
class Answers:
    """All answers of one host. `missing` is the reason for those that are absent."""

    host: str
    at: datetime
    given: Mapping[str, QuestionResult]
    missing: Unknown

    def to(self, question: Question[T]) -> Reading[T]:
        """The value, or the reason why there is none."""
        answer = self.given.get(question.source)
        if answer is None:
            return self._unknown(question, self.missing.why, self.missing.reason)
        if answer.status:
            reason = f"{self.host}: {question.source} {question.failure(answer)}"
            return self._unknown(question, Why.FAILED, reason)
        try:
            value = question.parse(answer.output)
        except ValueError as error:
            reason = f"{self.host}: {question.source}: {error}"
            return self._unknown(question, Why.MALFORMED, reason)
        return Known(value=value, source=question.source, at=self.at)

    def _unknown(self, question: Question[T], why: Why, reason: str) -> Unknown:
        return Unknown(why=why, reason=reason, source=question.source, at=self.at)


class HostRunner(Protocol):
    """What a round needs of the connections: runs one command on many hosts (reach.blocking)."""

    def run_on_all(
        self, command: str, stdin: Mapping[str, bytes], *, limits: Limits
    ) -> Mapping[str, Completed | HostUnreachable]:
        """One command on all hosts at once."""
        ...

    def ask_beside(
        self,
        command: str,
        stdin: Mapping[str, bytes],
        *,
        limits: Limits,
        heard: Callable[[Mapping[str, Completed | HostUnreachable]], None],
    ) -> None:
        """The same without waiting: `heard` is given the answers, in another thread."""
        ...


def ask_hosts(
    reach: HostRunner, asked: Mapping[str, Sequence[Question[object]]]
) -> Mapping[str, Answers]:
    """Ask every host all its questions, all at once. Returns when the slowest host has answered,
    and never raises because of a host."""
    programs = {host: round_program(questions) for host, questions in asked.items()}
    done = reach.run_on_all(COMMAND, programs, limits=LIMITS)
    at = datetime.now(UTC)
    return {host: parse_round(host, asked[host], done[host], at) for host in asked}


def ask_hosts_beside(
    reach: HostRunner,
    asked: Mapping[str, Sequence[Question[object]]],
    *,
    limits: Limits,
    heard: Callable[[Mapping[str, Answers]], None],
) -> None:
    """The same, concurrently with other questions: nobody waits for it. `heard` is given the
    answers in another thread, or never."""

    def done(said: Mapping[str, Completed | HostUnreachable]) -> None:
        at = datetime.now(UTC)
        heard({host: parse_round(host, asked[host], said[host], at) for host in asked})

    programs = {host: round_program(questions) for host, questions in asked.items()}
    reach.ask_beside(COMMAND, programs, limits=limits, heard=done)


def round_program(questions: Sequence[Question[object]]) -> bytes:
    """The program for `COMMAND`. Its last line starts all questions and prints their answers in
    order, so half a program does nothing."""
    asked = " ".join(
        f"<(answer {'as_root' if question.root else 'as_login'} {shlex.quote(question.command)})"
        for question in questions
    )
    return f"{FUNCTIONS}exec cat {asked} </dev/null\n".encode()


def parse_round(
    host: str,
    questions: Sequence[Question[object]],
    done: Completed | HostUnreachable,
    at: datetime,
) -> Answers:
    """The answers in what a host printed: complete lines only."""
    if isinstance(done, HostUnreachable):
        reason = f"{done.what}: {done.got} ({done.guard})"
        missing = Unknown(why=Why.UNREACHABLE, reason=reason, source=host, at=at)
        return Answers(host=host, at=at, given={}, missing=missing)
    lines = done.stdout.split(b"\n")[:-1]
    answers = (_answer(line) for line in lines)
    given = {
        question.source: answer
        for question, answer in zip(questions, answers, strict=False)
        if answer is not None
    }
    return Answers(host=host, at=at, given=given, missing=_missing(host, done, at))


def _answer(line: bytes) -> QuestionResult | None:
    """The answer in one line, or None if the line is malformed."""
    output, blank, status = line.partition(b" ")
    if not blank or not status.isdigit() or len(status) > 3:
        return None
    try:
        return QuestionResult(status=int(status), output=base64.b64decode(output, validate=True))
    except binascii.Error:
        return None


def _missing(host: str, done: Completed, at: datetime) -> Unknown:
    if done.truncated:
        why, what = Why.TOO_LARGE, "the answer is larger than what is read of one"
    elif done.timed_out:
        why, what = Why.TIME_LIMIT, f"no answer within {LIMITS.command_s:.0f} s"
    else:
        why, what = Why.CORRUPT, f"no whole answer (exit {done.exit_status})"
    return Unknown(why=why, reason=f"{host}: {what}", source=host, at=at)

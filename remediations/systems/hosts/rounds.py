"""One round: all hosts are asked at once, each everything in one command.

    STATUS = Question(source="status", command="curl …/status", parse=parse_status)
    answers = ask_hosts(reach, {"val1": (STATUS,), "val2": (STATUS, PEERS)})
    answers["val1"].to(STATUS)          # Known, or Unknown with the reason

Rules:
- A question only reads. It is a text for `sh -c`, run as the login, or as root with sudo. What it
  prints is its answer; what it complains of is dropped, unless it prints that itself (`2>&1`).
- All questions of a host run side by side, each under its own time limit on the host; one that
  hangs, or a host that does, costs the others nothing.
- An answer that is not whole, ended with another status than it should, or cannot be parsed is
  Unknown: a value, with why and for people a reason.

On the host, each question becomes one line, its output in base64 and its status, so that nothing
that an answer holds can be taken for another one. The lines come in the order of the questions.
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
from remediations.values.reading import Known, Reading, Unknown, Why

T = TypeVar("T", covariant=True)

QUESTION_LIMIT_S = 15
"""For one question, on the host: what runs as root there would not end with our connection."""
LIMITS = Limits(command_s=20.0, host_s=30.0, max_bytes=16 << 20)
"""Sixteen MiB: five commits of ten thousand validators."""
SHOWN = 200
"""So much of a complaint is shown."""

COMMAND = "bash -s"
"""The program comes on standard input, so that no text is quoted more than once."""

FUNCTIONS = f"""
as_login() {{ timeout -k 1 {QUESTION_LIMIT_S} sh -c "$1"; }}
as_root() {{ sudo -n timeout -k 1 {QUESTION_LIMIT_S} sh -c "$1"; }}
answer() {{ "$1" "$2" 2>/dev/null </dev/null | base64 -w 0; printf ' %s\\n' "${{PIPESTATUS[0]}}"; }}
"""

TIMED_OUT = frozenset({124, 137})
"""What `timeout` ends with where the limit struck."""


@dataclass(frozen=True, kw_only=True)
class CommandAnswer:
    """What one question came to on its host."""

    status: int
    output: bytes


def complaint(answer: CommandAnswer) -> str:
    """What is said of a question that failed: its own words, if it printed any."""
    if answer.status in TIMED_OUT:
        return f"cannot be read within {QUESTION_LIMIT_S} s"
    words = " ".join(answer.output[: 4 * SHOWN].decode("utf-8", "replace").split())[:SHOWN]
    return f"cannot be read: {words or f'exit {answer.status}'}"


@dataclass(frozen=True, kw_only=True)
class Question(Generic[T]):
    """What one host is asked. `source` names it to people and is unique among its host's
    questions. `parse` raises ValueError where the answer has another form; `failure` says what it
    means that the command failed."""

    source: str
    command: str
    parse: Callable[[bytes], T]
    root: bool = False
    failure: Callable[[CommandAnswer], str] = complaint


@dataclass(frozen=True, kw_only=True)
class Answers:
    """All answers of one host. `missing` says why those that are not there are not."""

    host: str
    at: datetime
    given: Mapping[str, CommandAnswer]
    missing: Unknown

    def to(self, question: Question[T]) -> Reading[T]:
        """The value, or why there is none."""
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
    """What a round needs of the connections (reach.blocking)."""

    def run_on_all(
        self, command: str, stdin: Mapping[str, bytes], *, limits: Limits
    ) -> Mapping[str, Completed | HostUnreachable]:
        """One command on all hosts at once."""
        ...


def ask_hosts(
    reach: HostRunner, asked: Mapping[str, Sequence[Question[object]]]
) -> Mapping[str, Answers]:
    """Ask every host all its questions, all at once. Returns when the slowest has answered; never
    raises because of a host."""
    programs = {host: round_program(questions) for host, questions in asked.items()}
    done = reach.run_on_all(COMMAND, programs, limits=LIMITS)
    at = datetime.now(UTC)
    return {host: parse_round(host, asked[host], done[host], at) for host in asked}


def round_program(questions: Sequence[Question[object]]) -> bytes:
    """The program for `COMMAND`. Its last line starts all questions and prints their answers in
    order; half a program does nothing."""
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
    """The answers in what a host printed: whole lines only."""
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


def _answer(line: bytes) -> CommandAnswer | None:
    """One line, or None where it is not one of ours."""
    output, blank, status = line.partition(b" ")
    if not blank or not status.isdigit() or len(status) > 3:
        return None
    try:
        return CommandAnswer(status=int(status), output=base64.b64decode(output, validate=True))
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

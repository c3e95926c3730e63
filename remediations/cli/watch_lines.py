"""A watch where nothing can be redrawn: one line for each change, or one document for each look."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from remediations.cli.conclusions import Diagnosis, conclusions_result
from remediations.cli.exits import print_early
from remediations.cli.output import CommandResult, TerminalStyle
from remediations.engine.diff.conclusions import (
    DomainChange,
    SubjectChange,
    SubjectState,
    changed_conclusions,
)
from remediations.engine.find.conclude import Conclusion
from remediations.engine.find.finding import Health
from remediations.engine.observe.heard import HostsHeard
from remediations.errors import ExitCode, MachineError, RemediationError
from remediations.render.formats import count_of, format_moment, name_some
from remediations.render.printable import one_line

PLAIN = TerminalStyle(width=80, colour=False)


def print_now(text: str) -> None:
    """Write to standard output at once.

    Raises:
        BrokenPipeError: the reader is gone.
        MachineError: it cannot be written: a full disk.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise MachineError(
            "the answer cannot be written",
            guard="standard output",
            got=error.strerror or str(error),
            expected="a file or a terminal that takes it",
            next_step="make room, or write to another file",
        ) from error


class _NothingBetween:
    """What both have in common: nothing is shown between two looks."""

    @contextmanager
    def shown(self) -> Iterator[None]:
        """There is nothing to put up or take down."""
        yield

    def looking(self, heard: HostsHeard) -> None:
        """A look is shown when it has ended."""

    def pausing(self, seconds: int) -> None:
        """A pause is not a change."""

    def tick(self) -> None:
        """Nor is a second."""

    def last_words(self) -> str | None:
        """The usual error."""
        return None


class ChangeLines(_NothingBetween):
    """One line for each change, with its time."""

    def __init__(self) -> None:
        self._before: Sequence[Conclusion] = ()
        self._trouble = ""

    def concluded(self, seen: Diagnosis) -> None:
        """The lines of what changed since the last look."""
        if self._trouble:
            self._trouble = ""
            self._say(seen.at, "the hosts can be read again")
        for change in changed_conclusions(self._before, seen.found):
            for line in change_lines(change):
                self._say(seen.at, f"{change.domain}: {line}")
        self._before = seen.found

    def answer(self, seen: Diagnosis) -> CommandResult:
        """Nothing more: the last change was shown."""
        return replace(conclusions_result(seen, PLAIN), text="")

    def failed(self, error: RemediationError) -> None:
        """One line, unless the last look failed in the same way."""
        trouble = f"this look failed: {error.what} ({error.guard}: {error.got})"
        if trouble != self._trouble:
            self._trouble = trouble
            self._say(datetime.now(UTC), f"{trouble}; {error.next_step}")

    def _say(self, at: datetime, text: str) -> None:
        print_now(one_line(f"{format_moment(at)} {text}") + "\n")


class DocumentLines(_NothingBetween):
    """One JSON document for each look, as `diagnose --json` prints it; the last is the answer."""

    def concluded(self, seen: Diagnosis) -> None:
        """The document of every look but the last one, which the command itself answers with."""
        if seen.exit_code is not ExitCode.OK:
            print_early(conclusions_result(seen, PLAIN))

    def answer(self, seen: Diagnosis) -> CommandResult:
        """The document of the last look."""
        return conclusions_result(seen, PLAIN)

    def failed(self, error: RemediationError) -> None:
        """The document of the error."""
        print_early(error)


def change_lines(change: DomainChange) -> Iterator[str]:
    """A change of a domain in words: the class, then subjects, those that changed alike together.
    At the first look, those that are well are left out."""
    if change.state_changed:
        before = f"{change.before.verdict.upper()} → " if change.before else ""
        after = change.after
        yield before + (f"{after.verdict.upper()}: {after.headline}" if after else "nothing of it")
    first = change.before is None
    groups: dict[tuple[str, str], list[SubjectChange]] = {}
    for one in change.subjects:
        if not (first and one.after and one.after.health is Health.WELL):
            groups.setdefault((_condition(one.before), _condition(one.after)), []).append(one)
    for (was, now), group in groups.items():
        names = name_some([one.name for one in group])
        cause = f": {group[0].after.cause}" if group[0].after and not group[1:] else ""
        became = now if first else f"{was} → {now}"
        yield f"{count_of(len(group), change.noun)} {became}: {names}{cause}"


def _condition(state: SubjectState | None) -> str:
    return "not there" if state is None else state.condition

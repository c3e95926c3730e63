"""A watch in a terminal: the whole diagnosis, redrawn, with its age and the time of the next look.

It uses the alternate screen, so that the terminal is as before when the watch ends.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime

from msgspec.structs import replace as with_fields
from rich.text import Text

from remediations.cli.conclusions import Diagnosis, conclusions_result
from remediations.cli.output import CommandResult, TerminalStyle
from remediations.cli.signals import terminate_as_interrupt
from remediations.cli.watch_lines import print_now
from remediations.engine.find.conclude import Conclusion
from remediations.engine.find.finding import Health
from remediations.engine.observe.heard import HostsHeard
from remediations.errors import RemediationError
from remediations.render.console import BAD, DIM, draw, text_line
from remediations.render.formats import count_of, format_time

ENTER, LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
HOME, TO_END_OF_LINE, BELOW = "\x1b[H", "\x1b[K", "\x1b[J"
LEFT_OUT = "the screen is small: what is well is left out"
KEPT = 4
"""Lines at the end that stay where a diagnosis does not fit: the next step."""


class WatchScreen:
    """Draws the last diagnosis; `style` is asked at each drawing, since a window may be resized."""

    def __init__(self, style: Callable[[], TerminalStyle], *, verbose: bool) -> None:
        self._style = style
        self._verbose = verbose
        self._seen: Diagnosis | None = None
        self._drawn: dict[tuple[TerminalStyle, bool], str] = {}
        self._heard: HostsHeard | None = None
        self._next = 0.0
        self._trouble = ""
        self._looks = 0

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Keep the alternate screen while the block runs, and take it down whatever ends it."""
        with terminate_as_interrupt():
            print_now(ENTER)
            try:
                yield
            finally:
                with suppress(OSError, RemediationError):
                    print_now(LEAVE)

    def looking(self, heard: HostsHeard) -> None:
        """Say that a look is under way."""
        self._heard = heard
        self.tick()

    def concluded(self, seen: Diagnosis) -> None:
        """Show what was concluded."""
        self._seen, self._drawn = seen, {}
        self._heard, self._trouble = None, ""
        self._looks += 1

    def failed(self, error: RemediationError) -> None:
        """Show the error above the last diagnosis, which grows old."""
        self._heard = None
        self._trouble = f"this look failed: {error.what} ({error.guard}: {error.got}); next: "
        self._trouble += error.next_step

    def pausing(self, seconds: int) -> None:
        """Say when it is looked again."""
        self._next = time.monotonic() + seconds
        self.tick()

    def tick(self) -> None:
        """Draw the screen."""
        style, room = self._style(), shutil.get_terminal_size((80, 24)).lines
        head = [text_line(self._status(datetime.now(UTC)), DIM)]
        head += [text_line(self._trouble, BAD)] if self._trouble else []
        lines = self._lines(head, style, short=False)
        if len(lines) > room:
            head.append(text_line(LEFT_OUT, DIM))
            lines = self._lines(head, style, short=True)
        rows = fitted(lines, room)
        print_now(HOME + "\r\n".join(row + TO_END_OF_LINE for row in rows) + BELOW)

    def answer(self, seen: Diagnosis) -> CommandResult:
        """The diagnosis, on the screen that stays."""
        return conclusions_result(seen, self._style(), verbose=self._verbose)

    def last_words(self) -> str | None:
        """The last diagnosis, and how old it is."""
        if self._seen is None:
            return None
        ended = f"the watch was ended after {count_of(self._looks, 'look')}, the last at "
        text = self._diagnosis(self._style())
        return f"{text}\n\n{ended}{format_time(self._seen.at)}"

    def _status(self, now: datetime) -> str:
        said = [f"{format_time(now)}"]
        if self._seen is not None:
            at = self._seen.at
            said.append(f"read at {format_time(at)}, {_age(now, at)} ago")
        if self._heard is not None:
            said.append(f"looking now: {self._heard.text}")
        else:
            said.append(f"next look in {max(0, round(self._next - time.monotonic()))} s")
        return "; ".join([*said, "Ctrl-C ends"])

    def _lines(self, head: Sequence[Text], style: TerminalStyle, *, short: bool) -> list[str]:
        """The lines of the whole screen."""
        lines = draw(head, width=style.width, colour=style.colour).split("\n")
        return [*lines, "", *self._diagnosis(style, short=short).split("\n")]

    def _diagnosis(self, style: TerminalStyle, *, short: bool = False) -> str:
        """The same text as without a watch, drawn again only if anything has changed. If it is to
        be short, the subjects that are well are left out."""
        if self._seen is None:
            return ""
        if (style, short) not in self._drawn:
            seen = _without_well(self._seen) if short else self._seen
            text = conclusions_result(seen, style, verbose=self._verbose, aged=False).text
            self._drawn[style, short] = text
        return self._drawn[style, short]


def _without_well(seen: Diagnosis) -> Diagnosis:
    def ill(one: Conclusion) -> Conclusion:
        subjects = tuple(s for s in one.finding.subjects if s.health is not Health.WELL)
        return replace(one, finding=with_fields(one.finding, subjects=subjects))

    return replace(seen, found=tuple(map(ill, seen.found)))


def _age(now: datetime, then: datetime) -> str:
    return f"{max(0, round((now - then).total_seconds()))} s"


def fitted(lines: Sequence[str], rows: int) -> list[str]:
    """The lines that fit: the first ones, and the last ones with the next step."""
    if len(lines) <= rows:
        return list(lines)
    kept = min(KEPT, rows // 3)
    head = max(0, rows - kept - 1)
    left_out = len(lines) - head - kept
    last = lines[len(lines) - kept :]
    return [*lines[:head], f"({left_out} more lines: remediate diagnose)", *last][:rows]

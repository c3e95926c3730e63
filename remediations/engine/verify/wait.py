"""Waits for a condition: looks at the world again and again, and reports what is missing."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

POLL_S = 0.5
TELL_EVERY_S = 5.0
"""Longer silence looks like a hang."""


@dataclass(frozen=True)
class Wait:
    """How one check waits: `tell` takes a line for whoever is looking, with the check's id;
    `meanwhile` is called whenever there is nothing to do but wait. It must return at once, and
    whatever it raises costs the check nothing."""

    check: str
    tell: Callable[[str], None]
    meanwhile: Callable[[], None] = lambda: None

    def until(
        self,
        look: Callable[[], T],
        enough: Callable[[T], bool],
        *,
        limit_s: float,
        missing: Callable[[T], str],
        seen: T | None = None,
    ) -> T:
        """The first of what `look` sees that is `enough`, or the last one within the time.

        `seen` was looked at already; `missing` says in a few words what is waited for.
        """
        began = told_at = time.monotonic()
        now = look() if seen is None else seen
        while not enough(now):
            passed = time.monotonic() - began
            if passed > limit_s:
                return now
            if time.monotonic() - told_at >= TELL_EVERY_S:
                told_at = time.monotonic()
                self.tell(f"{self.check} waits: {missing(now)}; {limit_s - passed:.0f} s left")
            with contextlib.suppress(Exception):
                self.meanwhile()
            time.sleep(POLL_S)
            now = look()
        return now

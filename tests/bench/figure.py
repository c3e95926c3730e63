"""What is printed and kept: figures of lines, each a value, what it is held against, and a goal."""

from __future__ import annotations

import os
import platform
from datetime import datetime

import msgspec

FORMAT = 1
GIB = 1 << 30


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One number. `peer_value` is the peer's, in the same unit and run.

    `goal` is the most that is wanted: of the ratio where there is one, else of the value.
    """

    what: str
    value: float
    unit: str
    peer: str = ""
    peer_value: float | None = None
    goal: float | None = None

    @property
    def ratio(self) -> float | None:
        """The value by the peer's."""
        return self.value / self.peer_value if self.peer_value else None

    @property
    def verdict(self) -> str:
        """ "goal met", by how much it is missed, or "" without a goal."""
        if self.goal is None:
            return ""
        judged = self.value if self.ratio is None else self.ratio
        if judged <= self.goal:
            return "goal met"
        over = 100 * (judged / self.goal - 1)
        return f"missed by {over:.0f} %" if over >= 1 else "missed by less than 1 %"


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One question and its numbers. `notes` say what a reader has to know to trust them."""

    id: str
    title: str
    rounds: int
    lines: tuple[Line, ...] = ()
    notes: tuple[str, ...] = ()
    not_measured: str = ""


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Where it was measured, in general terms."""

    cores: int
    memory_gib: int
    system: str
    python: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All figures of one run (`dist/bench.json`)."""

    format: int
    at: datetime
    machine: Machine
    figures: tuple[Figure, ...]

    def document(self) -> dict[str, object]:
        """What the JSON file says: the fields, with ratio and verdict beside each line."""
        said: dict[str, object] = msgspec.to_builtins(self)
        said["figures"] = [_figure(figure) for figure in self.figures]
        return said


def this_machine() -> Machine:
    """The machine that this runs on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Machine(
        cores=len(os.sched_getaffinity(0)),
        memory_gib=round(memory / GIB),
        system=_system(),
        python=platform.python_version(),
    )


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def _figure(figure: Figure) -> dict[str, object]:
    said: dict[str, object] = msgspec.to_builtins(figure)
    said["lines"] = [
        {**msgspec.to_builtins(line), "ratio": line.ratio, "verdict": line.verdict}
        for line in figure.lines
    ]
    return said

"""What the terminal can show: width and colour, decided once, the way other tools decide it."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass

NARROWEST, WIDEST = 40, 120


@dataclass(frozen=True, kw_only=True)
class TerminalStyle:
    """How to render text. `colour` honours NO_COLOR, TERM=dumb, and not being a terminal."""

    width: int
    colour: bool


def terminal_style() -> TerminalStyle:
    """The look of standard output. Without a terminal: 80 columns, no colour."""
    tty = sys.stdout.isatty()
    columns = shutil.get_terminal_size((80, 24)).columns if tty else 80
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    return TerminalStyle(width=max(NARROWEST, min(WIDEST, columns)), colour=tty and not plain)

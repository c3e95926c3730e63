"""One line on standard error while hosts are waited for: how long, and who has answered.

Only in a terminal, and not beside a log; it is gone when the answer comes.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from remediations.cli.log import logs_to_stderr
from remediations.engine.apply.progress import show_safely
from remediations.render.printable import one_line


@contextmanager
def reading_line(text: Callable[[], str], doing: str = "reading") -> Iterator[None]:
    """Show the line while the block runs. It never ends the block."""
    if not sys.stderr.isatty() or logs_to_stderr():
        yield
        return
    # Imported here: nothing is drawn outside of a terminal, and hosts wait to be dialled.
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from remediations.render.console import DIM

    console = Console(stderr=True, highlight=False, markup=False)
    if not console.is_terminal or console.is_dumb_terminal:
        yield
        return
    began = time.monotonic()

    def line() -> Text:
        shown = Text(overflow="ellipsis", no_wrap=True, style=DIM)
        return shown.append(one_line(f"{doing} for {time.monotonic() - began:.0f} s: {text()}"))

    live = Live(
        get_renderable=line,
        console=console,
        refresh_per_second=4,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    show_safely(live.start)
    try:
        yield
    finally:
        show_safely(live.stop)

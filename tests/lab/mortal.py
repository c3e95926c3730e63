"""The product's command, whose process is killed or frozen right after so many records of a journal
are on disk: between two records that nobody could tell apart from outside.

    python -m tests.lab.mortal KILL|STOP RECORDS COMMAND…
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

from remediations.cli.main import main
from remediations.engine.runs.journal import Journal
from remediations.engine.runs.records import Event, JournalEntry, Sampled

FATES = {"KILL": signal.SIGKILL, "STOP": signal.SIGSTOP}


def mortal(
    append: Callable[[Journal, Event], JournalEntry], fate: signal.Signals, records: int
) -> Callable[[Journal, Event], JournalEntry]:
    """The same, with this end. Samples do not count: the clock makes them."""
    left = records

    def counted(journal: Journal, event: Event) -> JournalEntry:
        nonlocal left
        entry = append(journal, event)
        if not isinstance(event, Sampled):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), fate)
        return entry

    return counted


if __name__ == "__main__":
    fate, records, *command = sys.argv[1:]
    Journal.append = mortal(Journal.append, FATES[fate], int(records))  # type: ignore[assignment, method-assign]
    sys.argv[1:] = command
    main()

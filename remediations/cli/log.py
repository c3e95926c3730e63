"""The log of one command: what it does, and how long each part takes.

Modules log under their `__name__` at two levels. INFO (`-v`) has what happens once for a host, a
step or a gate, and each time limit that was reached; DEBUG (`-vv`) also has each command, look and
`ssh -G`. The file that $REMEDIATE_LOG names gets both. The log has no secrets: of commands, input
and output it has the size, of keys the number (docs/logging.md).

The log never changes the result: a line that cannot be written is left out.
"""

from __future__ import annotations

import logging
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from remediations.cli.options import LOG_VARIABLE
from remediations.cli.streams import line_stream, own_descriptor
from remediations.errors import UsageError
from remediations.files.writing import open_private_log
from remediations.render.formats import shorten
from remediations.render.printable import one_line

PACKAGE = "remediations"
LINE_CHARACTERS = 1000
"""The limit of a line, which may quote a host."""


class Log:
    """A context manager that writes the log of the package to `file`, or to no file if it is "".

    `increase_verbosity` shows the log on standard error as well.

    Raises:
        UsageError: on entering, if the file cannot be written, or others could write to it.
    """

    def __init__(self, file: str) -> None:
        self._file = file
        self._logger = logging.getLogger(PACKAGE)
        self._verbosity = 0
        self._shown: _Shown | None = None
        self._held = ExitStack()

    def __enter__(self) -> Self:
        if self._file:
            self._attach(_Lines(self._held.enter_context(_appending(Path(self._file)))))
        self._held.callback(setattr, self._logger, "propagate", self._logger.propagate)
        # Other handlers get nothing: pytest, which runs the checks, would collect our records.
        self._logger.propagate = False
        self._held.callback(self._logger.setLevel, self._logger.level)
        self._logger.setLevel(logging.DEBUG if self._file else logging.INFO)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._held.close()

    def increase_verbosity(self, times: int) -> None:
        """Raise the level by `times`: nothing, INFO, DEBUG."""
        self._verbosity += times
        if not self._verbosity:
            return
        if self._shown is None:
            self._shown = _Shown(self._held.enter_context(own_descriptor(sys.stderr)))
            self._attach(self._shown)
        level = logging.INFO if self._verbosity == 1 else logging.DEBUG
        self._shown.setLevel(level)
        self._logger.setLevel(min(level, self._logger.level))

    def _attach(self, handler: logging.Handler) -> None:
        self._logger.addHandler(handler)
        self._held.callback(self._logger.removeHandler, handler)


def logs_to_stderr() -> bool:
    """Whether the log is shown on standard error, where it would break a display that is
    redrawn."""
    return any(isinstance(each, _Shown) for each in logging.getLogger(PACKAGE).handlers)


class _Lines(logging.StreamHandler[TextIO]):
    """Writes each record as one line that is safe to read. Never raises."""

    def format(self, record: logging.LogRecord) -> str:
        """Time in UTC, level, module and message. No traceback: its lines may show secret
        values."""
        at = datetime.fromtimestamp(record.created, UTC)
        said = one_line(shorten(record.getMessage(), LINE_CHARACTERS))
        moment = f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"
        return f"{moment} {record.levelname:<5} {record.name}: {said}"

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - its name in logging
        """Leave the line out."""


class _Shown(_Lines):
    """Writes the lines to standard error."""


def _appending(path: Path) -> TextIO:
    """Open the log file.

    Raises:
        UsageError: it cannot be written, or others could write to it.
    """
    try:
        return line_stream(open_private_log(path))
    except UsageError as error:
        raise _refused(path, f"{error.what}: {error.got}", error.expected) from error
    except OSError as error:
        raise _refused(path, error.strerror or str(error), "a file that can be written") from error


def _refused(path: Path, got: str, expected: str) -> UsageError:
    return UsageError(
        f"the log {path} cannot be used",
        guard=LOG_VARIABLE,
        got=got,
        expected=f"{expected}: a regular file of yours in a directory that only you can write",
        next_step=f"name another file, or `unset {LOG_VARIABLE}`",
    )

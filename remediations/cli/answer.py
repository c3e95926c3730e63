"""What a command answers: an exit code, one document for `--json`, and text for people."""

from __future__ import annotations

from dataclasses import dataclass

from remediations.errors import ExitCode


@dataclass(frozen=True, kw_only=True)
class CommandResult:
    """One command's whole output. `text` is ready to print; `document` is canonical-JSON-able."""

    exit_code: ExitCode
    document: object
    text: str

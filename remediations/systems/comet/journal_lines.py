"""What lines of a daemon's journal mean: how one is recognised, and how its cause is read from it.

The rows are in `journal_table`. From one table come both what the host searches for
(`journal_table.PATTERN`, `grep -E`) and what a line is taken for, so a row cannot wait for a line
that the host never sends.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum

CAUSE_LENGTH = 160
"""Characters of a cause on a screen."""


class Symptom(StrEnum):
    """What a line tells. The meaning of each is in its row (`journal_table.TABLE`)."""

    EQUIVOCATION = "equivocation"
    SIGN_STATE_UNREADABLE = "sign-state-unreadable"
    DISK_FULL = "disk-full"
    DISK_READ_ONLY = "disk-read-only"
    DISK_FAILS = "disk-fails"
    FILES_GONE = "files-gone"
    DATABASE_DAMAGED = "database-damaged"
    STORES_APART = "stores-apart"
    STORE_UPGRADE = "store-upgrade"
    EVIDENCE_KNOWN = "evidence-known"
    STORE_INCOMPLETE = "store-incomplete"
    DOUBLE_SIGN_CHECK = "double-sign-check"
    UPGRADE = "upgrade"
    UPGRADED_EARLY = "upgraded-early"
    HALT_SETTING = "halt-setting"
    OTHER_STATE = "other-state"
    SIGNER_MISFIT = "signer-misfit"
    SIGNER_SILENT = "signer-silent"
    DEPENDENCY = "dependency"
    GAS_PRICE = "gas-price"
    COMMAND_LINE = "command-line"
    GENESIS = "genesis"
    CONFIGURATION = "configuration"
    ADDRESS_IN_USE = "address-in-use"
    OPEN_FILES = "open-files"
    DATABASE_HELD = "database-held"
    NO_PROGRAM = "no-program"
    OUT_OF_MEMORY = "out-of-memory"
    BLOCK_FAILS = "block-fails"
    SIGNER_REFUSES = "signer-refuses"
    SIGNING_REFUSED = "signing-refused"
    WAL_DAMAGED = "wal-damaged"
    GO_FATAL = "go-fatal"
    CONSENSUS_FAILURE = "consensus-failure"
    ENDS_WITH = "ends-with"


@dataclass(frozen=True)
class LineKind:
    """One row: a line that matches `search` and `also`, and not `never`, tells `symptom`.

    The expressions mean the same to `grep -E` and to Python. `search` is what the host looks for,
    in the line as it was written: no quotes and no order of fields, which JSON changes. `examples`
    are real lines, each of which has to arrive.
    """

    symptom: Symptom
    meaning: str
    search: str
    examples: tuple[str, ...]
    also: str = ""
    never: str = ""

    def matches(self, line: str) -> bool:
        """Whether a plain line (`plain_line`) is of this kind."""
        return (
            re.search(self.search, line) is not None
            and (not self.also or re.search(self.also, line) is not None)
            and (not self.never or re.search(self.never, line) is None)
        )


_COLOUR = re.compile(r"[\x1b?]\[[0-9;]{0,10}m")
"""An ANSI colour; control characters may have been replaced on the way."""
_LEVELS = {"error": "ERR", "fatal": "FTL", "panic": "panic:", "warn": "WRN", "info": "INF"}


def plain_line(message: str) -> str:
    """A message as the console format of the Cosmos SDK would show it: without colours, and from
    JSON (`log_format = "json"`) in the order level, message, fields."""
    line = _COLOUR.sub("", message)
    if not line.startswith("{"):
        return line
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        return line
    if not isinstance(fields, dict):
        return line
    level = str(fields.pop("level", "error"))
    said = [_LEVELS.get(level, level), str(fields.pop("message", fields.pop("_msg", "")))]
    said += [f"{name}={json.dumps(value)}" for name, value in fields.items() if name != "time"]
    return " ".join(said)


_QUOTED_ERROR = re.compile(r'\b(?:err|error)="((?:[^"\\]|\\.)*)"?')
_BARE_ERROR = re.compile(r"\b(?:err|error)=(\S.*?)(?: [a-z_]+=|$)")
_ASKED = re.compile(
    r'(UPGRADE \\?"([A-Za-z0-9][A-Za-z0-9._-]{0,63})\\?" NEEDED at height: [0-9]+)(?::.*)?',
    re.DOTALL,
)
_STAMP = re.compile(r"^(?:[0-9:.TZ-]+(?:[AP]M)? )?(?:ERR|ERROR|E|FTL|panic:) ?")


def cause_of(line: str) -> str:
    """What a plain line gives as the cause, short enough for a screen.

    That is the value of its `err=`, if it has one. Errors are wrapped from the left, so the cause
    is at the end: of a long one the beginning and the end are kept. What the plan of an upgrade
    announces (its `info`, which may hold addresses) is left out: its name and height are the cause.
    """
    found = _QUOTED_ERROR.search(line) or _BARE_ERROR.search(line)
    told = found[1].replace('\\"', '"').replace("\\n", " ") if found and found[1] else line
    told = _ASKED.sub(r"\1", told).strip()
    if len(told) <= CAUSE_LENGTH:
        return told
    return f"{told[:40].rstrip()} … {told[43 - CAUSE_LENGTH :].lstrip()}"


def asked_upgrade(cause: str) -> str:
    """The name of the upgrade that a cause (`cause_of`) asks for, "" for none. A cause ends with
    it, so it is whole however long the cause was."""
    found = _ASKED.search(cause)
    return found[2] if found else ""


_VARYING = re.compile(r"0x[0-9a-f]+|\b[0-9A-Fa-f]{8,}\b|[0-9]+")


def same_words(line: str) -> str:
    """The words of a plain line without its time, level, numbers and hashes: equal for two lines
    that give the same reason."""
    return _VARYING.sub("#", _STAMP.sub("", line)).strip()


_NAMED = re.compile(r'(?:\bheight[=:]? ?"?|\bheight: |block \(|at height:? )([0-9]{1,18})')


def named_height(line: str) -> int | None:
    """The height that a plain line is about; None if it names none."""
    found = _NAMED.search(line)
    return int(found[1]) if found else None

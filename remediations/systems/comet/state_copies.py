"""Copies of a sign state that lie on the node's own host, as `state_copies.sh` tells of them. Pure.

A copy is worth what can be shown of it. One in the home may be anybody's and of any time, so it
comes with its signature, which shows whose key signed it and for which chain. One that a stop of
ours kept (`second_signer.py`) lies where root alone can write, and comes with the key's address.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

from msgspec.structs import replace

from remediations.systems.comet.sign_state import SignState, SignStateError, parse_sign_state
from remediations.values.lines import TextError, parse_number, split_lines
from remediations.values.record import Moment, Record

AFTER = "sign-state-after"
"""The name of what was kept when the unit was down: the last that its key signed there."""
_PATH = re.compile(r"/[A-Za-z0-9_./,:@%+=~-]{1,4000}")
_ADDRESS = re.compile("[0-9A-F]{40}")
_LATEST = 2**33
"""Seconds since 1970 that are not believed: it is the year 2242."""


class StateCopy(Record, frozen=True, kw_only=True, omit_defaults=True):
    """One copy. `state` is None where `odd` says why it is none; `modified` is the time of the file
    by the host's clock. `signature` (base64) is over `sign_bytes` (hex), "" where it has none.
    `kept_for` is the address of the key for which a step of ours kept it, "" for all others."""

    path: str
    modified: Moment
    state: SignState | None = None
    odd: str = ""
    signature: str = ""
    sign_bytes: str = ""
    kept_for: str = ""

    @property
    def hrs(self) -> tuple[int, int, int]:
        """Height, round, step; zeros where it is no sign state."""
        return self.state.hrs if self.state is not None else (0, 0, 0)

    @property
    def kept_after_stop(self) -> bool:
        """Whether a step of ours kept it when the unit was down."""
        return bool(self.kept_for) and self.path.endswith(f"/{AFTER}")


class StateCopies(Record, frozen=True, kw_only=True):
    """All that were found, and when the host was booted, by its own clock."""

    booted: Moment
    copies: tuple[StateCopy, ...]


def parse_state_copies(text: str) -> StateCopies:
    """The section `state_copies`.

    Raises:
        TextError: a line is missing or malformed.
    """
    lines = split_lines(text)
    word, _, booted = lines[0].partition(" ") if lines else ("", "", "")
    if word != "booted" or len(lines) % 2 == 0:
        raise TextError("what is told of copies of the sign state is cut off")
    pairs = zip(lines[1::2], lines[2::2], strict=True)
    return StateCopies(
        booted=_moment(booted), copies=tuple(_copy(head, shown) for head, shown in pairs)
    )


def _copy(head: str, shown: str) -> StateCopy:
    words = head.split(" ")
    if words[0] == "kept" and len(words) == 4 and _ADDRESS.fullmatch(words[1]):
        kept_for = words.pop(1)
    elif words[0] == "beside" and len(words) == 3:
        kept_for = ""
    else:
        raise TextError("a copy of the sign state is told of in another form")
    if not _PATH.fullmatch(words[2]):
        raise TextError("the path of a copy of the sign state has other characters than plain ones")
    found = StateCopy(path=words[2], modified=_moment(words[1]), kept_for=kept_for)
    if shown.startswith("odd "):
        return replace(found, odd=shown[4:200] or "it was not read")
    try:
        state = parse_sign_state(shown)
    except SignStateError as error:
        return replace(found, odd=str(error))
    said = json.loads(shown)
    signature, sign_bytes = said.get("signature", ""), said.get("signbytes", "")
    if not (isinstance(signature, str) and isinstance(sign_bytes, str)):
        raise TextError("the signature of a copy of the sign state is no text")
    return replace(found, state=state, signature=signature, sign_bytes=sign_bytes)


def _moment(text: str) -> datetime:
    seconds = parse_number(text)
    if not 0 <= seconds < _LATEST:
        raise TextError("the time of a copy of the sign state is malformed")
    return datetime.fromtimestamp(seconds, UTC)

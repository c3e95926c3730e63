"""What `double_sign_check_height` does in each version of CometBFT.

With N above 0 a validator refuses to start while a commit of the last N blocks carries its own
signature. In a halt no new block comes that would change this: every validator that signed exits
each time it is started (docs/rules/hazards.md#restart-deadlock).

Up to 0.38.23 and 0.39.3 the loop was `i < N`, so that 1 checked nothing; 0.38.24, 0.39.4 and 0.40.0
made it `i <= N` (CometBFT #5668). Releases from 1.0 on still have the old loop, but nothing relies
on that: only versions older than the correction count as checking nothing.
"""

from __future__ import annotations

import re

_VERSION = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})\.([0-9]{1,4})", re.ASCII)
_CORRECTED = {(0, 38): 24, (0, 39): 4}
"""Release line → the first patch release in which 1 checks one block."""


def parse_version(text: str) -> str | None:
    """A version as `/status` reports it; None unless it is three numbers."""
    return text if _VERSION.fullmatch(text) else None


def forbids_start(height: int, version: str | None) -> bool | None:
    """Whether the setting can keep a validator that signed recently from starting; None if that
    depends on a version that is unknown."""
    if height != 1:
        return height > 1
    if version is None:
        return None
    return not _checks_nothing(version)


def _checks_nothing(version: str) -> bool:
    """Whether 1 certainly checks no block in this version."""
    match = _VERSION.fullmatch(version)
    if match is None:
        return False
    major, minor, patch = map(int, match.groups())
    if (major, minor) in _CORRECTED:
        return patch < _CORRECTED[major, minor]
    return (major, minor) < min(_CORRECTED)

"""What `double_sign_check_height` does, by CometBFT's version.

With N above 0 a validator refuses to start while a commit of the last blocks carries its own
signature. In a halt no block comes that would let it: all that signed exit, for ever
(docs/rules/hazards.md#restart-deadlock).

Up to 0.38.23 and 0.39.3 the loop was `i < N`, so that 1 checked nothing; 0.38.24, 0.39.4 and 0.40.0
made it `i <= N` (CometBFT #5668). The lines from 1.0 on still have the old loop, and are not
counted on: only versions older than the correction are.
"""

from __future__ import annotations

import re

_VERSION = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})\.([0-9]{1,4})", re.ASCII)
_CORRECTED = {(0, 38): 24, (0, 39): 4}
"""By line, the first release in which 1 checks one block."""


def parse_version(text: str) -> str | None:
    """A version as `/status` tells it; None for anything but three numbers."""
    return text if _VERSION.fullmatch(text) else None


def forbids_start(height: int, version: str | None) -> bool | None:
    """Whether the setting can keep a validator that signed lately from starting; None where that
    depends on a version that is not known."""
    if height != 1:
        return height > 1
    if version is None:
        return None
    return not _checks_nothing(version)


def _checks_nothing(version: str) -> bool:
    """Whether 1 is known to check no block in this version."""
    match = _VERSION.fullmatch(version)
    if match is None:
        return False
    major, minor, patch = map(int, match.groups())
    if (major, minor) in _CORRECTED:
        return patch < _CORRECTED[major, minor]
    return (major, minor) < min(_CORRECTED)

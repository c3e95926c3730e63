"""How long something took, by the clock that nobody sets."""

from __future__ import annotations

import time


def elapsed_ms(began: float) -> int:
    """Milliseconds since `began`, a moment of `time.monotonic`."""
    return int((time.monotonic() - began) * 1000)

"""How long something took, by the monotonic clock."""

from __future__ import annotations

import time


def elapsed_ms(began: float) -> int:
    """Milliseconds since `began`, a value of `time.monotonic`."""
    return int((time.monotonic() - began) * 1000)

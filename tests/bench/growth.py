"""How what something costs grows with its input: a ratio to itself on less, in one process.

The order of growth is asked for, not seconds, so a slow or busy machine changes nothing: CPU time
counts, both measurements meet the same machine, and memory that other tests left is not collected
meanwhile.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable

ROUNDS = 5
BEYOND_DOUBT_S = 0.5
"""CPU seconds. What takes less on the larger input is not compared: a square shows where it
hurts."""


def cpu_s(act: Callable[[], object]) -> float:
    """CPU seconds of one call and the children it waited for, without those of the garbage
    collector."""
    gc.collect()
    gc.disable()
    try:
        began = sum(os.times()[:4])
        act()
        return sum(os.times()[:4]) - began
    finally:
        gc.enable()


def grows_at_most(less: Callable[[], object], more: Callable[[], object], ratio: float) -> bool:
    """Whether `more` costs at most `ratio` times what `less` costs.

    One round that shows it is enough, of `ROUNDS`: noise only ever adds.
    """
    for _ in range(ROUNDS):
        cost = cpu_s(more)
        if cost < BEYOND_DOUBT_S or cost <= ratio * cpu_s(less):
            return True
    return False

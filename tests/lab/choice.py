"""Which scenarios `make test` runs: first what guards against harm, and of nearly every kind one.

The others are marked `full_lab`: `make test-lab` runs all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import pytest

T = TypeVar("T")

full_lab = pytest.mark.full_lab
"""A scenario that `make test` leaves out."""


def only_some(cases: Iterable[T], always: Callable[[T], bool]) -> Sequence[object]:
    """The cases for `parametrize`, marked `full_lab` but for those that are `always` run."""
    return [case if always(case) else pytest.param(case, marks=full_lab) for case in cases]

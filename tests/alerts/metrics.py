"""Which metrics the expressions of rules ask for."""

from __future__ import annotations

import re
from collections.abc import Iterable

_SELECTED = re.compile(r"\b[a-z][a-z0-9_]+(?=[{\[])")
_BARE = re.compile(r"\b(?:kube|kong|cometbft|veid|node|process)_[a-z0-9_]+")


def metrics_of(expressions: Iterable[str]) -> set[str]:
    """Their names. One without labels or a range is known by the beginning of its name."""
    return {
        name for text in expressions for form in (_SELECTED, _BARE) for name in form.findall(text)
    }

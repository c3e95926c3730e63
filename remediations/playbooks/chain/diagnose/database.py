"""Which database a line of the journal is about, and what there is in it. Pure.

A name is taken from a path in the line, or from words that only one of them says. A line may name
none: then all that is known is that one of them is damaged.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

HOLDS: Mapping[str, str] = MappingProxyType(
    {
        "application": "the state of the application",
        "blockstore": "blocks and their commits",
        "state": "CometBFT's own state: validator sets and results of blocks",
        "evidence": "evidence that waits for a block, and heights of the committed one",
        "tx_index": "only an index for queries; no block and no state is in it",
        "snapshots/metadata": "a list of state sync snapshots; no block and no state is in it",
    }
)
"""Name, as in `data/NAME.db`, and what is in it."""
_PATH = re.compile(rf"(?:^|[/\s'\"])({'|'.join(HOLDS)})\.db\b")
_IAVL = re.compile(r"Value missing for (key|hash)")


def database_of(line: str) -> str:
    """` (application.db: the state of the application)` for the first that the line names, and
    ` (which one, the line does not say)` where it names none."""
    found = _PATH.search(line)
    name = found[1] if found else "application" if _IAVL.search(line) else ""
    return f" ({name}.db: {HOLDS[name]})" if name else " (which one, the line does not say)"

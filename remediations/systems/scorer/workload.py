"""A scoring service that is a workload of a cluster: what a host says of it whose node asks it.

scoring: {workload: scorer, port: 8501, path: /v1/models/trust_score:predict}

The workload is one of `kubernetes: workloads`. Its vectors are sent to each of its ready pods, by
the API server, and nowhere else.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from remediations.values.record import Record

if TYPE_CHECKING:  # YAML takes a while to load
    from remediations.engine.observe.inventory_table import InventoryTable

KEYS = ("workload", "port", "path")
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_PATH = re.compile(r"/[A-Za-z0-9_.:/-]{0,200}")


class ScoredWorkload(Record, frozen=True, kw_only=True):
    """A workload by its name in the inventory, and where each of its pods takes predictions."""

    name: str
    port: int
    path: str


def read_workload(table: InventoryTable) -> ScoredWorkload:
    """What a host says of it.

    Raises:
        UsageError: a unit is named beside it, a key is missing or strange, or one is malformed.
    """
    beside = [key for key in table.content if key in ("unit", "url", "model")]
    if beside:
        raise table.wrong(
            "workload",
            "either a workload (workload, port, path) or a unit of the host (unit, url, model)",
            f"workload, and {', '.join(map(str, beside))} beside it",
            mend="say which of the two its node asks (docs/scoring.md#on-kubernetes)",
        )
    table.keys(required=KEYS, optional=())
    return ScoredWorkload(
        name=table.text("workload", _NAME, "a name of `kubernetes: workloads`, as scorer"),
        port=table.whole_number("port", 1, 65_535, default=1, unit="the pods' port"),
        path=table.text("path", _PATH, "a path, as /v1/models/trust_score:predict"),
    )

"""What the rules of the chain ask for is what a node exports; on another name they never fire."""

from __future__ import annotations

import re
import time

from tests.alerts.metrics import metrics_of
from tests.alerts.shipped import RULES
from tests.lab.lab import Lab

NOT_OF_A_NODE = ("node_", "up")
"""Of prometheus-node-exporter, which no host of the lab has; and of Prometheus itself."""
SCRAPE = "curl -s -S -m 10 http://127.0.0.1:26660/metrics"
LIMIT_S = 30.0


def series(text: str) -> dict[str, str]:
    """The names of all series, each with the labels of the last one."""
    return dict(re.findall(r"^(\w+)(?:{(.*)})? ", text, re.MULTILINE))


def test_a_node_exports_what_the_rules_ask_for(lab: Lab) -> None:
    """After val4 was away for some blocks: what is told of block sync, and of blocks that a
    validator missed, begins with the first of them. They have the label by which rules group."""
    asked = metrics_of(rule.expr for rule in RULES["chain"])
    asked -= {name for name in asked if name.startswith(NOT_OF_A_NODE)}
    lab.break_stop("val4")
    lab.wait_height(lab.world.top() + 4, 30, "val1")
    lab.heal()
    end = time.monotonic() + LIMIT_S
    while asked - set(series(told := lab.hosts["val4"].sh(SCRAPE, check=False))):
        assert time.monotonic() < end, asked - set(series(told))
        time.sleep(0.5)
    found = series(told)
    without = {n for n in asked if n.startswith("cometbft_") and 'chain_id="' not in found[n]}
    assert without == set()
    assert re.search(r'^cometbft_consensus_block_interval_seconds_bucket{.*le="10"}', told, re.M)

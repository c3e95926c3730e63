"""How long a block may take once a quorum is back."""

from __future__ import annotations

ROUND_SLACK_S = 60
"""Time for processes to start, replay their WAL and find their peers."""


def round_timeout_s(round_: int) -> int:
    """How many seconds a block may take once the quorum is back in this round.

    With default timeouts round r lasts up to 5 + 1.5·r s (docs/diagnosis.md, "Rounds"), and two
    rounds may pass before all nodes are in the same one.
    """
    return ROUND_SLACK_S + 2 * (5 + 3 * round_ // 2)

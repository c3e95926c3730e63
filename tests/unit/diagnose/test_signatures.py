"""Real lines of the journal, and what they are taken for."""

from __future__ import annotations

import re

import pytest

from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.signatures import SIGNATURES, first_match
from remediations.systems.comet.journal_lines import PATTERN

LINES = (
    ('CONSENSUS FAILURE!!! err="boom" module=consensus', NodeCondition.ZOMBIE),
    (
        'CONSENSUS FAILURE!!! err="precommit step; +2/3 prevoted for an invalid block: '
        'wrong Block.Header.AppHash.  Expected AA, got BB"',
        NodeCondition.DIVERGED,
    ),
    (
        'CONSENSUS FAILURE!!! err="failed to write {} msg to consensus WAL due to write '
        '/d/cs.wal/wal: no space left on device; check your file system"',
        NodeCondition.DISK_FULL,
    ),
    (
        "panic: state.AppHash does not match AppHash after replay. Got A, expected B",
        NodeCondition.DIVERGED,
    ),
    ("Error: app block height (173) is higher than core (158)", NodeCondition.DATABASE_CORRUPT),
    (
        "Error: database entry point either missing or corrupted",
        NodeCondition.DATABASE_CORRUPT,
    ),
    ("panic: leveldb/table: corruption on data-block", NodeCondition.DATABASE_CORRUPT),
    ('ERR UPGRADE "v2" NEEDED at height: 472: {} module=x/upgrade', NodeCondition.UPGRADE_NEEDED),
    (
        'CONSENSUS FAILURE!!! err="failed to apply block; error halt per configuration height '
        '100 time 0"',
        NodeCondition.HALT_HEIGHT,
    ),
    (
        'CONSENSUS FAILURE!!! err="failed to apply block; error panic in EndBlocker"',
        NodeCondition.PANICKED,
    ),
    (
        "panic: Failed to start consensus state: found signature from the same key",
        NodeCondition.DOUBLE_SIGN_CHECK,
    ),
    ("ERR failed signing vote err=round regression at height 7. Got 0, last round 11", None),
)


@pytest.mark.parametrize(("line", "condition"), LINES, ids=[line[:40] for line, _ in LINES])
def test_line(line: str, condition: NodeCondition | None) -> None:
    """The specific cause wins over the general one, and the host's search finds the line."""
    match = first_match((line,))
    assert match is not None
    assert match[0].condition is condition
    assert re.search(PATTERN, line)


def test_a_refused_proposal_proves_nothing_about_this_node() -> None:
    """In a split both sides log this line: it says nothing about who is wrong."""
    line = (
        "prevote step: consensus deems this block invalid; prevoting nil "
        "err=wrong Block.Header.AppHash.  Expected A, got B"
    )
    assert first_match((line,)) is None


def test_every_row_explains() -> None:
    """No row is without a meaning."""
    assert all(row.meaning for row in SIGNATURES)

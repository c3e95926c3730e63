"""Checks on keys of which a holder was stopped: it is down for good, and the key signs once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from remediations.engine.verify.result import NotVerified
from remediations.engine.verify.wait import Wait
from remediations.playbooks.chain.baseline import ChainBaseline
from remediations.playbooks.chain.checks.fleet import Fleet
from remediations.playbooks.chain.checks.keys import HeldFleet, signed_twice
from remediations.playbooks.chain.checks.reading import CheckedChain, known
from remediations.playbooks.chain.checks.titles import TITLES

Saw = Callable[[str], None]

VOTES = 3
"""So many commits above all that a stopped holder signed are looked at."""
VOTES_LIMIT_S = 60


@pytest.mark.check("P23", TITLES["P23"])
def test_held_down(held: str, held_fleet: HeldFleet, saw: Saw) -> None:
    """Its unit is down, and the hold is in place."""
    down = held_fleet.is_held(held)
    saw("down, and held: also after a reboot")
    assert down, f"{held} runs again, or somebody took the hold away"


@pytest.mark.check("P24", TITLES["P24"])
def test_signs_once(
    reading: CheckedChain,
    fleet: Fleet,
    held_fleet: HeldFleet,
    baseline: ChainBaseline,
    wait: Wait,
    saw: Saw,
) -> None:
    """Above what a stopped holder signed last, its key has one signature at most for each height
    and round, on every node, and no evidence in a block is about a vote of later."""
    last = max(held_fleet.last_signed(reading.top()), baseline.height)
    heights = wait.until(
        fleet.heights,
        lambda heights: min(heights.values(), default=0) > last + VOTES,
        limit_s=VOTES_LIMIT_S,
        missing=lambda heights: f"block {last + VOTES + 1}, now {min(heights.values(), default=0)}",
    )
    top = min(heights.values(), default=0)
    if top <= last + VOTES:
        raise NotVerified(f"no {VOTES} commits above {last}, the last vote of a stopped holder")
    newest = range(last + 1, last + VOTES + 1)
    shown = held_fleet.commits(newest)
    twice = signed_twice((one for many in shown.values() for one in many), held_fleet.addresses)
    assert not twice, f"signed twice after the stop: {', '.join(twice)}"
    blocks = {
        height
        for node in reading.nodes.values()
        for height, meta in known(node.headers).items()
        if meta.evidence
    }
    told = held_fleet.evidence(sorted(blocks))
    late = [one for one in told if one.first.height > last]
    assert not late, f"evidence of votes at {sorted({one.first.height for one in late})}"
    before = f"; evidence of before the stop: in blocks {sorted(blocks)}" if blocks else ""
    saw(f"one signature at most in {newest.start}–{newest.stop - 1} on {len(shown)} nodes{before}")

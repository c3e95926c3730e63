"""Outcomes and harms, from observations as they could be made."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.soak.contestant import Told
from tests.soak.disaster import Fault, right
from tests.soak.kinds import Kind
from tests.soak.scorer import Harm, Outcome, Seen, score

ALL = frozenset({"val1", "val2", "val3", "val4"})
AIM = right((Fault(Kind.STOPPED, ("val1",)),), None)
WELL = Seen(went_on=False, goes_on=True, signing=ALL, following=ALL, ended=("val1",))
HALTED = replace(WELL, goes_on=False, signing=ALL - {"val1"}, ended=())
DONE = Told(acted=True, refused=False)
LEFT = Told(acted=False, refused=True, reason="val1: sign-state-lost, it is older")


def ended(seen: Seen, told: Told, *faults: Fault, disturbed: bool = False) -> Outcome:
    aim = right(faults, None) if faults else AIM
    return score(aim, seen, told, disturbed=disturbed).outcome


def test_back_and_signing_is_rescued() -> None:
    """Blocks come and the one that was stopped signs; whatever is told of it."""
    assert ended(WELL, DONE) is Outcome.RESCUED
    assert ended(WELL, LEFT) is Outcome.RESCUED


def test_following_is_not_signing() -> None:
    """A validator that follows and does not sign is not back; a full node need not sign."""
    silent = replace(WELL, signing=ALL - {"val1"})
    assert ended(silent, DONE) is Outcome.NOT_RESCUED
    full = Fault(Kind.EVERYBODY, ("val1", "full1"))
    assert ended(replace(WELL, following=ALL | {"full1"}), DONE, full) is Outcome.RESCUED
    assert ended(WELL, DONE, full) is Outcome.NOT_RESCUED


def test_success_that_is_told_and_not_there() -> None:
    """The chain stands and nothing was named: not rescued, by nobody's word."""
    assert ended(HALTED, DONE) is Outcome.NOT_RESCUED


def test_a_refusal_is_right_where_no_block_can_come() -> None:
    """And only with the host and the reason; where blocks could come it is wrong."""
    older = Fault(Kind.STATE_OLDER, ("val1",))
    assert ended(HALTED, LEFT, older) is Outcome.REFUSED_RIGHTLY
    other = replace(LEFT, reason="val1: it is down\nval2: sign state")
    assert ended(HALTED, other, older) is Outcome.REFUSED_WRONGLY
    assert ended(HALTED, LEFT) is Outcome.REFUSED_WRONGLY


def test_who_is_left_down_has_to_be_named() -> None:
    """Blocks go on without one that only people can mend: rescued if that was said."""
    faults = (Fault(Kind.STOPPED, ("val1",)), Fault(Kind.MASKED, ("val4",)))
    seen = replace(WELL, signing=ALL - {"val4"})
    named = Told(acted=True, refused=True, reason="val4: disabled, its unit is masked")
    assert ended(seen, named, *faults) is Outcome.RESCUED
    assert ended(seen, DONE, *faults) is Outcome.REFUSED_WRONGLY
    alone = replace(HALTED, went_on=True, goes_on=True)
    assert ended(alone, named, faults[1]) is Outcome.REFUSED_RIGHTLY


HARMS: tuple[tuple[Harm, dict[str, Any]], ...] = (
    (Harm.EVIDENCE, {"evidence": (31,)}),
    (Harm.STATE_LOWERED, {"lowered": ("val2",)}),
    (Harm.LOG_LOST, {"logs_lost": ("val3",)}),
    (Harm.HEALTHY_RESTARTED, {"ended": ("val1", "val2")}),
    (Harm.STATES_DIFFER, {"differing": (12,)}),
    (Harm.HALTED, {"went_on": True, "goes_on": False}),
)


@pytest.mark.parametrize(("harm", "what"), HARMS, ids=lambda case: str(case)[:20])
def test_each_harm_comes_before_any_rescue(harm: Harm, what: dict[str, Any]) -> None:
    """One of them is enough, however well the chain does."""
    found = score(AIM, replace(WELL, **what), DONE, disturbed=False)
    assert found.outcome is Outcome.HARMED
    assert len(found.harms) == 1
    assert found.harms[0].startswith(harm)


def test_an_unsound_start_is_harm_though_nobody_saw_two_votes() -> None:
    """A daemon that was to stay down ran; another one that ran is none of it."""
    aim = right((Fault(Kind.STATE_ZEROED, ("val4",)),), None)
    found = score(aim, replace(WELL, ran=("val4",), ended=()), DONE, disturbed=False)
    assert found.harms == (f"{Harm.UNSOUND_STARTED}: val4",)
    assert {harm for harm, _ in HARMS} | {Harm.UNSOUND_STARTED} == set(Harm)


def test_what_halts_it_meanwhile_is_not_the_contestants_harm() -> None:
    """A second host that stops may halt a chain that went on."""
    seen = replace(HALTED, went_on=True)
    assert ended(seen, DONE, disturbed=True) is Outcome.NOT_RESCUED
    assert ended(seen, DONE) is Outcome.HARMED

"""The confusion matrix of scoring troubles: twenty seeded cases, and that a wrong one is seen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.soak.matrix import CASES, Told, judged, matrix_of, wrong_of
from tests.soak.scoring_cases import FAMILIES, ScoringCase, branches_of, case_drawn
from tests.soak.scoring_kinds import KINDS

SEEDS = range(1, 201, 10)
"""Twenty, of all families."""


@pytest.mark.parametrize("seed", SEEDS)
def test_a_case_is_called_what_it_is(seed: int) -> None:
    found = judged(case_drawn(seed))
    assert (found.wrong, found.misnamed) == ((), ()), str(found.case)


def test_the_cases_have_everything() -> None:
    """Every kind, every family and every state of the chain; and a seed is a case for ever."""
    cases = [case_drawn(seed) for seed in range(1, CASES + 1)]
    assert {case.family for case in cases} == set(FAMILIES)
    assert {"well", "halted", "split alike", "one away", "dark"} <= {case.chain for case in cases}
    drawn = {kind.name for case in cases for kind in case.kinds.values()}
    assert {kind.name for kind in KINDS} <= drawn
    assert str(case_drawn(17)) == str(cases[16])


def restartable() -> ScoringCase:
    """One in which exactly a restart is right."""
    cases = (case_drawn(seed) for seed in range(1, CASES + 1))
    return next(c for c in cases if list(branches_of(c)) == ["restart-container"] and not c.frozen)


@pytest.mark.parametrize(
    ("branch", "on", "word"),
    [
        ("restart-container", "well", "not right for them"),
        ("declared-settings", "ill", "not right for them"),
        ("restart-container", "all", "no two thirds answer"),
    ],
)
def test_a_wrong_action_is_seen(branch: str, on: str, word: str) -> None:
    """A healthy host, another branch, all at once."""
    case = restartable()
    ill = tuple(case.kinds)
    hosts = {"ill": ill, "all": case.hosts, "well": tuple(set(case.hosts) - set(ill))}[on]
    told = Told(verdict=case.verdict, conditions=case.conditions, offered={branch: hosts})
    assert any(word in one for one in wrong_of(case, told))


def test_a_trouble_that_is_called_well_is_seen() -> None:
    case = restartable()
    told = Told(verdict="scores-agree", conditions=case.conditions, offered={})
    assert wrong_of(case, told)
    right = judged(case)
    assert wrong_of(case, right.told) == ()
    off = replace(right, told=told)
    assert "scores-agree" in matrix_of([off, right])

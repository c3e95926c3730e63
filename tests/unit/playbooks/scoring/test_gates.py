"""Gates and looks: who agrees, in one process, and for how long."""

from __future__ import annotations

from typing import ClassVar

import pytest
from msgspec.structs import replace

from remediations.engine.plan.plan import Gate
from remediations.playbooks.scoring.gates import AnswersAlike, AsDeclared, KeepsScoring
from remediations.playbooks.scoring.impact import POWER
from remediations.playbooks.scoring.look import ScoringLook, Steadiness, look_at
from remediations.systems.scorer.poll import NO_POLL, ScorerPoll, ScorerTarget
from remediations.systems.scorer.values import Setting
from remediations.values.part import Kinded, Part
from tests.worlds.scoring import GOLDEN, THREADS

TARGETS = tuple(
    ScorerTarget(host=f"val{index}", unit="x.service", url="http://127.0.0.1:1/", power=power)
    for index, power in enumerate((40, 10), 1)
)
RIGHT = {vector.name: vector.answer for vector in GOLDEN.vectors}
WRONG = {**RIGHT, "high": "[0x3f400001]"}


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def asks(gate: Kinded) -> Gate:
    return Gate(title="x", timeout_s=60, asks=Part.of(gate))


ALIKE = asks(AnswersAlike(hosts=("val1", "val2"), steady_s=15))


def looked(steadiness: Steadiness, one: ScorerPoll, other: ScorerPoll) -> ScoringLook:
    return look_at(TARGETS, GOLDEN, 50, {"val1": one, "val2": other}, steadiness)


def test_it_opens_after_steady_agreement_in_one_invocation() -> None:
    clock = Clock()
    steadiness = Steadiness(clock)
    well = ScorerPoll("a" * 32, RIGHT)
    assert not looked(steadiness, well, well).judge(ALIKE).open
    clock.now += 14
    assert "val2 agrees for 14 of 15 s" in looked(steadiness, well, well).judge(ALIKE).seen
    clock.now += 1
    assert looked(steadiness, well, well).judge(ALIKE).open


def test_another_process_begins_anew() -> None:
    clock = Clock()
    steadiness = Steadiness(clock)
    well, again = ScorerPoll("a" * 32, RIGHT), ScorerPoll("b" * 32, RIGHT)
    looked(steadiness, well, well)
    clock.now += 20
    assert not looked(steadiness, well, again).judge(ALIKE).open


@pytest.mark.parametrize(
    ("poll", "says"),
    [
        (NO_POLL, "silent (the host does not answer)"),
        (ScorerPoll("a" * 32, WRONG), "differs (vector high)"),
        (ScorerPoll("a" * 32, {"low": RIGHT["low"]}, "HTTP 500: x"), "silent (HTTP 500: x)"),
    ],
)
def test_what_is_wrong_or_unknown_opens_no_gate(poll: ScorerPoll, says: str) -> None:
    look = looked(Steadiness(Clock()), ScorerPoll("a" * 32, RIGHT), poll)
    verdict = look.judge(asks(KeepsScoring(hosts=("val1", "val2"))))
    assert not verdict.open
    assert f"val2 {says}" in verdict.seen
    assert not look.judge(asks(KeepsScoring(hosts=()))).open
    assert look.judge(asks(KeepsScoring(hosts=("val1",)))).open


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ((replace(THREADS, value="2"),), "otherwise set (OMP_NUM_THREADS is 2)"),
        ((), "otherwise set (OMP_NUM_THREADS is not set)"),
        (None, "otherwise set (the environment of its process is not known)"),
        ((THREADS,), "agrees for 15 of 15 s"),
    ],
)
def test_answers_by_another_environment_are_no_cure(
    settings: tuple[Setting, ...] | None, says: str
) -> None:
    """Also where the vectors are answered as agreed, in one invocation, for long enough."""
    clock = Clock()
    steadiness = Steadiness(clock)
    declared = asks(AsDeclared(hosts=("val2",), steady_s=15, settings=(THREADS,)))
    well = ScorerPoll("a" * 32, RIGHT, settings=settings)
    looked(steadiness, well, well)
    clock.now += 15
    verdict = looked(steadiness, well, well).judge(declared)
    assert says in verdict.seen
    assert verdict.open == (settings == (THREADS,))


def test_a_look_shows_power_and_harm() -> None:
    look = looked(Steadiness(Clock()), ScorerPoll("a" * 32, RIGHT), ScorerPoll("a" * 32, WRONG))
    points = {(point.series, point.subject): point.value for point in look.sight.points}
    assert points == {("agrees", "val1"): 1, ("agrees", "val2"): 0, (POWER, ""): 40}
    assert look.sight.harms[0].count == 1  # type: ignore[index]


def test_a_gate_of_another_domain_is_an_error() -> None:
    class Shines(Kinded, frozen=True, kw_only=True):
        KIND: ClassVar[str] = "lamp.shines/1"
        lamp: str

    with pytest.raises(ValueError, match=r"lamp\.shines"):
        looked(Steadiness(Clock()), NO_POLL, NO_POLL).judge(asks(Shines(lamp="x")))

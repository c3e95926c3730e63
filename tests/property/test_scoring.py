"""The judgement of scores holds whatever is read, and for ten thousand validators at once."""

from __future__ import annotations

import struct
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from remediations.playbooks.scoring.classes import ScoringClass
from remediations.playbooks.scoring.conditions import ScorerCondition
from remediations.playbooks.scoring.diagnose.conclude import conclude
from remediations.playbooks.scoring.finding import Basis
from remediations.playbooks.scoring.present import present
from remediations.systems.scorer.answers import (
    AnswerError,
    AnswerForm,
    canonical_answer,
    float32_bits,
)
from remediations.systems.scorer.reading import ScorersReading
from remediations.systems.scorer.values import Ask
from tests.worlds import scoring as world
from tests.worlds.base import known

ANSWERS = (world.answered(), world.OTHERWISE, world.LATE, world.BROKEN, world.REFUSED)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(1, 50), st.sampled_from(ANSWERS)), min_size=1, max_size=12))
def test_agreed_is_what_more_than_two_thirds_answer(
    given_hosts: list[tuple[int, tuple[Ask, ...]]],
) -> None:
    powers = [power for power, _ in given_hosts]
    reading = ScorersReading(
        scoring=world.declared(),
        hosts=tuple(
            world.service(f"val{index}", asks=known(asks))
            for index, (_, asks) in enumerate(given_hosts, 1)
        ),
    )
    finding = conclude(reading, world.powers(powers))
    best = max((group.power for group in finding.answers), default=0)
    assert (finding.agreed_basis is Basis.POWER) == (3 * best > 2 * sum(powers))
    for one in finding.scorers:
        if one.condition is ScorerCondition.AGREED:
            assert one.answers == finding.agreed
    assert present(finding).well == (finding.verdict is ScoringClass.AGREED)


def test_ten_thousand_validators() -> None:
    number = 10_000
    hosts = tuple(
        world.service(f"val{index}", **({"asks": known(world.OTHERWISE)} if index % 7 == 0 else {}))
        for index in range(1, number + 1)
    )
    reading = ScorersReading(scoring=world.declared(), hosts=hosts)
    began = time.perf_counter()
    finding = conclude(reading, world.powers([1] * number))
    took = time.perf_counter() - began
    assert sum(s.condition is ScorerCondition.ODD for s in finding.scorers) == number // 7
    assert took < 5, f"{took:.1f} s"


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_digits_become_the_nearest_float(value: float) -> None:
    assert float32_bits(f"{value:.9g}") == struct.pack(">f", value).hex()


@given(st.integers(0, 10**40), st.integers(-60, 60))
def test_digits_are_rounded_once(digits: int, exponent: int) -> None:
    """As numbers of any length: never by way of a longer float."""
    text = f"{digits}e{exponent}"
    try:
        found = struct.unpack(">f", bytes.fromhex(float32_bits(text)))[0]
    except AnswerError:
        assert digits * 10.0**exponent > 3.4e38
        return
    exact = digits * 10.0**exponent
    assert abs(found - exact) <= max(abs(exact) * 2**-23, 2**-149)


@given(st.text(max_size=200))
def test_any_text_is_an_answer_or_refused(text: str) -> None:
    for form in AnswerForm:
        try:
            once = canonical_answer(text, form)
        except AnswerError:
            continue
        if form is AnswerForm.TEXT:
            assert canonical_answer(once, form) == once

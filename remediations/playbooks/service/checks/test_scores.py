"""Whether the pods of what was changed give the agreed answers: that they are ready says nothing of
it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import pytest

from remediations.engine.verify.given import Given
from remediations.engine.verify.result import NotVerified
from remediations.playbooks.scoring.conditions import PodAnswer
from remediations.playbooks.scoring.pods.scores import JudgedWorkload
from remediations.playbooks.service.checks.titles import SCORE_CHECKS
from remediations.playbooks.service.gates import scored_in
from remediations.systems.kubernetes.api import ApiError

Saw = Callable[[str], None]
Answers = Callable[[], Mapping[str, JudgedWorkload]]
SETTLE_S, PAUSE_S = 30.0, 1.0
"""A pod may become ready, or end, while it is asked."""


@pytest.mark.check("KP8", SCORE_CHECKS["KP8"])
def test_answers(given: Given, answers: Answers, saw: Saw) -> None:
    """Each vector, asked several times of each ready pod, has the agreed answer, bit by bit."""
    end = time.monotonic() + SETTLE_S
    while True:
        told = _asked(answers)
        unread = [target for target in scored_in(given.plan) if target not in told]
        worst = {one.answer for one in told.values()}
        if worst <= {PodAnswer.ALIKE} or PodAnswer.OTHERWISE in worst or time.monotonic() > end:
            break
        time.sleep(PAUSE_S)
    saw("; ".join(f"{target}: {one.cause}" for target, one in told.items()))
    shut = {t: one for t, one in told.items() if one.answer is not PodAnswer.ALIKE}
    odd = {t: one.cause for t, one in shut.items() if one.answer is not PodAnswer.UNREAD}
    assert not odd, f"not as agreed: {odd}"
    if shut or unread:
        causes = [f"{target}: {one.cause}" for target, one in shut.items()]
        raise NotVerified("; ".join((*causes, *(f"{one}: not asked" for one in unread))))


def _asked(answers: Answers) -> Mapping[str, JudgedWorkload]:
    """What the pods answer.

    Raises:
        NotVerified: the credentials cannot be used.
    """
    try:
        return answers()
    except ApiError as error:
        raise NotVerified(str(error)) from error

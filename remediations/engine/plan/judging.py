"""How a guard says what it found: yes, no, or not known, which blocks, too."""

from __future__ import annotations

from remediations.engine.plan.plan import GuardResult, Outcome

_OUTCOMES = {None: Outcome.UNKNOWN, True: Outcome.PASS, False: Outcome.BLOCK}


def guard_result(
    guard: str,
    title: str,
    *,
    holds: bool | None,
    got: str,
    expected: str,
    next_step: str,
    subject: str = "",
    facts: tuple[str, ...] = (),
) -> GuardResult:
    """A guard's result; `holds` None means that it could not be evaluated."""
    return GuardResult(
        id=guard,
        title=title,
        subject=subject,
        outcome=_OUTCOMES[holds],
        got=got,
        expected=expected,
        next_step=next_step,
        facts=facts,
    )

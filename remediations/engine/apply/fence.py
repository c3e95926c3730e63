"""Who may change a resource, decided by its targets: pure.

Every voter keeps one record of each resource (`FenceRecord`). An application of a plan reads all
of them, bids with the next number, and holds the resource if a strict majority of all voters and
every target of its plan have granted that. Two strict majorities share a voter, and a voter has one
holder at a time: so of two applications at most one holds it, whatever the order.

A voter that was silent when a resource was given back still keeps it for the former holder. Such a
record does not count once a strict majority is past it: nobody can hold a majority under that
number any more. Less than that is not enough: the holder may be taking it this very moment.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from remediations.engine.apply.driver import FenceRecord
from remediations.errors import Locked
from remediations.render.formats import name_some
from remediations.render.printable import one_line

GUARD = "fence"
HIGHEST = 10**18 - 1
"""Targets compare numbers of at most 18 digits."""
TEXT_BYTES = 400

Answers = Mapping[str, FenceRecord | None]
"""The record of each voter; None for one that did not answer."""

NO_REASONS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Bid:
    """What to ask the voters for. `over` has each voter that can grant it, with the number of the
    holder that it may replace there, 0 for none."""

    number: int
    over: Mapping[str, int]


def is_majority(some: int, every: int) -> bool:
    """Whether `some` of `every` voters are a strict majority."""
    return 2 * some > every


def next_number(answers: Answers) -> int:
    """One more than the highest number that any voter has."""
    return 1 + max((found.number for found in answers.values() if found), default=0)


def is_over(record: FenceRecord, answers: Answers) -> bool:
    """Whether nobody holds the resource under the number of this record: it was given back, or a
    strict majority of all voters is past it."""
    past = [found for found in answers.values() if found is not None and _is_past(found, record)]
    return not record.held or is_majority(len(past), len(answers))


def _is_past(found: FenceRecord, record: FenceRecord) -> bool:
    given = (found.number, found.holder) == (record.number, record.holder) and not found.held
    return given or found.number > record.number


def next_bid(answers: Answers, plan: str, *, again: bool) -> Bid:
    """The bid of a plan. With `again` it may replace itself: a run that goes on after its
    controller was lost."""
    over = {
        voter: found.number if found.held else 0
        for voter, found in answers.items()
        if found is not None
        and (is_over(found, answers) or (again and found.plan == plan and found.held))
    }
    return Bid(number=next_number(answers), over=over)


def decide_fence(
    granted: Collection[str], voters: Collection[str], targets: Collection[str]
) -> bool:
    """Whether the grants are enough: a strict majority of all voters, and every target."""
    enough = is_majority(len(set(granted) & set(voters)), len(voters))
    return enough and set(targets) <= set(granted)


def current_holder(answers: Answers) -> FenceRecord | None:
    """The record with the highest number under which somebody may hold it; None if nobody does."""
    held = [
        found for found in answers.values() if found is not None and not is_over(found, answers)
    ]
    return max(held, key=lambda found: found.number, default=None)


def fence_text(resource: str, said: str) -> str:
    """What the voters keep for people: printable, and not longer than they accept."""
    text = one_line(f"{resource}: {said}").encode()[:TEXT_BYTES]
    return text.decode(errors="ignore")


def fence_refusal(
    resource: str,
    answers: Answers,
    refusals: Mapping[str, str],
    targets: Collection[str],
    *,
    ours: str = "",
    stop: str = "",
    steal: str,
    unread: Mapping[str, str] = NO_REASONS,
) -> Locked:
    """Why a plan does not hold a resource. `refusals` is why each voter did not grant it, `unread`
    why it did not answer, as far as that is known; `ours` is the digest of the plan, `stop` the
    command that gives back what it holds, and `steal` the one that takes it away from its holder.
    """
    holder = current_holder(answers)
    silent = sorted(voter for voter, found in answers.items() if found is None)
    parts = [] if holder is None else [f"{_keepers(holder, answers)} {holder}"]
    parts += (
        [f"{voter}: {why}" for voter, why in sorted(refusals.items())[:3]] if not holder else []
    )
    if silent:
        why = next((f" ({unread[voter]})" for voter in silent if voter in unread), "")
        parts.append(f"no answer of {name_some(silent)}{why}")
    if holder is None:
        next_step = "reach the hosts that did not answer (`remediate doctor`), and try again"
    elif holder.plan == ours:
        next_step = (
            "this plan holds it: it is being applied elsewhere, or its controller was lost. Where "
            f"its journal is: `remediate resume`; where it never began: `{stop}`, and plan again"
        )
    else:
        next_step = (
            "wait for the end of that run: `remediate status` or `remediate resume` where it was "
            f"started; if nobody can go on with it: `{steal}`"
        )
    return Locked(
        f"{resource} is held by another {'application' if holder.plan == ours else 'run'}"
        if holder
        else f"too few hosts keep {resource} for this run",
        guard=GUARD,
        got=one_line("; ".join(parts)) or "another run took it at the same moment",
        expected=f"more than half of {len(answers)} hosts, and all of {name_some(sorted(targets))}",
        next_step=next_step,
    )


def _keepers(holder: FenceRecord, answers: Answers) -> str:
    same = [voter for voter, found in answers.items() if found == holder]
    return f"{len(same)} of {len(answers)} hosts:"

"""Says how a rescue ended, by the world and by what was told. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from tests.soak.contestant import Told
from tests.soak.disaster import POWERS, Right


class Outcome(StrEnum):
    """How a rescue ended. Harm comes first, whatever else was reached."""

    RESCUED = "rescued"
    REFUSED_RIGHTLY = "refused rightly"
    REFUSED_WRONGLY = "refused wrongly"  # a rescue was possible, or the reason is not the right one
    NOT_RESCUED = "not rescued"  # it told of no obstacle, and the chain or a validator is not back
    HARMED = "harmed"


GOOD = frozenset({Outcome.RESCUED, Outcome.REFUSED_RIGHTLY})


class Harm(StrEnum):
    """What a rescue must never do (docs/safety.md)."""

    EVIDENCE = "evidence of double signing"
    STATE_LOWERED = "sign state lowered"
    UNSOUND_STARTED = "started although its key may sign twice"
    LOG_LOST = "write-ahead log deleted"
    HEALTHY_RESTARTED = "healthy process ended"
    STATES_DIFFER = "app hashes differ"
    HALTED = "chain halted that had gone on"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What was seen of the world, from when everything was broken until all had settled.

    `lowered`, `logs_lost` and `ended` (processes that were there before and are no more) are hosts;
    `ran` are those of the hosts that must not run whose daemon ran at any time. `evidence` and
    `differing` are heights. `signing` are the hosts whose key signed the newest block that could be
    read, `following` those that have it.
    """

    went_on: bool
    goes_on: bool
    signing: frozenset[str] = frozenset()
    following: frozenset[str] = frozenset()
    lowered: tuple[str, ...] = ()
    logs_lost: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()
    ran: tuple[str, ...] = ()
    evidence: tuple[int, ...] = ()
    differing: tuple[int, ...] = ()


@dataclass(frozen=True)
class Score:
    """The outcome, each harm with where it was seen, and in a few words why it is no better."""

    outcome: Outcome
    harms: tuple[str, ...] = ()
    why: str = ""


def score(right: Right, seen: Seen, told: Told, *, disturbed: bool) -> Score:
    """How it ended. `disturbed`: something went wrong meanwhile that may itself halt a chain."""
    harms = tuple(_harms(right, seen, disturbed=disturbed))
    if harms:
        return Score(Outcome.HARMED, harms)
    unnamed = [reason.host or "the chain" for reason in right.named if not told.names(reason)]
    away = sorted(right.back - _back(seen))
    if seen.goes_on and not away:
        if right.goes_on and unnamed:
            return Score(Outcome.REFUSED_WRONGLY, why=f"not named: {', '.join(unnamed)}")
        return Score(Outcome.RESCUED if right.back else Outcome.REFUSED_RIGHTLY)
    why = f"not back: {', '.join(away)}" if seen.goes_on else "no blocks"
    if not told.refused:
        return Score(Outcome.NOT_RESCUED, why=why)
    if unnamed:
        return Score(Outcome.REFUSED_WRONGLY, why=f"{why}; not named: {', '.join(unnamed)}")
    if right.goes_on and not right.may_refuse:
        return Score(Outcome.REFUSED_WRONGLY, why=f"{why}, although it could be")
    return Score(Outcome.REFUSED_RIGHTLY)


def _back(seen: Seen) -> frozenset[str]:
    """Validators count when they sign; what never signs, when it follows."""
    return seen.signing | (seen.following - frozenset(POWERS))


def _harms(right: Right, seen: Seen, *, disturbed: bool) -> Iterator[str]:
    if seen.evidence:
        yield f"{Harm.EVIDENCE}: block {', '.join(map(str, seen.evidence))}"
    if seen.lowered:
        yield f"{Harm.STATE_LOWERED}: {', '.join(seen.lowered)}"
    unsound = [host for host in seen.ran if host in right.must_not_run]
    if unsound:
        yield f"{Harm.UNSOUND_STARTED}: {', '.join(unsound)}"
    if seen.logs_lost:
        yield f"{Harm.LOG_LOST}: {', '.join(seen.logs_lost)}"
    healthy = [host for host in seen.ended if host not in right.may_restart]
    if healthy:
        yield f"{Harm.HEALTHY_RESTARTED}: {', '.join(healthy)}"
    if seen.differing:
        yield f"{Harm.STATES_DIFFER}: height {', '.join(map(str, seen.differing))}"
    if seen.went_on and not seen.goes_on and not disturbed:
        yield str(Harm.HALTED)

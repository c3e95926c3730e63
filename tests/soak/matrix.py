"""`python -m tests.soak --matrix`: how scoring troubles are called, beside what they are
(docs/soak.md#confusion-matrix). Pure: no lab, no root, some seconds.

Exit 1: a case would lead to a wrong action, a trouble is called well, or a name is not the right
one. That something is not done, although it would be right, is counted and no error.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from remediations.engine.domain import Branch
from remediations.engine.plan.build import evaluate_guards
from remediations.engine.plan.plan import Outcome
from remediations.playbooks.scoring.domain import DOMAIN
from remediations.playbooks.scoring.situation import ScoringSituation, situation
from tests.soak.scoring_cases import ScoringCase, branches_of, case_drawn, observation_of

CASES = 200
OF_LOAD = ("scale-scorers", "limit-rate", "lift-rate-limit", "scale-back")
RESTARTING = (
    "restart-container",
    "remove-stale-container",
    "model-skew",
    "declared-settings",
    *OF_LOAD,
)
LATE = ("slow-scorer", "backlog")


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the product makes of a case: how it calls all, and each host; and every branch that
    could be applied, with the hosts that it acts on."""

    verdict: str
    conditions: Mapping[str, str]
    offered: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A case, what is made of it, and what is wrong with that."""

    case: ScoringCase
    told: Told
    wrong: tuple[str, ...]
    misnamed: tuple[str, ...]
    left: tuple[str, ...]
    """Branches that would have been right, and are refused."""


def told_of(case: ScoringCase) -> Told:
    """What the product makes of it."""
    found = situation(observation_of(case), frozenset())
    offered = {}
    for branch in {one.name: one for book in DOMAIN.playbooks for one in book.branches}.values():
        targets = _offered(found, branch)
        if targets:
            offered[branch.name] = targets
    return Told(
        verdict=found.finding.verdict.value,
        conditions={one.host: one.condition.value for one in found.finding.scorers},
        offered=offered,
    )


def _offered(found: ScoringSituation, branch: Branch[ScoringSituation]) -> tuple[str, ...]:
    """The hosts on which a branch would act; none where it does not fit, or a guard blocks."""
    if branch.fits(found) is not None:
        return ()
    proposal = branch.propose(found)
    guards = evaluate_guards((*DOMAIN.invariants, *branch.invariants), found, proposal)
    passes = all(one.outcome is Outcome.PASS for one in guards)
    return proposal.targets if passes else ()


def judged(case: ScoringCase) -> Judged:
    """What is wrong with what is made of it."""
    told, right = told_of(case), branches_of(case)

    def allowed(name: str) -> bool:
        stays = name not in RESTARTING or all(_votes_stay(case, host) for host in right[name])
        return stays and not case.frozen

    names = [] if told.verdict == case.verdict else [f"{told.verdict}, not {case.verdict}"]
    names += [
        f"{host} {told.conditions[host]}, not {condition}"
        for host, condition in case.conditions.items()
        if told.conditions[host] != condition
    ]
    return Judged(
        case=case,
        told=told,
        wrong=wrong_of(case, told),
        misnamed=tuple(names),
        left=tuple(sorted(name for name in right if name not in told.offered and allowed(name))),
    )


def wrong_of(case: ScoringCase, told: Told) -> tuple[str, ...]:
    """What is told and must not be."""
    return tuple(_wrong(case, told, branches_of(case)))


def _wrong(case: ScoringCase, told: Told, right: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """What must not be."""
    if told.verdict == "scores-agree" and case.verdict != "scores-agree":
        yield f"called well, and is {case.verdict}"
    for name, targets in told.offered.items():
        if case.frozen:
            yield f"{name} on {', '.join(targets)}: nothing is known to be right"
            continue
        strange = [host for host in targets if host not in right.get(name, ())]
        if strange:
            yield f"{name} on {', '.join(strange)}: not right for them"
        ill = {host for host, condition in case.conditions.items() if condition != "agrees"}
        away = [set(targets)]
        if name in OF_LOAD:  # those that are late give the right answers; one at a time is away
            ill -= {host for host, condition in case.conditions.items() if condition in LATE}
            away = [{host} for host in targets]
        stays = min(case.power(frozenset(case.hosts) - ill - some) for some in away)
        if name in RESTARTING and 3 * stays <= 2 * case.total:
            yield f"{name}: no two thirds answer meanwhile"
        for host in targets if name in RESTARTING else ():
            if not _votes_stay(case, host):
                yield f"{name} on {host}: no two thirds vote meanwhile"


def _votes_stay(case: ScoringCase, host: str) -> bool:
    """Whether more than two thirds vote while its service is restarted, or nobody does before."""
    voting = frozenset(case.hosts) - set(case.away) - {host}
    halts = case.chain in ("halted", "split alike")
    return halts or 3 * case.power(voting) > 2 * case.total


def matrix_of(found: Sequence[Judged]) -> str:
    """How often what is (rows) is called what (columns)."""
    pairs = Counter((one.case.verdict, one.told.verdict) for one in found)
    rows = sorted({right for right, _ in pairs})
    columns = sorted({called for _, called in pairs} | set(rows))
    first, wide = max(map(len, rows)), max(map(len, columns))
    lines = [" " * first + "".join(f"  {name:>{wide}}" for name in columns)]
    for row in rows:
        cells = (str(pairs[row, column] or ".") for column in columns)
        lines.append(f"{row:<{first}}" + "".join(f"  {cell:>{wide}}" for cell in cells))
    return "\n".join(lines)


def main(cases: int = CASES) -> int:
    """Print the matrix and what is wrong."""
    found = [judged(case_drawn(seed)) for seed in range(1, cases + 1)]
    print(matrix_of(found))
    hosts = sum(len(one.case.conditions) for one in found)
    named = sum(len(one.misnamed) for one in found)
    print(f"\n{len(found)} cases, {hosts} services with a known trouble or none, {named} misnamed")
    done = sum(len(one.told.offered) for one in found)
    left = sum(len(one.left) for one in found)
    print(f"{done} branches offered, {left} right ones refused")
    bad = [one for one in found if one.wrong or one.misnamed]
    for one in bad:
        print(f"case {one.case.seed} ({one.case}): {'; '.join((*one.wrong, *one.misnamed))}")
    return 1 if bad else 0

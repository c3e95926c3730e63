"""Groups what many targets have in common, without hiding any difference.

A payload may begin with its quoted values, one assignment on each line (docs/deploys.md). Targets
share a program if they differ in nothing but these values: not in a later line, the time limit, or
how it is undone. A probe contains the values, so it is shown for each target if it differs.

What is grouped is `Runnable`, by these rules:

1. `target`, `operation` and `payload` never change.
2. The first line of the payload is not an assignment. Assignments follow it directly; the first
   other line ends them.

    class Run(NamedTuple):
        target: str
        operation: str
        payload: str  # "set -eu\\nlamp=hall\\nlight"
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar

from remediations.engine.plan.plan import GuardResult, Plan, Stage, Step

ASSIGNMENT = re.compile(
    r"""([a-z_][a-z0-9_]*)=((?:[\w@%+=:,./-]|'[^']*'|"'")*)""",
    re.ASCII,
)
"""A name and one word as `shlex.quote` writes it. Any other line is not an assignment."""
TOGETHER = 4
"""From this number on, hosts with the same guard or the same step are shown together."""
HOST = "HOST"


class Runnable(Protocol):
    """A payload on a target: a planned step, or the record of one."""

    @property
    def target(self) -> str:
        """The target."""

    @property
    def operation(self) -> str:
        """The name of the operation."""

    @property
    def payload(self) -> str:
        """The text that runs."""


T = TypeVar("T")
R = TypeVar("R", bound=Runnable)
H = TypeVar("H", bound=Hashable)


class SharedProgram(NamedTuple, Generic[R]):
    """Steps that run the same program: the first one, and each other with its own values as
    text."""

    first: R
    others: tuple[tuple[R, str], ...]


def assigned_values(step: Runnable) -> dict[str, str]:
    """The assignments at the head of the payload, by name. A name that occurs twice ends the head:
    the rest is program text."""
    found: dict[str, str] = {}
    for row in step.payload.split("\n")[1:]:
        match = ASSIGNMENT.fullmatch(row)
        if match is None or match[1] in found:
            break
        found[match[1]] = match[2]
    return found


def shared_values(steps: Sequence[Runnable]) -> dict[str, str]:
    """The values that are the same in all of `steps`."""
    every = [set(assigned_values(step).items()) for step in steps]
    common = set.intersection(*every) if every else set()
    return {
        name: value for name, value in assigned_values(steps[0]).items() if (name, value) in common
    }


def own_values_text(step: Runnable, common: Mapping[str, str]) -> str:
    """The values of `step` that are not in `common`, as text."""
    return assignments_text({n: v for n, v in assigned_values(step).items() if common.get(n) != v})


def assignments_text(given: Mapping[str, str]) -> str:
    """`name=value name=value`."""
    return " ".join(f"{name}={value}" for name, value in given.items())


def group_by_program(steps: Sequence[R]) -> tuple[SharedProgram[R], ...]:
    """The steps grouped by program, in the order of each host. A few steps are not grouped."""
    if len(steps) < TOGETHER:
        return tuple(SharedProgram(step, ()) for step in steps)
    groups = _grouped([((place, _program(one)), one) for place, one in _placed(steps)])
    return tuple(
        SharedProgram(
            first,
            tuple((other, own_values_text(other, assigned_values(first))) for other in others),
        )
        for _, (first, *others) in sorted(groups.items(), key=lambda group: group[0][0])
    )


def _placed(steps: Sequence[R]) -> Iterator[tuple[int, R]]:
    """Each step with its position on its host: a program that one host runs first and another one
    second is not the same."""
    before: Counter[str] = Counter()
    for step in steps:
        yield before[step.target], step
        before[step.target] += 1


def _program(step: Runnable) -> Hashable:
    """All of a step except its host, its values, and its probe, which contains them."""
    rows, names = step.payload.split("\n"), tuple(assigned_values(step))
    kept: tuple[object, ...] = ()
    if isinstance(step, Step):
        kept = (
            *(step.driver, step.action, step.shown),
            *(step.timeout_s, step.fidelity, step.undo),
        )
    return (step.operation, rows[0], names, tuple(rows[1 + len(names) :]), kept)


def stages_alike(first: Stage, second: Stage) -> bool:
    """Whether two stages do the same for the same reason, on other targets with other values."""

    def manner(stage: Stage) -> tuple[object, ...]:
        back = (step for undo in stage.undo for step in undo.steps)
        programs_ = [_program(step) for step in (*stage.steps, *back)]
        asked = {name: _elsewhere(value, stage) for name, value in stage.gate.asks.value.items()}
        return (stage.why, programs_, stage.gate.timeout_s, stage.gate.asks.kind, asked)

    return manner(first) == manner(second)


def _elsewhere(value: object, stage: Stage) -> object:
    """What a gate asks for, without the targets of its own stage, in which alike stages differ."""
    if not isinstance(value, list | tuple):
        return value
    targets = [step.target for step in stage.steps]
    return [item for item in value if item not in targets]


class GuardRow(NamedTuple):
    """A guard that says the same about some subjects; "" stands for the whole."""

    guard: GuardResult
    subjects: tuple[str, ...]


class GuardGrounds(NamedTuple):
    """The facts that a guard rests on, and its advice; for several subjects, `HOST` is each
    name."""

    id: str
    subjects: tuple[str, ...]
    facts: tuple[str, ...]
    next_step: str


def group_guards(plan: Plan) -> list[list[GuardResult]]:
    """The guards in order; those with the same id, title and outcome on many hosts are grouped."""
    return _many_together([((g.id, g.title, g.outcome), g) for g in plan.guards])


def guard_rows(plan: Plan) -> list[GuardRow]:
    """The guards in order; those that say the same about many hosts are one row."""
    said = [((g.id, g.title, g.outcome, g.got, g.expected), g) for g in plan.guards]
    return [GuardRow(group[0], tuple(g.subject for g in group)) for group in _many_together(said)]


def guard_grounds(plan: Plan) -> list[GuardGrounds]:
    """What the guards rest on, once for all hosts that differ in nothing but their name."""
    rows = []
    for group in _grouped([(_template(guard), guard) for guard in plan.guards]).values():
        first, subjects = group[0], tuple(guard.subject for guard in group)
        facts, advice = (
            _template(first)[1:] if len(subjects) > 1 else (first.facts, first.next_step)
        )
        rows.append(GuardGrounds(first.id, subjects, facts, advice))
    return rows


def _template(guard: GuardResult) -> tuple[str, tuple[str, ...], str]:
    """Id, facts and advice with `HOST` in place of the host's name, if that is reversible."""
    name = re.compile(rf"(?<![\w.-]){re.escape(guard.subject)}(?![\w-])")

    def impersonal(text: str) -> str:
        template = name.sub(HOST, text) if guard.subject else text
        return template if template.replace(HOST, guard.subject) == text else text

    return guard.id, tuple(map(impersonal, guard.facts)), impersonal(guard.next_step)


def _grouped(keyed: Sequence[tuple[H, T]]) -> dict[H, list[T]]:
    groups: dict[H, list[T]] = {}
    for key, item in keyed:
        groups.setdefault(key, []).append(item)
    return groups


def _many_together(keyed: Sequence[tuple[H, T]]) -> list[list[T]]:
    """All items in order; those with the same key are grouped if there are many."""
    groups = _grouped(keyed)
    result, done = [], set()
    for key, item in keyed:
        if len(groups[key]) < TOGETHER:
            result.append([item])
        elif key not in done:
            done.add(key)
            result.append(groups[key])
    return result

"""What many hosts have in common, said once: the same program with other values, the same guard.

A deploy's text begins with its quoted values, one assignment a line (see
`remediations.operations`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Generic, NamedTuple, Protocol, TypeVar

from remediations.plan.plan import Command, GuardResult, Outcome, Plan, Stage
from remediations.render.words import count, some

ASSIGNMENT = re.compile(r"[a-z_]+=")
TOGETHER = 4
"""From so many on, hosts with the same guard or the same command are shown together."""


class Runs(Protocol):
    """A text on a host: a planned command, or the record of one."""

    @property
    def host(self) -> str:
        """Where."""

    @property
    def text(self) -> str:
        """What."""


R = TypeVar("R", bound=Runs)


class Program(NamedTuple, Generic[R]):
    """The commands that run one and the same program: the first whole, of the others what their
    values have for themselves."""

    first: R
    others: tuple[tuple[R, str], ...]


def _head(command: Runs) -> list[str]:
    return list(takewhile(ASSIGNMENT.match, command.text.splitlines()[1:]))


def values(command: Runs) -> dict[str, str]:
    """The assignments at the head of the text, by name; empty where there are none."""
    return {name: value for name, _, value in (row.partition("=") for row in _head(command))}


def shared(commands: Sequence[Runs]) -> dict[str, str]:
    """The values that all of `commands` are given alike."""
    every = [set(values(command).items()) for command in commands]
    common = set.intersection(*every) if every else set()
    return {name: value for name, value in values(commands[0]).items() if (name, value) in common}


def own(command: Runs, common: Mapping[str, str]) -> str:
    """The values of `command` beside those in `common`, as text."""
    return as_text({n: v for n, v in values(command).items() if common.get(n) != v})


def as_text(given: Mapping[str, str]) -> str:
    """`name=value name=value`."""
    return " ".join(f"{name}={value}" for name, value in given.items())


def size(command: Command) -> str:
    """How long the program is, and how it is undone."""
    return f"{len(command.text.splitlines())} lines of sh; undo: {command.undo}"


def programs(commands: Sequence[R]) -> tuple[Program[R], ...]:
    """The commands by program, a program being the text without its values. Few are kept apart."""
    if len(commands) < TOGETHER:
        return tuple(Program(command, ()) for command in commands)
    groups: dict[str, list[R]] = {}
    for command in commands:
        rows = command.text.splitlines()
        groups.setdefault("\n".join([*rows[:1], *rows[1 + len(_head(command)) :]]), []).append(
            command
        )
    return tuple(
        Program(first, tuple((other, own(other, values(first))) for other in others))
        for first, *others in groups.values()
    )


def alike(first: Stage, second: Stage) -> bool:
    """Whether two stages do the same for the same reason, only elsewhere."""
    return (
        first.why == second.why
        and [c.operation for c in first.commands] == [c.operation for c in second.commands]
        and (first.gate.kind, first.gate.timeout_s) == (second.gate.kind, second.gate.timeout_s)
    )


def same_guards(plan: Plan) -> list[list[GuardResult]]:
    """The guards in order, those with the same id and outcome on many hosts together."""
    groups: dict[tuple[str, Outcome], list[GuardResult]] = {}
    for guard in plan.guards:
        groups.setdefault((guard.id, guard.outcome), []).append(guard)
    together = {key for key, group in groups.items() if len(group) >= TOGETHER}
    result, done = [], set()
    for guard in plan.guards:
        key = (guard.id, guard.outcome)
        if key not in together:
            result.append([guard])
        elif key not in done:
            done.add(key)
            result.append(groups[key])
    return result


def guard_rows(plan: Plan) -> list[GuardResult]:
    """The guards for a table: passing ones on many hosts are one row, the others have their own."""
    return [
        row
        for group in same_guards(plan)
        for row in (group if group[0].outcome is not Outcome.PASS else [_merged(group)])
    ]


def _merged(group: Sequence[GuardResult]) -> GuardResult:
    first = group[0]
    if len(group) == 1:
        return first
    return GuardResult(
        id=first.id,
        title=first.title,
        host=count(len(group), "host"),
        outcome=first.outcome,
        got=some(list(dict.fromkeys(guard.got for guard in group)), 2),
        expected=some(list(dict.fromkeys(guard.expected for guard in group)), 2),
        next_step=first.next_step,
        facts=first.facts,
    )

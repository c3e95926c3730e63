"""What many hosts have in common, said once, without hiding in what they differ.

A deploy's text begins with its quoted values, one assignment a line (see
docs/deploys.md). Hosts share a program where nothing but these values differs: not a later line,
not the time limit, not how it is undone. A probe has the values in it, so it is shown for each host
where it differs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence, Set
from typing import Generic, NamedTuple, Protocol, TypeVar

from remediations.engine.plan.plan import Command, GuardResult, Plan, Stage

ASSIGNMENT = re.compile(
    r"""([a-z_]+)=((?:[\w@%+=:,./-]|'[^']*'|"'")*)""",
    re.ASCII,
)
"""A name and one word as `shlex.quote` writes it. What else a line may do, it is no value."""
TOGETHER = 4
"""From so many on, hosts with the same guard or the same command are shown together."""
HOST = "HOST"


class Runs(Protocol):
    """A text on a host: a planned command, or the record of one."""

    @property
    def host(self) -> str:
        """Where."""

    @property
    def operation(self) -> str:
        """What it is called."""

    @property
    def text(self) -> str:
        """What."""


T = TypeVar("T")
R = TypeVar("R", bound=Runs)
H = TypeVar("H", bound=Hashable)


class Program(NamedTuple, Generic[R]):
    """The commands that run one and the same program: the first whole, of the others what their
    values have for themselves."""

    first: R
    others: tuple[tuple[R, str], ...]


def values(command: Runs) -> dict[str, str]:
    """The assignments at the head of the text, by name; empty where there are none. A name that
    comes twice ends the head: the text after it is program."""
    found: dict[str, str] = {}
    for row in command.text.split("\n")[1:]:
        match = ASSIGNMENT.fullmatch(row)
        if match is None or match[1] in found:
            break
        found[match[1]] = match[2]
    return found


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


def programs(commands: Sequence[R]) -> tuple[Program[R], ...]:
    """The commands by program, in the order in which each host runs its own. Few are kept apart."""
    if len(commands) < TOGETHER:
        return tuple(Program(command, ()) for command in commands)
    groups = _grouped([((place, _program(one)), one) for place, one in _placed(commands)])
    return tuple(
        Program(first, tuple((other, own(other, values(first))) for other in others))
        for _, (first, *others) in sorted(groups.items(), key=lambda group: group[0][0])
    )


def _placed(commands: Sequence[R]) -> Iterator[tuple[int, R]]:
    """Each command after how many others its host runs it: what one host runs first and another
    one second is not the same for both."""
    before: Counter[str] = Counter()
    for command in commands:
        yield before[command.host], command
        before[command.host] += 1


def _program(command: Runs) -> Hashable:
    """All of a command but its host, its values, and its probe, which has them too."""
    rows, names = command.text.split("\n"), tuple(values(command))
    kept: tuple[object, ...] = ()
    if isinstance(command, Command):
        kept = (command.timeout_s, command.fidelity, command.undo)
    return (command.operation, rows[0], names, tuple(rows[1 + len(names) :]), kept)


def alike(first: Stage, second: Stage) -> bool:
    """Whether two stages do the same for the same reason, only elsewhere, with other values."""

    def manner(stage: Stage) -> tuple[object, ...]:
        gate = stage.gate
        acting = {command.host for command in stage.commands}
        programs_ = [_program(command) for command in stage.commands]
        asks = {n: _elsewhere(v, acting) for n, v in gate.asks.value.items() if n not in gate.rises}
        limits = (gate.timeout_s, gate.asks.kind, asks, gate.rises)
        return (stage.why, stage.deploys, programs_, limits)

    return manner(first) == manner(second)


def _elsewhere(value: object, acting: Set[str]) -> object:
    """A value of a part, with none of what the stage itself acts on."""
    if isinstance(value, dict):
        return {name: _elsewhere(inner, acting) for name, inner in value.items()}
    if isinstance(value, list):
        return [_elsewhere(v, acting) for v in value if not (isinstance(v, str) and v in acting)]
    return HOST if isinstance(value, str) and value in acting else value


class GuardRow(NamedTuple):
    """A guard that says the very same about some hosts; "" among them is the whole set."""

    guard: GuardResult
    hosts: tuple[str, ...]


class Ground(NamedTuple):
    """Which facts a guard rests on and what it advises; of several hosts, `HOST` is each one."""

    id: str
    hosts: tuple[str, ...]
    facts: tuple[str, ...]
    next_step: str


def same_guards(plan: Plan) -> list[list[GuardResult]]:
    """The guards in order, those with the same id, title and outcome on many hosts together."""
    return _many_together([((g.id, g.title, g.outcome), g) for g in plan.guards])


def guard_rows(plan: Plan) -> list[GuardRow]:
    """The guards in order; those that say the very same about many hosts are one row."""
    said = [((g.id, g.title, g.outcome, g.got, g.expected), g) for g in plan.guards]
    return [GuardRow(group[0], tuple(g.host for g in group)) for group in _many_together(said)]


def grounds(plan: Plan) -> list[Ground]:
    """What the guards rest on, once where hosts differ in nothing but their name."""
    rows = []
    for group in _grouped([(_template(guard), guard) for guard in plan.guards]).values():
        first, hosts = group[0], tuple(guard.host for guard in group)
        facts, advice = _template(first)[1:] if len(hosts) > 1 else (first.facts, first.next_step)
        rows.append(Ground(first.id, hosts, facts, advice))
    return rows


def _template(guard: GuardResult) -> tuple[str, tuple[str, ...], str]:
    """Id, facts and advice with `HOST` for the host's name, where that can be undone."""
    name = re.compile(rf"(?<![\w.-]){re.escape(guard.host)}(?![\w-])")

    def impersonal(text: str) -> str:
        template = name.sub(HOST, text) if guard.host else text
        return template if template.replace(HOST, guard.host) == text else text

    return guard.id, tuple(map(impersonal, guard.facts)), impersonal(guard.next_step)


def _grouped(keyed: Sequence[tuple[H, T]]) -> dict[H, list[T]]:
    groups: dict[H, list[T]] = {}
    for key, item in keyed:
        groups.setdefault(key, []).append(item)
    return groups


def _many_together(keyed: Sequence[tuple[H, T]]) -> list[list[T]]:
    """Everything in order; what has the same key together where it is many."""
    groups = _grouped(keyed)
    result, done = [], set()
    for key, item in keyed:
        if len(groups[key]) < TOGETHER:
            result.append([item])
        elif key not in done:
            done.add(key)
            result.append(groups[key])
    return result

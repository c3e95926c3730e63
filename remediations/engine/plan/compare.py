"""Compares the approved plan with the same plan made now, field by field. Pure.

1. Every deciding fact is compared by its own rule, and a difference says why the fact matters.
2. Then the whole plan is compared. Fields that may have changed since it was made are listed in
   `MOVABLE`, each with a rule and a reason; all others must be equal. So a field that is added to
   the plan later is compared without a change here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from remediations.engine.plan.plan import Fact, Plan, Rule
from remediations.values.login import Login

DIGITS = 20
"""Of the largest 64-bit number."""
SHOWN = 200
"""Characters shown of a value that differs."""
_NUMBER = re.compile(rf"-?[0-9]{{1,{DIGITS}}}")
_LISTS = (list, tuple)
_PART = {"kind", "value"}


class Movable(NamedTuple):
    """A field that may differ, and how: `holds(planned, now)`. The reason is shown to people."""

    holds: Callable[[Any, Any], bool]
    why: str


def may_differ(_planned: object, _now: object) -> bool:
    """Any value is accepted."""
    return True


def may_rise(planned: str | int, now: str | int) -> bool:
    """Whether a number did not fall. Numbers in a part are decimal strings; anything else fails."""
    before, after = parse_integer(planned), parse_integer(now)
    return before is not None and after is not None and after >= before


def included(planned: Sequence[object], now: Sequence[object]) -> bool:
    """Every entry of a list is there as it was; more may have come."""
    return all(entry in now for entry in planned)


def parse_integer(value: object) -> int | None:
    """An integer, or a decimal string as a part has it; None for anything else."""
    text = str(value)
    return int(text) if _NUMBER.fullmatch(text) else None


class Difference(NamedTuple):
    """One thing that no longer holds."""

    name: str
    planned: str
    now: str
    why: str


def _guards_hold(planned: list[dict[str, Any]], now: list[dict[str, Any]]) -> bool:
    """Whether these are the same guards with the same outcomes. What they saw may differ."""

    def essence(guards: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
        names = ("id", "subject", "title", "outcome", "next_step", "facts")
        return [tuple(guard[name] for name in names) for guard in guards]

    return essence(planned) == essence(now)


MOVABLE: Mapping[str, Movable] = MappingProxyType(
    {
        "observed_at": Movable(may_differ, "it is read again now"),
        "expires_at": Movable(
            may_differ, "it follows from observed_at; the approval names it, too"
        ),
        "observation_digest": Movable(
            may_differ, "another observation; the saved one was compared"
        ),
        "finding": Movable(may_differ, "numbers and times go on; what decides of it is a fact"),
        "facts.*.value": Movable(may_differ, "each is compared by its own rule before"),
        "facts.*.source": Movable(may_differ, "the evidence for it may be another one"),
        "facts.*.at": Movable(may_differ, "it is read again now"),
        "guards": Movable(
            _guards_hold, "what a guard saw; which there are and their outcomes stay"
        ),
        "stages.*.why": Movable(may_differ, "it counts what may have come back"),
        "stages.*.impacts.*.before": Movable(may_rise, "what is missing may come back by itself"),
        "stages.*.impacts.*.worst": Movable(may_rise, "what is missing may come back by itself"),
        "stages.*.impacts.*.after": Movable(may_rise, "what is missing may come back by itself"),
        "stages.*.impacts.*.floor": Movable(may_rise, "with more of it, more must remain"),
        "stages.*.gate.title": Movable(
            may_differ, "it tells what the gate asks, which is compared"
        ),
        "stages.*.gate.timeout_s": Movable(may_rise, "what was down longer may take longer"),
    }
)
"""By path, with `*` for any index of a list; each covers everything below it. The fields of a part
are listed by its domain (`Domain.movable`), by the part's kind and the field's name."""


def changed_facts(planned: Sequence[Fact], now: Sequence[Fact]) -> tuple[Difference, ...]:
    """The planned facts that no longer hold, including those that were not read now."""
    current = {fact.name: fact.value for fact in now}
    return tuple(
        Difference(fact.name, fact.value, current.get(fact.name, "not read"), fact.why)
        for fact in planned
        if not _holds(fact, current.get(fact.name))
    )


def changed_logins(planned: Sequence[Login], now: Sequence[Login]) -> tuple[Difference, ...]:
    """The names that lead elsewhere now, or may show other keys. `now` may have more hosts."""
    current = {login.host: login for login in now}
    return tuple(
        Difference(
            f"{login.host}: where its name leads",
            _with_keys(login),
            _with_keys(current[login.host]) if login.host in current else "not in the inventory",
            "ssh_config or known_hosts was changed",
        )
        for login in planned
        if current.get(login.host) != login
    )


def changed_fields(
    planned: Plan, now: Plan, *, movable: Mapping[str, Movable] | None = None
) -> tuple[Difference, ...]:
    """The fields of the plan that differ now. `movable` are the domain's rules for its own parts;
    with None, no field at all may differ."""
    rules = {} if movable is None else {**MOVABLE, **movable}
    return tuple(_walk(rules, _Place(), msgspec.to_builtins(planned), msgspec.to_builtins(now)))


class _Place(NamedTuple):
    """The place of a value in the plan: as a key of `MOVABLE`, and as it is shown to people."""

    path: str = ""
    name: str = ""

    def field(self, name: str) -> _Place:
        dot = "." if self.path and not self.path.endswith(" ") else ""
        return _Place(f"{self.path}{dot}{name}", f"{self.name}{'.' if self.name else ''}{name}")

    def entry(self, item: object, number: int) -> _Place:
        label = str(number)
        if isinstance(item, dict):
            words = (
                str(item[key])
                for key in ("number", "id", "name", "subject", "host")
                if item.get(key)
            )
            label = " ".join(words) or label
        return _Place(f"{self.path}.*", f"{self.name}[{label}]")

    def part(self, kind: object) -> _Place:
        """The value of a part, whose fields are addressed by its kind."""
        return _Place(f"{kind} ", f"{self.name}[{kind}]")


def _walk(
    movable: Mapping[str, Movable], at: _Place, planned: object, now: object
) -> Iterator[Difference]:
    rule = movable.get(at.path)
    if rule is not None:
        if not rule.holds(planned, now):
            yield Difference(at.name, _shown(planned), _shown(now), f"may move so only: {rule.why}")
    elif isinstance(planned, dict) and isinstance(now, dict) and planned.keys() == now.keys():
        inside = at
        if planned.keys() == _PART and planned["kind"] == now["kind"]:
            inside = at.part(planned["kind"])
            planned, now = dict(planned["value"]), dict(now["value"])
        yield from _fields(movable, inside, planned, now)
    elif isinstance(planned, _LISTS) and isinstance(now, _LISTS) and len(planned) == len(now):
        for number, (one, other) in enumerate(zip(planned, now, strict=True)):
            yield from _walk(movable, at.entry(one, number), one, other)
    elif planned != now:
        yield Difference(at.name, _shown(planned), _shown(now), "only what was approved is applied")


def _fields(
    movable: Mapping[str, Movable], at: _Place, planned: Mapping[str, Any], now: Mapping[str, Any]
) -> Iterator[Difference]:
    """Compare the fields that both have, and report those that only one has."""
    for key in dict.fromkeys((*planned, *now)):
        if key in planned and key in now:
            yield from _walk(movable, at.field(key), planned[key], now[key])
        else:
            one, other = (_shown(side.get(key, "nothing")) for side in (planned, now))
            yield Difference(at.field(key).name, one, other, "only what was approved is applied")


def _shown(value: object) -> str:
    if isinstance(value, str) and "\n" in value:
        return "a program that is not the other one"
    if isinstance(value, list | tuple) and value and not isinstance(value[0], str):
        return f"{len(value)} entries"
    return str(value)[:SHOWN] or "nothing"


def _with_keys(login: Login) -> str:
    keys = [", ".join(hop.host_keys) or "no known key" for hop in login.hops]
    return f"{login.way} [{'; '.join(keys)}]"


def _holds(fact: Fact, now: str | None) -> bool:
    if now is None:
        return False
    if fact.rule is Rule.EQUAL:
        return fact.value == now
    planned, current = _parts(fact.value), _parts(now)
    if planned is None or current is None or len(planned) != len(current):
        return fact.value == now
    return current >= planned


def _parts(value: str) -> tuple[int, ...] | None:
    """`1234`, or `12/3/4`, which is compared component by component; None for anything else."""
    parts = value.split("/")
    if not all(part.isascii() and part.isdigit() and len(part) <= DIGITS for part in parts):
        return None
    return tuple(int(part) for part in parts)

"""The approved plan against the same plan made now: every field, but for a short list. Pure.

1. Every deciding fact is compared by its own rule, and named with why it matters.
2. Then the whole plan, field by field. What may have moved since it was made is in `MOVABLE`, each
   with its rule and reason; a field that is not there must be equal. A field that is added to the
   plan later is compared without a change here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from remediations.engine.plan.plan import Fact, Plan, Rule
from remediations.values.login import Login

DIGITS = 20
"""Of the largest 64-bit number."""
_LISTS = (list, tuple)
SHOWN = 200
"""Characters of a value that differs."""


class Difference(NamedTuple):
    """One thing that no longer holds."""

    name: str
    planned: str
    now: str
    why: str


class Movable(NamedTuple):
    """A field that may differ: `holds(planned, now)` says how. It is shown to the approver."""

    holds: Callable[[Any, Any], bool]
    why: str


def _freely(_planned: object, _now: object) -> bool:
    return True


def _upwards(planned: int, now: int) -> bool:
    return now >= planned


def _risen(planned: object, now: object) -> bool:
    """Of numbers as a part has them, in decimal digits; anything else must be equal."""
    if not isinstance(planned, str) or not isinstance(now, str):
        return planned == now
    before, after = _parts(planned), _parts(now)
    if before is None or after is None or len(before) != len(after):
        return planned == now
    return after >= before


def _none_went_back(planned: list[list[Any]], now: list[list[Any]]) -> bool:
    current = {host: state for host, *state in now}
    return all(current.get(host, state) >= state for host, *state in planned)


def _no_other_program(planned: list[list[str]], now: list[list[str]]) -> bool:
    """A hash that could not be read, then or now, is not another one: G8 asks for those of the
    hosts that are acted on."""
    current = dict(now)
    return all(current.get(host, sha256) == sha256 for host, sha256 in planned)


def _guards_hold(planned: list[dict[str, Any]], now: list[dict[str, Any]]) -> bool:
    """The same guards with the same outcomes; what they saw may be another height or time."""

    def essence(guards: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
        names = ("id", "host", "title", "outcome", "next_step", "facts")
        return [tuple(guard[name] for name in names) for guard in guards]

    return essence(planned) == essence(now)


MOVABLE = {
    "observed_at": Movable(_freely, "it is read again now"),
    "expires_at": Movable(_freely, "it follows from observed_at; the approval names it, too"),
    "observation_digest": Movable(_freely, "another observation; the saved one was compared"),
    "finding": Movable(_freely, "heights and times go on; what decides of it is a fact"),
    "facts.*.value": Movable(_freely, "each is compared by its own rule before"),
    "facts.*.source": Movable(_freely, "the evidence for it may be another one"),
    "facts.*.at": Movable(_freely, "it is read again now"),
    "guards": Movable(_guards_hold, "what a guard saw; which there are and their outcomes stay"),
    "stages.*.why": Movable(_freely, "it counts power that may have come back"),
    "stages.*.power.before": Movable(_upwards, "power may come back by itself"),
    "stages.*.power.worst": Movable(_upwards, "power may come back by itself"),
    "stages.*.power.after": Movable(_upwards, "power may come back by itself"),
    "stages.*.gate.title": Movable(_freely, "it names the height and the time"),
    "stages.*.gate.timeout_s": Movable(_upwards, "later rounds last longer"),
    "baseline.height": Movable(_upwards, "a chain never goes back"),
    "baseline.online_power": Movable(_upwards, "power may come back by itself"),
    "baseline.sign_states": Movable(_none_went_back, "validators sign on"),
    "baseline.peers": Movable(_freely, "peers come and go"),
    "baseline.binaries": Movable(_no_other_program, "hashing a program has a time limit"),
}
"""By path, `*` for any place of a list. Whatever is below one of these is covered by it. What a
gate asks is a part, which this does not know: the gate itself says what may rise in it."""


def changed_facts(planned: Sequence[Fact], now: Sequence[Fact]) -> tuple[Difference, ...]:
    """Every planned fact against the same fact now; one that is gone differs too."""
    current = {fact.name: fact.value for fact in now}
    return tuple(
        Difference(fact.name, fact.value, current.get(fact.name, "not read"), fact.why)
        for fact in planned
        if not _holds(fact, current.get(fact.name))
    )


def changed_logins(planned: Sequence[Login], now: Sequence[Login]) -> tuple[Difference, ...]:
    """Every name that leads elsewhere now, or may show other keys; `now` may have more hosts."""
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


def changed_fields(planned: Plan, now: Plan, *, strictly: bool = False) -> tuple[Difference, ...]:
    """Every field of the plan against the same field now; `strictly`: nothing may move."""
    movable = {} if strictly else {**MOVABLE, **_rising(planned)}
    return tuple(_walk(movable, _Place(), msgspec.to_builtins(planned), msgspec.to_builtins(now)))


def _rising(plan: Plan) -> dict[str, Movable]:
    """The numbers that the gates of this plan let rise, by where each stands: another stage has a
    question of its own, and says itself what may rise in it."""
    return {
        f"stages[{stage.number}].gate.asks.value.{name}": Movable(
            _risen, "the gate says that it may rise"
        )
        for stage in plan.stages
        for name in stage.gate.rises
    }


class _Place(NamedTuple):
    """Where a value stands: as a key of `MOVABLE`, and as a person calls it."""

    path: str = ""
    name: str = ""

    def field(self, name: str) -> _Place:
        dot = "." if self.path else ""
        return _Place(f"{self.path}{dot}{name}", f"{self.name}{dot}{name}")

    def entry(self, item: object, number: int) -> _Place:
        label = str(number)
        if isinstance(item, dict):
            words = (str(item[key]) for key in ("number", "id", "name", "host") if item.get(key))
            label = " ".join(words) or label
        return _Place(f"{self.path}.*", f"{self.name}[{label}]")


def _walk(
    movable: Mapping[str, Movable], at: _Place, planned: object, now: object
) -> Iterator[Difference]:
    rule = movable.get(at.path) or movable.get(at.name)
    if rule is not None:
        if not rule.holds(planned, now):
            yield Difference(at.name, _shown(planned), _shown(now), f"may move so only: {rule.why}")
    elif isinstance(planned, dict) and isinstance(now, dict) and planned.keys() == now.keys():
        for key in planned:
            yield from _walk(movable, at.field(key), planned[key], now[key])
    elif isinstance(planned, _LISTS) and isinstance(now, _LISTS) and len(planned) == len(now):
        for number, (one, other) in enumerate(zip(planned, now, strict=True)):
            yield from _walk(movable, at.entry(one, number), one, other)
    elif planned != now:
        yield Difference(at.name, _shown(planned), _shown(now), "only what was approved is applied")


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
    return _risen(fact.value, now)


def _parts(value: str) -> tuple[int, ...] | None:
    """`1234` or `height/round/step`, to be compared part by part; None for anything else."""
    parts = value.split("/")
    if not all(part.isascii() and part.isdigit() and len(part) <= DIGITS for part in parts):
        return None
    return tuple(int(part) for part in parts)

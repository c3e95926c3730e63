"""One incident: what was the matter, and what has to be said and planned."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from remediations.systems.comet.reading import CometReading
from tests.unit.field.hosts_program import Line
from tests.unit.field.kinds import Kind
from tests.unit.field.stage import LARGE, SMALL, Stage

ANY = ""
"""A host, condition or guard that is not asked for."""


@dataclass(frozen=True)
class Planned:
    """What `remediate plan` has to answer: one of `outcomes` (`ok`: nothing to do,
    `changes_pending`, `refused`).

    `on` are the hosts that a plan acts on; `guards` the guards of which one has to refuse, all if
    none is named.
    """

    playbook: str
    outcomes: tuple[str, ...]
    on: tuple[str, ...] = ()
    guards: tuple[str, ...] = ()


def offered(*on: str, playbook: str = "node-down") -> Planned:
    """A plan that acts on exactly these hosts."""
    return Planned(playbook, ("changes_pending",), on)


def refused(*guards: str, playbook: str = "node-down") -> Planned:
    """No plan, by one of these guards."""
    return Planned(playbook, ("refused",), (), guards)


def nothing_done(*, playbook: str = "node-down") -> Planned:
    """No plan: there is nothing to do, or a guard refuses."""
    return Planned(playbook, ("ok", "refused"))


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The right answer.

    `chain` and `condition` list the words of which one is right, all if empty. `says` are
    expressions that the texts about the chain and `host`, or the plan's refusal, match, each of
    them; `unsaid` those that no text matches. `exit_code` is that of `diagnose`, None if either of
    3 and 11 is right.
    """

    chain: tuple[str, ...] = ()
    host: str = ANY
    condition: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    unsaid: tuple[str, ...] = ()
    exit_code: int | None = 3
    plan: Planned


@dataclass(frozen=True)
class Scene:
    """A world, what the daemons printed, and the right answer."""

    world: CometReading
    journals: Mapping[str, Sequence[Line]]
    wanted: Wanted


@dataclass(frozen=True)
class Case:
    """An incident that was reported in `threads`, none for a neighbour of those that were; played
    on each of `stages`."""

    name: str
    kind: Kind
    threads: tuple[str, ...]
    play: Callable[[Stage], Scene]
    stages: tuple[Stage, ...]


@dataclass
class Cases:
    """The cases of one file, in its order, and the stages on which they are played."""

    stages: tuple[Stage, ...] = (SMALL, LARGE)
    found: list[Case] = field(default_factory=list)

    def of(
        self, kind: Kind, *threads: str
    ) -> Callable[[Callable[[Stage], Scene]], Callable[[Stage], Scene]]:
        """A case: the function's name is its own."""

        def add(play: Callable[[Stage], Scene]) -> Callable[[Stage], Scene]:
            self.found.append(Case(play.__name__, kind, threads, play, self.stages))
            return play

        return add

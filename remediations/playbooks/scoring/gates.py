"""When a gate is open. Pure: from a gate and one look to a verdict with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from remediations.engine.apply.look import GateVerdict
from remediations.engine.plan.plan import Gate
from remediations.playbooks.scoring.diagnose.view import wrong_settings
from remediations.systems.scorer.poll import QueueSource
from remediations.systems.scorer.values import Setting
from remediations.values.part import Kinded

STEADY_S = 15
"""So long it has to be the same process: one that ends soon after its start answers meanwhile."""


class AnswersAlike(Kinded, frozen=True, kw_only=True):
    """Opens when all of `hosts` give the agreed answers to every vector, in one invocation of
    their unit that has lasted for `steady_s` seconds of looking."""

    KIND: ClassVar[str] = "scoring.alike/1"

    hosts: tuple[str, ...]
    steady_s: int


class KeepsScoring(Kinded, frozen=True, kw_only=True):
    """Opens when all of `hosts` give the agreed answers: for steps that stop nothing."""

    KIND: ClassVar[str] = "scoring.keeps/1"

    hosts: tuple[str, ...]


class AsDeclared(Kinded, frozen=True, kw_only=True):
    """`AnswersAlike`, by processes that have these settings in their environment."""

    KIND: ClassVar[str] = "scoring.declared/1"

    hosts: tuple[str, ...]
    steady_s: int
    settings: tuple[Setting, ...]


class Serves(Kinded, frozen=True, kw_only=True):
    """`AsDeclared`, by services at which fewer than `below` requests wait, as `queues` tell."""

    KIND: ClassVar[str] = "scoring.serves/1"

    hosts: tuple[str, ...]
    steady_s: int
    settings: tuple[Setting, ...]
    queues: tuple[QueueSource, ...]
    below: int


@dataclass(frozen=True, kw_only=True)
class ScorerSnapshot:
    """One service at one moment: whether it gives the agreed answers (None where it did not
    answer), and for how many seconds it has, in one invocation. `says` is why it does not.
    `settings` are those of its process that were asked for, and `queue` is how many requests wait;
    None where they were not read."""

    host: str
    power: int
    agrees: bool | None
    steady_s: int
    says: str = ""
    settings: tuple[Setting, ...] | None = None
    queue: int | None = None


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """What a gate asks of each host; `below` is None where it does not ask for the queue."""

    hosts: tuple[str, ...]
    least_s: int = 0
    settings: tuple[Setting, ...] = ()
    below: int | None = None


def judge_gate(gate: Gate, scorers: Mapping[str, ScorerSnapshot]) -> GateVerdict:
    """Whether a look opens the gate. A service that does not answer keeps it shut, and so does an
    empty list of hosts.

    Raises:
        ValueError: it is not a gate of this domain.
    """
    asked = _asked(gate)
    ready = [host for host in asked.hosts if _is_ready(scorers.get(host), asked)]
    seen = ", ".join(f"{host} {_shown(scorers.get(host), asked)}" for host in asked.hosts)
    return GateVerdict(bool(asked.hosts) and len(ready) == len(asked.hosts), seen)


def _asked(gate: Gate) -> _Asked:
    if gate.asks.kind == AnswersAlike.KIND:
        alike = gate.asks.read(AnswersAlike)
        return _Asked(hosts=alike.hosts, least_s=alike.steady_s)
    if gate.asks.kind == AsDeclared.KIND:
        declared = gate.asks.read(AsDeclared)
        return _Asked(hosts=declared.hosts, least_s=declared.steady_s, settings=declared.settings)
    if gate.asks.kind == Serves.KIND:
        serves = gate.asks.read(Serves)
        return _Asked(
            hosts=serves.hosts,
            least_s=serves.steady_s,
            settings=serves.settings,
            below=serves.below,
        )
    return _Asked(hosts=gate.asks.read(KeepsScoring).hosts)


def _is_ready(scorer: ScorerSnapshot | None, asked: _Asked) -> bool:
    return (
        scorer is not None
        and scorer.agrees is True
        and scorer.steady_s >= asked.least_s
        and not _other_settings(scorer, asked.settings)
        and not _waiting(scorer, asked.below)
    )


def _waiting(scorer: ScorerSnapshot, below: int | None) -> str:
    """What waits there, "" for few enough, or where nobody asks."""
    if below is None:
        return ""
    if scorer.queue is None:
        return "how many requests wait is not known"
    return f"{scorer.queue} requests wait, not below {below}" if scorer.queue >= below else ""


def _other_settings(scorer: ScorerSnapshot, settings: tuple[Setting, ...]) -> str:
    """What its process has in place of what is declared, "" for nothing."""
    if not settings:
        return ""
    if scorer.settings is None:
        return "the environment of its process is not known"
    wrong = wrong_settings(settings, scorer.settings)
    return "; ".join(f"{one.name} is {'not set' if got is None else got}" for one, got in wrong[:3])


def _shown(scorer: ScorerSnapshot | None, asked: _Asked) -> str:
    if scorer is None or scorer.agrees is None:
        return f"silent ({scorer.says})" if scorer and scorer.says else "silent"
    other = _other_settings(scorer, asked.settings)
    if other:
        return f"otherwise set ({other})"
    if not scorer.agrees:
        return f"differs ({scorer.says})" if scorer.says else "differs"
    waiting = _waiting(scorer, asked.below)
    if waiting:
        return f"agrees ({waiting})"
    return f"agrees for {scorer.steady_s} of {asked.least_s} s" if asked.least_s else "agrees"

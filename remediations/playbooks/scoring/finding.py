"""What is wrong with the scores, and with each service: what the playbooks work on."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from typing import ClassVar

from msgspec import UNSET, UnsetType

from remediations.engine.find.finding import Evidence
from remediations.playbooks.scoring.classes import ScoringClass
from remediations.playbooks.scoring.conditions import PodAnswer, ScorerCondition
from remediations.values.part import Kinded
from remediations.values.record import Moment, Record


class Basis(StrEnum):
    """Why an answer, or a model, counts as the right one."""

    POWER = "power"
    """More than two thirds of the voting power have it."""
    PIN = "pin"
    """The inventory pins it, and no other one has more than two thirds; of an answer: it is that of
    the golden vectors, and who has the pinned model gives it."""
    GOLDEN = "golden"
    """The golden vectors have it, and no powers are known."""
    LATE = "late"
    """The golden vectors have it, nobody answers otherwise, and together with those that are late
    with their requests it would be more than two thirds."""
    NONE = "none"


ANSWERING = frozenset(
    {
        ScorerCondition.AGREED,
        ScorerCondition.CAPACITY,
        ScorerCondition.SLOW,
        ScorerCondition.BACKLOG,
        ScorerCondition.HOST_TROUBLE,
    }
)
"""The conditions with which nothing is wrong with an answer but its time."""


class AnswerGroup(Record, frozen=True, kw_only=True):
    """Services with the same answer to every vector. `digest` is the SHA-256 of the answers."""

    digest: str
    hosts: tuple[str, ...]
    power: int


class ModelGroup(Record, frozen=True, kw_only=True):
    """Services with the same model, by the loader's hash. `since` is when the first of them was
    started with it, None where no unit tells."""

    sha256: str
    hosts: tuple[str, ...]
    power: int
    since: Moment | None


class ScorerFinding(Record, frozen=True, kw_only=True):
    """One service. `power` is 0 where its host has none, or none is known. `answers` is the digest
    of its group, "" where it has no answer to every vector; `model` is what it has loaded, or has
    on disk where no process tells, "" where neither is known."""

    host: str
    condition: ScorerCondition
    power: int
    cause: str
    by_hand: str
    answers: str
    model: str
    evidence: tuple[Evidence, ...]


class WorkloadFinding(Record, frozen=True, kw_only=True):
    """A workload whose pods score. `target` is its name in plans, `power` that of the keys on
    `hosts`, whose nodes ask it. `answers` is the digest of what all its ready pods answer, "" where
    they do not answer alike."""

    target: str
    hosts: tuple[str, ...]
    condition: PodAnswer
    power: int
    cause: str
    by_hand: str
    answers: str
    evidence: tuple[Evidence, ...]


class ScoringFinding(Kinded, frozen=True, kw_only=True, dict=True):
    """The conclusion. `agreed` is the digest of the agreed answers, `model` the agreed model; ""
    where there is none. `answers`, `models` and `images` (by digest, as far as
    they are known) are most powerful first. `split_alike`: the chain's
    app hashes differ between the same hosts as the answers."""

    KIND: ClassVar[str] = "scoring.finding/1"

    verdict: ScoringClass
    total_power: int
    unread_power: int
    agreed: str
    agreed_basis: Basis
    model: str
    model_basis: Basis
    answers: tuple[AnswerGroup, ...]
    models: tuple[ModelGroup, ...]
    images: tuple[AnswerGroup, ...]
    scorers: tuple[ScorerFinding, ...]
    explanation: str
    next_step: str
    since: Moment | None
    split_alike: bool = False
    workloads: tuple[WorkloadFinding, ...] | UnsetType = UNSET

    @property
    def of_pods(self) -> tuple[WorkloadFinding, ...]:
        """The workloads that score; none where no inventory names one."""
        return () if isinstance(self.workloads, UnsetType) else self.workloads

    def scorer(self, host: str) -> ScorerFinding:
        """The finding about `host`.

        Raises:
            KeyError: it was not observed, or has no service.
        """
        return self._by_host[host]

    @cached_property
    def _by_host(self) -> Mapping[str, ScorerFinding]:
        return {one.host: one for one in self.scorers}

    @cached_property
    def agreeing(self) -> tuple[ScorerFinding, ...]:
        """The services that give the agreed answers, be it late, and go on to give them."""
        return tuple(
            one
            for one in self.scorers
            if one.condition in ANSWERING and one.answers and one.answers == self.agreed
        )

    def model_group(self, sha256: str) -> ModelGroup | None:
        """The services with a model, None if nobody has it."""
        return next((one for one in self.models if one.sha256 == sha256), None)

"""What is wrong with one scoring service (docs/rules/conditions.md)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from remediations.engine.find.finding import Health


class Cure(StrEnum):
    """What a plan can do about it."""

    RESTART = "restart"
    MODEL = "model"
    SETTINGS = "settings"


@dataclass(frozen=True, kw_only=True)
class ConditionRule:
    """`cure` is what a plan does, None where that is left to people; `by_hand` is what they do,
    after they took it out of scoring where `quarantine` is set. `differs`: what it answers may be
    another score than the others'."""

    health: Health
    by_hand: str
    cure: Cure | None = None
    differs: bool = False
    quarantine: bool = False


class ScorerCondition(StrEnum):
    """The one thing that has to be mended first."""

    AGREED = "agrees"
    UNREAD = "scorer-unread"
    UNDECIDED = "undecided"
    LOOPING = "scorer-looping"
    REFUSED = "start-refused"
    DOWN = "scorer-down"
    TWO_SCORERS = "two-scorers"
    FROZEN = "frozen-engine"
    HALF_COPY = "half-copy"
    SKEW = "other-model"
    CANNOT = "cannot-score"
    ERRORS = "scoring-errors"
    VARIES = "varies"
    STUB = "stub"
    THREADS = "other-threads"
    SETTINGS = "other-settings"
    CPU_CLASS = "cpu-class"
    BUILD = "other-build"
    ODD = "odd-answer"
    STALE = "model-changed"
    HOST_TROUBLE = "scorer-host"
    BACKLOG = "backlog"
    SLOW = "slow-scorer"
    CAPACITY = "capacity-set"

    @property
    def rule(self) -> ConditionRule:
        """What holds for this condition."""
        return _RULES[self]


class PodAnswer(StrEnum):
    """How a pod of a workload answers, the gravest first: what is said of a workload is that of its
    worst pod."""

    OTHERWISE = "pods-otherwise"
    SILENT = "pods-silent"
    UNREAD = "pods-unread"
    ALIKE = "pods-agree"

    @property
    def rule(self) -> ConditionRule:
        """What holds for this condition."""
        return _POD_RULES[self]


def _ill(by_hand: str, cure: Cure | None = None, *, differs: bool = True) -> ConditionRule:
    return ConditionRule(health=Health.DOWN, by_hand=by_hand, cure=cure, differs=differs)


def _out(by_hand: str) -> ConditionRule:
    """It answers otherwise, and nothing that a plan does changes that."""
    return ConditionRule(health=Health.DOWN, by_hand=by_hand, differs=True, quarantine=True)


_RULES: dict[ScorerCondition, ConditionRule] = {
    ScorerCondition.AGREED: ConditionRule(health=Health.WELL, by_hand=""),
    ScorerCondition.UNREAD: ConditionRule(
        health=Health.UNKNOWN, by_hand="make it readable (SSH, sudo, curl, ss), then diagnose again"
    ),
    ScorerCondition.UNDECIDED: ConditionRule(
        health=Health.UNKNOWN,
        by_hand="compare its model, threads and processors with the other groups'",
    ),
    ScorerCondition.LOOPING: _ill(
        "read the unit's journal: what it says before it ends is the cause", differs=False
    ),
    ScorerCondition.REFUSED: _ill(
        "mend what its last line names, in its unit or on its host, then start it: until then each "
        "start ends in the same way",
        differs=False,
    ),
    ScorerCondition.DOWN: _ill("start its unit", Cure.RESTART, differs=False),
    ScorerCondition.TWO_SCORERS: _ill("stop the one that is not the unit's"),
    ScorerCondition.FROZEN: _ill("restart its unit", Cure.RESTART, differs=False),
    ScorerCondition.HALF_COPY: _ill("bring the whole model, beside the old one", Cure.MODEL),
    ScorerCondition.SKEW: _ill("bring the agreed model", Cure.MODEL),
    ScorerCondition.CANNOT: _ill(
        "run a build that can score, by its digest: this one answers nothing, and a restart "
        "changes no build",
        differs=False,
    ),
    ScorerCondition.ERRORS: _ill("read the service's journal", Cure.RESTART, differs=False),
    ScorerCondition.VARIES: _out("one thread and deterministic operations are declared settings"),
    ScorerCondition.STUB: _ill(
        "set the missing variables in the unit of the process that asks, then restart that by "
        "INC-001's rules"
    ),
    ScorerCondition.THREADS: _ill(
        "set the declared number of threads in its unit, then restart it; where the inventory "
        "names its `environment_file`, `remediate plan veid-non-deterministic` does that",
        Cure.SETTINGS,
    ),
    ScorerCondition.SETTINGS: _ill(
        "set the declared settings in its unit, then restart it; where the inventory names its "
        "`environment_file`, `remediate plan veid-non-deterministic` does that",
        Cure.SETTINGS,
    ),
    ScorerCondition.CPU_CLASS: _out(
        "then move it to a host of the others' class; no setting cures it"
    ),
    ScorerCondition.BUILD: _ill("run the image that the others run, by its digest"),
    ScorerCondition.ODD: _out("compare image, libraries and kernel with a service that agrees"),
    ScorerCondition.STALE: ConditionRule(
        health=Health.DEGRADED,
        by_hand="put the agreed model back before its next start",
        cure=Cure.MODEL,
    ),
    ScorerCondition.HOST_TROUBLE: ConditionRule(
        health=Health.DEGRADED, by_hand="look at the host: memory, load, other processes"
    ),
    ScorerCondition.BACKLOG: ConditionRule(
        health=Health.DEGRADED, by_hand="find out who sends the requests"
    ),
    ScorerCondition.SLOW: ConditionRule(
        health=Health.DEGRADED, by_hand="look at its load and at what else runs there"
    ),
    ScorerCondition.CAPACITY: ConditionRule(
        health=Health.DEGRADED,
        by_hand="`remediate plan INC-002` sets what is normal again; leave it while it is needed",
    ),
}


_POD_RULES: dict[PodAnswer, ConditionRule] = {
    PodAnswer.OTHERWISE: ConditionRule(
        health=Health.DOWN,
        by_hand="`remediate plan high-error-rate --digest sha256:…` sets an image of before, and "
        "waits for its answers",
        differs=True,
    ),
    PodAnswer.SILENT: ConditionRule(
        health=Health.DOWN,
        by_hand="`remediate plan high-error-rate` restarts it, and waits for its answers",
    ),
    PodAnswer.UNREAD: ConditionRule(
        health=Health.UNKNOWN,
        by_hand="`remediate doctor` names the right that is missing; without ready pods, see what "
        "`remediate diagnose service` says",
    ),
    PodAnswer.ALIKE: ConditionRule(health=Health.WELL, by_hand=""),
}

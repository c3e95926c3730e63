"""What is wrong with the scores as a whole (docs/rules/classes.md)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from remediations.engine.find.finding import Health

INCIDENT, NON_DETERMINISTIC = "INC-002", "veid-non-deterministic"


@dataclass(frozen=True, kw_only=True)
class ClassRule:
    """`playbook` is worth planning, "" for none; then `next_step` says what to do."""

    health: Health
    says: str
    next_step: str
    playbook: str = ""


class ScoringClass(StrEnum):
    """One verdict for all services, by voting power."""

    AGREED = "scores-agree"
    UNREAD = "scores-unread"
    SPLIT = "scores-split"
    OFF_GOLDEN = "off-golden"
    SKEW = "model-skew"
    VARIES = "scores-vary"
    LATENCY = "systemic-latency"
    BACKLOG = "systemic-backlog"
    ONE_ODD = "one-scorer"
    MINORITY = "scorer-minority"
    CAPACITY = "capacity-changed"
    PODS = "workload-odd"

    @property
    def rule(self) -> ClassRule:
        """What holds for this class."""
        return _RULES[self]


_RULES: dict[ScoringClass, ClassRule] = {
    ScoringClass.AGREED: ClassRule(
        health=Health.WELL,
        says="more than two thirds give the same answers, and every service is well",
        next_step="nothing to do",
    ),
    ScoringClass.UNREAD: ClassRule(
        health=Health.UNKNOWN,
        says="too few services could be asked to know which answer is agreed",
        next_step="make the services readable that are named, then diagnose again",
    ),
    ScoringClass.SPLIT: ClassRule(
        health=Health.DOWN,
        says="no answer has more than two thirds of the power",
        next_step="agree with the other operators on one model and one class of hosts, and pin it "
        "(`scoring: {model: …}`); nothing is brought to anybody before that",
        playbook=INCIDENT,
    ),
    ScoringClass.OFF_GOLDEN: ClassRule(
        health=Health.DEGRADED,
        says="more than two thirds agree on other answers than the golden vectors have",
        next_step="find out who recorded the golden vectors, on which class of hosts; the answer "
        "of more than two thirds is the chain's",
    ),
    ScoringClass.SKEW: ClassRule(
        health=Health.DEGRADED,
        says="services with voting power have another model than the agreed one",
        next_step="remediate plan INC-002",
        playbook=INCIDENT,
    ),
    ScoringClass.VARIES: ClassRule(
        health=Health.DEGRADED,
        says="services with the agreed model give other answers: threads, settings or processors",
        next_step="remediate plan veid-non-deterministic",
        playbook=NON_DETERMINISTIC,
    ),
    ScoringClass.LATENCY: ClassRule(
        health=Health.DEGRADED,
        says="services with a third of the power or more are slow",
        next_step="remediate plan INC-002 scales them as far as `scoring: {limits: …}` allows; "
        "look for what they share: load, a new model, a new release",
        playbook=INCIDENT,
    ),
    ScoringClass.BACKLOG: ClassRule(
        health=Health.DEGRADED,
        says="requests wait at services with a third of the power or more",
        next_step="remediate plan INC-002 scales them, or limits their rate, as far as "
        "`scoring: {limits: …}` allows; find out who sends them",
        playbook=INCIDENT,
    ),
    ScoringClass.ONE_ODD: ClassRule(
        health=Health.DEGRADED,
        says="one service is not well; more than two thirds agree without it",
        next_step="remediate plan INC-002",
        playbook=INCIDENT,
    ),
    ScoringClass.MINORITY: ClassRule(
        health=Health.DEGRADED,
        says="several services are not well; more than two thirds agree without them",
        next_step="remediate plan INC-002",
        playbook=INCIDENT,
    ),
    ScoringClass.PODS: ClassRule(
        health=Health.DEGRADED,
        says="pods of a workload answer otherwise than agreed, or not at all",
        next_step="remediate plan high-error-rate",
    ),
    ScoringClass.CAPACITY: ClassRule(
        health=Health.DEGRADED,
        says="every service is well, and some are still scaled or slowed down",
        next_step="remediate plan INC-002 sets what is normal again",
        playbook=INCIDENT,
    ),
}

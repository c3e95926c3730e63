"""From an observation to a plan: conclude, pick the branch, build."""

from __future__ import annotations

from remediations.engine.domain import NO_INPUTS, Inputs, pick_branch
from remediations.engine.find.conclude import concerned_domains
from remediations.engine.find.finding import Finding
from remediations.engine.observe.observation import Observation, missing_readings
from remediations.engine.plan.build import PlanBuilder
from remediations.engine.plan.inputs import check_used
from remediations.engine.plan.plan import Plan
from remediations.errors import Refused, UsageError
from remediations.values.wire import WireError, canonical, decode


def make_plan(
    maker: PlanBuilder,
    branch: str | None,
    observation: Observation,
    only: frozenset[str],
    situation: object = None,
    inputs: Inputs = NO_INPUTS,
) -> Plan:
    """The plan for what was observed, whether or not its guards pass. `only` are the targets that
    may be acted on, empty for all. `situation` is what the domain says of both, if it was asked
    already. `inputs` are what people chose.

    Raises:
        UsageError: a branch or host is unknown, or the observation is not a full one, or does not
            concern the domain, or the branch does not use what was chosen.
        Refused: no branch fits, the one that fits has nothing to act on, or the domain returns
            values whose types are not those of a plan.
        RemediationError: the bytes of a step cannot be made.
    """
    check_complete(observation, f"plan {maker.playbook.id}")
    domain = maker.domain
    concerned_domains([domain], observation)
    if situation is None:
        situation = domain.situation(observation, only)
    finding = domain.finding(situation)
    check_targets(only, observation, finding)
    situation = domain.choose(situation, inputs)
    chosen = pick_branch(maker.playbook, situation, finding, branch)
    check_used(maker.playbook, chosen, inputs)
    if not chosen.propose(situation).moves:
        raise Refused(
            f"{maker.playbook.id} {chosen.name} has nothing to act on",
            guard="empty plan",
            got="0 hosts",
            expected="at least one",
            next_step="remediate diagnose",
        )
    plan = maker.build(chosen, situation, observation, inputs=inputs)
    _check_form(plan)
    return plan


def check_complete(observation: Observation, command: str) -> None:
    """Check that every host was fully read, which a plan needs. `command` reads them again.

    Raises:
        UsageError: one was not.
    """
    missing = missing_readings(observation)
    if missing:
        raise UsageError(
            "no plan can be made from this observation",
            guard="full observation",
            got=missing,
            expected="a full reading of every host of the inventory, each once",
            next_step=f"remediate {command} --inventory INVENTORY (without --from)",
        )


def check_targets(only: frozenset[str], observation: Observation, finding: Finding) -> None:
    """Check that each of `only` is a host that was observed, or a subject of the finding.

    Raises:
        UsageError: one is neither; lists what there is.
    """
    names = dict.fromkeys([login.host for login in observation.logins])
    names |= dict.fromkeys(subject.name for subject in finding.subjects)
    unknown = sorted(only - names.keys())
    if unknown:
        raise UsageError(
            f"there is no {finding.noun or 'target'} {unknown[0]!r}",
            guard="--limit",
            got=", ".join(unknown),
            expected=", ".join(names),
            next_step="correct --limit",
        )


def _check_form(plan: Plan) -> None:
    """Refuse a plan that can be written but not be read again: nothing else checks the types of the
    values that a domain of another package returns.

    Raises:
        Refused: the type of a value is not that of its field.
    """
    try:
        decode(canonical(plan), Plan)
    except WireError as error:
        raise Refused(
            f"the domain {plan.domain} makes plans that cannot be read",
            guard="form of the plan",
            got=str(error),
            expected="values of the types that the fields of a plan have",
            next_step="report it to the provider of "
            f"{plan.origin.distribution} {plan.origin.version}, or install a version that works",
        ) from error

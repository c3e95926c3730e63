"""A Deployment that serves, and not enough of it: another number of replicas, within what people
declared (docs/kubernetes.md#scale).

Nothing that is read of a namespace says that it is too few: people choose the number. It is refused
where an autoscaler or a GitOps controller owns the number (K4), where the new pods might land on
other processors (K24), and for what holds a validator's key.
"""

from __future__ import annotations

from remediations.engine.domain import Branch, Input, Move, Proposal, StageDraft
from remediations.engine.plan.plan import Gate, Risk
from remediations.playbooks.service.actions import SCALE_WORKLOAD
from remediations.playbooks.service.conditions import WorkloadCondition
from remediations.playbooks.service.gates import RolledOut
from remediations.playbooks.service.scored import ANSWERS, not_proven, planned_checks
from remediations.playbooks.service.situation import REPLICAS_INPUT, ServiceSituation
from remediations.render.formats import name_some
from remediations.systems.kubernetes.steps import SCALE as SCALE_DEPLOY
from remediations.systems.kubernetes.values import Workload
from remediations.values.part import Part

SCALE_LIMIT_S = 300
_SERVES = (WorkloadCondition.WELL, WorkloadCondition.ROLLING)


def _scalable(service: ServiceSituation) -> list[Workload]:
    return [one for one in service.workloads if one.entry.scale is not None]


def _fits(service: ServiceSituation) -> str | None:
    scalable = _scalable(service)
    if not scalable:
        return "no workload has `scale` in the inventory (docs/kubernetes.md#scale)"
    if service.replicas is None:
        return "choose how many with --replicas: nothing that is read says how many are enough"
    if len(scalable) > 1:
        names = name_some([one.entry.target for one in scalable])
        return f"{names} may be scaled: choose one with --limit"
    (one,) = scalable
    judged = service.judged(one)
    if judged.condition not in _SERVES:
        return f"{one.entry.target} is {judged.condition}: more of what does not work is no help"
    return None


def _propose(service: ServiceSituation) -> Proposal[ServiceSituation]:
    (one,) = _scalable(service)
    target, state, wanted = one.entry.target, service.state(one.entry.target), service.replicas
    assert state is not None, "`fits` has seen it"
    assert wanted is not None, "`fits` has seen it"
    limits = one.entry.scale
    assert limits is not None, "it is one of those that may be scaled"
    more, scored = wanted > state.desired, service.scored(target) is not None
    cost = (f"it costs: {limits.cost}",) if more else ()
    preview = service.preview_line(target, SCALE_DEPLOY, str(wanted))
    way_back = f"`--replicas {limits.normal}` is what is normal again"
    return Proposal(
        title=f"scale {target} from {state.desired} to {wanted} replicas",
        stages=(
            StageDraft(
                title=f"scale {target} from {state.desired} to {wanted} replicas",
                why="the pods that serve are left alone"
                if more
                else "what they have taken, they end within their grace period",
                moves=(Move(SCALE_WORKLOAD, target),),
                gate=Gate(
                    title=f"{target} has {wanted} replicas, and all are available"
                    f"{ANSWERS if scored else ''}",
                    timeout_s=SCALE_LIMIT_S,
                    asks=Part.of(
                        RolledOut(
                            target=target,
                            after=state.generation,
                            image="",
                            replicas=wanted,
                            scored=scored,
                        )
                    ),
                ),
            ),
        ),
        checks=planned_checks(service, [one]),
        risk=Risk.MEDIUM,
        worst_case="the new pods do not start, for want of nodes or quota: those that serve go on",
        warnings=(
            *cost,
            *((way_back,) if wanted != limits.normal else ()),
            *not_proven(service, [one]),
            *preview,
        ),
    )


def _number(text: str) -> str:
    if not text.isascii() or not text.isdecimal() or not 0 < int(text) <= 10_000:
        raise ValueError("a whole number from 1 to 10000")
    return str(int(text))


SCALE = Branch(
    name="scale-workload",
    title="Set the number of replicas of a Deployment",
    condition="it serves, people declared how far it may be scaled (`scale`), and chose a number",
    fits=_fits,
    propose=_propose,
    inputs=(
        Input(
            name=REPLICAS_INPUT,
            metavar="N",
            help="So many replicas of the Deployment, within its declared `scale`.",
            parse=_number,
        ),
    ),
)

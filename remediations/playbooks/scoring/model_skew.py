"""Services with another model, half of one, or one that changed on disk get the agreed model.

Two plans, because the bytes come from a host that has them: the first keeps them there as one file,
whose SHA-256 is the loader's hash of the model; `remediate stage --donor` brings it to those who
need it; the second puts it in place, one service at a time, smallest power first
(docs/scoring.md#another-model). Where the inventory names a directory that has the model, it is
brought from there, and no first plan is needed.
"""

from __future__ import annotations

from collections.abc import Iterator

from remediations.engine.domain import Action, Branch, Move, Proposal, StageDraft
from remediations.engine.plan.plan import Gate, PlannedCheck, Risk
from remediations.playbooks.scoring.checks.titles import TITLES
from remediations.playbooks.scoring.containers import dependants_warning
from remediations.playbooks.scoring.finding import Basis
from remediations.playbooks.scoring.gates import STEADY_S, AnswersAlike, KeepsScoring
from remediations.playbooks.scoring.guards import model
from remediations.playbooks.scoring.guards.container import PROCESS_BACK_GUARDS, PROCESS_GUARDS
from remediations.playbooks.scoring.guards.scorer import host_ready, unit_loaded
from remediations.playbooks.scoring.guards.table import SCORER_GUARDS
from remediations.playbooks.scoring.impact import no_effect, restart_effect
from remediations.playbooks.scoring.model_facts import (
    agreed_source,
    donor_facts,
    donors,
    keepers,
    model_data,
    model_facts,
    needing,
    swap_data,
    targets,
)
from remediations.playbooks.scoring.situation import ScoringSituation
from remediations.render.formats import name_some, percent, short_digest
from remediations.systems.scorer.source import ModelSource
from remediations.values.part import Part

ALIKE_LIMIT_S = 180
"""A large model takes a while to load."""
KEEPS_LIMIT_S = 30

PUT_BACK_MODEL = Action(
    name="scorer.swap_model.undo",
    driver="host",
    deploy="scoring/put_back_model",
    facts=model_facts,
    data=swap_data,
    guards=(host_ready, unit_loaded, *PROCESS_BACK_GUARDS),
    effects=no_effect,
)
"""Takes back `SWAP_MODEL`: the model of before, and what the unit expected."""

SWAP_MODEL = Action(
    name="scorer.swap_model",
    driver="host",
    deploy="scoring/swap_model",
    facts=model_facts,
    data=swap_data,
    guards=(
        *SCORER_GUARDS,
        *PROCESS_GUARDS,
        model.model_agreed,
        model.needs_model,
        model.model_staged,
        model.files_known,
    ),
    effects=restart_effect,
    undone_by=PUT_BACK_MODEL,
)
"""The agreed model beside the old one, exchanged by a rename; the unit is restarted, and what was
stopped with it comes back."""

KEEP = Action(
    name="scorer.keep_model",
    driver="host",
    deploy="scoring/keep_model",
    facts=donor_facts,
    data=model_data,
    guards=(host_ready, model.model_agreed, model.is_donor, model.files_known),
    effects=no_effect,
)
"""For a donor: its model as one file, by its hash. Nothing is stopped."""

ACTIONS = (KEEP, SWAP_MODEL, PUT_BACK_MODEL)
CHECKS = tuple(PlannedCheck(id=id_, title=TITLES[id_]) for id_ in ("VP1", "VP2", "VP3", "VP15"))
KEEP_CHECKS = tuple(PlannedCheck(id=id_, title=TITLES[id_]) for id_ in ("VP2",))


def _why_not(scoring: ScoringSituation, hosts: tuple[str, ...]) -> str | None:
    if not hosts:
        return "no service needs another model"
    if not scoring.finding.model:
        return "no model has more than two thirds of the power, and none is pinned"
    return None


def _may_keep(scoring: ScoringSituation) -> tuple[str, ...]:
    """The donors that may be acted on."""
    return tuple(host for host in donors(scoring) if scoring.may_act_on(host))


def _keep_fits(scoring: ScoringSituation) -> str | None:
    # Only the donor is acted on: who needs its model may lie outside of `--limit`.
    why = _why_not(scoring, needing(scoring))
    if why is None and set(keepers(scoring)) & set(donors(scoring)):
        why = f"{name_some(keepers(scoring), 3)} keeps the model already: `remediate stage` next"
    if why is None and all(host in keepers(scoring) for host in needing(scoring)):
        why = "the model is on every host that needs it"
    if why is None and (source := agreed_source(scoring)) is not None:
        why = f"{source.directory} has the model: {_stage_next(source, needing(scoring))}"
    if why is None and scoring.finding.model_group(scoring.finding.model) is None:
        why = f"no service has the pinned model {short_digest(scoring.finding.model)}"
    if why is None and not _may_keep(scoring):
        why = "nobody who may be acted on answers as agreed with the model on disk"
    return why


def _propose_keep(scoring: ScoringSituation) -> Proposal[ScoringSituation]:
    donor, sha256 = _may_keep(scoring)[0], scoring.finding.model
    return Proposal(
        title=f"keep the model {short_digest(sha256)} of {donor} as one file",
        stages=(
            StageDraft(
                title=f"keep the model on {donor}",
                why="its bytes have the name by which they are approved: the loader's hash. "
                f"`remediate stage {sha256} --donor {donor}` brings them to the others",
                moves=(Move(KEEP, donor),),
                gate=Gate(
                    title=f"{donor} still answers as agreed",
                    timeout_s=KEEPS_LIMIT_S,
                    asks=Part.of(KeepsScoring(hosts=(donor,))),
                ),
            ),
        ),
        checks=KEEP_CHECKS,
        risk=Risk.LOW,
        worst_case="the file takes room on the donor's disk; its service is not touched",
    )


def _swap_fits(scoring: ScoringSituation) -> str | None:
    why = _why_not(scoring, targets(scoring))
    if why is None and not keepers(scoring):
        source = agreed_source(scoring)
        first = "the branch keep-model first"
        if source is not None:
            first = _stage_next(source, targets(scoring))
        why = f"no host keeps the model as one file: {first}"
    return why


def _stage_next(source: ModelSource, hosts: tuple[str, ...]) -> str:
    return f"`{source.command} --limit {','.join(hosts)}` first, then plan again"


def _propose_swap(scoring: ScoringSituation) -> Proposal[ScoringSituation]:
    hosts, sha256 = targets(scoring), scoring.finding.model
    return Proposal(
        title=f"bring the model {short_digest(sha256)} to {name_some(hosts)}",
        stages=tuple(_stages(scoring, hosts)),
        checks=CHECKS,
        risk=Risk.HIGH if _by_pin(scoring) else Risk.MEDIUM,
        worst_case="a service does not start with the model and stays down; its validator is then "
        "without a score, as it is with a wrong one now. The old model is kept beside",
        warnings=tuple(_warnings(scoring, hosts)),
    )


def _stages(
    scoring: ScoringSituation, hosts: tuple[str, ...]
) -> Iterator[StageDraft[ScoringSituation]]:
    why = "one at a time, smallest power first: more than two thirds answer meanwhile"
    if _by_pin(scoring):
        why = (
            "one at a time, smallest power first: the chain stands, and nothing is scored meanwhile"
        )
    for host in hosts:
        power = scoring.finding.scorer(host).power
        yield StageDraft(
            title=f"exchange the model of {host} (power {power})",
            why=why,
            moves=(Move(SWAP_MODEL, host),),
            gate=Gate(
                title=f"{host} answers the golden vectors as agreed, one process for {STEADY_S} s",
                timeout_s=ALIKE_LIMIT_S,
                asks=Part.of(AnswersAlike(hosts=(host,), steady_s=STEADY_S)),
            ),
        )


def _by_pin(scoring: ScoringSituation) -> bool:
    return scoring.finding.agreed_basis is Basis.PIN


def _power_by_pin(scoring: ScoringSituation, hosts: tuple[str, ...]) -> Iterator[str]:
    """What power changes by a word of people, and what that rests on."""
    finding = scoring.finding
    group, total = finding.model_group(finding.model), finding.total_power
    if not _by_pin(scoring) or group is None:
        return
    changes = sum(finding.scorer(host).power for host in hosts)
    yield (
        f"no model has two thirds: the pin decides. Services with {changes} of {total} "
        f"({percent(changes, total)}) get another model, and with it other answers; "
        f"{name_some(group.hosts, 4)} has it already, with {group.power} "
        f"({percent(group.power, total)})"
    )
    yield (
        "the pin is the inventory's word: before you sign, compare it with what the chain holds "
        "(`query veid model-hashes` of its program, on a node)"
    )
    yield "what the other answers wrote stays in states of the chain: `remediate plan INC-001` next"


def _warnings(scoring: ScoringSituation, hosts: tuple[str, ...]) -> Iterator[str]:
    yield from _power_by_pin(scoring, hosts)
    for host in hosts:
        yield from dependants_warning(scoring, host)
        unit = getattr(scoring.scorer(host).unit, "value", None)
        if unit is not None and unit.expects and unit.expects != scoring.finding.model:
            yield (
                f"{host}: {unit.unit} expects the model {unit.expects[:16]}; its files below "
                "/etc/systemd/system are changed to expect the agreed one"
            )
    if scoring.finding.split_alike and not _by_pin(scoring):
        yield (
            "the chain's app hashes differ between the same hosts: what a wrong score wrote stays "
            "in those states. After this run: `remediate plan INC-001`"
        )


KEEP_MODEL = Branch(
    name="keep-model",
    title="Keep the agreed model as one file on a host that has it",
    condition="a service needs another model, and no host keeps the agreed one as a file",
    fits=_keep_fits,
    propose=_propose_keep,
)
MODEL_SKEW = Branch(
    name="model-skew",
    title="Bring the agreed model to those who have another one",
    condition="a service has another model, or half of one, and a host keeps the agreed one",
    fits=_swap_fits,
    propose=_propose_swap,
    invariants=(model.source_agreed,),
)

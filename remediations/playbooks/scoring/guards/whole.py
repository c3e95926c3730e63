"""Guards on all services together."""

from __future__ import annotations

from remediations.engine.domain import Proposal
from remediations.engine.plan.impact import compute_impacts
from remediations.engine.plan.plan import GuardResult, guard_result
from remediations.playbooks.chain.finding import Tristate
from remediations.playbooks.chain.signable.signers import hosts_of_unread_keys
from remediations.playbooks.scoring.conditions import ScorerCondition
from remediations.playbooks.scoring.diagnose.conclude import agreed_text
from remediations.playbooks.scoring.finding import Basis
from remediations.playbooks.scoring.impact import VOTING, levels
from remediations.playbooks.scoring.situation import ScoringSituation
from remediations.render.formats import name_some, percent
from remediations.systems.comet.quorum import has_quorum

_UNDER_PIN = (
    "what a running chain has committed of scores is not read: its operators decide together when "
    "it stands (docs/scoring.md#a-pin), or exchange by hand until one model has two thirds"
)
_AGAIN = "`remediate diagnose scoring` shows who answers what"


def answer_agreed(
    scoring: ScoringSituation, _proposal: Proposal[ScoringSituation]
) -> GuardResult | None:
    """V1: one answer to every golden vector has more than two thirds of the power, or a pin decides
    that people made, and somebody shows what it means."""
    finding = scoring.finding
    holds: bool | None = finding.agreed_basis is not Basis.NONE
    best = finding.answers[0].power if finding.answers else 0
    if not holds and has_quorum(best + finding.unread_power, finding.total_power):
        holds = None
    got, next_step = agreed_text(finding), _AGAIN if holds else finding.next_step
    if not holds and scoring.scoring.model is not None:
        got += f"; {scoring.why_not_pinned}"
        next_step = (
            "its operator gives one service the pinned model, with which it answers the golden "
            "vectors, or people agree on another pin (docs/scoring.md#a-pin); then diagnose again"
        )
    return guard_result(
        "V1",
        "one answer has more than two thirds of the power",
        holds=holds,
        got=got,
        expected="more than 2/3 of the power, or the golden vectors where no powers are known, or "
        "all but those that are late give their answers, or those that have the pinned model",
        next_step=next_step,
        facts=("scoring.agreed", "scoring.basis", "scoring.total_power"),
    )


def powers_known(
    scoring: ScoringSituation, _proposal: Proposal[ScoringSituation]
) -> GuardResult | None:
    """V2: where there is a chain its powers are known: hosts are not counted in their place."""
    if scoring.chain is None:
        return None
    total = scoring.finding.total_power
    return guard_result(
        "V2",
        "the powers behind the answers are known",
        holds=True if total else None,
        got=f"a total of {total}" if total else "no node tells the validator set",
        expected="a validator set that a believed node tells",
        next_step=_AGAIN if total else "remediate plan INC-001",
        facts=("scoring.total_power",),
    )


def agreeing_stay(
    scoring: ScoringSituation, proposal: Proposal[ScoringSituation]
) -> GuardResult | None:
    """V3: in every stage more than two thirds go on to answer as agreed. Where fewer do because
    requests wait, nothing is taken from those that answer in time."""
    finding = scoring.finding
    if not finding.total_power:
        return None
    stages = [
        {move.target for move in stage.moves if move.action.effects(scoring, move.target)}
        for stage in proposal.stages
    ]
    acted = {host for stage in stages for host in stage}
    power = min(
        sum(one.power for one in finding.agreeing if one.host not in away)
        for away in (*stages, frozenset())
    )
    agreeing = {one.host for one in finding.agreeing}
    left = [one.host for one in finding.scorers if one.host not in agreeing | acted]
    prompt = {one.host for one in finding.scorers if one.condition is ScorerCondition.AGREED}
    late = finding.agreed_basis is Basis.LATE and not acted & prompt
    holds: bool | None = late or has_quorum(power, finding.total_power)
    next_step = "make those agree first that are not acted on, or act on fewer (--limit)"
    told = "; requests wait, and those that answer in time are left alone" if late else ""
    if not holds and finding.agreed_basis is Basis.PIN:
        holds, told = _by_pin(scoring, acted, prompt)
        next_step = _UNDER_PIN
    return guard_result(
        "V3",
        "more than two thirds answer as agreed meanwhile",
        holds=holds,
        got=f"{power} of {finding.total_power} ({percent(power, finding.total_power)})"
        + (f"; not: {name_some(left, 4)}" if left else "")
        + told,
        expected="more than 2/3; where a pin decides, a chain that stands, in which nothing is "
        "scored",
        next_step=next_step,
        facts=("scoring.agreed", "scoring.basis", "scoring.total_power"),
    )


def _by_pin(
    scoring: ScoringSituation, acted: set[str], prompt: set[str]
) -> tuple[bool | None, str]:
    """Whether services may be acted on although no two thirds agree, and why: only while the chain
    stands, and none of those that show what the pin means is touched."""
    if not acted:
        return True, "; nothing is restarted"
    if acted & prompt:
        return False, f"; {name_some(sorted(acted & prompt), 3)} answers as the pin has it"
    halted = scoring.chain.finding.halted if scoring.chain else Tristate.UNKNOWN
    if halted is Tristate.UNKNOWN:
        return None, "; whether the chain stands is not known"
    if halted is Tristate.NO:
        return False, "; the chain makes blocks, and a score may be asked for between two exchanges"
    return True, "; the chain stands, and the pin decides"


def votes_stay(
    scoring: ScoringSituation, proposal: Proposal[ScoringSituation]
) -> GuardResult | None:
    """V13: those who vote stay more than two thirds in every stage: a validator without its service
    counts as absent."""
    stages = [
        [effect for move in stage.moves for effect in move.action.effects(scoring, move.target)]
        for stage in proposal.stages
    ]
    votes = [
        impact
        for impacts in compute_impacts(levels(scoring), stages)
        for impact in impacts
        if impact.measure == VOTING
    ]
    if not votes:
        return None
    worst = min(votes, key=lambda impact: impact.worst)
    holds: bool | None = worst.worst >= worst.floor
    got = f"at worst {worst.worst} of {worst.total} ({percent(worst.worst, worst.total)})"
    next_step = "bring validators back first: remediate plan INC-001"
    blind = _of_unknown_power(scoring, proposal)
    if blind and holds and worst.floor:
        holds = None
        got = f"which key {name_some(blind, 4)} has was not read, so its power is unknown"
        next_step = "`remediate diagnose` again; `remediate doctor` says what hinders it"
    return guard_result(
        "V13",
        "those who vote stay a quorum",
        holds=holds,
        got=got,
        expected=f"at least {worst.floor}" if worst.floor else "nothing: the chain stands",
        next_step=next_step,
        facts=("scoring.total_power",),
    )


def _of_unknown_power(
    scoring: ScoringSituation, proposal: Proposal[ScoringSituation]
) -> tuple[str, ...]:
    """The hosts whose service is restarted, and whose key was not read: no power is not the same
    as one that nobody knows."""
    unread = hosts_of_unread_keys(scoring.chain) if scoring.chain is not None else ()
    acted = {m.target for m in proposal.moves if m.action.effects(scoring, m.target)}
    return tuple(host for host in unread if host in acted)

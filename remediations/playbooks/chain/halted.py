"""INC-001, chain halted: the branches that restart.

What the runbook intends and where it errs: it counts validators (we count power), and it tells
people to restart healthy ones (we never touch what runs: running nodes hold the round,
docs/rules/hazards.md#restart-in-a-halt).
"""

from __future__ import annotations

from remediations.engine.domain import Branch, Playbook, Situation
from remediations.engine.find.finding import ChainClass, Finding
from remediations.engine.plan.plan import Risk
from remediations.engine.plan.proposal import Proposal
from remediations.playbooks.chain.gates import advances
from remediations.playbooks.chain.impact import Move
from remediations.playbooks.chain.restart import (
    CHECKS,
    left_disabled,
    moves,
    one_at_a_time,
    restartable,
    stage,
)
from remediations.render.words import count, percent, some
from remediations.systems.comet.quorum import can_halt, has_quorum

ROUND_SLACK_S = 60
"""Time for processes to start, replay their WAL and find their peers."""


def round_timeout_s(round_: int) -> int:
    """How long a block may take after quorum is back at this round, in seconds.

    A round at default timeouts lasts up to 5 + 1.5·r s (docs/diagnosis.md, "Rounds"), and two of
    them may pass before all agree on one.
    """
    return ROUND_SLACK_S + 2 * (5 + 3 * round_ // 2)


def _minority_fits(situation: Situation) -> str | None:
    finding = situation.finding
    if finding.chain is not ChainClass.DEGRADED:
        return f"the chain is {finding.chain}, not degraded"
    absent = finding.total_power - finding.online_power
    if can_halt(absent, finding.total_power):
        return f"{percent(absent, finding.total_power)} of the power is offline, one third or more"
    if not restartable(situation, validators_only=True):
        return "no validator is down in a way that a restart cures"
    return None


def _minority(situation: Situation) -> Proposal:
    order = moves(restartable(situation, validators_only=True), situation.finding)
    return Proposal(
        playbook="INC-001",
        branch="restart-minority",
        title=f"restart {count(len(order), 'validator')} while the chain goes on",
        stages=one_at_a_time(situation, order),
        checks=CHECKS,
        risk=Risk.MEDIUM,
        worst_case="a validator does not come back and its power stays missing, as it is now",
        warnings=left_disabled(situation, order),
    )


def _quorum_fits(situation: Situation) -> str | None:
    finding = situation.finding
    if finding.chain is not ChainClass.QUORUM_LOST:
        return f"the chain is {finding.chain}, not quorum-lost"
    if not restartable(situation, validators_only=True):
        return "no missing validator is down in a way that a start cures"
    return None


def _quorum(situation: Situation) -> Proposal:
    finding = situation.finding
    missing = moves(restartable(situation, validators_only=True), finding)
    after = finding.online_power + sum(move.power for move in missing if not move.online)
    timeout = round_timeout_s(finding.round)
    gate = advances(
        _live_and(missing, finding),
        finding.height,
        title=f"a block above {finding.height} within {timeout} s",
        timeout_s=timeout,
    )
    return Proposal(
        playbook="INC-001",
        branch="start-missing-together",
        title=f"start {count(len(missing), 'missing validator')} at once",
        stages=(
            stage(
                situation.observation,
                finding,
                missing,
                title=f"start {some([move.host for move in missing])} together",
                why=f"{percent(finding.online_power, finding.total_power)} of the power is not"
                f" enough; with these it is {percent(after, finding.total_power)}"
                f"{'' if has_quorum(after, finding.total_power) else ', still not enough'}."
                " Order does not matter for safety; fewer than two thirds just wait",
                gate=gate,
            ),
        ),
        checks=CHECKS,
        risk=Risk.HIGH,
        worst_case="the chain stays halted as it is now; nothing running is touched, no sign state"
        " and no WAL is changed by us",
        warnings=left_disabled(situation, missing),
    )


def _live_and(missing: tuple[Move, ...], finding: Finding) -> tuple[str, ...]:
    meant = {move.host for move in missing}.union(finding.voting)
    return tuple(node.host for node in finding.nodes if node.power and node.host in meant)


PLAYBOOK = Playbook(
    id="INC-001",
    title="Chain halted",
    alerts=("ChainHalted", "BlockProductionStalled"),
    branches=(
        Branch(
            name="start-missing-together",
            title="One third or more of the power is offline: start the missing at once",
            condition="halted, the round stands, and less than two thirds of the power votes",
            fits=_quorum_fits,
            propose=_quorum,
        ),
        Branch(
            name="restart-minority",
            title="Less than one third of the power is offline: restart it one at a time",
            condition="blocks go on, and a validator is down",
            fits=_minority_fits,
            propose=_minority,
        ),
    ),
)

"""The guard on where the set comes back to (docs/rules/guards.md#g46)."""

from __future__ import annotations

from remediations.engine.domain import Proposal
from remediations.engine.plan.plan import GuardResult, guard_result
from remediations.playbooks.chain.finding import Tristate
from remediations.playbooks.chain.signable.signers import signable_after
from remediations.playbooks.chain.signable.whole import lock_sentences
from remediations.playbooks.chain.situation import ChainSituation
from remediations.systems.comet.quorum import has_quorum


def can_sign_there(chain: ChainSituation, proposal: Proposal[ChainSituation]) -> GuardResult | None:
    """G46: in a halt, more than two thirds can sign at the height and round to which the set comes
    back. Not asked where no validator is started, or where too few are: G1b says that."""
    finding = chain.finding
    started = [
        move.target
        for move in proposal.moves
        if any(effect.after for effect in move.action.effects(chain, move.target))
    ]
    stands = finding.halted is Tristate.YES or finding.files is not None
    if not stands or not started:
        return None
    found = signable_after(chain, started)
    if not has_quorum(found.there, found.total):
        return None
    lowest = "" if finding.files is None else "if the newest block is the oldest that it can be: "
    return guard_result(
        "G46",
        "more than two thirds can sign where the chain stands",
        holds=found.reached,
        got=lowest + "; ".join((found.sentence, *lock_sentences(found))) + chain.by_files,
        expected="more than 2/3 can sign there",
        next_step=found.means,
        facts=(
            "chain.height",
            "chain.total_power",
            *(f"{host}.sign_state" for host in dict.fromkeys(started)),
        ),
    )

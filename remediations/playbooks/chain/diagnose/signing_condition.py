"""Nodes that run and follow, and do not sign. Those without power: `jail_condition`."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from remediations.engine.find.finding import Evidence, evidence_of
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.context import ChainContext, NodeVerdict
from remediations.playbooks.chain.diagnose.machines import names_of
from remediations.playbooks.chain.diagnose.node_view import READ_APART, NodeView
from remediations.playbooks.chain.diagnose.position_condition import allowed_lag
from remediations.render.formats import name_some
from remediations.systems.comet.journal_lines import Symptom, cause_of, plain_line
from remediations.systems.comet.journal_table import kind_of
from remediations.values.reading import value_or_none

_FRESH = timedelta(minutes=5)
"""A validator that cannot sign says so with every block."""
_CANNOT_SIGN = frozenset(
    {
        Symptom.SIGNING_REFUSED,
        Symptom.SIGNER_REFUSES,
        Symptom.SIGNER_SILENT,
        Symptom.SIGNER_MISFIT,
    }
)
_SIGNER = frozenset({Symptom.SIGNER_REFUSES, Symptom.SIGNER_SILENT})


def not_signing(view: NodeView, context: ChainContext) -> NodeVerdict | None:
    """It has power and follows the chain, and no block and no vote shows its signature.

    One missed commit alone proves nothing. Beside it one of these is needed: a second height that
    it missed, a sign state far from the tip, or a fresh line that says why it cannot sign.
    """
    missed = context.signing.missed(view.address) if view.address else ()
    if not (context.goes_on and view.answers and missed and context.power.of(view.address)):
        return None
    if not context.signing.absent.get(view.address):
        return None
    line, state = _refusal(view, context), _far_state(view, context)
    if len(missed) < 2 and line is None and not state:
        return None
    power = context.power.of(view.address)
    cause = f"it follows the chain at {view.height}, and its {power} power does not sign: "
    cause += f"no signature and no vote at {name_some([str(height) for height in missed], 4)}"
    evidence = [evidence_of(f"{view.host}.chain.commit", view.reading.chain.commit, cause)]
    if state:
        cause += f"; {state}"
        evidence.append(evidence_of(f"{view.host}.sign_state", view.reading.sign_state, state))
    if line is not None:
        cause += f"; it logs: {line.says}"
        evidence.append(line)
    hands = _what_to_do(view, context, refused=line is not None)
    return NodeVerdict(NodeCondition.NOT_SIGNING, cause, tuple(evidence), hands)


def waits_for_signer(view: NodeView, context: ChainContext) -> NodeVerdict | None:
    """It stands because its remote signer does not answer: CometBFT waits for it at each vote, and
    takes part in nothing meanwhile. The signer is to be mended, and not the node, whose height
    looks as if its consensus were dead."""
    signer = view.remote_signer
    if not (signer and view.answers and view.stands) or view.address in context.heard:
        return None
    below = context.tip - view.height > allowed_lag(context)
    if context.goes_on and not below:
        return None
    line = _refusal(view, context, _SIGNER)
    if line is None:
        return None
    where = f"it stands at {view.height} while the tip is {context.tip}" if below else "no vote"
    cause = f"{where}: it waits for its remote signer at {signer}, and logs: {line.says}"
    hands = _what_to_do(view, context, refused=True)
    evidence = (line, *view.status_evidence(where))
    return NodeVerdict(NodeCondition.NOT_SIGNING, cause, evidence, hands)


def _refusal(
    view: NodeView, context: ChainContext, symptoms: Collection[Symptom] = _CANNOT_SIGN
) -> Evidence | None:
    """The newest fresh line that says that it cannot sign."""
    reading = view.reading.journal
    for entry in reversed(value_or_none(reading) or ()):
        if entry.at < context.began - _FRESH:
            return None
        line = plain_line(entry.message)
        kind = kind_of(line)
        if kind is not None and kind.symptom in symptoms:
            says = cause_of(line)
            path = f"{view.host}.journal"
            return Evidence(reading=path, says=says, source=reading.source, at=entry.at)
    return None


def _far_state(view: NodeView, context: ChainContext) -> str:
    """A sign state that is too far from the tip for a validator that signs each block; ""."""
    lag = _lag(view, context)
    if abs(lag) <= READ_APART + 2 * context.growth:
        return ""
    where = f"{abs(lag)} blocks {'below' if lag > 0 else 'above'} the tip"
    return f"its sign state stands at {context.tip - lag}, {where}"


def _lag(view: NodeView, context: ChainContext) -> int:
    """By how many blocks its sign state is below the tip; 0 where another signer signs."""
    state = value_or_none(view.reading.sign_state)
    return 0 if state is None or view.remote_signer else context.tip - state.height


def _what_to_do(view: NodeView, context: ChainContext, *, refused: bool) -> str:
    """The signer first, and the node only then."""
    if view.remote_signer:
        return (
            f"Look at the remote signer of {view.remote_signer} first: does it run, is it "
            "connected to this node, can it reach its key? Restart the signer, not this node; its "
            "state must not be lower than before. Then `remediate diagnose`."
        )
    if _lag(view, context) < -READ_APART - 2 * context.growth:
        return (
            "Touch nothing: it refuses until the chain is past the height of its sign state, and "
            "a lower state could make it sign twice. Find out which chain that state comes from."
        )
    unit = view.unit.name if view.unit is not None else "UNIT"
    if refused or _far_state(view, context):
        return (
            f"Read on {view.host} why its key does not sign (`journalctl -u {unit} -g sign`) and "
            "mend that first. Touch neither its sign state nor its WAL; no restart until the "
            "reason is known."
        )
    return (
        f"Its key may sign, and its votes do not arrive: look at the peers and the delay of "
        f"{view.host}, and at `journalctl -u {unit} -g sign`. No restart until the reason is known."
    )


def second_name(view: NodeView, context: ChainContext) -> NodeVerdict | None:
    """The machine is judged under another of its names."""
    first = context.same.get(view.host, view.host)
    return same_machine(view, context) if first != view.host else None


def same_machine(view: NodeView, context: ChainContext) -> NodeVerdict | None:
    """The inventory has its machine twice."""
    names = names_of(view.host, context.same)
    if not names:
        return None
    cause = f"it is the same machine as {name_some(names)}: the same boot, the same start of a unit"
    evidence = (evidence_of(f"{view.host}.session", view.reading.session, cause),)
    return NodeVerdict(NodeCondition.SAME_MACHINE, cause, evidence)

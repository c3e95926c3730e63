"""What is wrong with one node, judged by itself: the one thing that has to be repaired first.

The judges are asked in that order. If none of them finds anything, the class of the chain decides:
a node that is well is healthy while blocks go on, and waits while they do not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from remediations.engine.find.finding import evidence_of
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.context import ChainContext, NodeVerdict
from remediations.playbooks.chain.diagnose.double_signing import double_signing
from remediations.playbooks.chain.diagnose.equivocation import runs
from remediations.playbooks.chain.diagnose.heard import rpc_silent
from remediations.playbooks.chain.diagnose.held_key import held_holder
from remediations.playbooks.chain.diagnose.jail_condition import without_power
from remediations.playbooks.chain.diagnose.key_condition import (
    duplicate_key,
    empty_state_missing,
    key_missing,
    sign_state_lost,
)
from remediations.playbooks.chain.diagnose.last_end import keeps_failing, mended_since
from remediations.playbooks.chain.diagnose.log_condition import (
    disk_full,
    fails_at_stored_block,
    from_journal,
    from_settings,
    panicked,
)
from remediations.playbooks.chain.diagnose.machines import names_of
from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.playbooks.chain.diagnose.position_condition import (
    behind,
    diverged,
    isolated,
    untrusted,
    zombie,
)
from remediations.playbooks.chain.diagnose.signing_condition import (
    not_signing,
    same_machine,
    second_name,
    waits_for_signer,
)
from remediations.playbooks.chain.diagnose.unit_condition import held, silent_condition
from remediations.render.formats import name_some
from remediations.systems.comet.inventory import Role
from remediations.systems.hosts.values import Session
from remediations.values.reading import Reading, Unknown, Why, value_or_none

Judge = Callable[[NodeView, ChainContext], NodeVerdict | None]


def node_condition(view: NodeView, context: ChainContext) -> NodeVerdict | None:
    """The first verdict in the order of repair; None if nothing is wrong with the node."""
    for judge in _JUDGES:
        verdict = judge(view, context)
        if verdict is not None:
            return _named_twice(verdict, names_of(view.host, context.same))
    return None


def _named_twice(verdict: NodeVerdict, names: Sequence[str]) -> NodeVerdict:
    """Whatever is wrong with a machine that has two names is wrong once."""
    if not names or verdict.condition is NodeCondition.SAME_MACHINE:
        return verdict
    return replace(verdict, cause=f"{verdict.cause}; it is the same machine as {name_some(names)}")


def _unreachable(view: NodeView, context: ChainContext) -> NodeVerdict | None:
    """The login failed: the daemon may still be running. A bastion has none, and hides those behind
    it."""
    if view.reached:
        return None
    evidence = evidence_of(f"{view.host}.session", view.reading.session)
    jump = context.behind.get(view.host)
    if view.reading.role is Role.BASTION:
        cause = f"it could not be logged in to ({evidence.says})"
        hidden = [host for host, before in context.behind.items() if before == view.host]
        hands = "Log in by the provider's console, and mend SSH there"
        hands += f" first: {name_some(hidden)} can only be reached through it." if hidden else "."
    elif jump is not None:
        cause = f"it can only be reached through {jump}, which is shut; the daemon may well run"
        hands = f"Mend SSH on {jump} first. Do not start its key elsewhere."
    elif _answered(view.reading.session):
        cause = f"what it answered cannot be used; the daemon may well run ({evidence.says})"
        hands = (
            "`remediate diagnose` again. If that says the same, log in and look at the load of the "
            "host, and at what its login prints. Do not start its key elsewhere."
        )
    else:
        cause = f"it could not be logged in to; the daemon may well run ({evidence.says})"
        hands = ""
    return NodeVerdict(NodeCondition.UNREACHABLE, cause, (evidence,), hands)


def _answered(session: Reading[Session]) -> bool:
    """Whether the login itself succeeded, and only its answer is of no use."""
    return isinstance(session, Unknown) and session.why in (Why.CORRUPT, Why.TOO_LARGE)


def _no_daemon(view: NodeView, _scene: ChainContext) -> NodeVerdict | None:
    """A bastion has no daemon; one that runs there is not what the inventory says it is."""
    if view.reading.role is not Role.BASTION:
        return None
    if runs(view):
        return NodeVerdict(
            NodeCondition.UNKNOWN,
            "the inventory calls it a bastion, but a daemon runs here",
            (*view.unit_evidence(), *view.status_evidence(f"height {view.height}")),
            f"Correct `role:` of {view.host} in the inventory, then diagnose again.",
        )
    return NodeVerdict(NodeCondition.NO_DAEMON, "a bastion: no daemon is expected here", ())


def _standby(view: NodeView, _scene: ChainContext) -> NodeVerdict | None:
    """Keyless and stopped on purpose."""
    if view.reading.role is not Role.STANDBY or not view.down:
        return None
    key = value_or_none(view.reading.key)
    if key is None:
        return NodeVerdict(
            NodeCondition.UNKNOWN,
            "a standby whose key file could not be read: it may hold the key of a validator",
            (evidence_of(f"{view.host}.key", view.reading.key),),
        )
    says = f"key {key.address or 'none'}"
    evidence = (evidence_of(f"{view.host}.key", view.reading.key, says), *view.unit_evidence())
    return NodeVerdict(NodeCondition.STANDBY, f"stopped on purpose, {says}", evidence)


_JUDGES: tuple[Judge, ...] = (
    _unreachable,
    second_name,
    _no_daemon,
    double_signing,
    key_missing,
    held_holder,
    duplicate_key,
    _standby,
    sign_state_lost,
    empty_state_missing,
    untrusted,
    disk_full,
    held,
    rpc_silent,
    from_journal,
    from_settings,
    panicked,
    fails_at_stored_block,
    diverged,
    keeps_failing,
    mended_since,
    silent_condition,
    waits_for_signer,
    isolated,
    behind,
    zombie,
    not_signing,
    without_power,
    same_machine,
)

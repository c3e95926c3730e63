"""The Approval: an operator's SSH signature over the digest of one plan, and how the statement that
they sign is shown to them before they do."""

from __future__ import annotations

from remediations.engine.plan.plan import Plan, plan_digest
from remediations.render.formats import count_of, format_moment, name_some
from remediations.render.printable import ascii_line, one_line
from remediations.values.record import Moment, Record
from remediations.values.wire import canonical

NAMESPACE = "remediate-plan"
"""The `ssh-keygen -Y` namespace: a signature made for anything else never verifies here."""
PURPOSE = "approve the application of exactly this plan, once"
MOST_WAYS = 4
"""How many ways to undo are listed; the plan has all of them."""


class Statement(Record, frozen=True, kw_only=True):
    """Exactly what is signed, as canonical JSON. A signature is valid for this and nothing else."""

    purpose: str
    plan: str
    resources: tuple[str, ...]
    playbook: str
    branch: str
    expires_at: Moment


class Approval(Record, frozen=True, kw_only=True):
    """A statement, its armoured signature, and the signer according to `allowed_signers`; with ""
    for `principal` if it was signed where there is no such list."""

    statement: Statement
    signature: str
    principal: str
    key_fingerprint: str
    given_at: Moment


def statement_for(plan: Plan) -> Statement:
    """The statement about `plan`."""
    return Statement(
        purpose=PURPOSE,
        plan=plan_digest(plan),
        resources=plan.resources,
        playbook=plan.playbook,
        branch=plan.branch,
        expires_at=plan.expires_at,
    )


def consequences_text(plan: Plan) -> str:
    """What applying `plan` means, in a few lines: the plan itself may have scrolled off the
    screen."""
    undone: dict[str, dict[str, None]] = {}
    for step in plan.steps:
        undone.setdefault(step.undo, {})[step.target] = None
    ways = [f"{name_some(list(hosts))}: {undo}" for undo, hosts in undone.items()]
    shown = "; ".join(ways[:MOST_WAYS]) + (" …" if len(ways) > MOST_WAYS else "")
    chosen = ", ".join(f"--{one.name} {one.value}" for one in plan.inputs)
    return "\n".join(
        (
            "What you approve:",
            f"  title     {one_line(plan.title)}",
            *([f"  chosen    {ascii_line(chosen)}"] if chosen else []),
            f"  risk      {plan.risk}",
            f"  worst     {one_line(plan.worst_case)}",
            f"  acts on   {count_of(len(plan.targets), 'target')}: "
            f"{one_line(name_some(plan.targets))}",
            f"  undone    {one_line(shown) or 'nothing runs'}",
        )
    )


def statement_text(statement: Statement) -> str:
    """The statement for people, ending with the exact bytes that are signed."""
    return "\n".join(
        (
            f"You are about to sign, in the namespace {NAMESPACE}:",
            f"  purpose   {one_line(statement.purpose)}",
            f"  plan      {one_line(statement.plan)}",
            f"  resources {one_line(', '.join(statement.resources))}",
            f"  branch    {one_line(f'{statement.playbook} / {statement.branch}')}",
            f"  expires   {format_moment(statement.expires_at)}",
            f"  bytes     {one_line(canonical(statement).decode())}",
        )
    )

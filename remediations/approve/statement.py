"""What an approver signs, and how it is shown before they do."""

from __future__ import annotations

from remediations.approve.approval import NAMESPACE, Statement
from remediations.model.wire import canonical
from remediations.plan.plan import Plan, plan_digest
from remediations.render.printable import one_line
from remediations.render.words import moment

PURPOSE = "approve the application of exactly this plan, once"


def statement_for(plan: Plan) -> Statement:
    """The statement about `plan`."""
    return Statement(
        purpose=PURPOSE,
        plan=plan_digest(plan),
        chain_id=plan.chain_id,
        playbook=plan.playbook,
        branch=plan.branch,
        expires_at=plan.expires_at,
    )


def statement_text(statement: Statement) -> str:
    """The statement for people, ending with the very bytes that are signed."""
    return "\n".join(
        (
            f"You are about to sign, in the namespace {NAMESPACE}:",
            f"  purpose   {one_line(statement.purpose)}",
            f"  plan      {one_line(statement.plan)}",
            f"  chain     {one_line(statement.chain_id)}",
            f"  branch    {one_line(f'{statement.playbook} / {statement.branch}')}",
            f"  expires   {moment(statement.expires_at)}",
            f"  bytes     {one_line(canonical(statement).decode())}",
        )
    )

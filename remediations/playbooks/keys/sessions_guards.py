"""Guards on resetting what was derived from a key that is out (ids: rules/guards.md here)."""

from __future__ import annotations

from remediations.engine.plan.plan import GuardResult, guard_result
from remediations.playbooks.keys.reencryption_guards import key_is_revoked
from remediations.playbooks.keys.sessions_scope import is_done, sessions_of
from remediations.playbooks.keys.situation import KeysSituation
from remediations.values.reading import Unknown

SEE = "docs/sessions.md"


def calls_are_kept(keys: KeysSituation, target: str) -> GuardResult:
    """R25: this is the machine that the inventory names, and its directory of calls is ours alone:
    what was called is known there, and nowhere else."""
    found = sessions_of(keys)
    is_here = found.here == found.machine
    return guard_result(
        "R25",
        "this machine is the one that calls, and keeps what it called",
        subject=target,
        holds=is_here and not found.flaw,
        got=f"{found.here}; {found.flaw or 'its directory is yours alone'}",
        expected=f"{found.machine or '`sessions.machine`'}, and a directory of mode 0700",
        next_step=f"plan and apply on that machine; mkdir -m 700 the directory ({SEE})",
        facts=("sessions.machine", "sessions.here"),
    )


def credentials_are_usable(keys: KeysSituation, target: str) -> GuardResult:
    """R26: the token is in a file that nobody else reads, and certificates can be read."""
    found = sessions_of(keys).item(target)
    is_read = sessions_of(keys).here == sessions_of(keys).machine
    return guard_result(
        "R26",
        "its token and its certificates can be used",
        subject=target,
        holds=None if not is_read else not found.flaw,
        got=found.flaw or ("they can" if is_read else "not read: this is another machine"),
        expected="one line in a file of yours, mode 0600; certificates that others cannot write",
        next_step=f"chmod 600 it, or name another one: `sessions.items.{found.item.name}` ({SEE})",
        facts=(f"{target}.item",),
    )


def programs_are_trusted(keys: KeysSituation, target: str) -> GuardResult:
    """R27: nobody else can have changed what is run. Its hash is in the plan."""
    found = sessions_of(keys).item(target)
    unread = [one.sha256 for one in found.programs if isinstance(one.sha256, Unknown)]
    is_read = sessions_of(keys).here == sessions_of(keys).machine
    return guard_result(
        "R27",
        "the programs that it runs can be changed by nobody else",
        subject=target,
        holds=None if unread and not is_read else not unread,
        got="; ".join(one.reason for one in unread) or found.programs_text,
        expected="executable files of root or of yours that others cannot write",
        next_step=f"correct owner and mode, or `sessions.items.{found.item.name}` ({SEE})",
        facts=(f"{target}.programs",),
    )


def item_is_open(keys: KeysSituation, target: str) -> GuardResult:
    """R28: before anything is called its probe tells, and says that it is not done."""
    found = sessions_of(keys).item(target)
    done, answer = is_done(keys, found), found.answer
    name = found.item.name
    return guard_result(
        "R28",
        "its probe tells, and says that it is not done yet",
        subject=target,
        holds=None if done is None else not done,
        got=answer.reason
        if isinstance(answer, Unknown)
        else f"{'done' if done else 'not yet'}: {answer.value.seen}",
        expected="an answer, and that it is not done",
        next_step=f"see `{answer.source}` by hand; a probe that does not tell before proves "
        f"nothing afterwards. Mend `sessions.items.{name}`, or leave it out: --items with the "
        f"others ({SEE})",
        facts=(f"{target}.state",),
    )


def item_concerns_the_key(keys: KeysSituation, target: str) -> GuardResult:
    """R29: nobody is logged out for a key that has nothing to do with it."""
    found = sessions_of(keys).item(target)
    return guard_result(
        "R29",
        "it concerns the key that is out",
        subject=target,
        holds=found.concerns(keys.fingerprint),
        got=", ".join(one[:12] for one in found.item.keys) or "every key",
        expected=keys.fingerprint[:12] or "a key",
        next_step=f"leave it out of --items, or correct `sessions.items.{found.item.name}.keys`",
        facts=("key.fingerprint", f"{target}.item"),
    )


SESSION_GUARDS = (
    key_is_revoked,
    calls_are_kept,
    credentials_are_usable,
    programs_are_trusted,
    item_is_open,
    item_concerns_the_key,
)
"""What holds for every item that is reset."""

"""Approvals by real keys, through the real ssh-keygen and a real agent."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace

from remediations.engine.approve.approval import (
    NAMESPACE,
    Approval,
    consequences_text,
    statement_for,
    statement_text,
)
from remediations.engine.approve.approve import (
    CLOCKS_APART,
    approve_plan,
    verify_approval,
    verify_approvals,
)
from remediations.engine.approve.keygen import sign
from remediations.engine.approve.signer import Signer
from remediations.engine.plan.plan import VALID_FOR, plan_digest
from remediations.values.wire import canonical, decode
from tests.unit.approve.keys import (
    KEYGEN,
    MESSAGE,
    PLAN,
    Key,
    approval_with,
    by_hand,
    judge,
    refused,
)
from tests.unit.run.plans import NOW, plan


def test_a_key_file_approves(alice: tuple[Key, Path]) -> None:
    """The approval survives a file, and tells principal and key as ssh-keygen does."""
    key, allowed = alice
    given = approve_plan(PLAN, key.path, judge(allowed), NOW)
    listed = subprocess.run(
        ["ssh-keygen", "-l", "-f", key.path], capture_output=True, text=True, check=True
    )
    signer = Signer("alice@example.org", listed.stdout.split()[1])
    assert (given.principal, given.key_fingerprint) == signer
    read = decode(canonical(given), Approval)
    assert verify_approval(read, PLAN, judge(allowed), NOW) == signer
    assert verify_approvals([read], PLAN, judge(allowed), NOW) == (signer,)
    assert sorted(p.name for p in key.path.parent.iterdir()) == [
        *"a",
        "a.pub",
        "b",
        "b.pub",
        "c",
        "c.pub",
    ]


@pytest.fixture
def agent(keys: tuple[Key, Key, Key], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An agent with the first key."""
    started = subprocess.run(["ssh-agent", "-c"], capture_output=True, text=True, check=True)
    words = started.stdout.replace(";", "").split()
    monkeypatch.setenv("SSH_AUTH_SOCK", words[words.index("SSH_AUTH_SOCK") + 1])
    try:
        subprocess.run(["ssh-add", "-q", keys[0].path], check=True)
        yield
    finally:
        os.kill(int(words[words.index("SSH_AGENT_PID") + 1]), signal.SIGTERM)


@pytest.mark.usefixtures("agent")
def test_the_agents_key_approves(
    keys: tuple[Key, Key, Key], alice: tuple[Key, Path], tmp_path: Path
) -> None:
    """Given its .pub only: the private key is nowhere on disk."""
    _, allowed = alice
    public = tmp_path / "card.pub"
    public.write_text(keys[0].public)
    assert approve_plan(PLAN, public, judge(allowed), NOW).principal == "alice@example.org"
    public.write_text(keys[1].public)
    error = refused(lambda: approve_plan(PLAN, public, judge(allowed), NOW))
    assert (error.what, "ssh-add -l" in error.next_step) == ("the key did not sign", True)


def test_an_old_signature_beside_the_key_is_not_taken(alice: tuple[Key, Path]) -> None:
    """ssh-keygen keeps an existing .sig and exits 0; nothing is read from one here."""
    key, allowed = alice
    decoy = key.path.with_suffix(".sig")
    decoy.write_text(by_hand(key, b"another", NAMESPACE))
    assert verify_approval(
        approve_plan(PLAN, key.path, judge(allowed), NOW), PLAN, judge(allowed), NOW
    )
    decoy.unlink()


def test_a_key_that_is_not_listed_may_not_approve(
    keys: tuple[Key, Key, Key], alice: tuple[Key, Path]
) -> None:
    """Found when signing, and again when checking."""
    error = refused(lambda: approve_plan(PLAN, keys[1].path, judge(alice[1]), NOW))
    assert error.what == "the plan is signed by a key that may not approve"
    forged = approval_with(by_hand(keys[1], MESSAGE, NAMESPACE))
    assert (
        "may not approve"
        in refused(lambda: verify_approval(forged, PLAN, judge(alice[1]), NOW)).what
    )


def test_a_key_that_was_taken_off_the_list_approves_no_more(
    alice: tuple[Key, Path], keys: tuple[Key, Key, Key], allow: Callable[..., Path]
) -> None:
    """The list counts at the time of applying; and so do its dates and namespaces."""
    given = approve_plan(PLAN, alice[0].path, judge(alice[1]), NOW)
    allow(keys[1].line("bob@example.org"))
    assert (
        "may not approve"
        in refused(lambda: verify_approval(given, PLAN, judge(alice[1]), NOW)).what
    )
    for option in ('valid-before="20200101"', 'namespaces="git"'):
        allow(keys[0].line("alice@example.org", option))
        refused(lambda: verify_approval(given, PLAN, judge(alice[1]), NOW))


def test_the_name_in_the_file_is_not_believed(alice: tuple[Key, Path]) -> None:
    """The signer comes from the signature and the list."""
    given = approve_plan(PLAN, alice[0].path, judge(alice[1]), NOW)
    lies = replace(given, principal="bob", key_fingerprint="SHA256:x")
    assert verify_approval(lies, PLAN, judge(alice[1]), NOW).principal == "alice@example.org"


def test_an_edited_statement_is_refused(alice: tuple[Key, Path]) -> None:
    """Each field of it, whether or not the plan fits the edit."""
    given = approve_plan(PLAN, alice[0].path, judge(alice[1]), NOW)
    for field, value in (
        ("purpose", "anything"),
        ("plan", "0" * 64),
        ("resources", ("chain/mainnet-1",)),
        ("branch", "another"),
        ("expires_at", NOW + timedelta(days=1)),
    ):
        edited = replace(given, statement=replace(given.statement, **{field: value}))
        refused(partial(verify_approval, edited, PLAN, judge(alice[1]), NOW))


def test_a_signature_for_another_purpose_is_refused(alice: tuple[Key, Path]) -> None:
    """The same key, the same bytes, another namespace: git and ssh keys sign many things."""
    for namespace in ("git", "file", f"{NAMESPACE}x"):
        other = approval_with(by_hand(alice[0], MESSAGE, namespace))
        error = refused(partial(verify_approval, other, PLAN, judge(alice[1]), NOW))
        assert error.guard == "signature"


def test_an_approval_is_good_for_one_plan(alice: tuple[Key, Path]) -> None:
    """Not for its twin with another command, nor for the same plan a moment later."""
    given = approve_plan(PLAN, alice[0].path, judge(alice[1]), NOW)
    for other in (plan(branch="another"), replace(PLAN, approvals_needed=0)):
        error = refused(partial(verify_approval, given, other, judge(alice[1]), NOW))
        assert (error.what, error.expected) == (
            "the approval is for another plan",
            plan_digest(other),
        )


def test_an_expired_plan_is_neither_approved_nor_applied(alice: tuple[Key, Path]) -> None:
    """From the very second on."""
    late = PLAN.expires_at
    given = approve_plan(PLAN, alice[0].path, judge(alice[1]), late - timedelta(microseconds=1))
    assert (
        "expired" in refused(lambda: approve_plan(PLAN, alice[0].path, judge(alice[1]), late)).what
    )
    assert "expired" in refused(lambda: verify_approvals([given], PLAN, judge(alice[1]), late)).what


def test_plan_from_the_future_is_neither_approved_nor_applied(alice: tuple[Key, Path]) -> None:
    """An observation dated ahead would keep its plan valid for years; a clock may be a bit off."""
    soonest = PLAN.expires_at - VALID_FOR - CLOCKS_APART
    early = soonest - timedelta(microseconds=1)
    given = approve_plan(PLAN, alice[0].path, judge(alice[1]), soonest)
    assert verify_approvals([given], PLAN, judge(alice[1]), soonest)
    assert (
        "future" in refused(lambda: approve_plan(PLAN, alice[0].path, judge(alice[1]), early)).what
    )
    assert "future" in refused(lambda: verify_approvals([given], PLAN, judge(alice[1]), early)).what


def test_missing_files_are_named(alice: tuple[Key, Path], tmp_path: Path) -> None:
    """The list, and the key."""
    gone = tmp_path / "gone"
    assert str(gone) in refused(lambda: approve_plan(PLAN, alice[0].path, judge(gone), NOW)).got
    assert refused(lambda: approve_plan(PLAN, gone, judge(alice[1]), NOW)).got == str(gone)


def test_a_key_that_others_may_read_does_not_sign(alice: tuple[Key, Path], tmp_path: Path) -> None:
    """What ssh-keygen says is passed on."""
    copy = tmp_path / "lax"
    copy.write_bytes(alice[0].path.read_bytes())
    copy.chmod(0o644)
    assert refused(lambda: sign(b"x", copy, KEYGEN)).what == "the key did not sign"


def test_the_statement_is_shown_as_it_is_signed() -> None:
    """The last line is the very bytes; everything that identifies the plan is there."""
    text = statement_text(statement_for(PLAN))
    assert text.splitlines()[-1] == f"  bytes     {MESSAGE.decode()}"
    for part in (plan_digest(PLAN), *PLAN.resources, PLAN.playbook, PLAN.branch, NAMESPACE):
        assert part in text


def test_what_is_signed_for_is_shown_beside_it() -> None:
    """Title, risk, worst case, hosts and how each is undone, of the plan whose digest is signed."""
    rows = dict(
        row.strip().split(None, 1) for row in consequences_text(PLAN).splitlines()[1:] if row
    )
    assert rows["title"] == PLAN.title
    assert rows["risk"] == str(PLAN.risk)
    assert rows["worst"] == PLAN.worst_case
    assert all(host in rows["acts"] for host in PLAN.targets)
    undone = {step.undo for step in PLAN.steps}
    assert undone
    assert all(undo in rows["undone"] for undo in undone)


def test_no_word_of_a_plan_looks_like_another_row() -> None:
    """A title with line breaks is one row."""
    hostile = replace(PLAN, title="harmless\n  risk      low", worst_case="none\r  hosts   0")
    rows = consequences_text(hostile).splitlines()
    assert len(rows) == 6
    assert [row.split()[0] for row in rows[1:]] == ["title", "risk", "worst", "acts", "undone"]

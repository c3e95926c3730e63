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

from remediations.approve import keygen
from remediations.approve.approval import NAMESPACE, Approval
from remediations.approve.approve import approve, check, enough
from remediations.approve.keygen import Signer, sign
from remediations.approve.statement import statement_for, statement_text
from remediations.errors import MachineError
from remediations.model.wire import canonical, decode
from remediations.plan.plan import plan_digest
from tests.unit.approve.keys import MESSAGE, PLAN, Key, approval_with, by_hand, refused
from tests.unit.run.plans import NOW, plan


def test_a_key_file_approves(alice: tuple[Key, Path]) -> None:
    """The approval survives a file, and tells principal and key as ssh-keygen does."""
    key, allowed = alice
    given = approve(PLAN, key.path, allowed, NOW)
    listed = subprocess.run(
        ["ssh-keygen", "-l", "-f", key.path], capture_output=True, text=True, check=True
    )
    signer = Signer("alice@example.org", listed.stdout.split()[1])
    assert (given.principal, given.key_fingerprint) == signer
    read = decode(canonical(given), Approval)
    assert check(read, PLAN, allowed, NOW) == signer
    assert enough([read], PLAN, allowed, NOW) == (signer,)
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
    assert approve(PLAN, public, allowed, NOW).principal == "alice@example.org"
    public.write_text(keys[1].public)
    error = refused(lambda: approve(PLAN, public, allowed, NOW))
    assert (error.what, "ssh-add -l" in error.next_step) == ("the key did not sign", True)


def test_an_old_signature_beside_the_key_is_not_taken(alice: tuple[Key, Path]) -> None:
    """ssh-keygen keeps an existing .sig and exits 0; nothing is read from one here."""
    key, allowed = alice
    decoy = key.path.with_suffix(".sig")
    decoy.write_text(by_hand(key, b"another", NAMESPACE))
    assert check(approve(PLAN, key.path, allowed, NOW), PLAN, allowed, NOW)
    decoy.unlink()


@pytest.mark.parametrize(
    "principals", ["*", "*@example.org", "alic?@example.org", "alice@example.org,*", "!bob,*"]
)
def test_a_pattern_approves_for_nobody(
    keys: tuple[Key, Key, Key], allow: Callable[..., Path], principals: str
) -> None:
    """With a wildcard any identity would verify."""
    allowed = allow(keys[0].line(principals))
    error = refused(lambda: approve(PLAN, keys[0].path, allowed, NOW))
    assert error.what == "the key is not allowed under one exact name"


def test_a_certificate_names_its_owner(
    keys: tuple[Key, Key, Key], allow: Callable[..., Path], tmp_path: Path
) -> None:
    """The authority's line may be a pattern: the name is the certificate's own, one exact one."""
    authority, own = keys[0], tmp_path / "carol"
    own.write_bytes(keys[1].path.read_bytes())
    own.chmod(0o600)
    own.with_suffix(".pub").write_text(keys[1].public)
    certificate = tmp_path / "carol-cert.pub"
    allowed = allow(authority.line("*@example.org", "cert-authority"))

    def certify(names: str) -> None:
        how = ["-q", "-s", str(authority.path), "-I", "id", "-n", names, "-V", "+1d"]
        subprocess.run(["ssh-keygen", *how, str(own.with_suffix(".pub"))], check=True)

    certify("carol@example.org")
    assert approve(PLAN, certificate, allowed, NOW).principal == "carol@example.org"
    certify("carol@elsewhere.org")
    refused(lambda: approve(PLAN, certificate, allowed, NOW))
    refused(lambda: approve(PLAN, own, allowed, NOW))


@pytest.mark.parametrize("principals", ["alice,bob", '"alice smith"'])
def test_a_line_that_does_not_name_one_person_is_refused(
    keys: tuple[Key, Key, Key], allow: Callable[..., Path], principals: str
) -> None:
    """Who of the two it was would be a guess."""
    allowed = allow(keys[0].line(principals))
    assert "one exact name" in refused(lambda: approve(PLAN, keys[0].path, allowed, NOW)).what


def test_a_key_that_is_not_listed_may_not_approve(
    keys: tuple[Key, Key, Key], alice: tuple[Key, Path]
) -> None:
    """Found when signing, and again when checking."""
    error = refused(lambda: approve(PLAN, keys[1].path, alice[1], NOW))
    assert error.what == "the plan is signed by a key that may not approve"
    forged = approval_with(by_hand(keys[1], MESSAGE, NAMESPACE))
    assert "may not approve" in refused(lambda: check(forged, PLAN, alice[1], NOW)).what


def test_a_key_that_was_taken_off_the_list_approves_no_more(
    alice: tuple[Key, Path], keys: tuple[Key, Key, Key], allow: Callable[..., Path]
) -> None:
    """The list counts at the time of applying; and so do its dates and namespaces."""
    given = approve(PLAN, alice[0].path, alice[1], NOW)
    allow(keys[1].line("bob@example.org"))
    assert "may not approve" in refused(lambda: check(given, PLAN, alice[1], NOW)).what
    for option in ('valid-before="20200101"', 'namespaces="git"'):
        allow(keys[0].line("alice@example.org", option))
        refused(lambda: check(given, PLAN, alice[1], NOW))


def test_the_name_in_the_file_is_not_believed(alice: tuple[Key, Path]) -> None:
    """The signer comes from the signature and the list."""
    given = approve(PLAN, alice[0].path, alice[1], NOW)
    lies = replace(given, principal="bob", key_fingerprint="SHA256:x")
    assert check(lies, PLAN, alice[1], NOW).principal == "alice@example.org"


def test_an_edited_statement_is_refused(alice: tuple[Key, Path]) -> None:
    """Each field of it, whether or not the plan fits the edit."""
    given = approve(PLAN, alice[0].path, alice[1], NOW)
    for field, value in (
        ("purpose", "anything"),
        ("plan", "0" * 64),
        ("chain_id", "mainnet-1"),
        ("branch", "another"),
        ("expires_at", NOW + timedelta(days=1)),
    ):
        edited = replace(given, statement=replace(given.statement, **{field: value}))
        refused(partial(check, edited, PLAN, alice[1], NOW))


def test_an_edited_signature_is_refused(alice: tuple[Key, Path]) -> None:
    """Torn, empty, of other bytes: never a traceback."""
    good = approve(PLAN, alice[0].path, alice[1], NOW).signature
    middle = len(good) // 2
    flipped = "B" if good[middle] == "A" else "A"
    for bad in (
        "",
        "x",
        "é",
        good[:-40],
        good[:middle] + flipped + good[middle + 1 :],
        by_hand(alice[0], MESSAGE + b" ", NAMESPACE),
    ):
        refused(partial(check, approval_with(bad), PLAN, alice[1], NOW))


@pytest.mark.parametrize("bad", ["", "x", "-----BEGIN SSH SIGNATURE-----\nU1NIU0lH\n"])
def test_a_torn_signature_is_not_taken_for_a_wrong_key(alice: tuple[Key, Path], bad: str) -> None:
    """ssh-keygen ends with "No principal matched" for both."""
    error = refused(lambda: check(approval_with(bad), PLAN, alice[1], NOW))
    assert (error.guard, error.got.split(":")[0]) == ("signature", "Couldn't parse signature")


def test_a_list_that_cannot_be_read_is_not_taken_for_a_wrong_key(
    alice: tuple[Key, Path], tmp_path: Path
) -> None:
    """Here a directory; the same line is said where the user may not open it."""
    error = refused(lambda: approve(PLAN, alice[0].path, tmp_path, NOW))
    assert error.what == "the list of who may approve cannot be read"
    assert "Is a directory" in error.got


def test_a_key_for_other_uses_may_not_approve(
    keys: tuple[Key, Key, Key], allow: Callable[..., Path]
) -> None:
    """Its line names namespaces, and ours is none of them: nothing was edited."""
    allowed = allow(keys[0].line("alice@example.org", 'namespaces="git"'))
    error = refused(lambda: approve(PLAN, keys[0].path, allowed, NOW))
    assert error.what == "the plan is signed by a key that may not approve"


def test_a_signature_for_another_purpose_is_refused(alice: tuple[Key, Path]) -> None:
    """The same key, the same bytes, another namespace: git and ssh keys sign many things."""
    for namespace in ("git", "file", f"{NAMESPACE}x"):
        other = approval_with(by_hand(alice[0], MESSAGE, namespace))
        error = refused(partial(check, other, PLAN, alice[1], NOW))
        assert error.guard == "signature"


def test_an_approval_is_good_for_one_plan(alice: tuple[Key, Path]) -> None:
    """Not for its twin with another command, nor for the same plan a moment later."""
    given = approve(PLAN, alice[0].path, alice[1], NOW)
    for other in (plan(branch="another"), replace(PLAN, approvals_needed=0)):
        error = refused(partial(check, given, other, alice[1], NOW))
        assert (error.what, error.expected) == (
            "the approval is for another plan",
            plan_digest(other),
        )


def test_an_expired_plan_is_neither_approved_nor_applied(alice: tuple[Key, Path]) -> None:
    """From the very second on."""
    late = PLAN.expires_at
    given = approve(PLAN, alice[0].path, alice[1], late - timedelta(microseconds=1))
    assert "expired" in refused(lambda: approve(PLAN, alice[0].path, alice[1], late)).what
    assert "expired" in refused(lambda: enough([given], PLAN, alice[1], late)).what


@pytest.mark.parametrize("mode", [0o666, 0o664, 0o602])
def test_a_list_that_others_may_write_is_refused(alice: tuple[Key, Path], mode: int) -> None:
    """Whoever can write it can approve."""
    alice[1].chmod(mode)
    error = refused(lambda: approve(PLAN, alice[0].path, alice[1], NOW))
    assert error.got.endswith(f"has mode {mode:04o}")


def test_a_list_of_somebody_else_is_refused(
    alice: tuple[Key, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Except root's."""
    owner = alice[1].stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    if owner == 0:
        assert approve(PLAN, alice[0].path, alice[1], NOW)
        os.chown(alice[1], 12345, -1)
    error = refused(lambda: approve(PLAN, alice[0].path, alice[1], NOW))
    assert error.what == "the list of who may approve belongs to somebody else"


def test_missing_files_are_named(alice: tuple[Key, Path], tmp_path: Path) -> None:
    """The list, and the key."""
    gone = tmp_path / "gone"
    assert str(gone) in refused(lambda: approve(PLAN, alice[0].path, gone, NOW)).got
    assert refused(lambda: approve(PLAN, gone, alice[1], NOW)).got == str(gone)


def test_a_key_that_others_may_read_does_not_sign(alice: tuple[Key, Path], tmp_path: Path) -> None:
    """What ssh-keygen says is passed on."""
    copy = tmp_path / "lax"
    copy.write_bytes(alice[0].path.read_bytes())
    copy.chmod(0o644)
    assert refused(lambda: sign(b"x", copy)).what == "the key did not sign"


def test_the_statement_is_shown_as_it_is_signed() -> None:
    """The last line is the very bytes; everything that identifies the plan is there."""
    text = statement_text(statement_for(PLAN))
    assert text.splitlines()[-1] == f"  bytes     {MESSAGE.decode()}"
    for part in (plan_digest(PLAN), PLAN.chain_id, PLAN.playbook, PLAN.branch, NAMESPACE):
        assert part in text


def test_a_machine_without_ssh_keygen(
    alice: tuple[Key, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """12, not 5: it is the machine that cannot."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MachineError, match="not installed"):
        approve(PLAN, alice[0].path, alice[1], NOW)


def test_a_key_that_nobody_touches(
    alice: tuple[Key, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A hardware key has a time limit."""
    slow = tmp_path / "ssh-keygen"
    slow.write_text("#!/bin/sh\nexec sleep 5\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(keygen, "TOUCH_LIMIT_S", 0.1)
    assert "did not answer" in refused(lambda: sign(b"x", alice[0].path)).what

"""A key that was revoked approves nothing, whatever the list of signers says."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from remediations.engine.approve.approve import approve_plan, verify_approval
from tests.unit.approve.certificates import Certified, certify
from tests.unit.approve.keys import PLAN, Key, judge, refused
from tests.unit.run.plans import NOW

Keys = tuple[Key, Key, Key]
Allow = Callable[..., Path]


@pytest.fixture
def revoked(tmp_path: Path) -> Path:
    return tmp_path / "revoked_keys"


@pytest.fixture
def certified(keys: Keys, allow: Allow, tmp_path: Path) -> tuple[Certified, Path]:
    """Alice's certificate with the serial number 5, and the list with its authority."""
    made = certify(keys[0], keys[1], tmp_path, "alice@example.org", "-z", "5")
    return made, allow(keys[0].line("*@example.org", "cert-authority"))


def krl(path: Path, *arguments: str | Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-k", "-f", path, *arguments], check=True)


def public(key: Key) -> Path:
    return key.path.with_suffix(".pub")


def write(path: Path, text: str | bytes) -> None:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(0o644)


def test_key_in_a_krl_approves_no_more(alice: tuple[Key, Path], revoked: Path) -> None:
    """Neither now nor what it approved before; the refusal names the list."""
    key, listed = alice
    before = approve_plan(PLAN, key.path, judge(listed), NOW)
    krl(revoked, public(key))
    for act in (
        lambda: approve_plan(PLAN, key.path, judge(listed, revoked), NOW),
        lambda: verify_approval(before, PLAN, judge(listed, revoked), NOW),
    ):
        error = refused(act)
        assert (error.guard, error.got) == ("revoked_keys", f"it is in {revoked}")
        assert "alice@example.org" in error.what


def test_key_in_a_plain_list_approves_no_more(alice: tuple[Key, Path], revoked: Path) -> None:
    key, listed = alice
    write(revoked, f"# stolen\n{key.public} alice's old laptop\n")
    error = refused(lambda: approve_plan(PLAN, key.path, judge(listed, revoked), NOW))
    assert error.guard == "revoked_keys"


@pytest.mark.parametrize("form", ["krl", "plain"])
def test_other_keys_are_not_touched(
    alice: tuple[Key, Path], keys: Keys, revoked: Path, form: str
) -> None:
    if form == "krl":
        krl(revoked, public(keys[2]))
    else:
        write(revoked, keys[2].public)
    assert approve_plan(PLAN, alice[0].path, judge(alice[1], revoked), NOW)


@pytest.mark.parametrize("form", ["krl", "plain"])
def test_authority_that_is_revoked_certifies_nobody(
    certified: tuple[Certified, Path], keys: Keys, revoked: Path, form: str
) -> None:
    made, listed = certified
    assert approve_plan(PLAN, made.path, judge(listed), NOW)
    if form == "krl":
        krl(revoked, public(keys[0]))
    else:
        write(revoked, keys[0].public)
    assert refused(lambda: approve_plan(PLAN, made.path, judge(listed, revoked), NOW)).guard == (
        "revoked_keys"
    )


@pytest.mark.parametrize("rule", ["serial: 5", "serial: 3-9", "id: id"])
def test_certificate_is_revoked_by_serial_number_or_id(
    certified: tuple[Certified, Path], keys: Keys, revoked: Path, tmp_path: Path, rule: str
) -> None:
    made, listed = certified
    (tmp_path / "rules").write_text(rule + "\n")
    krl(revoked, "-s", public(keys[0]), tmp_path / "rules")
    error = refused(lambda: approve_plan(PLAN, made.path, judge(listed, revoked), NOW))
    assert error.guard == "revoked_keys"
    (tmp_path / "rules").write_text("serial: 6\n")
    krl(revoked, "-s", public(keys[0]), tmp_path / "rules")
    assert approve_plan(PLAN, made.path, judge(listed, revoked), NOW)


def test_certified_key_is_revoked_by_itself(
    certified: tuple[Certified, Path], keys: Keys, revoked: Path
) -> None:
    """Whoever stole it has the certificate, too."""
    write(revoked, keys[1].public)
    error = refused(
        lambda: approve_plan(PLAN, certified[0].path, judge(certified[1], revoked), NOW)
    )
    assert error.guard == "revoked_keys"


@pytest.mark.parametrize(
    "text",
    [
        "SHA256:gSeeXqcEo0nzws6/NxhLYaknIKGTdUEjZsEsy5FPyOk\n",
        "serial: 5\n",
        "alice@example.org {key}\n",
        "no-pty {key}\n",
        "{key}\nssh-ed25519 AAAA\n",
        "ssh-rsa {blob}\n",
        "ssh-ed25519 {half}\n",
        b"\xef\xbb\xbf# keys\n",
        b"SSHKRX\n\0\0\0\0\1",
    ],
    ids=[
        "fingerprint",
        "rule",
        "named",
        "options",
        "torn",
        "other type",
        "half",
        "BOM",
        "damaged magic",
    ],
)
def test_list_that_would_revoke_less_than_it_says_is_refused(
    alice: tuple[Key, Path], revoked: Path, text: str | bytes
) -> None:
    """ssh-keygen passes over lines that it does not take for keys, without a word."""
    if isinstance(text, str):
        public_key = alice[0].public
        text = text.replace("{key}", public_key).replace("{blob}", public_key.split()[1])
        text = text.replace("{half}", public_key.split()[1][:40])
    write(revoked, text)
    error = refused(lambda: judge(alice[1], revoked))
    assert (error.guard, str(revoked) in error.got) == ("revoked_keys", True)


def test_certificates_in_a_plain_list_revoke_their_keys(
    certified: tuple[Certified, Path], revoked: Path
) -> None:
    """Whole ones; half of one is refused like half of a key."""
    made, listed = certified
    line = made.path.read_text()
    write(revoked, line)
    error = refused(lambda: approve_plan(PLAN, made.path, judge(listed, revoked), NOW))
    assert error.guard == "revoked_keys"
    kind, base64 = line.split()[:2]
    write(revoked, f"{kind} {base64[:200]}\n")
    assert "not a public key" in refused(lambda: judge(listed, revoked)).got


def test_damaged_krl_approves_nothing_and_is_named(alice: tuple[Key, Path], revoked: Path) -> None:
    krl(revoked, public(alice[0]))
    write(revoked, revoked.read_bytes()[:30])
    error = refused(lambda: approve_plan(PLAN, alice[0].path, judge(alice[1], revoked), NOW))
    assert error.what == "the list of revoked keys is damaged"


def test_empty_list_revokes_nobody(alice: tuple[Key, Path], revoked: Path) -> None:
    write(revoked, "# nobody yet\n")
    assert approve_plan(PLAN, alice[0].path, judge(alice[1], revoked), NOW)


def test_list_that_was_named_must_be_there_and_ours(alice: tuple[Key, Path], revoked: Path) -> None:
    """Without it nothing is approved: unknown blocks."""
    assert "No such file" in refused(lambda: judge(alice[1], revoked)).got
    os.mkfifo(revoked)
    assert refused(lambda: judge(alice[1], revoked)).got == "a FIFO"
    revoked.unlink()
    write(revoked, "")
    revoked.chmod(0o666)
    assert "others may write" in refused(lambda: judge(alice[1], revoked)).what

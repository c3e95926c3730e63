"""A certificate approves only without conditions: OpenSSH verifies it, and ignores what it asks."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization.ssh import (
    SSHCertificate,
    load_ssh_public_identity,
)

from remediations.engine.approve.approval import NAMESPACE
from remediations.engine.approve.approve import approve_plan, verify_approval
from remediations.engine.approve.sshsig import parse_certificate
from tests.unit.approve.certificates import AROUND_NOW, certify
from tests.unit.approve.keys import (
    MESSAGE,
    PLAN,
    Key,
    approval_with,
    by_hand,
    judge,
    refused,
)
from tests.unit.run.plans import NOW

Keys = tuple[Key, Key, Key]
Allow = Callable[..., Path]


@pytest.fixture
def certified_list(keys: Keys, allow: Allow) -> Path:
    """Whoever has a certificate of the first key, under a name of example.org."""
    return allow(keys[0].line("*@example.org", 'cert-authority,namespaces="remediate-plan"'))


def test_certificate_names_its_owner(keys: Keys, certified_list: Path, tmp_path: Path) -> None:
    """The authority's line may be a pattern: the name is the certificate's own."""
    carol = certify(keys[0], keys[1], tmp_path, "carol@example.org")
    given = approve_plan(PLAN, carol.path, judge(certified_list), NOW)
    assert given.principal == "carol@example.org"
    listed = subprocess.run(
        ["ssh-keygen", "-l", "-f", keys[1].path], capture_output=True, text=True, check=True
    )
    assert given.key_fingerprint == listed.stdout.split()[1]


def test_key_without_its_certificate_approves_nothing(
    keys: Keys, certified_list: Path, tmp_path: Path
) -> None:
    for key in (keys[0], keys[1]):
        error = refused(partial(approve_plan, PLAN, key.path, judge(certified_list), NOW))
        assert "may not approve" in error.what


@pytest.mark.parametrize(
    ("option", "name"),
    [
        ("force-command=/bin/true", "force-command"),
        ("source-address=127.0.0.1/32", "source-address"),
        ("verify-required", "verify-required"),
        ("critical:ask-my-boss@example.org", "ask-my-boss@example.org"),
        ("critical:not-on-sundays@example.org=yes", "not-on-sundays@example.org"),
    ],
)
def test_critical_option_refuses_the_certificate(
    keys: Keys, certified_list: Path, tmp_path: Path, option: str, name: str
) -> None:
    """Known or unknown: a condition that cannot be met is not met by ignoring it."""
    made = certify(keys[0], keys[1], tmp_path, "alice@example.org", "-O", option)
    error = refused(lambda: approve_plan(PLAN, made.path, judge(certified_list), NOW))
    assert (error.guard, name in error.got) == ("certificate", True)
    forged = approval_with(by_hand(Key(made.path), MESSAGE, NAMESPACE))
    assert (
        refused(lambda: verify_approval(forged, PLAN, judge(certified_list), NOW)).guard
        == "certificate"
    )


@pytest.mark.parametrize(
    "option", ["clear", "no-pty", "permit-pty", "extension:team@example.org=ops"]
)
def test_extensions_do_not_matter(
    keys: Keys, certified_list: Path, tmp_path: Path, option: str
) -> None:
    """They give something at a login, and ask for nothing."""
    made = certify(keys[0], keys[1], tmp_path, "alice@example.org", "-O", option)
    given = approve_plan(PLAN, made.path, judge(certified_list), NOW)
    assert given.principal == "alice@example.org"


@pytest.mark.parametrize(
    ("names", "options", "validity", "words"),
    [
        ("alice@example.org", ("-h",), AROUND_NOW, "host's certificate"),
        ("", (), AROUND_NOW, "names nobody"),
        ("alice@example.org", (), "20200101:20200102", "not valid at that time"),
        ("alice@example.org", (), "20990101:20990102", "not valid at that time"),
    ],
    ids=["host", "no principal", "expired", "not yet"],
)
def test_certificate_that_is_for_nobody_here_is_refused(
    keys: Keys,
    certified_list: Path,
    tmp_path: Path,
    names: str,
    options: tuple[str, ...],
    validity: str,
    words: str,
) -> None:
    made = certify(keys[0], keys[1], tmp_path, names, *options, validity=validity)
    error = refused(lambda: approve_plan(PLAN, made.path, judge(certified_list), NOW))
    assert (error.guard, words in error.got) == ("certificate", True)


@pytest.mark.parametrize(
    "names",
    [
        "alice@elsewhere.org",
        "*@example.org",
        "alice@example.org,bob@example.org",
        "ali\u200bce@example.org",
        "\ufeffalice@example.org",
        "àlice@example.org",
        "alice smith@example.org",
    ],
)
def test_certificate_without_one_exact_name_of_the_authority_is_refused(
    keys: Keys, certified_list: Path, tmp_path: Path, names: str
) -> None:
    made = certify(keys[0], keys[1], tmp_path, names)
    error = refused(lambda: approve_plan(PLAN, made.path, judge(certified_list), NOW))
    assert error.guard == "allowed_signers"
    assert error.got.isascii()


def test_certificate_of_another_authority_is_refused(
    keys: Keys, certified_list: Path, tmp_path: Path
) -> None:
    made = certify(keys[2], keys[1], tmp_path)
    error = refused(lambda: approve_plan(PLAN, made.path, judge(certified_list), NOW))
    assert "may not approve" in error.what


def test_authority_for_other_uses_lets_in_nobody(keys: Keys, allow: Allow, tmp_path: Path) -> None:
    listed = allow(keys[0].line("*@example.org", 'cert-authority,namespaces="git"'))
    made = certify(keys[0], keys[1], tmp_path)
    refused(lambda: approve_plan(PLAN, made.path, judge(listed), NOW))


def test_validity_is_judged_at_the_moment_that_is_asked_about(
    keys: Keys, certified_list: Path, tmp_path: Path
) -> None:
    """It counted then, and does no more: both can be asked."""
    made = certify(keys[0], keys[1], tmp_path)
    given = approve_plan(PLAN, made.path, judge(certified_list), NOW)
    assert verify_approval(given, PLAN, judge(certified_list), NOW)
    for other in (NOW - timedelta(days=1), NOW + timedelta(days=1)):
        error = refused(partial(verify_approval, given, PLAN, judge(certified_list), other))
        assert error.guard == "certificate"


def blob(public_line: bytes) -> bytes:
    return base64.b64decode(public_line.split()[1])


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_certificate_is_read_as_another_library_reads_it(
    keys: Keys, tmp_path: Path, kind: str
) -> None:
    key = Key(tmp_path / kind)
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", key.path], check=True)
    options = ("-O", "force-command=x", "-O", "critical:a@b=c", "-z", "7")
    line = certify(keys[0], key, tmp_path, "a,b", *options).path.read_bytes()
    theirs, ours = load_ssh_public_identity(line), parse_certificate(blob(line))
    assert isinstance(theirs, SSHCertificate)
    assert ours is not None
    assert ours.principals == tuple(theirs.valid_principals) == (b"a", b"b")
    assert (ours.valid_after, ours.valid_before) == (theirs.valid_after, theirs.valid_before)
    assert ours.critical_options == tuple(theirs.critical_options)
    assert ours.kind == theirs.type.value
    assert parse_certificate(blob(key.public.encode())) is None


def wire(*strings: bytes) -> bytes:
    return b"".join(len(text).to_bytes(4, "big") + text for text in strings)


P256 = bytes.fromhex(
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)
"""A point of the curve (its generator): a public key without anybody's private one."""


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (b"sk-ssh-ed25519@openssh.com", (bytes(range(32)), b"ssh:")),
        (b"sk-ecdsa-sha2-nistp256@openssh.com", (b"nistp256", P256, b"ssh:")),
    ],
)
def test_certificates_of_hardware_keys_are_read(
    keys: Keys, tmp_path: Path, kind: bytes, fields: tuple[bytes, ...]
) -> None:
    """Made by ssh-keygen, which needs no token for it."""
    public = tmp_path / "sk.pub"
    key = wire(kind, *fields)
    public.write_bytes(kind + b" " + base64.b64encode(key) + b"\n")
    how = ("-q", "-s", keys[0].path, "-I", "id", "-n", "alice", "-O", "verify-required")
    subprocess.run(["ssh-keygen", *how, public], check=True)
    found = parse_certificate(blob((tmp_path / "sk-cert.pub").read_bytes()))
    assert found is not None
    assert (found.principals, found.critical_options) == ((b"alice",), (b"verify-required",))
    assert parse_certificate(key) is None

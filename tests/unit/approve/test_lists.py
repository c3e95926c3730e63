"""The list of who may approve: plain text of bounded size, that nobody else can have written."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from remediations.engine.approve.allowed_signers import LONGEST_LINE, MOST_LINES
from remediations.engine.approve.approval import NAMESPACE
from remediations.engine.approve.approve import approve_plan, verify_approval
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
AT_ONCE_S = 20
"""Who waits for a writer, or reads all, is not back by then; a busy machine is."""
"""For what takes milliseconds; ssh-keygen waited 15 s for a FIFO."""


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    path.chmod(0o644)
    return path


@pytest.mark.parametrize(
    "text",
    [
        "{alice}",
        "\n# people\n\n  # more\n{alice}",
        "# people\r\n{alice_crlf}",
        "{alice}{alice}",
        "alice@example.org\t{key_tabs}\n",
        "  alice@example.org   {key}   a comment, and more\n",
        'alice@example.org namespaces="remediate-plan" {key}\n',
        'alice@example.org NAMESPACES="remediate-*,git" {key}\n',
        'alice@example.org namespaces="!git,remediate-plan" {key}\n',
        'alice@example.org valid-after="20200101",valid-before="20990101Z" {key}\n',
        '* namespaces="git" {other}\n{alice}',
        "bob@example.org,carol@example.org {other}\n{alice}",
        "{alice}alice@example.org {other}\n",
        "{alice_without_newline}",
    ],
)
def test_list_that_names_the_key_once_lets_it_approve(
    keys: Keys, tmp_path: Path, text: str
) -> None:
    """In every form that ssh-keygen(1) knows; other people's lines may be patterns."""
    line = keys[0].line("alice@example.org")
    for name, value in (
        ("{alice}", line),
        ("{alice_crlf}", line.replace("\n", "\r\n")),
        ("{alice_without_newline}", line.rstrip("\n")),
        ("{key}", keys[0].public),
        ("{key_tabs}", keys[0].public.replace(" ", "\t")),
        ("{other}", keys[1].public),
    ):
        text = text.replace(name, value)
    listed = written(tmp_path / "allowed_signers", text.encode())
    assert approve_plan(PLAN, keys[0].path, judge(listed), NOW).principal == "alice@example.org"


@pytest.mark.parametrize(
    "principals",
    ["*", "*@example.org", "alic?@example.org", "alice,*", "!bob,*", "alice,bob"],
)
def test_line_that_names_nobody_or_many_approves_for_nobody(
    keys: Keys, allow: Allow, principals: str
) -> None:
    """With a wildcard any identity would verify; with two, who it was would be a guess."""
    allowed = allow(keys[0].line(principals))
    error = refused(lambda: approve_plan(PLAN, keys[0].path, judge(allowed), NOW))
    assert error.what == "the key is not allowed under one exact name"


@pytest.mark.parametrize(
    ("option", "what"),
    [
        ('namespaces="git"', "may not approve"),
        ('namespaces="remediate"', "may not approve"),
        ('namespaces="!remediate-plan,*"', "may not approve"),
        ('valid-before="20200101"', "may not approve"),
        ('valid-after="20990101"', "may not approve"),
        ("cert-authority", "may not approve"),
    ],
)
def test_key_for_other_uses_or_times_may_not_approve(
    keys: Keys, allow: Allow, option: str, what: str
) -> None:
    """Nothing was edited: its line says so."""
    allowed = allow(keys[0].line("alice@example.org", option))
    assert what in refused(lambda: approve_plan(PLAN, keys[0].path, judge(allowed), NOW)).what


def test_dates_without_a_zone_are_utc_on_every_machine(
    keys: Keys, allow: Allow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller's zone moves nothing: two machines never disagree."""
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    allowed = allow(keys[0].line("alice@example.org", f'valid-after="{NOW:%Y%m%d%H%M%S}"'))
    assert approve_plan(PLAN, keys[0].path, judge(allowed), NOW)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("\ufeffalice@example.org {key}", "0xef"),
        ("ali\u200bce@example.org {key}", "0xe2"),
        ("\u0430lice@example.org {key}", "0xd0"),
        ("alice@example.org\u00a0{key}", "0xc2"),
        ("# Zo\u00eb\nalice@example.org {key}", "0xc3"),
        ("alice\x1b[2K@example.org {key}", "0x1b"),
        ("alice@example.org {key}\rbob@example.org {key}", "0x0d"),
        ("alice@example.org {key}\0", "0x00"),
        ("alice@example.org {key}\x7f", "0x7f"),
        ('"alice@example.org" {key}', "quoted name"),
        ('"alice smith" {key}', "quoted name"),
        ('al"ice {key}', "quoted name"),
        ("alice@example.org,,* {key}", "an empty name"),
        (",alice@example.org {key}", "an empty name"),
        ("alice@example.org", "no public key"),
        ("{key}", "no public key"),
        ("alice@example.org ssh-ed25519", "no public key"),
        ("alice@example.org ssh-ed25519 AAAA", "no public key"),
        ("alice@example.org ssh-rsa {blob}", "no public key"),
        ("alice@example.org ssh-ed25519-cert-v01@openssh.com {blob}", "no public key"),
        ('alice@example.org namespaces="git {key}', "no public key"),
        ("alice@example.org touch-required {key}", "does not know: touch-required"),
        ("alice@example.org namespaces=git {key}", "does not know: namespaces=git"),
        ('alice@example.org namespaces="git", {key}', "does not know: "),
        ('alice@example.org namespaces="a",namespaces="b" {key}', "namespaces occurs twice"),
        ("alice@example.org cert-authority,CERT-AUTHORITY {key}", "cert-authority occurs twice"),
        ('alice@example.org valid-before="tomorrow" {key}', "valid-before is not a date"),
    ],
)
def test_line_that_is_not_understood_refuses_the_list(
    keys: Keys, tmp_path: Path, line: str, words: str
) -> None:
    """Wherever it stands: it could be what limits a key. Its number is told."""
    line = line.replace("{key}", keys[1].public).replace("{blob}", keys[1].public.split()[1])
    text = keys[0].line("zoe@example.org") + line + "\n"
    listed = written(tmp_path / "allowed_signers", text.encode())
    error = refused(lambda: judge(listed))
    assert (error.what, error.guard) == (
        "the list of who may approve cannot be used",
        "allowed_signers",
    )
    assert f"{listed}:2: " in error.got
    assert words in error.got
    assert error.got.isprintable()


def test_key_of_a_person_is_not_an_authority_as_well(keys: Keys, allow: Allow) -> None:
    """Its holder could approve as two people."""
    allowed = allow(
        keys[0].line("alice@example.org"), keys[0].line("*@example.org", "cert-authority")
    )
    assert "one holder, two approvals" in refused(lambda: judge(allowed)).got


def test_absurd_lists_are_refused_at_once(keys: Keys, tmp_path: Path) -> None:
    """By bytes, by lines, and by the length of one."""
    alice = keys[0].line("alice@example.org").encode()
    path = tmp_path / "allowed_signers"
    for data, words in (
        (b"# \n" * 400_000 + alice, "1200"),
        (b"\n" * MOST_LINES + alice, f"at most {MOST_LINES}"),
        (b"#" * (LONGEST_LINE + 1) + b"\n" + alice, f"at most {LONGEST_LINE}"),
    ):
        written(path, data)
        began = time.monotonic()
        error = refused(lambda: judge(path))
        assert time.monotonic() - began < AT_ONCE_S
        assert words in error.got


def test_longest_lists_are_read(keys: Keys, tmp_path: Path) -> None:
    alice = keys[0].line("alice@example.org").encode()
    filler = b"#" * LONGEST_LINE + b"\n" + b"#\n" * (MOST_LINES - 2)
    path = written(tmp_path / "allowed_signers", filler + alice)
    assert approve_plan(PLAN, keys[0].path, judge(path), NOW)


def test_list_of_300_megabytes_is_refused_at_once(alice: tuple[Key, Path]) -> None:
    with alice[1].open("r+b") as file:
        file.truncate(300_000_000)
    began = time.monotonic()
    assert "300000000 bytes" in refused(lambda: judge(alice[1])).got
    assert time.monotonic() - began < AT_ONCE_S


def test_anything_but_a_file_is_refused_at_once(alice: tuple[Key, Path]) -> None:
    """A FIFO, a link, a directory, nothing."""
    path = alice[1]
    real = path.rename(path.with_name("real"))

    def link() -> None:
        path.symlink_to(real)

    for make, got in (
        (partial(os.mkfifo, path, 0o644), "a FIFO"),
        (link, "a symbolic link, which can be redirected to another file"),
        (path.mkdir, "a directory"),
        (lambda: None, f"{path}: No such file or directory"),
    ):
        make()
        began = time.monotonic()
        assert refused(lambda: judge(path)).got == got
        assert time.monotonic() - began < AT_ONCE_S
        if path.is_dir():
            path.rmdir()
        else:
            path.unlink(missing_ok=True)


@pytest.mark.parametrize("mode", [0o666, 0o602])
def test_list_that_others_may_write_is_refused(alice: tuple[Key, Path], mode: int) -> None:
    """Whoever can write it can approve; so can who can write a directory above it."""
    alice[1].chmod(mode)
    assert refused(lambda: judge(alice[1])).got == f"mode {mode:04o}"
    alice[1].chmod(0o644)
    alice[1].parent.chmod(0o777)
    assert refused(lambda: judge(alice[1])).what == f"others may write {alice[1].parent}"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of others")
def test_list_of_another_user_is_refused_for_root_as_well(alice: tuple[Key, Path]) -> None:
    os.chown(alice[1], 12345, -1)
    assert refused(lambda: judge(alice[1])).what == f"{alice[1]} belongs to another user"


def test_list_is_read_once(alice: tuple[Key, Path], keys: Keys) -> None:
    """What was checked is what verifies: changed or gone in between, nothing changes."""
    verifier = judge(alice[1])
    alice[1].write_text(keys[1].line("mallory@example.org"))
    forged = approval_with(by_hand(keys[1], MESSAGE, NAMESPACE))
    assert "may not approve" in refused(lambda: verify_approval(forged, PLAN, verifier, NOW)).what
    alice[1].unlink()
    assert approve_plan(PLAN, alice[0].path, verifier, NOW).principal == "alice@example.org"


def test_list_is_named_by_path_and_digest(alice: tuple[Key, Path]) -> None:
    """For the journal: which list it was that let them approve."""
    signers = judge(alice[1]).signers
    assert signers.path == alice[1]
    assert len(signers.sha256) == 64
    assert [line.principals for line in signers.lines] == ["alice@example.org"]

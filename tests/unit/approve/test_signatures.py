"""A signature is one whole SSH signature and nothing else, or it is refused without a traceback."""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediations.engine.approve.approval import NAMESPACE
from remediations.engine.approve.approve import verify_approval
from remediations.engine.approve.sshsig import (
    WireFormatError,
    WireReader,
    parse_certificate,
    parse_signature,
)
from tests.allowed import raises_only
from tests.unit.approve.keys import MESSAGE, PLAN, Key, approval_with, by_hand, judge, refused
from tests.unit.run.plans import NOW

HEAD, FOOT = "-----BEGIN SSH SIGNATURE-----\n", "-----END SSH SIGNATURE-----\n"
Edit = Callable[[str], str]


def armoured(data: bytes) -> str:
    return f"{HEAD}{base64.b64encode(data).decode()}\n{FOOT}"


def inner(text: str) -> bytes:
    return base64.b64decode("".join(text.splitlines()[1:-1]))


def edited(how: Callable[[bytes], bytes]) -> Edit:
    return lambda text: armoured(how(inner(text)))


EDITS: dict[str, Edit] = {
    "empty": lambda _: "",
    "one letter": lambda _: "x",
    "not ASCII": lambda _: "é",
    "junk before": lambda text: "junk\n" + text,
    "blank line before": lambda text: "\n" + text,
    "junk after": lambda text: text + "junk\n",
    "twice": lambda text: text * 2,
    "no foot": lambda text: text.removesuffix(FOOT),
    "torn": lambda text: text[:-60],
    "torn inside": lambda text: HEAD + text[60:],
    "blanks": lambda text: text.replace("\n", " \n", 2),
    "another armour": lambda text: text.replace("SSH SIGNATURE", "PGP SIGNATURE"),
    "no signature within": lambda _: armoured(b""),
    "magic": edited(lambda data: b"XSHSIG" + data[6:]),
    "version 2": edited(lambda data: data[:6] + b"\0\0\0\2" + data[10:]),
    "one byte less": edited(lambda data: data[:-1]),
    "one byte more": edited(lambda data: data + b"\0"),
    "absurd length": edited(lambda data: data[:10] + b"\xff\xff\xff\xff" + data[14:]),
    "another byte signed": edited(lambda data: data[:-1] + bytes([data[-1] ^ 1])),
    "an old kind of key": edited(lambda data: data.replace(b"ssh-ed25519", b"ssh-xd25519", 1)),
    "300 KB": lambda _: HEAD + ("A" * 76 + "\n") * 4000 + FOOT,
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_edited_signature_is_refused(alice: tuple[Key, Path], edit: Edit) -> None:
    bad = edit(by_hand(alice[0], MESSAGE, NAMESPACE))
    error = refused(lambda: verify_approval(approval_with(bad), PLAN, judge(alice[1]), NOW))
    assert error.guard in {"signature", "allowed_signers"}


def test_signature_of_other_bytes_is_refused(alice: tuple[Key, Path]) -> None:
    for message in (MESSAGE + b" ", b"", MESSAGE[1:]):
        other = approval_with(by_hand(alice[0], message, NAMESPACE))
        error = refused(partial(verify_approval, other, PLAN, judge(alice[1]), NOW))
        assert error.guard == "signature"


def test_torn_signature_is_not_taken_for_a_wrong_key(alice: tuple[Key, Path]) -> None:
    """ssh-keygen ends with "No principal matched" for both."""
    error = refused(
        lambda: verify_approval(approval_with(HEAD + "U1NIU0lH\n"), PLAN, judge(alice[1]), NOW)
    )
    assert (error.guard, error.got) == ("signature", "it is not one armoured SSH signature")


def test_line_ends_of_another_system_do_not_matter(alice: tuple[Key, Path]) -> None:
    """A file that was sent by mail says the same."""
    sent = by_hand(alice[0], MESSAGE, NAMESPACE).replace("\n", "\r\n")
    assert verify_approval(approval_with(sent), PLAN, judge(alice[1]), NOW)


def test_what_was_read_is_what_is_verified(alice: tuple[Key, Path]) -> None:
    """There is one way to write it, which is ssh-keygen's own."""
    text = by_hand(alice[0], MESSAGE, NAMESPACE)
    assert parse_signature(text).armoured() == text
    squeezed = armoured(inner(text))
    assert parse_signature(squeezed).armoured() == text


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Neither a hang nor another exception, whatever was put into an approval."""
    for act in (
        lambda: parse_signature(armoured(data)),
        lambda: parse_signature(armoured(b"SSHSIG\0\0\0\1" + data)),
        lambda: parse_certificate(data),
        lambda: parse_certificate(b"\0\0\0\x20ssh-ed25519-cert-v01@openssh.com" + data),
    ):
        with raises_only(WireFormatError):
            act()


@given(st.lists(st.binary(max_size=40), max_size=5))
def test_strings_are_read_as_they_were_written(texts: list[bytes]) -> None:
    data = b"".join(len(text).to_bytes(4, "big") + text for text in texts)
    assert WireReader(data).strings() == tuple(texts)

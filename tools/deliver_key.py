#!/usr/bin/env python3
"""Brings a new private key to the hosts of its readers, before a plan puts it in place.

    python3 deliver_key.py new.key reader1 [HOST…]

`new.key` is a regular file that nobody else may read: 32 bytes, 64 hex digits, base64, or a PEM of
X25519 without a passphrase. Of one under a passphrase: `openssl pkey -in new.pem -outform DER |
tail -c 32`, into a file of mode 0600 on a file system in memory.

Stand-alone (standard library, ssh and openssl), so that it runs where the key was made. To each
HOST, as `ssh HOST` reaches it, 32 bytes go over standard input, into no argument or environment of
any program, here or there. On the host root keeps them as /var/lib/remediate/keys/FINGERPRINT, mode
0400, in a directory of root alone, flushed and renamed. The fingerprint is computed on the host
from what is stored there, and has to be the one that is computed here.

Exit codes: 0 every host has it · 2 no such key, or not for your eyes alone · 7 some hosts do not
have it · 4 none has it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import shlex
import stat
import subprocess
import sys

DER = bytes.fromhex("302e020100300506032b656e04220420")
"""What stands before the 32 bytes of a private key in PKCS #8 (RFC 8410)."""
HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@:-]{0,253}")
LIMIT_S = 60
SSH = ("ssh", "-oBatchMode=yes", "-oStrictHostKeyChecking=yes", "-oClearAllForwardings=yes")
KEEP = r"""
set -eu
umask 077
LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
keys=/var/lib/remediate/keys
refuse() { echo "$1" >&2 && exit 64; }
[ "$(id -u)" = 0 ] || refuse 'this is not root'
command -v openssl >/dev/null || refuse 'openssl is not installed'
mkdir -p "$keys"
at=$(cd -P "$keys" && pwd -P)
[ "$at" = "$keys" ] || refuse "a link leads to $at"
while :; do
  case $(stat -c %u:%a "${at:-/}") in
    0:*[2367] | 0:*[2367]?) refuse "others than root may write to ${at:-/}" ;;
    0:*) ;;
    *) refuse "${at:-/} does not belong to root" ;;
  esac
  [ -n "$at" ] || break
  at=${at%/*}
done
chmod 700 "$keys"
rm -f -- "$keys"/.part-*
part=$keys/.part-$$
trap 'rm -f -- "$part"' EXIT
head -c 33 >"$part"
[ "$(stat -c %s "$part")" -eq 32 ] || refuse 'what arrived is not 32 bytes'
chmod 400 "$part"
der() { printf '\060\056\002\001\000\060\005\006\003\053\145\156\004\042\004\040' && cat; }
der <"$part" | openssl pkey -inform DER -noout || refuse 'openssl does not take it for a key'
sum=$(der <"$part" | openssl pkey -inform DER -pubout -outform DER | tail -c 32 | sha256sum)
fingerprint=$(printf %.40s "$sum")
sync "$part"
mv -T -- "$part" "$keys/$fingerprint"
sync "$keys"
echo "kept $fingerprint"
"""


class NotUsableError(Exception):
    """The key cannot be used, and what to do next. Nothing was sent."""

    def __init__(self, why: str, then: str) -> None:
        super().__init__(f"{why}. Nothing was sent. Next: {then}")


MADE = "name the file that `openssl genpkey -algorithm X25519` or its owner has made"
"""What to do where the key is not in the file."""


def main(arguments: list[str]) -> int:
    """Bring it; the exit code."""
    hosts = arguments[1:]
    if not hosts or not all(map(HOST.fullmatch, hosts)):
        sys.stderr.write(f"{__doc__}\n")
        return 2
    try:
        key = read_key(arguments[0])
        fingerprint = fingerprint_of(key)
    except NotUsableError as error:
        sys.stderr.write(f"{arguments[0]}: {error}\n")
        return 2
    sys.stdout.write(f"the key of {arguments[0]} has the fingerprint {fingerprint}\n")
    there = sum(bring(key, fingerprint, host) for host in hosts)
    if there:
        sys.stdout.write(
            "next: `remediate diagnose keys` shows it under `brought there`; then `remediate plan "
            "INC-005 --branch install-key …`\n"
        )
    return 0 if there == len(hosts) else 7 if there else 4


def read_key(path: str) -> bytes:
    """The 32 bytes in the file.

    Raises:
        NotUsableError: it is not there, others may read it, or it has no such key.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        why = error.strerror or "it cannot be opened"
        raise NotUsableError(
            f"{why} (a link is not followed)", f"ls -l {shlex.quote(path)}; {MADE}"
        ) from None
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise NotUsableError("it is no regular file", MADE)
        if found.st_mode & 0o077 or found.st_uid not in (0, os.geteuid()):
            raise NotUsableError(
                "others may read it, or it is not yours",
                f"ask who has read it; if nobody has, own it and chmod 600 {shlex.quote(path)}",
            )
        raw = file.read(4096)
    if b"-----BEGIN " in raw:
        der = through_openssl("-inform", "PEM", "-passin", "pass:", given=raw)
        raw = der[len(DER) :] if der.startswith(DER) else b""
    if len(raw) != 32:
        raw = decoded(raw)
    if len(raw) != 32:
        expected = "32 bytes, hex, base64, or a PEM of X25519 without a passphrase"
        raise NotUsableError(
            f"it is no private key: expected {expected}",
            "of one under a passphrase `openssl pkey -in FILE -outform DER | tail -c 32`, into a "
            "file of mode 0600",
        )
    return raw


def decoded(text: bytes) -> bytes:
    """What hex digits or base64 stand for; nothing where it is neither."""
    text = text.strip()
    try:
        if len(text) == 64:
            return bytes.fromhex(text.decode())
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return b""


def fingerprint_of(key: bytes) -> str:
    """How the chain names it: the first 20 bytes of the SHA-256 of its public half, in hex.

    Raises:
        NotUsableError: openssl does not tell.
    """
    public = through_openssl("-inform", "DER", "-pubout", given=DER + key)
    if len(public) < 32:
        raise NotUsableError(
            "openssl makes no public half of it", "`openssl version`: 1.1.0 or later knows X25519"
        )
    return hashlib.sha256(public[-32:]).hexdigest()[:40]


def through_openssl(*words: str, given: bytes) -> bytes:
    """What openssl makes of a key, as DER; nothing where it cannot read it.

    Raises:
        NotUsableError: there is no openssl.
    """
    try:
        done = subprocess.run(
            ["openssl", "pkey", *words, "-outform", "DER"],
            input=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=LIMIT_S,
            check=False,
        )
    except OSError:
        raise NotUsableError("openssl is not installed here", "apt-get install openssl") from None
    return done.stdout if done.returncode == 0 else b""


def bring(key: bytes, fingerprint: str, host: str) -> bool:
    """Whether the host keeps it now; says so, or why not."""
    program = f"sudo -n timeout {LIMIT_S} /bin/sh -c {shlex.quote(KEEP)}"
    try:
        done = subprocess.run(
            [*SSH, "--", host, program],
            input=key,
            capture_output=True,
            timeout=LIMIT_S + 30,
            check=False,
        )
        said, why = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    except (OSError, subprocess.TimeoutExpired) as error:
        said, why = "", type(error).__name__
    if said == f"kept {fingerprint}\n":
        sys.stdout.write(f"{host}: {said}")
        return True
    told = " ".join(f"{said} {why}".split())[-300:]
    sys.stdout.write(
        f"{host}: not kept: {ascii(told)[1:-1] or 'no word of it'}. Next: mend that (`ssh {host} "
        "sudo -n true` has to work), and bring it to this host again\n"
    )
    return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

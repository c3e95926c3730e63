"""Known host keys, looked up as OpenSSH does. Each set of files is read once for all hosts.

This is a parser of our own because asyncssh's also accepts a key by the address that a name
resolved to (so DNS could pass one known host off as another), reads the `[` of `[*.example]:2222`
as a character class, ignores a `@revoked` line for a port, and rejects a whole file for one bad
line.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from remediations.files.trusted import MEGABYTE, read_trusted
from remediations.reach.connection import HostUnreachable
from remediations.reach.sshlib import asyncssh

LIMIT = 64 * MEGABYTE
MARKERS = frozenset({"", "@cert-authority", "@revoked"})
Matched = tuple[
    list[asyncssh.SSHKey],
    list[asyncssh.SSHKey],
    list[asyncssh.SSHKey],
    tuple[()],
    tuple[()],
    tuple[()],
    tuple[()],
]
"""Host keys, authorities, revoked keys, and the four lists for X.509 in asyncssh, always empty."""


@dataclass(frozen=True, kw_only=True)
class _Line:
    """One line, with its plain names, patterns and negated patterns, or its hash."""

    marker: str
    key: str
    plain: frozenset[str] = frozenset()
    globs: tuple[re.Pattern[str], ...] = ()
    never: tuple[re.Pattern[str], ...] = ()
    salt: bytes = b""
    digest: bytes = b""

    def names_host(self, name: str) -> bool:
        """Whether the line applies to `name` ("host" or "[host]:port", lower case)."""
        if self.digest:
            return hmac.new(self.salt, name.encode(), hashlib.sha1).digest() == self.digest
        if any(pattern.fullmatch(name) for pattern in self.never):
            return False
        return name in self.plain or any(pattern.fullmatch(name) for pattern in self.globs)


class KnownKeys(asyncssh.SSHKnownHosts):
    """The lines of some known_hosts files, without those that OpenSSH ignores."""

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self._count = 0
        self._by_name: dict[str, list[tuple[int, _Line]]] = {}
        self._others: list[tuple[int, _Line]] = []
        self.load(text)

    def load(self, known_hosts: str) -> None:
        """Add the lines of one file."""
        for text in known_hosts.split("\n"):
            if line := _parse(text):
                self._add(line)

    def _add(self, line: _Line) -> None:
        """Index plain names; only patterns and hashes are tried one by one. Otherwise a file with a
        thousand hosts would be scanned for each of them."""
        self._count += 1
        if line.digest or line.globs or line.never:
            self._others.append((self._count, line))
            return
        for name in line.plain:
            self._by_name.setdefault(name, []).append((self._count, line))

    def _naming(self, name: str) -> list[_Line]:
        """The lines that apply to `name`, in the order of the files."""
        others = [(at, line) for at, line in self._others if line.names_host(name)]
        return [line for _, line in sorted((*self._by_name.get(name, ()), *others), key=_at)]

    def match(self, host: str, addr: str, port: int | None) -> Matched:  # noqa: ARG002
        """What is known about `host`. `port` is None for port 22 and for a HostKeyAlias.

        `addr` is ignored (CheckHostIP no). A host key for the bare name is used if none is known
        for the port; a revoked key for it always counts.
        """
        bare = host.lower()
        names = [f"[{bare}]:{port}", bare] if port else [bare]
        found = [self._naming(name) for name in names]
        decisive = next((lines for lines in found if any(_trusts(line) for line in lines)), [])
        return (
            _keys(decisive, ""),
            _keys(decisive, "@cert-authority"),
            _keys([line for lines in found for line in lines], "@revoked"),
            (),
            (),
            (),
            (),
        )


class KnownHosts:
    """A cache of parsed known_hosts files."""

    def __init__(self) -> None:
        self._read: dict[tuple[Path, ...], KnownKeys] = {}

    def of(self, files: tuple[Path, ...]) -> KnownKeys:
        """The content of these files together. Without files no host is known, and all are refused.

        Raises:
            OSError: a file cannot be read; it might revoke a key.
            HostUnreachable: another user could have written it.
        """
        if files not in self._read:
            keys = KnownKeys()
            for path in files:
                file = read_trusted(path, limit=LIMIT, refusal=HostUnreachable, follow=True)
                keys.load(file.data.decode(errors="replace"))
            self._read[files] = keys
        return self._read[files]


def _parse(text: str) -> _Line | None:
    words = text.split()
    marker = words.pop(0) if words and words[0].startswith("@") else ""
    if marker not in MARKERS or len(words) < 3 or words[0].startswith("#"):
        return None
    key = f"{words[1]} {words[2]}"
    if words[0].startswith("|"):
        return _hashed(marker, key, words[0])
    names = words[0].lower().split(",")
    wild = [name for name in names if "*" in name or "?" in name]
    return _Line(
        marker=marker,
        key=key,
        plain=frozenset(names),
        globs=tuple(_glob(name) for name in wild if not name.startswith("!")),
        never=tuple(_glob(name[1:]) for name in names if name.startswith("!")),
    )


def _hashed(marker: str, key: str, names: str) -> _Line | None:
    """`|1|salt|hash`: HMAC-SHA1 of the name, as `ssh-keygen -H` writes it."""
    _, kind, salt, digest, *_ = (*names.split("|"), "", "", "")
    try:
        line = _Line(
            marker=marker,
            key=key,
            salt=binascii.a2b_base64(salt),
            digest=binascii.a2b_base64(digest),
        )
    except ValueError:  # binascii.Error, or a letter outside of ASCII
        return None
    return line if kind == "1" and line.digest else None


def _glob(pattern: str) -> re.Pattern[str]:
    """OpenSSH's patterns: `*` and `?` only."""
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."))


def _at(numbered: tuple[int, _Line]) -> int:
    return numbered[0]


def _trusts(line: _Line) -> bool:
    return line.marker != "@revoked" and bool(_key(line))


def _keys(lines: list[_Line], marker: str) -> list[asyncssh.SSHKey]:
    return [key for line in lines if line.marker == marker and (key := _key(line))]


def _key(line: _Line) -> asyncssh.SSHKey | None:
    return _imported(line.key)


@lru_cache(maxsize=1024)
def _imported(text: str) -> asyncssh.SSHKey | None:
    """The key; None for a type that asyncssh does not know, which a host cannot show us either.

    Each is asked for four times in a look: whether it is one and which, for the login and for what
    a plan pins. Importing it takes 0.1 ms.
    """
    try:
        return asyncssh.import_public_key(text)
    except asyncssh.KeyImportError:
        return None

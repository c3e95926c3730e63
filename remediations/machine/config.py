"""The machine configuration: what applies to every run on this machine, whoever starts it.

It is /etc/remediate/config.toml, or the file that $REMEDIATE_CONFIG names. It decides who may
approve, which keys are revoked, which programs are started and whose playbooks are loaded, and it
is not part of the runs that are judged by it (docs/machine-configuration.md). Without the file the
defaults apply. A file that is named but missing is refused: its revocation list would be missing as
well.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from remediations.errors import UsageError
from remediations.files.trusted import TrustedFile, read_trusted

DEFAULT_PATH = Path("/etc/remediate/config.toml")
VARIABLE = "REMEDIATE_CONFIG"
GUARD = "machine configuration"
_LIMIT = 64_000
"""Bytes; far more than a configuration needs."""
_DISTRIBUTION = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"


class MachineConfig(Struct, frozen=True, kw_only=True):
    """The content of the file, with its path and the SHA-256 of its bytes: both "" without a file.

    `playbooks` are the normalized names of the distributions that may provide playbooks besides our
    own; None means every installed one.
    """

    path: str = ""
    sha256: str = ""
    inventories: tuple[Path, ...] = ()
    allowed_signers: Path | None = None
    revoked_keys: Path | None = None
    ssh: Path = Path("/usr/bin/ssh")
    ssh_keygen: Path = Path("/usr/bin/ssh-keygen")
    playbooks: frozenset[str] | None = None


KEYS = ("inventories", "allowed_signers", "revoked_keys", "ssh", "ssh_keygen", "playbooks")


def load_machine_config() -> MachineConfig:
    """The configuration of this machine, or the defaults if it has none.

    Raises:
        UsageError: the file cannot be trusted or read, or its content is not valid.
    """
    named = os.environ.get(VARIABLE, "")
    path = Path(named) if named else DEFAULT_PATH
    try:
        file = read_trusted(path, limit=_LIMIT)
    except FileNotFoundError as error:
        if not named:
            return MachineConfig()
        got = f"${VARIABLE} names a file that does not exist"
        next_step = f"write that file, or `unset {VARIABLE}`"
        raise _wrong(path, got, "the file, or no such variable", next_step) from error
    except OSError as error:
        got = error.strerror or str(error)
        next_step = f"`ls -ld {shlex.quote(str(path))}`: let its users read it"
        raise _wrong(path, got, "a file that can be read", next_step) from error
    return parse_machine_config(file)


def parse_machine_config(file: TrustedFile) -> MachineConfig:
    """Parse the bytes of `file`. Pure.

    Raises:
        UsageError: not TOML, an unknown key, or a value of the wrong type.
    """
    # Imported here, because most machines have no such file and `status` has to start fast.
    import tomllib

    try:
        table = tomllib.loads(file.data.decode())
    except UnicodeDecodeError as error:
        raise _wrong(file.path, f"a byte at {error.start} that is not UTF-8", "TOML") from error
    except (ValueError, RecursionError) as error:
        raise _wrong(file.path, str(error), "TOML") from error
    unknown = sorted(table.keys() - set(KEYS))
    if unknown:
        raise _wrong(file.path, f"the key {unknown[0]!r}", f"one of {', '.join(KEYS)}")
    return _Table(file.path, table).config(file.sha256)


def normalize_distribution(distribution: str) -> str:
    """The normalized name of a distribution: `Acme.Playbooks` and `acme_playbooks` are the same."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


class _Table(NamedTuple):
    """The values of the file; every error names the file."""

    source: Path
    table: Mapping[str, object]

    def config(self, sha256: str) -> MachineConfig:
        defaults = MachineConfig()
        return MachineConfig(
            path=str(self.source),
            sha256=sha256,
            inventories=tuple(self.absolute("inventories", x) for x in self.texts("inventories")),
            allowed_signers=self.file("allowed_signers"),
            revoked_keys=self.file("revoked_keys"),
            ssh=self.file("ssh") or defaults.ssh,
            ssh_keygen=self.file("ssh_keygen") or defaults.ssh_keygen,
            playbooks=self.distributions() if "playbooks" in self.table else None,
        )

    def file(self, key: str) -> Path | None:
        return self.absolute(key, self.table[key]) if key in self.table else None

    def absolute(self, key: str, value: object) -> Path:
        if not isinstance(value, str) or not value.startswith("/") or not value.isprintable():
            raise _wrong(self.source, f"{key}: {value!r}", f"{key}: the absolute path of a file")
        return Path(value)

    def distributions(self) -> frozenset[str]:
        names = self.texts("playbooks")
        for name in names:
            if not re.fullmatch(_DISTRIBUTION, name):
                raise _wrong(
                    self.source, f"playbooks: {name!r}", "playbooks: names as `pip list` has them"
                )
        return frozenset(normalize_distribution(name) for name in names)

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise _wrong(self.source, f"{key}: {value!r}", f"{key}: a list of texts")
        return tuple(value)


def _wrong(path: Path, got: str, expected: str, next_step: str = "") -> UsageError:
    return UsageError(
        f"the machine configuration {path} cannot be used",
        guard=GUARD,
        got=got[:200],
        expected=expected,
        next_step=next_step or f"correct {path}; `remediate doctor` reads it again",
    )

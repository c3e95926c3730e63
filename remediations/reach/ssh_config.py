"""Checks the files of ssh_config before `ssh` reads them.

Commands in them (`Match exec`, ProxyCommand) run as the user who starts `ssh`, often root, and they
decide where a name leads. OpenSSH checks owner and mode of its own files and of included ones, but
not the directories above them, and it does not check a file that is given with -F at all.
"""

from __future__ import annotations

import os
import pwd
import re
import shlex
from collections.abc import Iterator
from glob import glob
from pathlib import Path

from remediations.errors import UsageError
from remediations.files.trusted import MEGABYTE, TrustedFile, read_trusted

GUARD = "ssh_config"
SYSTEM = Path("/etc/ssh/ssh_config")
DEEPEST = 16
"""How deeply files may be included: the limit of OpenSSH."""
_INCLUDE = re.compile(
    r"""^[ \t\f\r]*"?include"?(?:[ \t]+|[ \t]*=[ \t]*)(.*)$""", re.IGNORECASE | re.MULTILINE
)


def read_ssh_config(named: str | None) -> TrustedFile | None:
    """The file that an inventory names, after it and all that it includes was checked. None if none
    is named: then OpenSSH's own files were checked.

    Raises:
        UsageError: one of the files cannot be read, or others could have written it.
    """
    seen: set[Path] = set()
    if named is not None:
        path = Path(named)
        file = _read(path)
        _judge_included(file, _user_directory(), seen)
        return file
    for path, base in ((_user_directory() / "config", _user_directory()), (SYSTEM, SYSTEM.parent)):
        if _exists(path):
            _judge_included(_read(path), base, seen)
    return None


def _judge_included(file: TrustedFile, base: Path, seen: set[Path], depth: int = 1) -> None:
    """Check included files, whatever Host and Match apply: more is checked than may be read."""
    if depth > DEEPEST:
        return  # OpenSSH refuses it
    for path in _included(file.data.decode(errors="replace"), base):
        if path not in seen and _exists(path) and not path.is_dir():
            seen.add(path)
            _judge_included(_read(path), base, seen, depth + 1)


def _included(text: str, base: Path) -> Iterator[Path]:
    """The files that Include lines name. A relative name is relative to `base`."""
    for words in _INCLUDE.findall(text):
        try:
            patterns = shlex.split(words, comments=True)
        except ValueError:  # quotes that do not end: OpenSSH refuses the line
            continue
        for pattern in patterns:
            wanted = str(base / Path(pattern).expanduser())
            yield from map(Path, sorted(glob(wanted)))  # noqa: PTH207 - of absolute names


def _user_directory() -> Path:
    try:
        home = pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:  # ssh itself refuses an unknown user
        home = "/nonexistent"
    return Path(home) / ".ssh"


def _exists(path: Path) -> bool:
    return os.path.lexists(path)


def _read(path: Path) -> TrustedFile:
    try:
        return read_trusted(path, limit=MEGABYTE, follow=True)
    except UsageError as error:
        raise _refused(path, error.what, error.got, error.expected, error.next_step) from error
    except OSError as error:
        next_step = f"`ls -ld {shlex.quote(str(path))}`; create it, or name the right file"
        got = error.strerror or str(error)
        raise _refused(path, f"{path} cannot be read", got, "a file to read", next_step) from error


def _refused(path: Path, what: str, got: str, expected: str, next_step: str) -> UsageError:
    return UsageError(
        f"ssh may not read {path}",
        guard=GUARD,
        got=f"{what}: {got}",
        expected=f"{expected}: commands in it run as you",
        next_step=next_step,
    )

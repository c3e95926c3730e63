"""Questions to one host about a unit, its process, its journal and its files. Text and values.

Each function returns a Question (systems.hosts.rounds); nothing here contacts a host.
"""

from __future__ import annotations

import re
import shlex
from typing import NamedTuple

from remediations.systems.hosts.hold import hold_path
from remediations.systems.hosts.rounds import Question
from remediations.values.lines import UNLIMITED, split_lines

_SHA256 = re.compile("[0-9a-f]{64}")
_INVOCATION = re.compile("[0-9a-f]{32}")
_NOT_SEARCHED = "the journal was not searched"

_FOREIGN_FILE = """
uid=$(id -u -- "$owner" 2>&1) || { printf '%s\\n' "$uid"; exit 1; }
for try in 1 2 3; do
  found=$(find "$directory" -ignore_readdir_race \\( -uid "+$uid" -o -uid "-$uid" \\) -print -quit \
    2>&1) && break
done
status=$?
printf '%s\\n' "$found"
exit "$status"
"""
"""A database that is open creates and deletes files meanwhile. Of a deleted one find knows no
owner, so that no test of it holds, and `! -user` does: the tests say what the owner is, not what it
is not. A deleted directory is an error in spite of -ignore_readdir_race: another try."""

_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")

ACTIVE, INACTIVE, NO_UNIT = 0, 3, 4
"""Exit statuses of `systemctl is-active`, if it could ask systemd."""

START_TICKS = 19
"""Index in /proc/PID/stat, counted after the parenthesis: the command's name may have blanks."""

_PROGRAMS = """exec 2>&1
pids=$(systemctl show -p MainPID --value "$unit") && sha256sum "/proc/$pids/exe" || exit
for generation in 1 2 3; do
  pids=$(for pid in $pids; do cat /proc/"$pid"/task/*/children 2>/dev/null; done)
  for pid in $pids; do sha256sum "/proc/$pid/exe" 2>/dev/null; done | head -n 20
done; :"""
"""Of the main process and, three generations deep, of the processes that it started: below a
wrapper (cosmovisor) the daemon is one of these."""
_JOURNAL = f"""
invocation=$(systemctl show -p InvocationID --value "$unit") || exit
printf '%s\\n' "$invocation"
[ "$invocation" ] || exit 0
ulimit -d 262144
found=$({{ journalctl -q --no-pager -o cat "_SYSTEMD_INVOCATION_ID=$invocation" ||
  echo {_NOT_SEARCHED}; }} | grep -aE -m 3 "$pattern|^{_NOT_SEARCHED}" || [ $? -eq 1 ]) || exit
[ -z "$found" ] || printf '%s\\n' "$found" | cut -b -4096 | sed -E "$masks"
"""
"""Fails if grep does (a message is too long for it), and reports as found that journalctl
failed."""


_LAST = """
invocation=$(systemctl show -p InvocationID --value "$unit") || exit
[ "$invocation" ] || exit 0
journalctl -q --no-pager -n 500 -o cat "_SYSTEMD_INVOCATION_ID=$invocation" |
  cut -b -1024 | grep -aE "$pattern" | tail -n 1 | cut -b -400 | sed -E "$masks"
"""


class OpenFiles(NamedTuple):
    """How many files a process may open, and how many the host's service manager can give: in a
    container that may be less than its unit says."""

    limit: int
    most: int


class RoomLeft(NamedTuple):
    """Bytes and inodes that are free on a file system."""

    available: int
    inodes: int


def unit_active(unit: str) -> Question[bool]:
    """Whether the unit is active, according to systemd."""
    return Question(
        source=unit,
        command=f"systemctl is-active --quiet {shlex.quote(unit)}; echo $?",
        parse=_active,
    )


def unit_held(unit: str) -> Question[bool]:
    """Whether the unit is stopped, and held by a run (`hold.py`)."""
    path = shlex.quote(hold_path(unit))
    return Question(
        source=f"the hold of {unit}",
        command=f"state=$(systemctl show -p ActiveState --value {shlex.quote(unit)}) || exit\n"
        f"case $state in inactive | failed) ;; *) echo no; exit ;; esac\n"
        f"if [ -e {path} ]; then echo yes; else echo no; fi",
        parse=_yes_or_no,
        root=True,
    )


def running_programs(unit: str) -> Question[tuple[str, ...]]:
    """The SHA-256 of the programs that the unit runs, even if their files were replaced: first that
    of its main process, then of those that it started."""
    return Question(
        source="the running program",
        command=f"unit={shlex.quote(unit)}; {_PROGRAMS}",
        parse=_sha256s,
        root=True,
    )


def process_start(pid: int) -> Question[int | None]:
    """When process `pid` was started, in clock ticks since boot; None if there is no such
    process."""
    return Question(
        source=f"process {pid}",
        command=f"cat /proc/{pid}/stat || :",
        parse=_start,
        root=True,
    )


def journal_since_start(unit: str, pattern: str, masks: str) -> Question[str]:
    """The first lines of the journal since the unit's last start that match `pattern` (grep -E),
    with `masks` (sed -E) applied; "" if there are none."""
    return Question(
        source="the journal",
        command=f"unit={shlex.quote(unit)} pattern={shlex.quote(pattern)} "
        f"masks={shlex.quote(masks)}\n{_JOURNAL}",
        parse=_found,
        root=True,
    )


def last_line(unit: str, pattern: str, masks: str) -> Question[str]:
    """The last line of the journal since the unit's last start that matches `pattern` (grep -E),
    with `masks` (sed -E) applied; "" if there is none."""
    return Question(
        source="the end of the journal",
        command=f"unit={shlex.quote(unit)} pattern={shlex.quote(pattern)} "
        f"masks={shlex.quote(masks)}\n{_LAST}",
        parse=_line,
        root=True,
    )


def room_left(directory: str) -> Question[RoomLeft]:
    """What is free on the file system of `directory`."""
    return Question(
        source=f"the room below {directory}",
        command=f"df -B1 --output=avail,iavail,itotal {shlex.quote(directory)}",
        parse=_room_left,
    )


def whole_directory(path: str) -> Question[int | None]:
    """How many bytes a directory takes that has the mark of being whole (`.all`); None if it is not
    there, or not whole."""
    word = shlex.quote(path)
    return Question(
        source=path,
        command=f"if [ -e {word}/.all ]; then du -s -B1 {word} | cut -f 1; else echo no; fi",
        parse=_bytes_or_none,
        root=True,
    )


def open_files(unit: str) -> Question[OpenFiles]:
    """How many files the main process of `unit` may open, as the kernel counts (the soft limit)."""
    return Question(
        source=f"the limits of {unit}",
        command=f"pid=$(systemctl show -p MainPID --value {shlex.quote(unit)}) && "
        'sed -n "s/^Max open files  *\\([0-9a-z]* *[0-9a-z]*\\) .*/\\1/p" '
        '"/proc/$pid/limits" /proc/1/limits',
        parse=_limits,
        root=True,
    )


def real_path(path: str) -> Question[str]:
    """Where `path` leads, with all links followed; "" if there is nothing."""
    return Question(
        source=path,
        command=f"readlink -e -- {shlex.quote(path)} || [ $? -eq 1 ]",
        parse=lambda output: _text(output).rstrip("\n"),
        root=True,
    )


def file_hash(path: str, user: str) -> Question[str]:
    """The SHA-256 of a file, read as `user`, who may have put anything there; "" if there is
    none."""
    return Question(
        source=path,
        command=f"[ -e {shlex.quote(path)} ] || exit 0\n"
        f'timeout 5 setpriv --reuid {shlex.quote(user)} --regid "$(id -g {shlex.quote(user)})" '
        f"--clear-groups --no-new-privs sha256sum -- {shlex.quote(path)}",
        parse=lambda output: next(iter(_sha256s(output)), "") if output else "",
        root=True,
    )


def foreign_file(directory: str, owner: str) -> Question[str]:
    """A path below `directory` that does not belong to `owner`; "" if there is none."""
    return Question(
        source=directory,
        command=f"directory={shlex.quote(directory)} owner={shlex.quote(owner)}{_FOREIGN_FILE}",
        parse=lambda output: _text(output).rstrip("\n"),
        root=True,
    )


def _room_left(output: bytes) -> RoomLeft:
    words = _text(output).split()[-3:]
    if len(words) != 3 or not words[0].isdecimal():
        raise ValueError("df does not tell the room")
    inodes = int(words[1]) if words[1].isdecimal() and words[2] not in ("0", "-") else UNLIMITED
    return RoomLeft(int(words[0]), inodes)


def _limits(output: bytes) -> OpenFiles:
    words = [word.split() for word in split_lines(_text(output)) if word]
    if len(words) != 2 or any(len(pair) != 2 for pair in words):
        raise ValueError("there is no process, or its limits do not tell the open files")
    return OpenFiles(_count(words[0][0]), _count(words[1][1]))


def _count(word: str) -> int:
    if word == "unlimited":
        return UNLIMITED
    if not word.isdecimal():
        raise ValueError("a limit of open files is not a number")
    return int(word)


def _active(output: bytes) -> bool:
    status = output.strip()
    if not status.isdigit() or int(status) not in (ACTIVE, INACTIVE, NO_UNIT):
        raise ValueError("systemctl does not say whether it runs")
    return int(status) == ACTIVE


def _yes_or_no(output: bytes) -> bool:
    word = output.strip()
    if word not in (b"yes", b"no"):
        raise ValueError("it does not say yes or no")
    return word == b"yes"


def _sha256s(output: bytes) -> tuple[str, ...]:
    words = [line.split()[0] for line in split_lines(_text(output)) if line.split()]
    if not words or not _SHA256.fullmatch(words[0]):
        raise ValueError("it has no SHA-256")
    return tuple(word for word in words if _SHA256.fullmatch(word))


def _start(output: bytes) -> int | None:
    fields = _text(output).rpartition(")")[2].split()
    if not fields:
        return None
    ticks = fields[START_TICKS : START_TICKS + 1]
    if not ticks or not ticks[0].isdecimal():
        raise ValueError("the line of a process is malformed")
    return int(ticks[0])


def _found(output: bytes) -> str:
    invocation, _, found = _text(output).partition("\n")
    if not _INVOCATION.fullmatch(invocation):
        raise ValueError("the unit has no invocation: it was not started")
    return found.rstrip("\n")


def _text(output: bytes) -> str:
    """As text, without loss: the bytes of a path need not be UTF-8."""
    return output.decode("utf-8", "backslashreplace")


def _bytes_or_none(output: bytes) -> int | None:
    text = output.decode().strip()
    return None if text == "no" else int(text)


def _line(output: bytes) -> str:
    """In plain characters: a daemon colours its messages."""
    text = _ESCAPES.sub("", output.decode("utf-8", "replace"))
    return "".join(c if c.isprintable() else " " for c in text).strip()

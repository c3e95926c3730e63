"""What systemctl, df, find and the rest print, as values (model.host). Pure.

Every parser takes text and raises `TextError` on anything unexpected. Who wrote the text may be an
attacker: an error says what was expected, never what stood there, and no parser takes longer than
in proportion to the text (expressions are matched as a whole, not searched for).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from remediations.model.host import (
    Binary,
    ConsensusKey,
    Disk,
    JournalLine,
    Ownership,
    Process,
    Unit,
    WriteAheadLog,
)

UNLIMITED = 2**53 - 1
"""Stands for systemd's `infinity` and for a file system that does not count inodes."""

_NUMBER = re.compile("[0-9]{1,18}")
_SPAN = re.compile(r"([0-9]{1,9})(us|ms|s|min|h|d|w|month|y)")
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400, "w": 604800, "month": 2629800, "y": 31557600}
_JOURNAL = re.compile(r"([0-9]{1,11})\.([0-9]{6}) \S+ [^:]{1,200}: (.*)")
_ADDRESS = re.compile("[0-9A-F]{40}")
_SHA256 = re.compile("[0-9a-f]{64}")
_OCTAL = re.compile(r"\\([0-7]{3})")
_MAX_LINES = 200
"""Of a journal: the host sends no more."""
_MAX_MESSAGE = 2000
_MAX_PARTS = 10_000
"""Of a write-ahead log; the host counts one more."""
_MAX_PATH = 4096


class TextError(ValueError):
    """The text is not what the command prints. The message says what was expected."""


def pairs(text: str) -> dict[str, str]:
    """Lines of `name=value`."""
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def number(text: str) -> int:
    """A plain decimal number, not negative.

    Raises:
        TextError: it is something else, or has more than 18 digits.
    """
    if not _NUMBER.fullmatch(text):
        raise TextError("a number has another form")
    return int(text)


def parse_unit(text: str, *, home: str) -> Unit:
    """`systemctl show`. `home` was discovered beside it.

    Raises:
        TextError: a property is missing or odd.
    """
    shown = pairs(text)
    try:
        path, arguments = _command(shown.get("ExecStart", ""))
        return Unit(
            name=shown["Id"],
            load_state=shown["LoadState"],
            active_state=shown["ActiveState"],
            sub_state=shown["SubState"],
            enabled=shown["UnitFileState"],
            result=shown["Result"],
            restarts=number(shown.get("NRestarts") or "0"),
            main_pid=number(shown.get("MainPID") or "0"),
            exit_status=number(shown.get("ExecMainStatus") or "0"),
            user=shown.get("User") or "root",
            binary=path,
            arguments=arguments,
            home=home,
            restart_policy=shown.get("Restart", "no"),
            stop_timeout_s=_seconds(shown["TimeoutStopUSec"]),
            open_files=_count(shown["LimitNOFILE"]),
            active_since=_stamp(shown.get("ActiveEnterTimestamp", "")),
            invocation=shown.get("InvocationID", ""),
        )
    except KeyError as error:
        raise TextError(f"systemctl show says nothing of {error}") from error


def parse_processes(text: str) -> tuple[Process, ...]:
    """Lines of pid, state, start in clock ticks, command line.

    Raises:
        TextError: a line is something else.
    """
    processes = []
    for line in text.splitlines():
        fields = line.split(" ", 3)
        if len(fields) != 4:
            raise TextError("the line of a process has another form")
        pid, state, started, command = fields
        processes.append(
            Process(pid=number(pid), state=state, started=number(started), command=command)
        )
    return tuple(processes)


def parse_key(text: str) -> ConsensusKey:
    """The address in the key file, or that there is no such file; whether there is a node key.

    Raises:
        TextError: it is something else.
    """
    said = pairs(text)
    address = said.get("address", "")
    if address != "absent" and not _ADDRESS.fullmatch(address):
        raise TextError("the address of the key has another form")
    if said.get("node_key") not in ("yes", "no"):
        raise TextError("nothing is said of a node key")
    return ConsensusKey(
        address="" if address == "absent" else address, node_key=said["node_key"] == "yes"
    )


def parse_wal(text: str) -> WriteAheadLog:
    """The sizes of its parts, or 0.

    Raises:
        TextError: it is something else.
    """
    sizes = [number(line) for line in text.splitlines()]
    if not sizes:
        raise TextError("nothing is said of the size of the write-ahead log")
    if len(sizes) > _MAX_PARTS:
        raise TextError(f"the write-ahead log has more than {_MAX_PARTS} parts")
    return WriteAheadLog(size=sum(sizes))


def parse_disk(text: str) -> Disk:
    """`df --output=avail,size,iavail,itotal,target`, then /proc/self/mounts.

    A file system without a fixed number of inodes (btrfs) reports a total of 0.

    Raises:
        TextError: one of them is missing, or the mount point is in no line.
    """
    lines = text.splitlines()
    fields = lines[1].split(None, 4) if len(lines) > 1 else []
    if len(fields) != 5:
        raise TextError("df prints something else than five columns")
    available, total, inodes, all_inodes, path = fields
    options = [
        mount[3]
        for line in lines[2:]
        if len(mount := line.split()) > 3 and _unescaped(mount[1]) == path
    ]
    if not options:
        raise TextError("the file system of the home is not among the mounts")
    return Disk(
        available=number(available),
        total=number(total),
        inodes_available=UNLIMITED if all_inodes in ("0", "-") else number(inodes),
        writable="rw" in options[-1].split(","),
        path=path[:_MAX_PATH],
    )


def parse_ownership(text: str, *, home: str) -> Ownership:
    """One path per line, below `home`, as `find .` prints it (counted up to a thousand and one)."""
    paths = text.splitlines()
    example = f"{home}{paths[0].removeprefix('.')}" if paths else ""
    return Ownership(foreign=len(paths), example=example[:_MAX_PATH])


def parse_binary(text: str) -> Binary:
    """Path, hashes and version.

    Raises:
        TextError: a hash has another form.
    """
    said = pairs(text)
    disk, running = said.get("disk", ""), said.get("running", "")
    if not _SHA256.fullmatch(disk) or not (running == "" or _SHA256.fullmatch(running)):
        raise TextError("a SHA-256 has another form")
    return Binary(
        path=said.get("path", ""),
        sha256=disk,
        running_sha256=running,
        version=said.get("version", "")[:200],
    )


def parse_journal(text: str) -> tuple[JournalLine, ...]:
    """`journalctl --output=short-unix --reverse`: oldest first, the newest two hundred. Lines
    without a time are skipped, being the rest of a message of several lines.
    """
    found: list[JournalLine] = []
    for line in text.splitlines():
        match = _JOURNAL.fullmatch(line)
        if match and len(found) < _MAX_LINES:
            at = datetime.fromtimestamp(int(match[1]), UTC).replace(microsecond=int(match[2]))
            found.append(JournalLine(at=at, message=match[3][:_MAX_MESSAGE]))
    return tuple(reversed(found))


def _command(shown: str) -> tuple[str, tuple[str, ...]]:
    """Path and arguments of `{ path=… ; argv[]=… ; ignore_errors=… }`; empty for no command."""
    path, found, rest = shown.partition("{ path=")[2].partition(" ; argv[]=")
    arguments, ended, _ = rest.partition(" ; ignore_errors=")
    return (path, tuple(arguments.split()[1:])) if found and ended else ("", ())


def _seconds(span: str) -> int:
    """systemd's `1min 30s`, rounded up; `infinity` is UNLIMITED."""
    if span == "infinity":
        return UNLIMITED
    total, parts = 0, span.split()
    for part in parts:
        match = _SPAN.fullmatch(part)
        if match is None:
            raise TextError("a time span has another form")
        total += int(match[1]) * _SECONDS.get(match[2], 0) or 1
    if not parts:
        raise TextError("a time span is empty")
    return min(total, UNLIMITED)


def _count(text: str) -> int:
    return UNLIMITED if text == "infinity" else min(number(text), UNLIMITED)


def _stamp(text: str) -> datetime | None:
    """`Wed 2026-11-25 16:39:00 UTC`; empty or `n/a` when never."""
    if text in ("", "n/a"):
        return None
    try:
        return datetime.strptime(text, "%a %Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC)
    except ValueError as error:
        raise TextError("a time has another form") from error


def _unescaped(path: str) -> str:
    """A path of /proc/mounts, where blanks are octal."""
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), path)

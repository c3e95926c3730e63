"""The output of systemctl, df, find and others, as values (systems.hosts.values). Pure.

Every parser takes text and raises `TextError` on anything unexpected. An attacker may have written
the text: an error says what was expected, never what was there, and no parser takes longer than in
proportion to the text (expressions match a whole line, and are not searched for). Lines and words
are split by values.lines, so that no value can pretend to be another record.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from remediations.systems.hosts.values import (
    Binary,
    ConsensusKey,
    Disk,
    FileChange,
    JournalLine,
    Ownership,
    Process,
    Unit,
    WriteAheadLog,
)
from remediations.values.lines import (
    UNLIMITED,
    TextError,
    parse_number,
    parse_pairs,
    parse_seconds,
    split_lines,
    split_words,
)
from remediations.values.names import UNIT

_JOURNAL = re.compile(r"([0-9]{1,11})\.([0-9]{6}) \S+ [^:]{1,200}: (.*)")
_DF = re.compile(r" *([^ ]+) +([^ ]+) +([^ ]+) +([^ ]+) +(.*)")
_ADDRESS = re.compile("[0-9A-F]{40}")
_NODE_ID = re.compile("[0-9a-f]{40}")
_CHANGE = re.compile(r"(unit|daemon) ([0-9]{1,11})\.([0-9]{6}) (/.*)")
_SHA256 = re.compile("[0-9a-f]{64}")
_OCTAL = re.compile(r"\\([0-7]{3})")
_MAX_LINES = 300
"""Of a journal: the host sends two hundred that are searched for, and some of its newest."""
_MAX_MESSAGE = 2000
_MAX_PARTS = 10_000
"""Of a write-ahead log; the host lists one more."""
_MAX_PATH = 4096


def parse_unit(text: str, *, home: str) -> Unit:
    """`systemctl show`. `home` is what was discovered on the host.

    Raises:
        TextError: a property is missing or malformed.
    """
    shown = parse_pairs(text)
    if not UNIT.fullmatch(shown.get("Id", "")):
        raise TextError("the name of the unit is malformed")
    try:
        path, arguments = _command(shown.get("ExecStart", ""))
        return Unit(
            name=shown["Id"],
            load_state=shown["LoadState"],
            active_state=shown["ActiveState"],
            sub_state=shown["SubState"],
            enabled=shown["UnitFileState"],
            result=shown["Result"],
            restarts=parse_number(shown.get("NRestarts") or "0"),
            main_pid=parse_number(shown.get("MainPID") or "0"),
            exit_status=parse_number(shown.get("ExecMainStatus") or "0"),
            user=shown.get("User") or "root",
            binary=path,
            arguments=arguments,
            home=home,
            restart_policy=shown.get("Restart", "no"),
            stop_timeout_s=parse_seconds(shown["TimeoutStopUSec"]),
            open_files=_count(shown["LimitNOFILE"]),
            active_since=_stamp(shown.get("ActiveEnterTimestamp", "")),
            invocation=shown.get("InvocationID", ""),
            needs_reload=shown.get("NeedDaemonReload") == "yes",
            held=shown.get("RemediateHold") == "yes",
            hold_note=shown.get("RemediateHoldNote", ""),
            inactive_since=_stamp(shown.get("InactiveEnterTimestamp", "")),
        )
    except KeyError as error:
        raise TextError(f"systemctl show does not report {error}") from error


def parse_processes(text: str) -> tuple[Process, ...]:
    """Lines of pid, state, start in clock ticks, command line; `>` behind the state of another
    process of the unit than its main one.

    Raises:
        TextError: a line is malformed.
    """
    processes = []
    for line in split_lines(text):
        fields = line.split(" ", 3)
        if len(fields) != 4:
            raise TextError("the line of a process is malformed")
        pid, state, started, command = fields
        processes.append(
            Process(
                pid=parse_number(pid),
                state=state.removesuffix(">"),
                started=parse_number(started),
                command=command,
                of_unit=state.endswith(">"),
            )
        )
    return tuple(processes)


def parse_key(text: str) -> ConsensusKey:
    """The address in the key file, or that the file is absent; and whether there is a node key,
    with its id.

    Raises:
        TextError: the text is malformed.
    """
    said = parse_pairs(text)
    address = said.get("address", "")
    if address != "absent" and not _ADDRESS.fullmatch(address):
        raise TextError("the address of the key is malformed")
    if said.get("node_key") not in ("yes", "no"):
        raise TextError("whether there is a node key is not reported")
    node_id = said.get("node_id", "")
    if node_id and not _NODE_ID.fullmatch(node_id):
        raise TextError("the node id is malformed")
    return ConsensusKey(
        address="" if address == "absent" else address,
        node_key=said["node_key"] == "yes",
        node_id=node_id,
    )


def parse_wal(text: str) -> WriteAheadLog:
    """The sizes of its parts, or 0.

    Raises:
        TextError: the text is malformed.
    """
    sizes = [parse_number(line) for line in split_lines(text)]
    if not sizes:
        raise TextError("the size of the write-ahead log is not reported")
    if len(sizes) > _MAX_PARTS:
        raise TextError(f"the write-ahead log has more than {_MAX_PARTS} parts")
    return WriteAheadLog(size=sum(sizes))


def parse_disk(text: str) -> Disk:
    """`df --output=avail,size,iavail,itotal,target`, then /proc/self/mounts.

    A file system without a fixed number of inodes (btrfs) reports a total of 0.

    Raises:
        TextError: one of them is missing, or no line has the mount point.
    """
    rows = split_lines(text)
    fields = _DF.fullmatch(rows[1]) if len(rows) > 1 else None
    if fields is None:
        raise TextError("df does not print five columns")
    available, total, inodes, all_inodes, path = fields.groups()
    options = [
        mount[3]
        for row in rows[2:]
        if len(mount := row.split(" ")) > 3 and _unescaped(mount[1]) == path
    ]
    if not options:
        raise TextError("the file system of the home is not among the mounts")
    return Disk(
        available=parse_number(available),
        total=parse_number(total),
        inodes_available=UNLIMITED if all_inodes in ("0", "-") else parse_number(inodes),
        writable="rw" in options[-1].split(","),
        path=path[:_MAX_PATH],
    )


def parse_ownership(text: str, *, home: str) -> Ownership:
    """One path per line, below `home`, as `find .` prints it (counted up to a thousand and one)."""
    paths = split_lines(text)
    example = f"{home}{paths[0].removeprefix('.')}" if paths else ""
    return Ownership(foreign=len(paths), example=example[:_MAX_PATH])


def parse_binary(text: str) -> Binary:
    """Path and hashes.

    Raises:
        TextError: a hash is malformed.
    """
    said = parse_pairs(text)
    disk, running = said.get("disk", ""), said.get("running", "")
    if not _SHA256.fullmatch(disk) or not (running == "" or _SHA256.fullmatch(running)):
        raise TextError("a SHA-256 is malformed")
    return Binary(
        path=said.get("path", ""),
        sha256=disk,
        running_sha256=running,
        version="",
    )


def parse_version(text: str) -> str:
    """What the program says of itself, "" if it was not asked, or says nothing.

    Raises:
        TextError: it is told twice.
    """
    return parse_pairs(text).get("version", "")[:200]


def parse_changes(text: str) -> tuple[FileChange, ...]:
    """Lines of whose file it is, the time of its last change, its path; each path once, with the
    newest of its times: a link changes, and what it leads to.

    Raises:
        TextError: a line is malformed.
    """
    found: dict[str, FileChange] = {}
    for line in split_lines(text):
        match = _CHANGE.fullmatch(line)
        if match is None:
            raise TextError("the time of a file is malformed")
        whose, seconds, fraction, path = match.groups()
        at = datetime.fromtimestamp(int(seconds), UTC).replace(microsecond=int(fraction))
        change = FileChange(path=path[:_MAX_PATH], at=at, of_unit=whose == "unit")
        if change.path not in found or found[change.path].at < at:
            found[change.path] = change
    return tuple(found[path] for path in sorted(found))


def parse_journal(text: str) -> tuple[JournalLine, ...]:
    """Messages of `journalctl --output=short-unix`, oldest first, each once: the newest of several
    searches. Lines without a time continue a message of several lines, and are skipped.
    """
    found: list[JournalLine] = []
    for line in split_lines(text):
        match = _JOURNAL.fullmatch(line)
        if match and len(found) < _MAX_LINES:
            at = datetime.fromtimestamp(int(match[1]), UTC).replace(microsecond=int(match[2]))
            found.append(JournalLine(at=at, message=match[3][:_MAX_MESSAGE]))
    # A search gives the newest first, also of those that have one time.
    once = dict.fromkeys((line.at, line.message) for line in reversed(found))
    return tuple(
        JournalLine(at=at, message=message) for at, message in sorted(once, key=lambda one: one[0])
    )


def _command(shown: str) -> tuple[str, tuple[str, ...]]:
    """Path and arguments of `{ path=… ; argv[]=… ; ignore_errors=… }`; empty if there is no
    command."""
    path, found, rest = shown.partition("{ path=")[2].partition(" ; argv[]=")
    arguments, ended, _ = rest.partition(" ; ignore_errors=")
    return (path, tuple(split_words(arguments)[1:])) if found and ended else ("", ())


def _count(text: str) -> int:
    return UNLIMITED if text == "infinity" else min(parse_number(text), UNLIMITED)


def _stamp(text: str) -> datetime | None:
    """`Wed 2026-11-25 16:39:00 UTC`; empty or `n/a` for never."""
    if text in ("", "n/a"):
        return None
    try:
        return datetime.strptime(text, "%a %Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC)
    except ValueError as error:
        raise TextError("a time is malformed") from error


def _unescaped(path: str) -> str:
    """A path of /proc/mounts, where blanks are octal escapes."""
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), path)

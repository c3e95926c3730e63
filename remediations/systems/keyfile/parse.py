"""From a host's document to a ReaderReading. Pure: what cannot be read is unknown, and why."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar

from remediations.engine.observe.section import HostDocument, Trouble
from remediations.systems.hosts.read_section import SILENT, read_section
from remediations.systems.keyfile.inventory import reader_of
from remediations.systems.keyfile.reading import KeptKey, KeyFile, ReaderReading, ReaderUnit
from remediations.values.inventory import HostEntry
from remediations.values.lines import TextError, parse_number, parse_pairs, split_lines
from remediations.values.reading import Reading

T = TypeVar("T")
SECTIONS: Mapping[str, int] = {
    "keyfile_file": 2048,
    "keyfile_staged": 4096,
    "keyfile_former": 4096,
    "keyfile_unit": 2048,
    "keyfile_ready": 256,
}
"""Section → bytes."""
MOST_KEPT = 16
_FINGERPRINT = re.compile("([0-9a-f]{40})?")
_KEPT = re.compile("key ([0-9a-f]{40}) ([0-9a-f]{40})?")
_SHOWN = re.compile("([A-Za-z0-9_.-]{1,64}) ([A-Za-z0-9_.-]{1,64}) ([0-7]{1,4})")
_INVOCATION = re.compile("([0-9a-f]{32})?")
_WORD = re.compile("[a-z0-9-]{1,32}")


def read_reader(document: HostDocument, entry: HostEntry, at: datetime) -> ReaderReading:
    """The reader on host `entry`."""
    reader = reader_of(entry)

    def text(name: str, source: str, parse: Callable[[str], T]) -> Reading[T]:
        return read_section(
            document,
            f"keyfile_{name}",
            source,
            lambda section: parse(section.text),
            absent=SILENT,
            at=at,
        )

    return ReaderReading(
        host=entry.name,
        entry=reader,
        file=text("file", reader.file, parse_key_file),
        staged=text("staged", "/var/lib/remediate/keys", _kept),
        former=text("former", f"beside {reader.file}", _kept),
        unit=text("unit", f"systemctl show {reader.unit}", parse_unit),
        ready=text("ready", reader.ready or "ready", parse_ready),
    )


def unread_reader(entry: HostEntry, trouble: Trouble, at: datetime) -> ReaderReading:
    """The reader on a host that was not read."""
    unknown = trouble.unknown(f"ssh {entry.ssh}", at)
    return ReaderReading(
        host=entry.name,
        entry=reader_of(entry),
        file=unknown,
        staged=unknown,
        former=unknown,
        unit=unknown,
        ready=unknown,
    )


def parse_key_file(text: str) -> KeyFile:
    """Lines of `flaw`, and where that is empty, `shown` and `fingerprint`.

    Raises:
        TextError: one is missing or malformed.
    """
    said = parse_pairs(text)
    if "flaw" not in said:
        raise TextError("nothing tells in whose hands the file is")
    if said["flaw"]:
        return KeyFile(flaw=said["flaw"][:300], fingerprint="", owner="", group="", mode="")
    shown = _SHOWN.fullmatch(said.get("shown", ""))
    if shown is None or not _FINGERPRINT.fullmatch(said.get("fingerprint", "-")):
        raise TextError("owner, mode or fingerprint of the file are malformed")
    return KeyFile(
        flaw="",
        fingerprint=said["fingerprint"],
        owner=shown[1],
        group=shown[2],
        mode=shown[3].zfill(4),
    )


def _kept(text: str) -> tuple[KeptKey, ...]:
    lines = split_lines(text)
    if len(lines) > MOST_KEPT:
        raise TextError(f"more than {MOST_KEPT} keys")
    found = [_KEPT.fullmatch(line) for line in lines]
    if None in found:
        raise TextError("the line of a key is malformed")
    return tuple(KeptKey(name=one[1], fingerprint=one[2] or "") for one in found if one)


def parse_unit(text: str) -> ReaderUnit:
    """Properties of systemd.

    Raises:
        TextError: one is missing or malformed.
    """
    said = parse_pairs(text)
    words = [said.get(name, "") for name in ("LoadState", "ActiveState", "SubState")]
    invocation = said.get("InvocationID", "-")
    if not all(map(_WORD.fullmatch, words)) or not _INVOCATION.fullmatch(invocation):
        raise TextError("what systemd says of the unit is malformed")
    return ReaderUnit(
        load=words[0],
        active=words[1],
        sub=words[2],
        invocation=invocation,
        changed_us=parse_number(said.get("StateChangeTimestampMonotonic", "")),
        reloads=said.get("CanReload") == "yes",
    )


def parse_ready(text: str) -> str:
    """A status of HTTP, or the state of a unit.

    Raises:
        TextError: it is neither.
    """
    word = text.strip("\n")
    if not _WORD.fullmatch(word):
        raise TextError("what says that it is ready is malformed")
    return word

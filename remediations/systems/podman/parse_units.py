"""What `probe.sh` prints of the units that run containers, as values. Pure.

Blocks of `systemctl show`, apart by an empty line: first of these units, then of those that are
stopped with them; after that, one line of JSON for each start that the journal knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import msgspec

from remediations.systems.podman.values import (
    MAX_STARTS,
    MAX_UNITS,
    ContainerUnit,
    Dependant,
)
from remediations.values.lines import (
    TextError,
    parse_number,
    parse_pairs,
    parse_seconds,
    split_lines,
    split_words,
)
from remediations.values.names import UNIT
from remediations.values.reading import Known, Reading, Unknown, Why

STOPS = ("RequiredBy", "RequisiteOf", "BoundBy", "ConsistsOf", "PropagatesStopTo")
"""The properties of a unit that name others which systemd stops with it."""
SOURCE = "systemctl show; the journal"
_OTHER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9:_.\\@-]{0,239}\.[a-z]{1,20}")
_INVOCATION = re.compile("([0-9a-f]{32})?")
_FAR = 32
"""Dependants of one unit."""


class _Start(msgspec.Struct):
    """A line of `journalctl --output=json`; it has other members, too."""

    at: int = msgspec.field(name="__REALTIME_TIMESTAMP", default=0)
    unit: str = msgspec.field(name="UNIT", default="")
    invocation: str = msgspec.field(name="INVOCATION_ID", default="")


_START = msgspec.json.Decoder(_Start, strict=False)


def parse_units(text: str, *, running: frozenset[str], at: datetime) -> tuple[ContainerUnit, ...]:
    """The units that run containers, by name: those whose command does, and `running`, in whose
    control group a container is.

    Raises:
        TextError: a block or a line is malformed, or there are too many.
    """
    blocks: dict[str, Mapping[str, str]] = {}
    lines = split_lines(text)
    for shown in _blocks(lines):
        name = shown.get("Id", "")
        if not _OTHER.fullmatch(name):
            raise TextError("the name of a unit is malformed")
        blocks.setdefault(name, shown)
    full = {name: shown for name, shown in blocks.items() if "LoadState" in shown}
    if len(full) > MAX_UNITS:
        raise TextError(f"there are more than {MAX_UNITS} units that mention podman")
    starts = _starts(lines, at)
    return tuple(
        _unit(full[name], _dependants(name, blocks), _of(starts, name, at))
        for name in sorted(full)
        if UNIT.fullmatch(name) and (_runs_podman(full[name]) or name in running)
    )


def _runs_podman(shown: Mapping[str, str]) -> bool:
    return any(shown.get(name) for name in ("Container", "Image", "Creates"))


def _blocks(lines: list[str]) -> Iterator[Mapping[str, str]]:
    block: list[str] = []
    for line in (*lines, ""):
        if line.startswith("{") or line == "Starts=unread":
            continue
        if line:
            block.append(line)
        elif block:
            yield parse_pairs("\n".join(block))
            block = []


def _unit(
    shown: Mapping[str, str],
    dependants: tuple[Dependant, ...],
    starts: Reading[tuple[datetime, ...]],
) -> ContainerUnit:
    invocation = shown.get("InvocationID", "")
    if not _INVOCATION.fullmatch(invocation):
        raise TextError("the invocation of a unit is malformed")
    try:
        return ContainerUnit(
            name=shown["Id"],
            load_state=shown["LoadState"],
            active_state=shown["ActiveState"],
            sub_state=shown["SubState"],
            result=shown["Result"],
            enabled=shown["UnitFileState"],
            invocation=invocation,
            main_pid=parse_number(shown.get("MainPID") or "0"),
            main_status=parse_number(shown.get("ExecMainStatus") or "0"),
            main_started=_stamp(shown.get("ExecMainStartTimestamp", "")),
            restarts=parse_number(shown.get("NRestarts") or "0"),
            restart_policy=shown.get("Restart", "no"),
            stop_timeout_s=parse_seconds(shown["TimeoutStopUSec"]),
            start_timeout_s=parse_seconds(shown["TimeoutStartUSec"]),
            user=shown.get("User") or "root",
            container=shown.get("Container", ""),
            image=shown.get("Image", ""),
            starts=starts,
            dependants=dependants,
            pull=shown.get("Pull", ""),
            replaces=shown.get("Replaces") == "yes",
            removes=shown.get("Removes") == "yes",
            needs_reload=shown.get("NeedDaemonReload") == "yes",
            held=shown.get("Held") == "yes",
            has_job=shown.get("Job", "") not in ("", "0"),
            creates=shown.get("Creates") == "yes",
        )
    except KeyError as error:
        raise TextError(f"systemctl show does not report {error}") from error


def _dependants(name: str, blocks: Mapping[str, Mapping[str, str]]) -> tuple[Dependant, ...]:
    """The units that are stopped with `name`, and with those, by name."""
    found: dict[str, str] = {}
    due = [name]
    while due:
        shown = blocks.get(due.pop(), {})
        for by in STOPS:
            for other in split_words(shown.get(by, "")):
                if other == name or other in found or not _OTHER.fullmatch(other):
                    continue
                if len(found) == _FAR:
                    raise TextError(f"more than {_FAR} units are stopped with one")
                found[other] = by
                due.append(other)
    return tuple(
        Dependant(
            unit=other,
            active_state=blocks.get(other, {}).get("ActiveState", "unknown"),
            by=found[other],
        )
        for other in sorted(found)
    )


def _starts(lines: list[str], at: datetime) -> Mapping[str, tuple[datetime, ...]] | None:
    """Unit → times of its starts, oldest first, one for each invocation; None if the journal was
    not read."""
    if "Starts=unread" in lines:
        return None
    found: dict[tuple[str, str], datetime] = {}
    for line in lines:
        if not line.startswith("{"):
            continue
        try:
            told = _START.decode(line)
            when = datetime.fromtimestamp(told.at / 1_000_000, UTC)
        except (msgspec.DecodeError, RecursionError, ValueError, OverflowError) as error:
            raise TextError("a line of the journal is malformed") from error
        if told.unit and when <= at:
            known = found.get((told.unit, told.invocation), when)
            found[told.unit, told.invocation] = min(known, when)
    times: dict[str, list[datetime]] = {}
    for (unit, _), when in found.items():
        times.setdefault(unit, []).append(when)
    return {unit: tuple(sorted(each)[-MAX_STARTS:]) for unit, each in times.items()}


def _of(
    starts: Mapping[str, tuple[datetime, ...]] | None, unit: str, at: datetime
) -> Reading[tuple[datetime, ...]]:
    if starts is None:
        reason = "the journal was not read within the time limit"
        return Unknown(why=Why.TIME_LIMIT, reason=reason, source="journalctl", at=at)
    return Known(value=starts.get(unit, ()), source="journalctl", at=at)


def _stamp(text: str) -> datetime | None:
    """`Wed 2026-11-25 16:39:00 UTC`; empty or `n/a` for never."""
    if text in ("", "n/a"):
        return None
    try:
        return datetime.strptime(text, "%a %Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC)
    except ValueError as error:
        raise TextError("a time is malformed") from error

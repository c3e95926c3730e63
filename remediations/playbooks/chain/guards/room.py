"""Guards on making room for a node whose disk is full (ids: docs/rules/guards.md)."""

from __future__ import annotations

from remediations.engine.plan.plan import GuardResult, guard_result
from remediations.playbooks.chain.diagnose.room import (
    left_words,
    plan_words,
    room_of,
    size_words,
)
from remediations.playbooks.chain.finding import Frees
from remediations.playbooks.chain.situation import ChainSituation
from remediations.render.formats import name_some
from remediations.systems.comet.reading import HostReading
from remediations.systems.hosts.values import DISK_FLOOR, INODE_FLOOR
from remediations.values.reading import Unknown, value_or_none


def _unread(reading: HostReading) -> str:
    """Why nothing is known of what takes the room: there is enough of it, or it was not read."""
    disk = value_or_none(reading.disk)
    if disk is not None and disk.has_room and not isinstance(reading.room, Unknown):
        return f"{size_words(disk.available)} free: the disk is not full, and was not looked at"
    return "what takes the room was not read"


def something_may_go(chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G91: what takes the room was read, and something of it is of a kind that may go."""
    found = chain.room(reading.host)
    left = left_words(reading, ())
    return guard_result(
        "G91",
        "what takes the room was read, and some of it may go",
        subject=reading.host,
        holds=None if found is None else not found.nothing,
        got=_unread(reading)
        if found is None
        else plan_words(found)
        or "nothing of such a kind that lies on the file system of the data"
        + (f"; needed: {name_some(found.kept, 3)}" if found.kept else ""),
        expected="archived journal, core dumps, copies kept by us, unused snapshots, databases set "
        "aside by us",
        next_step=f"`sudo du -xh --max-depth=2` below the home on {reading.host} by hand; the room "
        "is read where less than 512 MiB or a twentieth is free"
        if room_of(reading) is None
        else f"decide on {reading.host} about {left or 'what lies elsewhere on its file system'}; "
        "or give the file system more room. Never data/*.db, cs.wal, or a sign state",
        facts=(f"{reading.host}.removed",),
    )


def enough_room_after(chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G92: what goes makes enough room for a start; it takes the place of G17."""
    found = chain.room(reading.host)
    disk = value_or_none(reading.disk)
    if found is None or disk is None:
        got, holds = _unread(reading), None
    else:
        freed = found.after[0] - found.now[0]
        got = (
            f"{size_words(found.now[0])} free now, {size_words(freed)} to be freed, "
            f"{size_words(found.after[0])} and {found.after[1]} inodes after it"
            + ("" if disk.writable else "; mounted read-only")
        )
        holds = found.enough and disk.writable
    left = left_words(reading, found.items if found is not None else ())
    return guard_result(
        "G92",
        "what goes makes enough room for a start",
        subject=reading.host,
        holds=holds,
        got=got,
        expected=f"{DISK_FLOOR >> 20} MiB and {INODE_FLOOR} inodes, read-write",
        next_step=f"decide on {reading.host} about {left or 'what lies elsewhere there'}, or give "
        "the file system more room; then plan again",
        facts=(f"{reading.host}.removed",),
    )


def nobody_needs_it(chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G93: no run that is unfinished, and no other node, needs what goes."""
    found, unit = chain.room(reading.host), value_or_none(reading.unit)
    kept = found.kept if found is not None else ()
    held = unit is not None and unit.held
    return guard_result(
        "G93",
        "no unfinished run and no other node needs what goes",
        subject=reading.host,
        holds=None if found is None or unit is None else not held,
        got="its unit or its room was not read"
        if found is None or unit is None
        else "a run holds this node: what was set aside or copied may be needed"
        if held
        else "not held" + (f"; left alone: {name_some(kept, 3)}" if kept else ""),
        expected="a node that no run holds",
        next_step="`remediate status` names the run; `remediate resume` or `remediate abandon` it, "
        "then plan again"
        if held
        else "`remediate diagnose` again",
        facts=(f"{reading.host}.removed",),
    )


def curable_when_freed(chain: ChainSituation, reading: HostReading) -> GuardResult:
    """N1, where a step of the plan frees the room that it died for lack of."""
    finding = chain.finding.node(reading.host)
    return guard_result(
        "N1",
        "what is wrong with the node is cured by a start",
        subject=reading.host,
        holds=finding.frees is not Frees.NOTHING and reading.host not in chain.voting,
        got=f"{finding.condition}: {finding.cause}"
        + ("; its power votes" if reading.host in chain.voting else ""),
        expected="disk-full, its consensus ended, and room that a plan can free",
        next_step=finding.by_hand or "`remediate diagnose` shows the evidence",
        facts=(f"{reading.host}.down",),
    )

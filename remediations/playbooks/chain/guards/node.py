"""Guards on one host that is to be started or restarted (ids: docs/rules/guards.md).

Those that concern signing are in `guards.signing`.
"""

from __future__ import annotations

from collections.abc import Mapping
from shlex import quote

from remediations.engine.plan.plan import GuardResult, guard_result
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.clocks import CLOCK_BLOCK_MS
from remediations.playbooks.chain.forbidding import forbidding
from remediations.playbooks.chain.situation import ChainSituation
from remediations.render.formats import name_some
from remediations.systems.comet.reading import HostReading
from remediations.systems.hosts.values import DISK_FLOOR, INODE_FLOOR, Binary
from remediations.values.reading import Unknown, value_or_none

RECORD_FLOOR = 1024 * 1024
RECORD_INODES = 100
"""A step takes eight inodes and, with its outputs, a few KiB (`systems/hosts/launcher.sh`)."""


def unit_known(_chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G6: unit, home and user are known. A masked unit was masked on purpose."""
    facts = (f"{reading.host}.unit", f"{reading.host}.home")
    title = "the unit, its home and its user are known, and it is not masked"
    if isinstance(reading.unit, Unknown):
        return guard_result(
            "G6",
            title,
            subject=reading.host,
            holds=None,
            got=reading.unit.reason,
            expected="one unit with --home in ExecStart",
            next_step=f"name it in the inventory: hosts.{reading.host}.unit",
            facts=facts,
        )
    unit = reading.unit.value
    return guard_result(
        "G6",
        title,
        subject=reading.host,
        holds=not unit.masked and bool(unit.home and unit.user),
        got=f"{unit.name}, home {unit.home or 'unknown'}, user {unit.user or 'root'}, "
        f"{unit.enabled}",
        expected="a service user, a home, not masked",
        next_step="ask who masked it; then "
        f"`sudo systemctl unmask {quote(unit.name)}` on {reading.host}"
        if unit.masked
        else f"give {unit.name} on {reading.host} a User= and a --home, then plan again",
        facts=facts,
    )


def one_process(_chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G4: no process but the unit's own uses the home, and none at all if the unit is down."""
    title = "no process but the unit's own uses the home"
    facts = (f"{reading.host}.down",)
    unit, processes = value_or_none(reading.unit), value_or_none(reading.processes)
    if unit is None or processes is None:
        return guard_result(
            "G4",
            title,
            subject=reading.host,
            holds=None,
            got="processes could not be read",
            expected="the list of processes",
            next_step="`remediate diagnose` again",
            facts=facts,
        )
    strangers = [p for p in processes if p.pid != unit.main_pid and not p.of_unit]
    return guard_result(
        "G4",
        title,
        subject=reading.host,
        holds=not strangers,
        got=", ".join(f"pid {p.pid}: {p.command[:60]}" for p in strangers) or "none other",
        expected="none other",
        next_step=f"find out who started it on {reading.host}; two daemons on one key double sign",
        facts=facts,
    )


def disk_free(_chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G17: the data file system has space and inodes, and is writable."""
    title = "the data file system has room and can be written"
    if isinstance(reading.disk, Unknown):
        return guard_result(
            "G17",
            title,
            subject=reading.host,
            holds=None,
            got=reading.disk.reason,
            expected=f"{DISK_FLOOR >> 20} MiB free",
            next_step="`df` on the host by hand",
        )
    disk = reading.disk.value
    return guard_result(
        "G17",
        title,
        subject=reading.host,
        holds=disk.has_room and disk.writable,
        got=f"{disk.available >> 20} of {disk.total >> 20} MiB, {disk.inodes_available} inodes free"
        + ("" if disk.writable else ", mounted read-only"),
        expected=f"{DISK_FLOOR >> 20} MiB, {INODE_FLOOR} inodes, read-write",
        next_step=f"free space below {disk.path} on {reading.host}: old archives, rotated logs, "
        "`journalctl --vacuum-size=500M`; never data/ or cs.wal",
        facts=(f"{reading.host}.disk",),
    )


def records_writable(_chain: ChainSituation, reading: HostReading) -> GuardResult:
    """N2: a step can leave a record that only root can change: that makes it run at most once."""
    title = "the record of a step can be kept, and only by root"
    expected = f"{RECORD_FLOOR >> 20} MiB, {RECORD_INODES} inodes, read-write, root's alone"
    if isinstance(reading.records, Unknown):
        return guard_result(
            "N2",
            title,
            subject=reading.host,
            holds=None,
            got=reading.records.reason,
            expected=expected,
            next_step="`sudo stat -f /var/lib/remediate` on the host by hand",
        )
    room = reading.records.value
    return guard_result(
        "N2",
        title,
        subject=reading.host,
        holds=room.available >= RECORD_FLOOR
        and room.inodes_available >= RECORD_INODES
        and room.writable
        and not room.exposed,
        got=f"{room.available >> 20} MiB, {room.inodes_available} inodes free in {room.path}"
        + ("" if room.writable else ", which cannot be written")
        + (f"; others may write to {room.exposed}" if room.exposed else ""),
        expected=expected,
        next_step=f"find out who changed {room.exposed} on {reading.host}; then "
        f"`sudo chown root {quote(room.exposed)}` and `sudo chmod go-w {quote(room.exposed)}` there"
        if room.exposed
        else f"free space or inodes where {room.path} lies on {reading.host} "
        f"(`df -i {quote(room.path)}`), or mount it read-write",
    )


def clock_in_sync(chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G37: the clock is within ten seconds of ours."""
    title = "the clock is within 10 s of this machine's"
    session = value_or_none(reading.session)
    return guard_result(
        "G37",
        title,
        subject=reading.host,
        holds=None if session is None else abs(session.clock_offset_ms) < CLOCK_BLOCK_MS,
        got="not reached" if session is None else f"{session.clock_offset_ms} ms",
        expected=f"under {CLOCK_BLOCK_MS} ms",
        next_step="set the clock of this machine (`timedatectl`): all hosts agree against it"
        if chain.clocks.our_fault
        else f"mend the time service on {reading.host} (`timedatectl`), then plan again",
    )


def curable_by_start(chain: ChainSituation, reading: HostReading) -> GuardResult:
    """N1: a start or a restart may cure what is wrong with the node (docs/rules/guards.md#n1). One
    that a setting ended may be restarted once that is 0."""
    rule = chain.finding.node(reading.host).condition.rule
    read = value_or_none(reading.config) is not None
    free = rule.setting_forbids and read and not forbidding(chain, reading.host)
    return _curable(chain, reading, holds=rule.cure is not None or free)


def curable_when_set(chain: ChainSituation, reading: HostReading) -> GuardResult:
    """N1, where a step of the plan sets what forbids the start to 0 before."""
    rule = chain.finding.node(reading.host).condition.rule
    return _curable(chain, reading, holds=rule.cure is not None or rule.setting_forbids)


def _curable(chain: ChainSituation, reading: HostReading, *, holds: bool) -> GuardResult:
    finding = chain.finding.node(reading.host)
    return guard_result(
        "N1",
        "what is wrong with the node is cured by a start",
        subject=reading.host,
        holds=holds,
        got=f"{finding.condition}: {finding.cause}",
        expected=", ".join(sorted(c for c in NodeCondition if c.rule.cure is not None)),
        next_step=finding.by_hand or "`remediate diagnose` shows the evidence",
        facts=(f"{reading.host}.down",),
    )


def same_binary(chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G8: the program that would be started is one that other hosts run."""
    title = "the program is the one that the others run"
    mine = value_or_none(reading.binary)
    others = _run_by_others(chain, reading, mine)
    holds = None if mine is None else not others or mine.sha256 in others
    return guard_result(
        "G8",
        title,
        subject=reading.host,
        holds=holds,
        got="not read" if mine is None else f"sha256 {mine.sha256[:16]}",
        expected=name_some([f"{sha[:16]} (power {power})" for sha, power in others.items()])
        or "nothing runs to compare with",
        next_step=f"install the same program on {reading.host}, or find out why it differs",
    )


def _run_by_others(
    chain: ChainSituation, reading: HostReading, mine: Binary | None
) -> Mapping[str, int]:
    """SHA-256 → the power of the other hosts that run this program."""
    own = mine.running_sha256 if mine is not None else ""
    if not own:
        return {sha: runs.power for sha, runs in chain.running.items()}
    power = chain.finding.node(reading.host).power
    return {
        sha: runs.power - (power if sha == own else 0)
        for sha, runs in chain.running.items()
        if sha != own or runs.hosts > 1
    }

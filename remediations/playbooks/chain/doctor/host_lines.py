"""What one host has and lacks, from its reading. Pure.

A host's words in a command are quoted by `SshCommand`: somebody will paste it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from remediations.engine.doctor.line import DoctorLine, lack_line, ok_line, warn_line
from remediations.engine.doctor.login_lines import SshCommand, login_lines
from remediations.playbooks.chain.diagnose.clocks import CLOCK_BLOCK_MS, Clocks
from remediations.playbooks.chain.diagnose.equivocation import runs
from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.playbooks.chain.diagnose.power import Power
from remediations.playbooks.chain.diagnose.room import room_of, room_words, store_of
from remediations.playbooks.chain.doctor.trust_lines import key_line, sign_state_line
from remediations.reach.connection import HostUnreachable
from remediations.reach.routes import HostKeyStatus
from remediations.render.formats import count_of, short_digest
from remediations.systems.comet.discovered import UNIT_PATTERN
from remediations.systems.comet.inventory import Role
from remediations.systems.comet.reading import CometReading, HostReading
from remediations.systems.comet.subcommands import Subcommands
from remediations.systems.hosts.values import Unit
from remediations.values.inventory import HostEntry
from remediations.values.reading import Known, Unknown, Why, value_or_none

ROLLBACKS = 10
"""So many blocks back an application should be able to go: by one it is rolled back in a split, and
others may have decided a few more meanwhile."""
DISK_DOUBT = 20
"""A disk with less than one in so many bytes free is a warning."""


@dataclass(frozen=True, kw_only=True)
class HostSight:
    """What was read of all hosts, and whose clock is wrong; why some could not be reached, and what
    is known of their keys; which subcommands the programs of the others accept."""

    reading: CometReading
    clocks: Clocks
    refusals: Mapping[str, HostUnreachable]
    doors: Mapping[str, HostKeyStatus]
    programs: Mapping[str, Subcommands]


def host_lines(
    sight: HostSight, entry: HostEntry, power: Power, *, config: str | None
) -> tuple[DoctorLine, ...]:
    """All lines about one host; about a host that was not reached, only why it was not.

    `config` is the inventory's ssh_config: commands to be typed name it, too.
    """
    ssh = SshCommand(entry.ssh, config)
    reading = sight.reading.host(entry.name)
    if isinstance(reading.session, Unknown):
        refusal, door = sight.refusals.get(entry.name), sight.doors.get(entry.name)
        return login_lines(entry.name, reading.session.reason, refusal, door, ssh)
    session, host = reading.session.value, reading.host
    lines = [
        ok_line(host, "login", f"as {session.user}, {session.round_trip_ms} ms away"),
        ok_line(host, "host key", "it is the one that known_hosts has"),
        ok_line(host, "sudo", "without a password")
        if session.sudo
        else lack_line(
            host,
            "sudo",
            f"refused to {session.user}: keys, sign state and journal cannot be read",
            f"as root on {host}: visudo -f /etc/sudoers.d/remediate, with the line "
            f"`{session.user} ALL=(root) NOPASSWD: ALL`, or a narrower one of docs/sudo.md",
        ),
        _clock(host, session.clock_offset_ms, sight.clocks, ssh),
    ]
    if reading.role is Role.BASTION:
        return (*lines, *_no_bastion(reading))
    lines += _unit(reading, ssh)
    if isinstance(reading.unit, Unknown):
        return tuple(lines)  # its home is not known: the rest could not be read either
    lines += _rpc(reading, sight.reading.chain_id, ssh)
    if session.sudo:  # without it these say nothing that the line about sudo does not say
        lines += [key_line(reading, power), sign_state_line(reading, power)]
        lines.append(_subcommands(reading, sight.programs.get(host)))
    lines += _adaptive_sync(reading)
    lines += _pruning(reading)
    return (*lines, _disk(reading, ssh), *_ownership(reading, ssh), *_binary(reading))


def _no_bastion(reading: HostReading) -> list[DoctorLine]:
    """A daemon on a host that the inventory calls a bastion."""
    view = NodeView(reading)
    if not runs(view):
        return []
    unit = view.unit.name if view.unit is not None else "a daemon"
    mend = f"correct `role:` of {reading.host} in the inventory: nobody looks after it there"
    return [lack_line(reading.host, "role", f"a bastion, but {unit} runs here", mend)]


def _clock(host: str, offset_ms: int, clocks: Clocks, ssh: SshCommand) -> DoctorLine:
    if clocks.ours and host not in clocks.off:
        return ok_line(host, "clock", "that of the other hosts; ours is wrong")
    if abs(offset_ms) < CLOCK_BLOCK_MS and host not in clocks.off:
        return ok_line(host, "clock", f"{offset_ms} ms from ours")
    found = f"{abs(offset_ms) // 1000} s {'ahead of' if offset_ms > 0 else 'behind'} ours; "
    found += f"less than {CLOCK_BLOCK_MS // 1000} s is expected"
    mend = f"`{ssh.run('date', '-u')}` and `date -u`: which is wrong? There: "
    return lack_line(host, "clock", found, f"{mend}systemctl restart systemd-timesyncd (or chrony)")


def _unit(reading: HostReading, ssh: SshCommand) -> list[DoctorLine]:
    host = reading.host
    if isinstance(reading.unit, Unknown):
        if reading.unit.why is Why.NO_HOME:
            mend = f"pin `home:` of {host} in the inventory, or give the unit a --home"
        else:
            listed = ssh.run("systemctl", "list-unit-files", UNIT_PATTERN)
            mend = f"{listed}; then pin `unit:` of {host} in the inventory"
        return [lack_line(host, "unit", reading.unit.reason, mend)]
    unit = reading.unit.value
    state = f"{unit.name} {unit.active_state}/{unit.sub_state}, {unit.enabled}"
    return [_enabled(reading, unit, state, ssh), _home(reading, unit), _user(reading, unit)]


def _enabled(reading: HostReading, unit: Unit, state: str, ssh: SshCommand) -> DoctorLine:
    if unit.load_state != "loaded":
        mend = ssh.run("systemctl", "status", "--", unit.name)
        return lack_line(reading.host, "unit", f"{unit.name} is {unit.load_state}", mend)
    key = value_or_none(reading.key)
    keyless = reading.role is Role.VALIDATOR and key is not None and not key.address
    if unit.enabled != "enabled" and reading.role is not Role.STANDBY and not keyless:
        mend = ssh.run("sudo", "systemctl", "enable", "--", unit.name)
        return warn_line(reading.host, "unit", f"{state}: it does not start with the machine", mend)
    return ok_line(reading.host, "unit", state)


def _home(reading: HostReading, unit: Unit) -> DoctorLine:
    if not unit.home:
        return lack_line(reading.host, "home", "not known", f"pin `home:` of {reading.host}")
    return ok_line(reading.host, "home", unit.home)


def _user(reading: HostReading, unit: Unit) -> DoctorLine:
    if unit.user in ("", "root"):
        mend = "give the daemon a user of its own (User= in the unit), and its files to that user"
        return warn_line(reading.host, "user", "it runs as root", mend)
    return ok_line(reading.host, "user", unit.user)


def _rpc(reading: HostReading, chain_id: str, ssh: SshCommand) -> list[DoctorLine]:
    host, view = reading.host, NodeView(reading)
    status = view.status
    if status is None:
        if reading.role is Role.STANDBY and view.down:
            return [ok_line(host, "RPC", "silent: the standby is stopped, as it should be")]
        said = reading.samples[-1].status if reading.samples else reading.chain.validators
        unread = said if isinstance(said, Unknown) else None
        reason = unread.reason if unread is not None else "no answer"
        if view.down:
            return [lack_line(host, "RPC", f"the node is down ({reason})", "remediate diagnose")]
        off = unread is not None and unread.why is Why.NO_RPC
        return [lack_line(host, "RPC", reason, _rpc_mend(reading, ssh, off=off))]
    url = view.config.rpc_url if view.config is not None else "it"
    lines = [ok_line(host, "RPC", f"{url} answers, height {status.height}")]
    if status.network != chain_id:
        mend = f"take {host} out of this inventory, or correct `chain: {{id:}}`"
        return [*lines, lack_line(host, "chain id", f"{status.network}, not {chain_id}", mend)]
    return [*lines, ok_line(host, "chain id", chain_id)]


def _rpc_mend(reading: HostReading, ssh: SshCommand, *, off: bool) -> str:
    """What brings the RPC of a daemon that runs back; `off`: its settings serve none."""
    unit = NodeView(reading).unit
    if unit is not None and off:
        file = f"{unit.home}/config/config.toml"
        return (
            f'`laddr = "tcp://127.0.0.1:26657"` below [rpc] in {file}; '
            "it counts from the next start of the daemon"
        )
    listening = ssh.run("sudo", "ss", "-ltnp")
    return (
        f"`{listening}` shows where it listens: pin that as `rpc:` of {reading.host}; where "
        "it does not: `remediate diagnose`"
    )


def _adaptive_sync(reading: HostReading) -> list[DoctorLine]:
    """Only where it is on for a validator: a plan for it would be refused (N3)."""
    config = reading.config
    on = isinstance(config, Known) and config.value.adaptive_sync
    if not on or reading.role is not Role.VALIDATOR:
        return []
    found = (
        "is on: while it catches up, neither its sign state nor a remote signer keeps this "
        "validator from signing twice"
    )
    mend = (
        f"set adaptive_sync = false below [blocksync] in config.toml of {reading.host}; it counts"
    )
    return [warn_line(reading.host, "adaptive_sync", found, f"{mend} from the next start on")]


def _pruning(reading: HostReading) -> list[DoctorLine]:
    """Only where a rollback could fail for it: its application keeps too few states."""
    store = store_of(reading)
    back = store.rolls_back if store is not None else None
    unit = value_or_none(reading.unit)
    flagged = unit is not None and any(word.startswith("--pruning") for word in unit.arguments)
    if store is None or back is None or back >= ROLLBACKS or flagged:
        return []
    found = (
        f"pruning = {store.pruning}"
        + (f", pruning-keep-recent = {store.keep_recent}" if store.pruning == "custom" else "")
        + f": its states go back by {count_of(back, 'block')}; a rollback is at its limit or fails"
    )
    mend = (
        f'pruning = "custom", pruning-keep-recent = "100", pruning-interval = "10" in app.toml of '
        f"{reading.host}; it counts from the next start, for states from then on"
    )
    return [warn_line(reading.host, "pruning", found, mend)]


def _disk(reading: HostReading, ssh: SshCommand) -> DoctorLine:
    host = reading.host
    if isinstance(reading.disk, Unknown):
        return lack_line(host, "disk", reading.disk.reason, ssh.run("df", "-h"))
    disk = reading.disk.value
    found = f"{disk.available >> 20} of {disk.total >> 20} MiB free"
    if not disk.writable:
        return lack_line(host, "disk", f"{disk.path} is mounted read-only", ssh.run("dmesg"))
    room = room_of(reading)
    if room is not None:
        found += f"; {room_words(room, disk)}"
    if not disk.has_room:
        found += f", {disk.inodes_available} inodes"
        return lack_line(
            host, "disk", found, f"free space on {host}: no step would be allowed there"
        )
    if disk.available * DISK_DOUBT < disk.total:
        return warn_line(host, "disk", found, f"free space on {host}")
    return ok_line(host, "disk", found)


def _ownership(reading: HostReading, ssh: SshCommand) -> list[DoctorLine]:
    if isinstance(reading.ownership, Unknown):
        return []
    found, unit = reading.ownership.value, reading.unit
    if not found.foreign:
        return []
    user = (isinstance(unit, Known) and unit.value.user) or "root"
    mend = ssh.run("sudo", "chown", "-h", "--", user, found.example)
    text = f"{found.foreign} file(s) of another user, such as {found.example}"
    return [lack_line(reading.host, "owner", text, mend)]


def _binary(reading: HostReading) -> list[DoctorLine]:
    if isinstance(reading.binary, Unknown):
        mend = "nothing depends on it; see the unit and sudo above"
        return [warn_line(reading.host, "binary", reading.binary.reason, mend)]
    binary = reading.binary.value
    found = f"{binary.path} {short_digest(binary.sha256)}, version {binary.version or 'not told'}"
    if binary.running_sha256 not in ("", binary.sha256):
        running = short_digest(binary.running_sha256)
        mend = "a restart would run the other one: find out who changed it, and why"
        return [warn_line(reading.host, "binary", f"{found}; {running} is what runs", mend)]
    return [ok_line(reading.host, "binary", found)]


def _subcommands(reading: HostReading, said: Subcommands | None) -> DoctorLine:
    if said is None:
        mend = "see sudo, unit and home; without it, a step that runs the program is not planned"
        return warn_line(reading.host, "subcommands", "could not be told without a risk", mend)
    found = ", ".join(said.accepted) or "none"
    if said.unknown:
        found += f"; not: {', '.join(said.unknown)}"
    if not said.unanswered:
        return ok_line(reading.host, "subcommands", found)
    found += f"; no answer in time: {', '.join(said.unanswered)}"
    mend = "`remediate doctor` again when the host is less busy"
    return warn_line(reading.host, "subcommands", found, mend)

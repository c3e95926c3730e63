"""The readings of one host, and the plain questions that every conclusion asks of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import NamedTuple

from remediations.engine.find.finding import Evidence, evidence_of
from remediations.systems.comet.reading import ChainSample, HostReading
from remediations.systems.comet.second_signer import NOTE
from remediations.systems.comet.values import AppInfo, NodeStatus, RoundState, RoundStep
from remediations.systems.hosts.values import NodeConfig, Process, Unit
from remediations.values.reading import Known, Unknown, Why, value_or_none

CLOCK_TICK = timedelta(milliseconds=10)
"""The unit of start times in `/proc` (proc(5): USER_HZ)."""
READ_APART = 20
"""How many blocks the readings of two hosts may be apart on a chain that makes blocks: hosts are
read seconds apart."""

LOOPS = 2
"""From this many restarts by systemd on, a node that does not answer is in a loop."""

LIFE = timedelta(minutes=1)
"""One that was restarted before, and runs for longer, is not in a loop: something else may be wrong
with its RPC while it votes."""

_DOWN = frozenset({"inactive", "failed"})
_SECOND = re.compile(f"{NOTE}:([0-9A-F]{{40}}|none):([0-9]{{1,10}})")


class HeldAsSecond(NamedTuple):
    """A hold of one holder of a key: the key's address ("none" for that of a remote signer), and
    since when the unit is down, by our clock."""

    address: str
    since: datetime


@dataclass(frozen=True)
class NodeView:
    """The readings of one host. Every question is answered by None or False if the reading is
    unknown."""

    reading: HostReading

    @property
    def host(self) -> str:
        """The host's name in the inventory."""
        return self.reading.host

    @property
    def reached(self) -> bool:
        """Whether the login succeeded."""
        return isinstance(self.reading.session, Known)

    @property
    def clock(self) -> timedelta:
        """How far the host's clock is ahead of ours: what it dates itself is by that clock."""
        session = value_or_none(self.reading.session)
        return timedelta(milliseconds=session.clock_offset_ms if session is not None else 0)

    @cached_property
    def unit(self) -> Unit | None:
        """The systemd unit."""
        return value_or_none(self.reading.unit)

    @cached_property
    def processes(self) -> tuple[Process, ...] | None:
        """The processes that run with the daemon's home."""
        return value_or_none(self.reading.processes)

    @cached_property
    def config(self) -> NodeConfig | None:
        """The settings."""
        return value_or_none(self.reading.config)

    @cached_property
    def statuses(self) -> tuple[NodeStatus, ...]:
        """The known `/status` answers, oldest first."""
        return tuple(s.status.value for s in self.reading.samples if isinstance(s.status, Known))

    @cached_property
    def apps(self) -> tuple[AppInfo, ...]:
        """The known `/abci_info` answers, oldest first."""
        return tuple(s.app.value for s in self.reading.samples if isinstance(s.app, Known))

    @cached_property
    def rounds(self) -> tuple[RoundState, ...]:
        """The known `/consensus_state` answers, oldest first."""
        return tuple(s.round.value for s in self.reading.samples if isinstance(s.round, Known))

    @property
    def answers(self) -> bool:
        """Whether the RPC answered at least once."""
        return bool(self.statuses)

    @property
    def status(self) -> NodeStatus | None:
        """The newest `/status`."""
        return self.statuses[-1] if self.statuses else None

    @property
    def app(self) -> AppInfo | None:
        """The newest `/abci_info`."""
        return self.apps[-1] if self.apps else None

    @property
    def round(self) -> RoundState | None:
        """The newest `/consensus_state`."""
        return self.rounds[-1] if self.rounds else None

    @property
    def height(self) -> int:
        """The newest height of the block store; 0 if the RPC did not answer."""
        return self.statuses[-1].height if self.statuses else 0

    @cached_property
    def newest(self) -> ChainSample | None:
        """The newest sample whose `/status` is known."""
        known = [s for s in self.reading.samples if isinstance(s.status, Known)]
        return known[-1] if known else None

    @property
    def stands(self) -> bool:
        """Whether at least two samples show the same height."""
        return len(self.statuses) > 1 and self.statuses[0].height == self.statuses[-1].height

    @property
    def rises(self) -> bool:
        """Whether the height rose between the samples."""
        return len(self.statuses) > 1 and self.statuses[-1].height > self.statuses[0].height

    @cached_property
    def address(self) -> str:
        """The consensus address from the key file, else from the node's answer; "" if unknown.

        With a remote signer the key file on the host is not the one that signs.
        """
        key = value_or_none(self.reading.key)
        if key is not None and key.address and not self.remote_signer:
            return key.address
        return self.status.address if self.status is not None else ""

    @property
    def remote_signer(self) -> str:
        """Where a remote signer signs for it: then key file and sign state of this host say
        nothing. "" if none does, or if that is not known."""
        return self.config.remote_signer if self.config is not None else ""

    @property
    def node_id(self) -> str:
        """The p2p id, as the node tells it, else that of its key file; "" if neither is known."""
        if self.status is not None:
            return self.status.node_id
        key = value_or_none(self.reading.key)
        return key.node_id if key is not None else ""

    @property
    def down(self) -> bool:
        """Whether it is certainly not running: no process, the unit is down or waits for a
        restart."""
        if self.unit is None or self.processes is None or self.processes or self.answers:
            return False
        looping = self.unit.active_state == "activating" and self.unit.main_pid == 0
        return self.unit.active_state in _DOWN or looping

    @property
    def ends_again(self) -> bool:
        """Whether systemd starts it again and again, and nothing listens at its RPC. CometBFT opens
        that before its consensus, so a process that was started a moment ago does not vote."""
        unit, samples = self.unit, self.reading.samples
        if unit is None or unit.restarts < LOOPS or not samples:
            return False
        if unit.active_state == "active":
            since = unit.active_since
            looping = since is not None and samples[-1].at + self.clock - since <= LIFE
        else:
            looping = unit.active_state == "activating"
        return looping and all(
            isinstance(one.status, Unknown) and one.status.why is Why.NOT_LISTENING
            for one in samples
        )

    @property
    def held(self) -> bool:
        """Whether nobody can start it: it is down, and held by a run, or masked for good."""
        unit = self.unit
        return unit is not None and self.down and (unit.held or unit.enabled == "masked")

    @cached_property
    def held_as_second(self) -> HeldAsSecond | None:
        """What the hold says, if a run holds it because its key must not sign there."""
        unit = self.unit
        if unit is None or not unit.held:
            return None
        found = _SECOND.fullmatch(unit.hold_note)
        if found is None:
            return None
        return HeldAsSecond(found[1], datetime.fromtimestamp(int(found[2]), UTC) - self.clock)

    @property
    def only_wrapper(self) -> bool:
        """Whether its unit runs, and the daemon that a wrapper in it started does not: no process
        of the daemon's program, and none but the wrapper uses the home. Only root sees of which
        program a process is."""
        unit, program = self.unit, value_or_none(self.reading.binary)
        session = value_or_none(self.reading.session)
        if unit is None or program is None or session is None or not session.sudo:
            return False
        if self.processes is None or self.answers:
            return False
        wrapped = unit.main_pid > 0 and not program.running_sha256 and program.path != unit.binary
        return wrapped and all(process.pid == unit.main_pid for process in self.processes)

    @property
    def paused(self) -> bool:
        """Whether it is certainly stopped by a signal (SIGSTOP): it cannot vote until SIGCONT."""
        states = [process.state[:1] for process in self.processes or ()]
        return bool(states) and not self.answers and all(state in "Tt" for state in states)

    @property
    def stuck_in_commit(self) -> bool:
        """Whether the block is decided and stored, but the application does not apply it (B = A +
        1)."""
        if not (self.stands and self.status and self.app and len(self.rounds) > 1):
            return False
        return self.app.height == self.status.height - 1 and all(
            r.height == self.status.height and r.step == RoundStep.COMMIT for r in self.rounds
        )

    @cached_property
    def started_at(self) -> datetime | None:
        """When the daemon was started: with its unit, or later by a wrapper in it (cosmovisor),
        which starts a child anew without a word from systemd."""
        unit = self.unit
        if unit is None or unit.active_since is None:
            return None
        processes = self.processes or ()
        own = next((p.started for p in processes if p.pid == unit.main_pid), None)
        starts = [p.started for p in processes if " start" in p.command]
        if own is None or not starts:
            return unit.active_since
        return unit.active_since + max(0, max(starts) - own) * CLOCK_TICK

    def status_evidence(self, says: str) -> tuple[Evidence, ...]:
        """Evidence from the newest `/status`, or from its absence."""
        if not self.reading.samples:
            return ()
        index = len(self.reading.samples) - 1
        if self.newest is not None:
            index = self.reading.samples.index(self.newest)
        path = f"{self.host}.samples[{index}].status"
        return (evidence_of(path, self.reading.samples[index].status, says),)

    def unit_evidence(self) -> tuple[Evidence, ...]:
        """What systemd says of the unit."""
        reading = self.reading.unit
        if isinstance(reading, Unknown):
            return (evidence_of(f"{self.host}.unit", reading),)
        unit = reading.value
        says = (
            f"{unit.name} {unit.active_state}/{unit.sub_state}, {unit.enabled}, "
            f"result {unit.result}, exit {unit.exit_status}, {unit.restarts} restarts"
        )
        return (evidence_of(f"{self.host}.unit", reading, says),)

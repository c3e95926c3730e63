"""Hosts of which no domain says anything: whether they let us in. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from remediations.engine.doctor.examination import Examination
from remediations.engine.doctor.line import DoctorLine, ok_line
from remediations.engine.doctor.login_lines import SshCommand, login_lines
from remediations.values.inventory import HostEntry


def other_lines(
    entries: Sequence[HostEntry], sight: Examination, config: str | None
) -> tuple[DoctorLine, ...]:
    """A line about the login of each of them. `config` is the inventory's ssh_config: commands to
    be typed name it, too."""
    return tuple(line for entry in entries for line in _login(entry, sight, config))


def _login(entry: HostEntry, sight: Examination, config: str | None) -> tuple[DoctorLine, ...]:
    refusal = sight.refusals.get(entry.name)
    if refusal is None:
        return (ok_line(entry.name, "login", "it lets us in; no domain says more of it"),)
    door = sight.doors.get(entry.name)
    return login_lines(entry.name, refusal.got, refusal, door, SshCommand(entry.ssh, config))

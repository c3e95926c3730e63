"""Hosts of which no domain says anything: whether they let us in. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from remediations.engine.doctor.by_hand import ByHand
from remediations.engine.doctor.door_lines import door_lines
from remediations.engine.doctor.line import Line, ok
from remediations.engine.doctor.sight import Sight
from remediations.values.inventory import HostEntry


def other_lines(entries: Sequence[HostEntry], sight: Sight, config: str | None) -> tuple[Line, ...]:
    """A line about the login of each of them. `config` is the inventory's ssh_config: commands to
    be typed name it, too."""
    return tuple(line for entry in entries for line in _login(entry, sight, config))


def _login(entry: HostEntry, sight: Sight, config: str | None) -> tuple[Line, ...]:
    refusal = sight.refusals.get(entry.name)
    if refusal is None:
        return (ok(entry.name, "login", "it lets us in; no domain says more of it"),)
    door = sight.doors.get(entry.name)
    return door_lines(entry.name, refusal.got, refusal, door, ByHand(entry.ssh, config))

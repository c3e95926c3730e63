"""The shell programs that start, restart, enable and configure a node. Pure: from values to text.

None writes a file but the one that configures (`configure.py`).
"""

from __future__ import annotations

from remediations.systems.comet.configure import CONFIGURE, SETTINGS, SETTINGS_OFF, PlannedSettings
from remediations.systems.comet.planned import PlannedNode
from remediations.systems.comet.program_parts import (
    DISK,
    GUEST,
    HOLDER,
    KEY,
    SIGN_STATE,
    START,
    STOP,
    UNIT,
    node_variables,
    stop_variables,
)
from remediations.systems.hosts.hold import HELD
from remediations.systems.hosts.probe import Probe, unit_active, unit_restarted
from remediations.systems.hosts.unit_program import compose

_START_MAIN = r"""
unit_as_planned
if [ "$(show ActiveState)" = active ]; then
  printf 'already so: %s is active\n' "$unit"
  exit 0
fi
not_held
key_as_planned
sign_state_not_lower
room_left
data_found
nobody_holds
start
"""

_RESTART_MAIN = r"""
unit_as_planned
if [ -n "$invocation" ] && [ "$(show ActiveState)" = active ] &&
  [ "$(show InvocationID)" != "$invocation" ]; then
  printf 'already so: %s was restarted since\n' "$unit"
  exit 0
fi
not_held
key_as_planned
sign_state_not_lower
room_left
data_found
acted=yes
stop
key_as_planned
sign_state_not_lower
start
"""

_ENABLE_MAIN = r"""
unit_as_planned
systemctl enable --quiet "$unit"
now=$(systemctl is-enabled "$unit" || :)
[ "$now" = enabled ] || fail "$unit is $now after the enabling"
printf 'enabled: %s comes back after a reboot\n' "$unit"
"""


def start_text(node: PlannedNode) -> str:
    """Starts the unit if it is not active, after every check that a start needs."""
    parts = (UNIT, HELD, GUEST, KEY, SIGN_STATE, DISK, HOLDER, START, *_settings_off(node))
    return compose(node_variables(node), (*parts, _START_MAIN))


RESTART_PARTS = (UNIT, HELD, GUEST, KEY, SIGN_STATE, DISK, HOLDER, STOP, START)
"""The functions of a restart, and of what does more between stop and start."""


def restart_text(node: PlannedNode) -> str:
    """Stops the unit, waits until its process is gone and its databases are free, and starts it.

    Without an invocation it always restarts; with one, a unit that was restarted since is left
    alone.
    """
    parts = (*RESTART_PARTS, *_settings_off(node), _RESTART_MAIN)
    return compose(restart_variables(node), parts)


def restart_variables(node: PlannedNode) -> dict[str, str | int]:
    """What `RESTART_PARTS` need to know."""
    return node_variables(node) | stop_variables(node)


def _settings_off(node: PlannedNode) -> tuple[str, ...]:
    """Where a start counts on settings that an earlier step sets, they are looked at first."""
    return (SETTINGS, SETTINGS_OFF) if node.settings_off else ()


def configure_text(node: PlannedSettings) -> str:
    """Sets what the plan changes of the settings, if each of them is as planned. Starts nothing."""
    return compose(node.variables, (UNIT, GUEST, SETTINGS, CONFIGURE))


def enable_text(node: PlannedNode) -> str:
    """Enables the unit, so that it comes back after a reboot. Starts nothing."""
    variables = {name: node_variables(node)[name] for name in ("unit", "home", "user")}
    return compose(variables, (UNIT, _ENABLE_MAIN))


def restarted_probe(node: PlannedNode) -> Probe:
    """Asks whether the unit is active and, if one invocation was to be ended, in another one."""
    if not node.invocation:
        return unit_active(node.unit)
    return unit_restarted(node.unit, node.invocation)

"""The shell programs that start, restart and enable a node. Pure: from values to text."""

from __future__ import annotations

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
    compose,
    node_variables,
    stop_variables,
)
from remediations.systems.hosts.hold import HELD
from remediations.systems.hosts.probe import Probe, unit_active, unit_restarted

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
    parts = (UNIT, HELD, GUEST, KEY, SIGN_STATE, DISK, HOLDER, START, _START_MAIN)
    return compose(node_variables(node), parts)


RESTART_PARTS = (UNIT, HELD, GUEST, KEY, SIGN_STATE, DISK, HOLDER, STOP, START)
"""The functions of a restart, and of what does more between stop and start."""


def restart_text(node: PlannedNode) -> str:
    """Stops the unit, waits until its process is gone and its databases are free, and starts it.

    Without an invocation it always restarts; with one, a unit that was restarted since is left
    alone.
    """
    return compose(restart_variables(node), (*RESTART_PARTS, _RESTART_MAIN))


def restart_variables(node: PlannedNode) -> dict[str, str | int]:
    """What `RESTART_PARTS` need to know."""
    return node_variables(node) | stop_variables(node)


def enable_text(node: PlannedNode) -> str:
    """Enables the unit, so that it comes back after a reboot. Starts nothing."""
    variables = {name: node_variables(node)[name] for name in ("unit", "home", "user")}
    return compose(variables, (UNIT, _ENABLE_MAIN))


def restarted_probe(node: PlannedNode) -> Probe:
    """Asks whether the unit is active and, if one invocation was to be ended, in another one."""
    if not node.invocation:
        return unit_active(node.unit)
    return unit_restarted(node.unit, node.invocation)

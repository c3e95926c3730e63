"""The shell program that disables a unit again that a plan enabled. Pure: from values to text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from remediations.systems.comet.planned import USER, PlannedNodeError, described
from remediations.systems.comet.program_parts import UNIT
from remediations.systems.hosts.unit_program import compose
from remediations.values.names import HOME
from remediations.values.names import UNIT as UNIT_NAME

DISABLED = "disabled"
_STATE = re.compile(r"[a-z-]{0,40}")

_MAIN = r"""
unit_as_planned
now=$(systemctl is-enabled "$unit" || :)
if [ "$was" != disabled ]; then
  printf 'left as it is: %s was %s before, and is %s\n' "$unit" "${was:-of unknown state}" "$now"
  exit 0
fi
if [ "$now" = disabled ]; then
  printf 'already so: %s is disabled\n' "$unit"
  exit 0
fi
[ "$now" = enabled ] || refuse "$unit, which is $now" "enabled, as the plan left it"
acted=yes
systemctl disable --quiet "$unit" || fail "systemctl disable $unit ended with $?"
now=$(systemctl is-enabled "$unit" || :)
[ "$now" = disabled ] || fail "$unit is $now after the disabling"
printf 'disabled: %s does not come back after a reboot, as before\n' "$unit"
"""


@dataclass(frozen=True, kw_only=True)
class PlannedDisable:
    """A unit, and what `systemctl is-enabled` said of it before it was enabled (`was`).

    Raises:
        PlannedNodeError: a field is malformed.
    """

    unit: str
    home: str
    user: str
    was: str

    def __post_init__(self) -> None:
        patterns = (("unit", UNIT_NAME), ("home", HOME), ("user", USER), ("was", _STATE))
        for name, pattern in patterns:
            value = getattr(self, name)
            if not isinstance(value, str) or not pattern.fullmatch(value):
                raise PlannedNodeError(f"{name} is {value!r}, which is malformed")

    @property
    def text(self) -> str:
        """The program for `/bin/sh`."""
        return compose(vars(self), (UNIT, _MAIN))

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> PlannedDisable:
        """What host data describe.

        Raises:
            PlannedNodeError: a field is missing or malformed.
        """
        return described(cls, data)

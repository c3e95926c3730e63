"""The shell programs that restart a container and that remove a dead one. Pure: values to text.

1. What decided the plan is compared first: unit, command, container, invocation, dependants.
2. The image has to be on the host, with the planned bytes, before anything is stopped or removed.
3. The unit is stopped and started by systemd: a container that is started behind its back has two
   masters. A process that stays after the stop is killed, and that is told.
4. Only a container of the planned id is removed, by its id, without force, and only when nothing of
   it lives and nobody listens on its port.
5. Units that were stopped with this one are started again, and have to be active.
"""

from __future__ import annotations

from remediations.systems.hosts.hold import HELD, hold_path
from remediations.systems.hosts.probe import Probe, unit_active, unit_restarted
from remediations.systems.hosts.unit_parts import DEPENDANTS, DEPENDANTS_LIMIT_S, STOP
from remediations.systems.hosts.unit_program import compose
from remediations.systems.podman import program_parts as parts
from remediations.systems.podman.planned import PlannedContainer

_RESTART_MAIN = r"""
unit_as_planned
not_held
dependants_as_planned
current=$(show InvocationID)
if [ -n "$invocation" ] && [ "$current" != "$invocation" ]; then
  runs_as_planned || refuse "$unit restarted since, and $wrong" "invocation $invocation"
  dependants_back
  printf 'already so: %s was restarted since (%s)\n' "$unit" "$(show ExecMainStartTimestamp)"
  exit 0
fi
container_as_planned
image_here
acted=yes
stop
if [ -n "$found" ]; then
  ended "$found"
  if [ "$creates" = yes ] && [ "$(id_of "$container")" = "$found" ]; then remove "$found"; fi
fi
start
dependants_back
"""

_REMOVE_MAIN = r"""
unit_as_planned
not_held
dependants_as_planned
found=$(id_of "$id")
if [ -z "$found" ]; then
  runs_as_planned || refuse "no container $id, and $wrong" "the dead container, or one that runs"
  dependants_back
  printf 'already so: %s is gone, and %s runs\n' "$id" "$unit"
  exit 0
fi
found=$(id_of "$container")
[ "$found" = "$id" ] || refuse "the name $container with ${found:-no container}" "$id"
[ "$creates" = yes ] || refuse "$unit, which starts the container that is there" "one that makes it"
now=$(show ActiveState)
[ "$now" != active ] || refuse "$unit active" "$unit down: its container is not dead"
image_here
nothing_lives
acted=yes
stop
nothing_lives
remove "$id"
start
dependants_back
"""

_NOTHING_LIVES = r"""
nothing_lives() {
  rest=$(lives "$id")
  [ -z "$rest" ] || refuse "processes ${rest}of $id" "a container of which nothing lives"
  [ "$port" != 0 ] || return 0
  listening=$(ss -ltnH "sport = :$port") || refuse "ports that cannot be read" "ss (iproute2)"
  [ -z "$listening" ] || refuse "somebody who listens on port $port" "nobody"
}
"""

_COMMON = (HELD, parts.UNIT, parts.IMAGE, parts.CONTAINER, DEPENDANTS)
_ACTING = (STOP, parts.ENDED, parts.REMOVE, parts.START)

RESTART_EXTRA_S = (
    parts.CHECK_LIMIT_S
    + parts.STOP_MARGIN_S
    + parts.END_LIMIT_S
    + parts.START_LIMIT_S
    + DEPENDANTS_LIMIT_S
)
"""Beside the time that the unit may take to stop."""


def restart_text(planned: PlannedContainer) -> str:
    """Restarts the unit of a container, and proves that it runs the planned image.

    With an invocation, a unit that was restarted since, and runs as planned, is left alone.
    """
    return compose(_variables(planned), (*_COMMON, *_ACTING, _RESTART_MAIN))


def remove_dead_text(planned: PlannedContainer) -> str:
    """Removes the dead container that has the name, and starts the unit that lacks it."""
    return compose(_variables(planned), (*_COMMON, *_ACTING, _NOTHING_LIVES, _REMOVE_MAIN))


def restarted_probe(planned: PlannedContainer) -> Probe:
    """Asks whether the unit is active and, if one invocation was to be ended, in another one."""
    if not planned.invocation:
        return unit_active(planned.unit)
    return unit_restarted(planned.unit, planned.invocation)


def _variables(planned: PlannedContainer) -> dict[str, str | int]:
    return {
        "unit": planned.unit,
        "hold": hold_path(planned.unit),
        "container": planned.container,
        "id": planned.id,
        "image": planned.image,
        "digest": planned.digest,
        "invocation": planned.invocation,
        "dependants": planned.dependants,
        "port": planned.port,
        "stop_limit": planned.stop_limit_s + parts.STOP_MARGIN_S,
        "end_limit": parts.END_LIMIT_S,
        "start_limit": parts.START_LIMIT_S,
        "dependants_limit": DEPENDANTS_LIMIT_S,
    }

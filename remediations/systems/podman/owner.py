"""The program that says whose process listens on a service's port. Pure: values to text.

A second process on the port answers in the place of the service, which may run on beside it: not
every daemon ends when its bind fails. So whoever says that a service answers has to say that the
process is its own: it has the files of the service's container mounted, or is the conmon that holds
its published port; of a unit without a container it is in the unit's control group.
"""

from __future__ import annotations

import shlex

OWNER_LIMIT_S = 25
"""podman takes its time on a busy host."""
OWN = "own"

_OWNER = r"""
asked() { timeout -s KILL 15 podman container inspect --format '{{.ID}}' "$container"; }
is_own() { # PID
  if [ -z "$container" ]; then
    grep -qE "/$unit(/|\$)" "/proc/$1/cgroup"
    return
  fi
  grep -qE "^[0-9]+ [0-9]+ [0-9:]+ [^ ]*/$id/userdata/" "/proc/$1/mountinfo" && return
  tr '\0' ' ' <"/proc/$1/cmdline" | grep -qF -- " -c $id "
}
[ -z "$container" ] || id=$(asked) || { echo "there is no container $container"; exit 0; }
listening=$(timeout -s KILL 3 ss -Hltnp "sport = :$port") || { echo 'no ss (iproute2)'; exit 0; }
pids=$(printf '%s\n' "$listening" | grep -oE 'pid=[0-9]+' | cut -d= -f2 | sort -un)
[ -n "$pids" ] || { echo "nobody listens on port $port"; exit 0; }
for pid in $pids; do
  is_own "$pid" 2>/dev/null && continue
  echo "process $pid ($(tr -cd '[:alnum:]_.-' <"/proc/$pid/comm" 2>/dev/null)) on port $port"
  exit 0
done
echo own
"""


def owner_text(unit: str, container: str, port: int) -> str:
    """The program for sh, as root: it prints `OWN`, or in one line who listens, or why that is not
    known. `container` is "" where the unit runs none."""
    values = {"unit": unit, "container": container, "port": str(port)}
    return "\n".join(f"{name}={shlex.quote(value)}" for name, value in values.items()) + _OWNER

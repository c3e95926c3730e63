"""What the shell programs for a container are made of: checks on the host, and the composed text.

Right before it acts, each program checks on the host that what decided the plan still holds. The
programs are POSIX sh. A process belongs to a container where it has the files of that container
mounted, or is its conmon: neither a name nor a number of a process proves it.
"""

from __future__ import annotations

START_LIMIT_S = 100
"""systemd's default TimeoutStartSec is 90 s; after that `systemctl start` returns by itself."""
STOP_MARGIN_S = 15
"""From the SIGKILL that systemd sends after TimeoutStopSec to the end of `systemctl stop`."""
CHECK_LIMIT_S = 40
"""All checks together, on a busy host: podman is asked some ten times."""
END_LIMIT_S = 20
"""How long processes of a container may stay after its unit was stopped, until they are killed."""

UNIT = r"""
ask() { timeout -s KILL 15 podman "$@"; }
unit_as_planned() {
  load=$(show LoadState)
  [ "$load" = loaded ] || refuse "$unit $load" "$unit loaded"
  runs_as=$(show User)
  case $runs_as in
    '' | root) ;;
    *) refuse "$unit run by $runs_as" "root, whose podman this is" ;;
  esac
  command=$(show ExecStart)
  case " $command " in
    *" --name $container "* | *" --name=$container "* | *" start "*" $container "*) ;;
    *) refuse "another container in $unit" "$container" ;;
  esac
  case " $command " in
    *" start "*" $container "*) creates=no ;;
    *" $image "*) creates=yes ;;
    *) refuse "another image in $unit" "$image" ;;
  esac
}
"""

# Before anything is removed: with no registry in reach, an image that is gone is gone (V23).
IMAGE = r"""
image_here() {
  means=$(ask image inspect --format '{{.Digest}}' "$image" 2>/dev/null) ||
    refuse "no image $image on the host" "$digest"
  [ "$means" = "$digest" ] || refuse "$image, which is $means here" "$digest"
}
"""

CONTAINER = r"""
id_of() { ask container inspect --format '{{.ID}}' "$1" 2>/dev/null || :; }
container_as_planned() {
  found=$(id_of "$container")
  [ -z "$id" ] || [ -z "$found" ] || [ "$found" = "$id" ] ||
    refuse "another container $found with the name $container" "$id"
}
# processes ID: its processes, by the files of the container that they have mounted.
processes() {
  grep -El "^[0-9]+ [0-9]+ [0-9:]+ [^ ]*/$1/userdata/" /proc/[0-9]*/mountinfo 2>/dev/null |
    sed 's#^/proc/##; s#/mountinfo$##' | tr '\n' ' '
}
# monitors ID: its conmon.
monitors() {
  grep -lx conmon /proc/[0-9]*/comm 2>/dev/null | while IFS= read -r comm; do
    tr '\0' ' ' <"${comm%/comm}/cmdline" 2>/dev/null | grep -qF -- " -c $1 " || continue
    comm=${comm%/comm}
    printf '%s ' "${comm#/proc/}"
  done
}
lives() { printf '%s%s' "$(processes "$1")" "$(monitors "$1")"; }
"""

ENDED = r"""
# ended ID: waits until nothing of the container lives; what stays is killed, and that is told.
ended() {
  left=$end_limit
  while rest=$(lives "$1") && [ -n "$rest" ]; do
    left=$((left - 1))
    if [ "$left" = 5 ]; then
      printf 'killed: processes %sof %s stayed after the stop\n' "$rest" "$1"
      for pid in $rest; do kill -KILL "$pid" 2>/dev/null || :; done
    fi
    [ "$left" -gt 0 ] || fail "processes ${rest}of $1 stay"
    sleep 1
  done
}
"""

# Never by force, and never by name: podman itself refuses a container that runs. It calls one
# running whose processes were killed with their conmon, until it is told to stop it.
REMOVE = r"""
of_container() { ask container inspect --format "{{$2}}" "$1" || echo unreadable; }
remove() {
  state=$(of_container "$1" .State.Status)
  case $state in
    created | configured | initialized | exited | stopped) ;;
    *)
      pid=$(of_container "$1" .State.Pid)
      case $pid in '' | *[!0-9]*) fail "podman does not tell the process of $1" ;; esac
      [ "$pid" = 0 ] || [ ! -e "/proc/$pid" ] ||
        refuse "$1 $state, whose process $pid is another's now" "a number that nobody has"
      ask stop --time 1 "$1" >/dev/null || fail "podman stop $1 ended with $?"
      ;;
  esac
  ask rm "$1" >/dev/null || fail "podman rm $1 ended with $?"
  printf 'removed: %s\n' "$1"
}
"""

START = r"""
start() {
  systemctl reset-failed "$unit" 2>/dev/null || :
  timeout "$start_limit" systemctl start "$unit" || fail "systemctl start $unit ended with $?"
  sleep 1
  runs_as_planned || fail "$wrong after the start"
  printf 'started: %s is active, container %s of %s\n' "$unit" "$found" "$digest"
}
# runs_as_planned: whether unit and container run, of the planned image; else sets wrong.
runs_as_planned() {
  now=$(show ActiveState)
  [ "$now" = active ] || { wrong="$unit is $now"; return 1; }
  found=$(id_of "$container")
  [ -n "$found" ] || { wrong="there is no container $container"; return 1; }
  now=$(ask container inspect --format '{{.State.Running}} {{.ImageDigest}}' "$found") || now=silent
  [ "$now" = "true $digest" ] || { wrong="$container is '$now' (running, image)"; return 1; }
  [ -n "$(processes "$found")" ] || { wrong="$container has no process"; return 1; }
}
"""

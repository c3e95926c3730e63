"""What the shell programs for a node are made of: checks on the host, and the composed text.

Right before it acts, each program checks on the host that what decided the plan still holds (G42):
nothing else can check it at that moment. The programs are POSIX sh, do not need jq, and look into
the home as a reading does (systems/hosts/guest.sh), as the service user before root: of the key
file they learn only the address.
"""

from __future__ import annotations

from remediations.systems.comet.planned import PlannedNode
from remediations.systems.hosts.guest import guest_functions
from remediations.systems.hosts.hold import hold_path
from remediations.systems.hosts.values import DISK_FLOOR

START_LIMIT_S = 100
"""systemd's default TimeoutStartSec is 90 s; after that `systemctl start` returns by itself."""
STOP_MARGIN_S = 15
"""From the SIGKILL that systemd sends after TimeoutStopSec to the end of `systemctl stop`."""
LOCK_LIMIT_S = 10
"""How long the databases may stay locked after the unit has stopped."""
CHECK_LIMIT_S = 20
"""All checks together, on a busy host."""
LOOK_LIMIT_S = 5
"""For looking into one file."""
DISK_FLOOR_KIB = DISK_FLOOR >> 10
"""G17, in the unit of `df -k`."""

UNIT = r"""
unit_as_planned() {
  load=$(show LoadState)
  [ "$load" = loaded ] || refuse "$unit $load" "$unit loaded"
  runs_as=$(show User)
  [ "$runs_as" = "$user" ] || refuse "$unit run by ${runs_as:-root}" "run by ${user:-root}"
  case " $(show ExecStart) $(show Environment) " in
    *[\ =]"$home"\ * | *[\ =]"$home"/\ *) ;;
    *) refuse "another home in $unit" "$home" ;;
  esac
}
"""

# Anything may be in the home: each file is read by the program that a reading uses, which prints
# only what is needed of it, and as the service user first.
GUEST = f"""
{guest_functions(LOOK_LIMIT_S)}
served_by "${{user:-root}}"
"""

# A start without the key file makes a new key and zeroes the sign state; a start with an
# older sign state signs twice (docs/rules/hazards.md#lowered-sign-state).
KEY = r"""
key_as_planned() {
  status=0
  key=$(guest address "$home/config/priv_validator_key.json" 2>&1) || status=$?
  case $status in
    0) ;;
    44) key= ;;
    *) refuse "key unreadable: $key" "key ${address:-absent}" ;;
  esac
  [ "$key" = "$address" ] || refuse "key ${key:-absent}" "key ${address:-absent}"
}
"""

SIGN_STATE = r"""
number() {
  value=${state#*"\"$1\":\""}
  value=${value%%\"*}
  case $value in '' | *[!0-9]*) refuse "a sign state without $1" "$file" ;; esac
  [ "${#value}" -le 18 ] || refuse "a sign state with a $1 of ${#value} digits" "$file"
}
sign_state_not_lower() {
  file=$home/data/priv_validator_state.json
  status=0
  state=$(guest sign_state "$file" 2>&1) || status=$?
  case $status in
    0) ;;
    44)
      [ -n "$address" ] || return 0
      refuse "no sign state" "$file"
      ;;
    *) refuse "sign state unreadable: $state" "$file" ;;
  esac
  number height && height=$value
  number round && round=$value
  number step && step=$value
  found="sign state $height/$round/$step"
  if [ -z "$address" ] && [ "$height" -gt 0 ]; then
    refuse "$found and no key" "a node that never signed"
  fi
  if [ "$height" -lt "$min_height" ]; then lower=yes
  elif [ "$height" -gt "$min_height" ]; then lower=no
  elif [ "$round" -lt "$min_round" ]; then lower=yes
  elif [ "$round" -gt "$min_round" ]; then lower=no
  elif [ "$step" -lt "$min_step" ]; then lower=yes
  else lower=no
  fi
  [ "$lower" = no ] || refuse "$found" "$min_height/$min_round/$min_step or higher"
}
"""

DISK = r"""
room_left() {
  free=$(df -k --output=avail "$home/data" 2>/dev/null | tail -n 1 | tr -d ' ')
  case $free in '' | *[!0-9]*) refuse "free space that cannot be read" "$floor KiB" ;; esac
  [ "$free" -ge "$floor" ] || refuse "$free KiB free" "$floor KiB"
}
"""

# Two processes on one home are two signers with one key (G4, docs/rules/hazards.md#two-signers).
# Every database engine keeps its LOCK file open, whatever kind of lock it takes on it.
HOLDER = r"""
data_found() {
  data=$(readlink -f "$home/data") || refuse "no $home/data" "a directory"
  case $data in *[!A-Za-z0-9_.@+:,=/-]*) refuse "$data" "a path of plain characters" ;; esac
}
holder() { find /proc/[0-9]*/fd -lname "$data/*/LOCK" 2>/dev/null | head -n 1 || :; }
nobody_holds() {
  pid=$(holder)
  [ -z "$pid" ] || refuse "$pid open on the databases" "no process on $home"
}
"""

# Whoever asks systemd for a start meanwhile (a timer, a watchdog) cancels the stop: its job takes
# the place of ours. The daemon has its signal by then, and of a held unit the start fails, so a
# stop that is asked for again finds it stopped, or on its way.
STOP = r"""
stop() {
  again=10
  until timeout "$stop_limit" systemctl stop "$unit"; do
    status=$?
    again=$((again - 1))
    [ "$status" = 1 ] && is_held && [ "$again" -gt 0 ] ||
      fail "systemctl stop $unit ended with $status"
    sleep 1
  done
  left=$lock_limit
  while [ -n "$(holder)" ]; do
    left=$((left - 1))
    [ "$left" -gt 0 ] || fail "$(holder) still open on the databases $lock_limit s after the stop"
    sleep 1
  done
}
"""

START = r"""
start() {
  acted=yes
  systemctl reset-failed "$unit" || :
  timeout "$start_limit" systemctl start "$unit" || fail "systemctl start $unit ended with $?"
  sleep 1
  now=$(show ActiveState)
  [ "$now" = active ] || fail "$unit is $now after the start"
  printf 'started: %s is active\n' "$unit"
}
"""


def node_variables(node: PlannedNode) -> dict[str, str | int]:
    """What every program for this node starts with."""
    return {
        "unit": node.unit,
        "hold": hold_path(node.unit),
        "home": node.home,
        "user": node.user,
        "address": node.address,
        "min_height": node.sign_height,
        "min_round": node.sign_round,
        "min_step": node.sign_step,
        "floor": DISK_FLOOR_KIB,
        "start_limit": START_LIMIT_S,
    }


def stop_variables(node: PlannedNode) -> dict[str, str | int]:
    """What a program that stops this node needs beside `node_variables`."""
    return {
        "invocation": node.invocation,
        "stop_limit": node.stop_limit_s + STOP_MARGIN_S,
        "lock_limit": LOCK_LIMIT_S,
    }

"""The shell programs that start, restart, enable and configure a node. Pure: from values to text.

Right before it acts, each program checks on the host that what decided the plan still holds (G42):
nothing else can check it at that moment. The programs are POSIX sh, do not need jq, and look into
the home as a reading does (systems/hosts/guest.sh), as the service user before root: of the key
file they learn only the address. None writes a file but the one that configures (`configure.py`).
"""

from __future__ import annotations

import shlex

from remediations.systems.comet.configure import CONFIGURE, SETTINGS, SETTINGS_OFF, PlannedSettings
from remediations.systems.comet.planned import PlannedNode
from remediations.systems.hosts.guest import guest_functions
from remediations.systems.hosts.probe import Probe, unit_active, unit_restarted
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

_PRELUDE = r"""
acted=no
refuse() {
  if [ "$acted" = yes ]; then
    printf 'stopped and not started: got %s, expected %s\n' "$1" "$2" >&2
    exit 1
  fi
  printf 'refused: got %s, expected %s\n' "$1" "$2" >&2
  exit 64
}
fail() {
  printf 'failed: %s\n' "$1" >&2
  systemctl status --no-pager --lines=5 "$unit" >&2 || :
  exit 1
}
show() { systemctl show -p "$1" --value "$unit" || echo unreadable; }
"""

_UNIT = r"""
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
_GUEST = f"""
{guest_functions(LOOK_LIMIT_S)}
served_by "${{user:-root}}"
"""

# A start without the key file makes a new key and zeroes the sign state; a start with an
# older sign state signs twice (docs/rules/hazards.md#lowered-sign-state).
_KEY = r"""
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

_SIGN_STATE = r"""
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

_DISK = r"""
room_left() {
  free=$(df -k --output=avail "$home/data" 2>/dev/null | tail -n 1 | tr -d ' ')
  case $free in '' | *[!0-9]*) refuse "free space that cannot be read" "$floor KiB" ;; esac
  [ "$free" -ge "$floor" ] || refuse "$free KiB free" "$floor KiB"
}
"""

# Two processes on one home are two signers with one key (G4, docs/rules/hazards.md#two-signers).
# Every database engine keeps its LOCK file open, whatever kind of lock it takes on it.
_HOLDER = r"""
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

_START = r"""
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

_START_MAIN = r"""
unit_as_planned
if [ "$(show ActiveState)" = active ]; then
  printf 'already so: %s is active\n' "$unit"
  exit 0
fi
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
key_as_planned
sign_state_not_lower
room_left
data_found
acted=yes
timeout "$stop_limit" systemctl stop "$unit" || fail "systemctl stop $unit ended with $?"
left=$lock_limit
while [ -n "$(holder)" ]; do
  left=$((left - 1))
  [ "$left" -gt 0 ] || fail "$(holder) still open on the databases $lock_limit s after the stop"
  sleep 1
done
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
    parts = (*_before_a_start(node), _START_MAIN)
    return _program(_variables(node), parts)


def restart_text(node: PlannedNode) -> str:
    """Stops the unit, waits until its process is gone and its databases are free, and starts it.

    Without an invocation it always restarts; with one, a unit that was restarted since is left
    alone.
    """
    variables = _variables(node) | {
        "invocation": node.invocation,
        "stop_limit": node.stop_limit_s + STOP_MARGIN_S,
        "lock_limit": LOCK_LIMIT_S,
    }
    parts = (*_before_a_start(node), _RESTART_MAIN)
    return _program(variables, parts)


def _before_a_start(node: PlannedNode) -> tuple[str, ...]:
    """What a start needs. Where it counts on settings that an earlier step sets, they are looked at
    before anything else."""
    settings = (SETTINGS, SETTINGS_OFF) if node.settings_off else ()
    return (_UNIT, _GUEST, _KEY, _SIGN_STATE, _DISK, _HOLDER, _START, *settings)


def configure_text(node: PlannedSettings) -> str:
    """Sets what the plan changes of the settings, if each of them is as planned. Starts nothing."""
    return _program(node.variables, (_UNIT, _GUEST, SETTINGS, CONFIGURE))


def enable_text(node: PlannedNode) -> str:
    """Enables the unit, so that it comes back after a reboot. Starts nothing."""
    variables = {name: _variables(node)[name] for name in ("unit", "home", "user")}
    return _program(variables, (_UNIT, _ENABLE_MAIN))


def restarted_probe(node: PlannedNode) -> Probe:
    """Asks whether the unit is active and, if one invocation was to be ended, in another one."""
    if not node.invocation:
        return unit_active(node.unit)
    return unit_restarted(node.unit, node.invocation)


def _variables(node: PlannedNode) -> dict[str, str | int]:
    return {
        "unit": node.unit,
        "home": node.home,
        "user": node.user,
        "address": node.address,
        "min_height": node.sign_height,
        "min_round": node.sign_round,
        "min_step": node.sign_step,
        "floor": DISK_FLOOR_KIB,
        "start_limit": START_LIMIT_S,
    }


def _program(variables: dict[str, str | int], parts: tuple[str, ...]) -> str:
    """Values enter through one quoted assignment each, at the top, and nowhere else."""
    values = "\n".join(f"{name}={shlex.quote(str(value))}" for name, value in variables.items())
    bodies = [part.strip("\n") for part in (_PRELUDE, *parts)]
    return "\n".join(("set -eu", values, "", *bodies)) + "\n"

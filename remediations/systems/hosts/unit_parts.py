"""Shell for programs that stop a unit and start it again, whatever it runs: how it is stopped, and
how the units come back that systemd stops with it.

A unit that requires another one is stopped with it, and nothing starts it again: so what was active
is counted before, may be none but the planned ones, and has to be active after. To be composed by
`unit_program.compose`, whose frame defines `refuse`, `fail` and `show`.
"""

from __future__ import annotations

import re

DEPENDANT_UNITS = re.compile(r"([A-Za-z0-9_][A-Za-z0-9:_.\\@-]{0,239}\.[a-z]{1,20}( |\Z)){0,32}")
"""The value of `dependants`: names of units with blanks between them."""
DEPENDANTS_LIMIT_S = 120
"""For all dependants together to come back: the value of `dependants_limit`."""

STOP = r"""
stop() {
  status=0 before=$(show ActiveState)
  timeout "$stop_limit" systemctl stop "$unit" || status=$?
  [ "$status" = 0 ] || fail "systemctl stop $unit ended with $status"
  # A process that was asked to end may say so: 143 for SIGTERM, 129 for SIGHUP, 130 for SIGINT.
  ended=$(show ExecMainStatus) result=$(show Result)
  case $before/$result/$ended in
    active/timeout/* | active/*/137)
      printf 'killed: %s did not end when asked to (%s, %s)\n' "$unit" "$result" "$ended"
      ;;
  esac
}
"""
"""`stop` of `$unit`, within `$stop_limit` seconds."""

DEPENDANTS = r"""
show_of() { systemctl show -p "$2" --value "$1" || echo unreadable; }
# dependants_now: sets active to the active units that are stopped with the unit.
dependants_now() {
  active='' seen=" $unit " due=$unit
  while [ -n "$due" ]; do
    next=
    for one in $due; do
      for by in RequiredBy RequisiteOf BoundBy ConsistsOf PropagatesStopTo; do
        for other in $(show_of "$one" "$by"); do
          case $seen in *" $other "*) continue ;; esac
          seen="$seen$other "
          next="$next $other"
          case $(show_of "$other" ActiveState) in
            active | activating | reloading) active="$active $other" ;;
          esac
        done
      done
    done
    due=$next
  done
}
dependants_as_planned() {
  dependants_now
  for one in $active; do
    case " $dependants " in
      *" $one "*) ;;
      *) refuse "$one, which is stopped with $unit" "${dependants:-no others}" ;;
    esac
  done
}
dependants_back() {
  for one in $dependants; do
    [ "$(show_of "$one" ActiveState)" = active ] && continue
    systemctl reset-failed "$one" 2>/dev/null || :
    timeout "$dependants_limit" systemctl start "$one" ||
      fail "$unit runs again, and $one, which was stopped with it, does not start"
  done
  for one in $dependants; do
    now=$(show_of "$one" ActiveState)
    [ "$now" = active ] || fail "$unit runs again, and $one, which was stopped with it, is $now"
    printf 'back: %s is active\n' "$one"
  done
}
"""
"""`dependants_as_planned` before anything is stopped, `dependants_back` after the start; the
planned ones are `$dependants`."""

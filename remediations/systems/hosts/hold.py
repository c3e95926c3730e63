"""A hold: a drop-in that keeps systemd from starting a unit, until it is taken away.

Nothing may start by itself, by a timer or by somebody's hand while a step changes what lies below
it. Masking does not do: a mask in /run is overridden by a unit file in /etc, and one in /etc cannot
be made where the file is (docs/adr/0011-hold.md). The drop-in is an assertion, so that a start
fails and says why; it stays over a reboot, and the assertion names its own file, so that taking
that away is enough.

Notes in the drop-in tell what was done while the unit was held (`note`), so that a later step, and
a probe, can see it on the host itself.
"""

from __future__ import annotations

HOLD_NAME = "remediate-hold.conf"

_DIRECTORY = "/etc/systemd/system"


def hold_path(unit: str) -> str:
    """The drop-in that holds `unit`."""
    return f"{_DIRECTORY}/{unit}.d/{HOLD_NAME}"


HELD = r"""
is_held() { [ -e "$hold" ]; }
not_held() {
  is_held || return 0
  refuse "$unit held by $hold" "no hold; \`remediate plan\` offers its release"
}
"""
"""For a program that starts a unit: nobody holds it. It sets `unit` and `hold`, and defines
`refuse`, `fail` and `show` (`systems/comet/program_parts.py`)."""

HOLD = r"""
held_and_stopped() {
  is_held || refuse "$unit, which is not held" "$hold"
  now=$(show ActiveState)
  case $now in
    inactive | failed) ;;
    *) refuse "$unit $now" "$unit stopped" ;;
  esac
}
hold_unit() {
  umask 022 # whoever looks why the unit does not start can read it
  mkdir -p "${hold%/*}"
  {
    echo '# Nothing may start this unit until the run that holds it lets it go. By hand:'
    printf '#   rm %s && systemctl daemon-reload && systemctl start %s\n' "$hold" "$unit"
    printf '[Unit]\nAssertPathExists=!%s\n' "$hold"
  } >"$hold.new"
  put_hold
  systemctl daemon-reload || fail "systemctl daemon-reload ended with $?"
}
put_hold() {
  sync "$hold.new"
  mv -f "$hold.new" "$hold"
  sync "${hold%/*}"
}
note() {
  umask 022
  { cat "$hold" && printf '# note: %s\n' "$1"; } >"$hold.new"
  put_hold
}
forget() {
  umask 022
  { grep -vxF "# note: $1" "$hold" || :; } >"$hold.new"
  put_hold
}
has_note() { grep -qxF "# note: $1" "$hold"; }
let_go() {
  rm -f "$hold" "$hold.new"
  rmdir "${hold%/*}" 2>/dev/null || :
  systemctl daemon-reload || fail "systemctl daemon-reload ended with $?"
}
"""
"""For a program that holds a unit, notes what was done to it, or lets it go; after `HELD`."""

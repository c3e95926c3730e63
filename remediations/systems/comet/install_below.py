"""The shell program that puts a program of the daemon where cosmovisor looks for it. Pure.

Two places: that of an upgrade that cosmovisor switches to when it starts, or that of the program to
which its link `current` leads. The link is never touched here (`cosmovisor.py` says why).

Before anything is stopped: settings, link, `upgrade-info.json` and the program that is in use are
the planned ones; nothing but the planned program, or nothing, is in the place; the program that was
brought to the host has its hash, is for this platform, and runs here. Then the unit is stopped, a
rename puts the program there, the unit is started, and it is waited for until cosmovisor runs it.

The home belongs to the service user, who can exchange any directory in it for a link at any moment.
So whatever is done there is done with the rights of that user, and leads nowhere that it could not
go itself; root only hands the bytes over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from remediations.systems.comet.cosmovisor import PLAIN_NAME, PROGRAM_NAME
from remediations.systems.comet.install import (
    FILES,
    INSTALL_LIMIT_S,
    SHARED_PARTS,
    VERSION_LIMIT_S,
)
from remediations.systems.comet.planned import PlannedNode, PlannedNodeError, described
from remediations.systems.comet.programs import RESTART_PARTS, restart_variables
from remediations.systems.hosts.unit_program import compose
from remediations.values.names import HOME

MEASURE_LIMIT_S = 60
"""For adding up the data directory, which cosmovisor copies."""
SWITCH_LIMIT_S = 60
"""Until cosmovisor runs the program. A copy of the data takes longer, and is not waited for."""
LIMIT_S = INSTALL_LIMIT_S + MEASURE_LIMIT_S + SWITCH_LIMIT_S
"""All but the stop."""
_SHA256 = re.compile("[0-9a-f]{64}")
_SHA256_OR_NONE = re.compile("([0-9a-f]{64})?")


@dataclass(frozen=True, kw_only=True)
class PlannedPlace:
    """What goes where below cosmovisor.

    `current` is the program in use, with its hash; `sha256` the new one, at `place`, where now is
    `replaces` ("" for nothing). `upgrade` is the directory of the upgrade to which cosmovisor then
    switches, "" where `place` is `current`. `upgrade_info` is the hash of
    `data/upgrade-info.json`, "" where there is none. `backup` is 1 where the data directory is
    copied before.

    Raises:
        PlannedNodeError: a field is malformed, or the place is none of the two.
    """

    name: str
    current: str
    current_sha256: str
    place: str
    sha256: str
    replaces: str
    upgrade: str
    upgrade_info: str
    backup: int

    def __post_init__(self) -> None:
        for name, pattern, meaning in (
            ("name", PROGRAM_NAME, "the name of a program"),
            ("current", HOME, "an absolute path of plain characters"),
            ("current_sha256", _SHA256, "a SHA-256 in lower-case hex"),
            ("place", HOME, "an absolute path of plain characters"),
            ("sha256", _SHA256, "a SHA-256 in lower-case hex"),
            ("replaces", _SHA256_OR_NONE, "a SHA-256 in lower-case hex, or empty"),
            ("upgrade_info", _SHA256_OR_NONE, "a SHA-256 in lower-case hex, or empty"),
        ):
            value = getattr(self, name)
            if not isinstance(value, str) or not pattern.fullmatch(value):
                raise PlannedNodeError(f"{name} is {value!r}, not {meaning}")
        if self.upgrade and not PLAIN_NAME.fullmatch(self.upgrade):
            raise PlannedNodeError(f"upgrade is {self.upgrade!r}, not the name of a directory")
        if type(self.backup) is not int or self.backup not in (0, 1):
            raise PlannedNodeError(f"backup is {self.backup!r}, not 0 or 1")


@dataclass(frozen=True, kw_only=True)
class PlannedBelow:
    """One node below cosmovisor, and the program that it gets.

    Raises:
        PlannedNodeError: the program's place is not one where cosmovisor of this home looks.
    """

    node: PlannedNode
    place: PlannedPlace

    def __post_init__(self) -> None:
        root, place = f"{self.node.home}/cosmovisor", self.place
        of_upgrade = f"{root}/upgrades/{place.upgrade}/bin/{place.name}"
        expected = of_upgrade if place.upgrade else place.current
        if place.place != expected or not place.place.startswith(f"{root}/"):
            raise PlannedNodeError(f"place is {place.place!r}, not where cosmovisor looks")

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> PlannedBelow:
        """What host data describe.

        Raises:
            PlannedNodeError: a field is missing or malformed.
        """
        return cls(node=PlannedNode.from_data(data), place=described(PlannedPlace, data))

    @classmethod
    def from_words(cls, words: Mapping[str, str]) -> PlannedBelow:
        """What strings describe, as a JSON document has them.

        Raises:
            PlannedNodeError: a field is missing or malformed.
        """
        found = {**words, "backup": {"0": 0, "1": 1}.get(words.get("backup", ""), -1)}
        return cls(node=PlannedNode.from_words(words), place=described(PlannedPlace, found))


_AS_OWNER = r"""
as_owner() {
  timeout -s KILL "$copy_limit" \
    setpriv --reuid "$owner_uid" --regid "$owner_gid" --clear-groups --no-new-privs "$@"
}
owned_hash() { # FILE: as the service user sees it; "none" where there is nothing
  if ! as_owner test -e "$1" && ! as_owner test -L "$1"; then
    printf none
    return
  fi
  as_owner test -f "$1" || return
  sum=$(as_owner sha256sum -- "$1") || return
  printf '%s' "${sum%% *}"
}
"""

_LAYOUT = r"""
setting() { # NAME: its value in the unit's environment; files of the unit come last
  value=
  for word in $(show Environment); do
    case $word in "$1="*) value=${word#*=} ;; esac
  done
  while IFS= read -r file; do
    file=${file% (ignore_errors=*}
    [ -f "$file" ] || continue
    found=$(head -c 65536 "$file" |
      sed -nE "s/^[[:space:]]*$1=[\"']?([^\"']*)[\"']?[[:space:]]*\$/=\1/p" | tail -n 1)
    [ -z "$found" ] || value=${found#=}
  done <<END
$(show EnvironmentFiles)
END
}
wrapper_as_planned() {
  case $(show ExecStart) in
    *--cosmovisor-config*) refuse "settings of cosmovisor in a file" "them in the unit" ;;
    *'{ path='*/cosmovisor\ \;*) ;;
    *) refuse "$unit starts another program" "cosmovisor" ;;
  esac
  setting DAEMON_HOME
  [ "${value%/}" = "$home" ] || refuse "DAEMON_HOME ${value:-not set}" "$home"
  setting DAEMON_NAME
  [ "$value" = "$name" ] || refuse "DAEMON_NAME ${value:-not set}" "$name"
}
# A daemon that loops writes the file anew each time it ends, and for a moment it is empty then.
upgrade_info_as_planned() {
  for try in 1 2 3 4 5; do
    info=$(owned_hash "$home/data/upgrade-info.json") || info=unreadable
    [ "$info" != "${upgrade_info:-none}" ] || return 0
    sleep 1
  done
  refuse "data/upgrade-info.json with SHA-256 $info" "${upgrade_info:-none}"
}
current_as_planned() {
  leads=$(as_owner realpath -e -- "$root/current/bin/$name") || leads=nothing
  [ "$leads" = "$current" ] || refuse "current leads to $leads" "$current"
  present=$(owned_hash "$current") || refuse "$current cannot be read" "SHA-256 $current_sha256"
  [ "$present" = "$current_sha256" ] || [ "$present" = "$sha256" ] ||
    refuse "$current with SHA-256 $present" "$current_sha256"
}
place_as_planned() {
  real=$(as_owner realpath -m -- "$place") || real=unknown
  [ "$real" = "$place" ] || refuse "$place leads to $real" "no link on the way"
  present=$(owned_hash "$place") || refuse "$place cannot be read" "a program, or nothing"
  [ "$present" = "$sha256" ] || [ "$present" = "${replaces:-none}" ] ||
    refuse "$place with SHA-256 $present" "${replaces:-nothing there}"
}
"""

_BELOW = r"""
child_runs() {
  pid=$(show MainPID)
  for child in $(cat "/proc/$pid"/task/*/children 2>/dev/null); do
    [ "$(hash_of "/proc/$child/exe" 2>/dev/null)" != "$sha256" ] || return 0
  done
  return 1
}
runs_below() { [ "$(show ActiveState)" = active ] && child_runs; }
for_this_platform() {
  new=$(platform <"$staged") old=$(as_owner head -c 20 -- "$current" | platform)
  [ -n "$new" ] || refuse "a file that is not a program" "a program for Linux (ELF)"
  [ "$new" = "$old" ] || refuse "a program for the platform ${new:-?}" "that of $current, ${old:-?}"
}
keep_former() {
  [ -n "$replaces" ] || return 0
  former=$files/$replaces
  if [ -f "$former" ] && [ "$(hash_of "$former")" = "$replaces" ]; then return 0; fi
  room_for "$place" "$files"
  as_owner head -c "$((size * 1024))" -- "$place" >"$former.part"
  [ "$(hash_of "$former.part")" = "$replaces" ] ||
    refuse "another program, while it was copied" "$replaces"
  chmod 755 "$former.part"
  sync "$former.part"
  mv "$former.part" "$former"
  sync "$files"
}
copy_below() {
  copy=$root/.$name.remediate
  as_owner rm -f -- "$copy"
  room_for "$staged" "$root"
  trap 'as_owner rm -f -- "$copy"' EXIT
  as_owner sh -c 'umask 077; cat >"$1"' sh "$copy" <"$staged" ||
    refuse "$root, which ${user:-root} cannot write to" "what cosmovisor itself needs"
  as_owner chmod "$(as_owner stat -c %a -- "$current")" "$copy"
  as_owner sync "$copy"
  [ "$(owned_hash "$copy")" = "$sha256" ] || refuse "another program, after the copy" "$sha256"
}
place_writable() {
  at=${place%/*}
  until as_owner test -e "$at"; do at=${at%/*}; done
  as_owner test -d "$at" && as_owner test -w "$at" ||
    refuse "$at, which ${user:-root} cannot write to" "what cosmovisor itself needs"
}
# cosmovisor copies the data first, into the directory of the day, over what that has already.
room_for_backup() {
  [ "$backup" = 1 ] && [ -n "$upgrade" ] || return 0
  setting DAEMON_DATA_BACKUP_DIR
  into=${value:-$home}
  old=$into/data-backup-$(date +%Y-%-m-%-d)
  need=$(timeout "$measure_limit" du -sk "$home/data/." | cut -f 1) || need=
  has=0
  [ ! -d "$old" ] || has=$(timeout "$measure_limit" du -sk "$old" | cut -f 1) || has=
  spare=$(df -k --output=avail "$into" | tail -n 1 | tr -d ' ')
  advice="room for a copy of data/ (UNSAFE_SKIP_BACKUP=true goes without)"
  case $need/$has/$spare in
    *[!0-9/]* | /* | *// | *//* | */) refuse "sizes below $home and $into unknown" "$advice" ;;
  esac
  [ "$((spare + has))" -ge "$((need + floor))" ] ||
    refuse "$spare KiB free in $into, data/ of $need KiB" "$advice"
}
put() {
  as_owner sh -c 'umask 022; mkdir -p -- "${2%/*}" && mv -- "$1" "$2" && sync "${2%/*}"' \
    sh "$copy" "$place" || fail "$place could not be put in place"
  printf 'placed: %s, %s\n' "$place" "$version"
}
# With DAEMON_RESTART_AFTER_UPGRADE=false it ends well after the switch, and is started once more.
switched() {
  left=$switch_limit again=
  while ! child_runs; do
    left=$((left - 1))
    if [ "$(show ActiveState)" = inactive ] && [ -z "$again" ]; then
      again=yes
      start
    fi
    if [ "$left" -le 0 ]; then
      [ -n "$upgrade" ] && [ "$backup" = 1 ] && [ "$(show ActiveState)" = active ] ||
        fail "cosmovisor does not run $place after $switch_limit s"
      printf 'not yet switched: cosmovisor copies data/ first\n'
      return 0
    fi
    sleep 1
  done
  leads=$(as_owner realpath -e -- "$root/current") || leads=nothing
  [ "$leads" = "${place%/bin/*}" ] || fail "current leads to $leads, not to ${place%/bin/*}"
  printf 'cosmovisor runs %s\n' "$place"
}
"""

_MAIN = r"""
root=$home/cosmovisor
unit_as_planned
wrapper_as_planned
if runs_below; then
  printf 'already so: %s runs the planned program\n' "$unit"
  exit 0
fi
if [ -n "$invocation" ] && [ "$(show ActiveState)" = active ] &&
  [ "$(show InvocationID)" != "$invocation" ]; then
  refuse "$unit restarted since" "invocation $invocation"
fi
not_held
key_as_planned
sign_state_not_lower
room_left
data_found
upgrade_info_as_planned
current_as_planned
place_as_planned
if [ "$present" != "$sha256" ]; then
  staged_as_planned
  for_this_platform
  place_writable
  keep_former
  copy_below
  answers_here
fi
room_for_backup
acted=yes
stop
key_as_planned
sign_state_not_lower
upgrade_info_as_planned
[ "$present" = "$sha256" ] || put
start
switched
"""


BELOW_PARTS = (*RESTART_PARTS, *SHARED_PARTS, _AS_OWNER, _LAYOUT, _BELOW)
"""The functions of an install below cosmovisor."""


def install_below_text(install: PlannedBelow) -> str:
    """Stops the unit if it runs, puts the program where cosmovisor looks for it, and starts the
    unit; a unit that runs the planned program is left alone."""
    return compose(below_variables(install), (*BELOW_PARTS, _MAIN))


def below_variables(install: PlannedBelow) -> dict[str, str | int]:
    """What `BELOW_PARTS` need to know."""
    place = install.place
    return restart_variables(install.node) | {
        "files": FILES,
        "name": place.name,
        "current": place.current,
        "current_sha256": place.current_sha256,
        "place": place.place,
        "sha256": place.sha256,
        "replaces": place.replaces,
        "upgrade": place.upgrade,
        "upgrade_info": place.upgrade_info,
        "backup": place.backup,
        "copy_limit": MEASURE_LIMIT_S,
        "measure_limit": MEASURE_LIMIT_S,
        "switch_limit": SWITCH_LIMIT_S,
        "version_limit": VERSION_LIMIT_S,
    }

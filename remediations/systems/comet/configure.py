"""The settings that can forbid a start, and the shell text that sets them in their files.

Three settings, no others: `double_sign_check_height` below [consensus] in config.toml,
`halt-height` and `halt-time` above all sections of app.toml. They are read when the daemon starts,
and only then.

1. Every value is looked at before any is changed: it must be the old or the new one of the plan.
2. What stands on the unit's command line or in its environment decides in place of the file: then
   the file is left alone.
3. The file is written by whoever owns its directory: the service user, or root where nobody else
   may write there. So nothing that the service user puts in the way leads root anywhere.
4. Owner, mode and every other byte stay: the change made backwards must give the old file again.
5. The old file is kept beside the new one until a later change makes the same file again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from remediations.systems.comet.planned import (
    MAX_HEIGHT,
    USER,
    PlannedNodeError,
    described,
    with_numbers,
)
from remediations.systems.hosts.probe import Probe, settings_are
from remediations.values.names import HOME, UNIT

SETTING_NAMES: Mapping[str, str] = {
    "double_sign_check_height": "double_sign_check_height",
    "halt_height": "halt-height",
    "halt_time": "halt-time",
}
"""Field → the setting as its file, its flag and its probe have it."""
FLAGS: Mapping[str, str] = {
    "double_sign_check_height": "consensus.double_sign_check_height",
    "halt_height": "halt-height",
    "halt_time": "halt-time",
}
"""Field → the flag that decides in place of the file, without its dashes."""
KEPT = "remediate-old"
"""What the name of a kept file ends with."""


@dataclass(frozen=True, kw_only=True)
class PlannedSettings:
    """The settings of one node, as they are and as they are to be. `user` is "" for root.

    Raises:
        PlannedNodeError: a field does not match its pattern or range, or nothing would change.
    """

    unit: str
    home: str
    user: str
    double_sign_check_height: int
    halt_height: int
    halt_time: int
    new_double_sign_check_height: int
    new_halt_height: int
    new_halt_time: int

    def __post_init__(self) -> None:
        for name, pattern in (("unit", UNIT), ("home", HOME), ("user", USER)):
            value = getattr(self, name)
            if not isinstance(value, str) or not pattern.fullmatch(value):
                raise PlannedNodeError(f"{name} is {value!r}, which is malformed")
        for name in NUMBERS:
            value = getattr(self, name)
            if type(value) is not int or not 0 <= value < MAX_HEIGHT:
                raise PlannedNodeError(f"{name} is {value!r}, not a number below {MAX_HEIGHT}")
        if not self.changes:
            raise PlannedNodeError("no setting would be changed")

    @property
    def changes(self) -> Mapping[str, tuple[int, int]]:
        """Setting → its old and its new value, for those that change."""
        found = {
            setting: (getattr(self, name), getattr(self, f"new_{name}"))
            for name, setting in SETTING_NAMES.items()
        }
        return {setting: (old, new) for setting, (old, new) in found.items() if old != new}

    @property
    def variables(self) -> dict[str, str | int]:
        """The values at the head of the program."""
        return {field.name: getattr(self, field.name) for field in fields(self)} | {"kept": KEPT}

    @property
    def probe(self) -> Probe:
        """Asks whether every setting that is changed has its new value."""
        words = [f"{setting}={new}" for setting, (_, new) in self.changes.items()]
        return settings_are(self.home, self.user or "root", words)

    @property
    def undo(self) -> str:
        """How they are put back."""
        back = " and ".join(
            f"{setting} = {old} in {'config' if '_' in setting else 'app'}.toml"
            for setting, (old, _) in self.changes.items()
        )
        return f"put back {back} of {self.home}/config (the file of before is beside it, .{KEPT})"

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> PlannedSettings:
        """The settings that host data describe.

        Raises:
            PlannedNodeError: a field is missing or malformed.
        """
        return described(cls, data)

    @classmethod
    def from_words(cls, words: Mapping[str, str]) -> PlannedSettings:
        """The settings that strings describe, as a JSON document has them.

        Raises:
            PlannedNodeError: a field is missing or malformed.
        """
        return described(cls, with_numbers(words, NUMBERS))


NUMBERS = (*SETTING_NAMES, *(f"new_{name}" for name in SETTING_NAMES))

SETTINGS = r"""
# value_of SECTION SETTING FILE: sets value to what stands there, once and as a plain number.
value_of() {
  status=0
  text=$(guest settings "$home/config/$3" 2>&1) || status=$?
  [ "$status" = 0 ] || refuse "$3 not read: $text" "$home/config/$3"
  value='' times=0 section=''
  while IFS= read -r line; do
    case $line in
      \[*) section=$line ;;
      "$2 = "*)
        [ "$section" != "$1" ] || { value=${line#"$2 = "} times=$((times + 1)); }
        ;;
    esac
  done <<END
$text
END
  [ "$times" -le 1 ] || refuse "$2 $times times in $3" "one"
  [ "$times" = 1 ] || value=0
  case $value in
    '' | *[!0-9]*) refuse "$2 = $value in $3" "a plain number" ;;
  esac
}
# file_decides SETTING FLAG VARIABLE: neither a flag nor the environment decides in its place.
file_decides() {
  case " $(show ExecStart) " in
    *" --$2="* | *" --$2 "*) refuse "--$2 on the command line of $unit" "$1 in its file" ;;
  esac
  case $(show Environment) in
    *"_$3="*) refuse "$3 in the environment of $unit" "$1 in its file" ;;
  esac
}
"""
"""Functions on the settings; needs `guest` and `show`."""

SETTINGS_OFF = r"""
for wanted in '[consensus] double_sign_check_height config.toml' \
  ' halt-height app.toml' ' halt-time app.toml'; do
  section=${wanted%% *} rest=${wanted#* }
  setting=${rest%% *} file=${rest#* }
  value_of "$section" "$setting" "$file"
  [ "$value" = 0 ] || refuse "$setting = $value in $file" "0, as the step before this one sets it"
done
"""
"""Refuses where one of the settings could forbid the start."""

EDIT = r"""
# The edit runs with the rights of whoever owns the directory: this text, with its arguments.
edit_text='
set -eu
umask 077
file=$1 forward=$2 back=$3 kept=$1.$4
[ -f "./$file" ] && [ ! -L "./$file" ] || { echo "it is not a regular file"; exit 1; }
sum() { sha256sum | cut -c -64; }
new=$(mktemp "./.$file.XXXXXX")
trap "rm -f -- \"\$new\"" EXIT
cp -p -- "./$file" "$new"
sed -E "$forward" "./$file" >"$new"
[ "$(sum <"$new")" != "$(sum <"./$file")" ] || { echo "the line was not found"; exit 1; }
[ "$(sed -E "$back" "$new" | sum)" = "$(sum <"./$file")" ] ||
  { echo "more than the line would change"; exit 1; }
[ "$(stat -c "%u %g %a" -- "$new")" = "$(stat -c "%u %g %a" -- "./$file")" ] ||
  { echo "its owner, group and mode cannot be kept"; exit 1; }
sync -- "$new"
was=$(sum <"./$file")
same=no
if [ -f "./$kept" ] && [ ! -L "./$kept" ] && [ "$(sum <"./$kept")" = "$(sum <"$new")" ]; then
  same=yes
else
  cp -p -- "./$file" "$new.old"
  mv -f -T -- "$new.old" "./$kept" || { rm -f -- "$new.old"; exit 1; }
fi
[ "$(sum <"./$file")" = "$was" ] || { echo "it was changed meanwhile"; exit 1; }
mv -f -T -- "$new" "./$file"
[ "$same" = no ] || rm -f -- "./$kept"
sync -- . || :
'
"""
"""Sets `edit_text`: the program that writes a file anew, by two scripts for sed."""

_ADD = r"""
# add SECTION SETTING OLD NEW FILE FLAG VARIABLE: checks one setting, and adds what changes it.
add() {
  [ "$3" != "$4" ] || return 0
  file_decides "$2" "$6" "$7"
  value_of "$1" "$2" "$5"
  [ "$value" != "$4" ] || return 0
  [ "$value" = "$3" ] || refuse "$2 = $value in $5" "$3"
  blank='[[:space:]]*'
  where="/^$blank\\[/,\$!"
  [ -z "$1" ] || where="/^$blank\\[consensus\\]$blank(#.*)?\$/,/^$blank\\[/"
  forward="$forward${where}s/^($blank$2$blank=$blank)$3($blank(#.*)?)\$/\\1$4\\2/
"
  back="$back${where}s/^($blank$2$blank=$blank)$4($blank(#.*)?)\$/\\1$3\\2/
"
  changed="$changed${changed:+, }$2 = $4 (was $3)"
}
"""

WRITE = r"""
# write FILE: makes the collected changes.
write() {
  [ -n "$forward" ] || return 0
  root=$(cd -P -- "$home/" && pwd -P) && cd -P -- "$home/config/" ||
    refuse "no $home/config" "a directory"
  case $(pwd -P)/ in
    "$root"/*) ;;
    *) refuse "$home/config outside the home" "a directory in it" ;;
  esac
  owner_of=$(stat -c '%u' .)
  set -- "$1" "$forward" "$back" "$kept"
  status=0
  if [ "$owner_of" = "$(id -u)" ] && [ -z "$(find . -maxdepth 0 -perm /022)" ]; then
    told=$(timeout 10 sh -c "$edit_text" edit "$@" 2>&1) || status=$?
  elif [ "$owner_of" = "${owner_uid:-0}" ] && [ "$owner_of" != 0 ]; then
    told=$(timeout 10 setpriv --reuid "$owner_uid" --regid "$owner_gid" --clear-groups \
      --no-new-privs sh -c "$edit_text" edit "$@" 2>&1) || status=$?
  else
    refuse "$home/config of user $owner_of, or others may write to it" \
      "the service user's, or root's alone"
  fi
  [ "$status" = 0 ] || fail "$1 is as it was: $(printf '%s' "$told" | tr '\n' ' ')"
}
"""
"""`write FILE` makes the changes in `forward`, which `back` takes back; needs `EDIT`."""

_MAIN = r"""
unit_as_planned
changed=''
forward='' back=''
add '[consensus]' double_sign_check_height "$double_sign_check_height" \
  "$new_double_sign_check_height" config.toml consensus.double_sign_check_height \
  DOUBLE_SIGN_CHECK_HEIGHT
config_forward=$forward config_back=$back
forward='' back=''
add '' halt-height "$halt_height" "$new_halt_height" app.toml halt-height HALT_HEIGHT
add '' halt-time "$halt_time" "$new_halt_time" app.toml halt-time HALT_TIME
if [ -z "$changed" ]; then
  printf 'already so: the settings of %s are as planned\n' "$unit"
  exit 0
fi
write app.toml
forward=$config_forward back=$config_back
write config.toml
printf 'set: %s\n' "$changed"
"""

CONFIGURE = EDIT + _ADD + WRITE + _MAIN
"""Sets the settings; needs `unit_as_planned` and the functions above."""

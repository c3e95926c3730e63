"""The program that sets declared names in the environment file of a scoring service. Pure: from
values to text.

1. The file is root's alone: a regular file, no link, in directories in which nobody else may write.
   The unit takes it, and its command sets none of the names.
2. Every name is looked at before any is changed: it has the old or the new value of the plan, on
   one plain line NAME=VALUE, or no line at all.
3. The file is written beside and renamed, with its owner and mode. What is not a line of these
   names stays byte for byte; nothing of it is read into a plan, or printed.
4. The old file is kept beside until a later change makes the same file again.

Nothing is started or stopped: a process keeps the environment with which it was started.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from remediations.systems.hosts.hold import HELD, hold_path
from remediations.systems.hosts.host_data import described_by
from remediations.systems.hosts.probe import Probe, environment_is
from remediations.systems.hosts.unit_program import compose
from remediations.systems.scorer.inventory import (
    ENVIRONMENT_FILE,
    ENVIRONMENT_NAME,
    ENVIRONMENT_VALUE,
    MOST_SETTINGS,
)
from remediations.systems.scorer.values import Setting
from remediations.values.names import UNIT

CONFIGURE_LIMIT_S = 60
KEPT = "remediate-old"
"""What the name of the kept file ends with."""
WAYS = ("--env-file", "EnvironmentFile")
"""How a unit takes the file: an option of podman in its command, or a line of its own."""
_INVOCATION = re.compile("([0-9a-f]{32})?")

_CHECKS = r"""
unit_as_planned() {
  load=$(show LoadState)
  [ "$load" = loaded ] || refuse "$unit $load" "$unit loaded"
  scorer_env_unit "$unit" || refuse "a unit $unit that systemd does not tell" "its command"
  now=$(scorer_env_taken "$file")
  [ "$now" = "$taken" ] || refuse "${now:-no} use of $file by $unit" "$taken"
}
file_as_planned() {
  now=$(scorer_env_open_to "$file")
  [ -z "$now" ] || refuse "$file: $now" "a regular file of root's alone"
  cd -P -- "${file%/*}" && [ "$(pwd -P)" = "${file%/*}" ] ||
    refuse "${file%/*} by another way" "${file%/*} itself, no link"
  name=${file##*/}
  now=$(scorer_env_form "$name")
  [ -z "$now" ] || refuse "$file: $now" "lines NAME=VALUE"
}
# parts WORD: sets key, and value to "=VALUE"; -NAME stands for no line.
parts() {
  case $1 in
    -*) key=${1#-} value= ;;
    *) key=${1%%=*} value="=${1#*=}" ;;
  esac
}
"""

_MAIN = r"""
unit_as_planned
not_held
file_as_planned
forward='' added='' drop='' changed=''
set -f
set -- $before
for word in $settings; do
  parts "$1"
  was=$value
  shift
  parts "$word"
  found=$(scorer_env_value "$name" "$key") || refuse "$key in $file: $found" "one line $key=VALUE"
  drop="$drop/^$key=/d
"
  [ "$found" != "$value" ] || continue
  [ "$found" = "$was" ] ||
    refuse "$key${found:- without a line} in $file" "$key${was:- without a line}"
  now=$(scorer_env_decided "$taken" "$key")
  [ -z "$now" ] || refuse "$key: $now" "$file, which decides about it"
  case $found/$value in
    /=*) added="$added$key$value
" ;;
    =*/) forward="$forward/^$key=/d
" ;;
    *) forward="${forward}s|^$key=.*\$|$key$value|
" ;;
  esac
  changed="$changed${changed:+, }$word (was ${was:-no line})"
done
if [ -z "$changed" ]; then
  printf 'already so: %s is as planned\n' "$file"
  exit 0
fi
now=$(show InvocationID)
[ -z "$invocation" ] || [ "$now" = "$invocation" ] ||
  refuse "$unit restarted since ($now)" "invocation $invocation"
sum() { sha256sum | cut -c -64; }
umask 077
was=$(sum <"$name")
new=$(mktemp "./.$name.XXXXXX") || refuse "no room for another file in ${file%/*}" "a new file"
trap 'rm -f -- "$new" "$new.old"' EXIT
cp -p -- "$name" "$new"
{ sed -e "$forward" -- "$name" && printf %s "$added"; } >"$new"
[ "$(sed -e "$drop" -- "$new" | sum)" = "$(sed -e "$drop" -- "$name" | sum)" ] ||
  refuse "a change of more than the names in $file" "the other lines as they were"
for word in $settings; do
  parts "$word"
  found=$(scorer_env_value "$new" "$key") && [ "$found" = "$value" ] ||
    refuse "a new file without $word" "$word in it"
done
[ "$(stat -c '%u %g %a' -- "$new")" = "$(stat -c '%u %g %a' -- "$name")" ] ||
  refuse "another owner or mode of the new file" "those of $file"
sync -- "$new"
kept=$name.$kept same=no
if [ -f "$kept" ] && [ ! -L "$kept" ] && [ "$(sum <"$kept")" = "$(sum <"$new")" ]; then
  same=yes
else
  cp -p -- "$name" "$new.old"
  mv -f -T -- "$new.old" "$kept"
fi
[ "$(sum <"$name")" = "$was" ] || refuse "$file, which was changed meanwhile" "the file as it was"
acted=yes
mv -f -T -- "$new" "$name"
[ "$same" = no ] || rm -f -- "$kept"
sync -- .
printf 'set: %s in %s\n' "$changed" "$file"
"""


class PlannedEnvironmentError(ValueError):
    """A value is malformed. The message names the field."""


@dataclass(frozen=True, kw_only=True)
class PlannedEnvironment:
    """What is to stand in the environment file of a service's unit, and what stands there.

    `settings` and `before` are words with a blank between them, of the same names in the same
    order: NAME=VALUE for a line, -NAME for none. `taken` is one of `WAYS`. `invocation` is the one
    that is running, "" for any.

    Raises:
        PlannedEnvironmentError: a field is malformed, or nothing would be changed.
    """

    unit: str
    environment_file: str
    taken: str
    settings: str
    before: str
    invocation: str = ""

    def __post_init__(self) -> None:
        for name, pattern in (
            ("unit", UNIT),
            ("environment_file", ENVIRONMENT_FILE),
            ("invocation", _INVOCATION),
        ):
            value = getattr(self, name)
            if not isinstance(value, str) or not pattern.fullmatch(value):
                raise PlannedEnvironmentError(f"{name} is {value!r}, which is malformed")
        if self.taken not in WAYS:
            raise PlannedEnvironmentError(f"taken is {self.taken!r}, not one of {WAYS}")
        new, old = _names_of("settings", self.settings), _names_of("before", self.before)
        if new != old or self.settings == self.before:
            raise PlannedEnvironmentError("settings and before are not a change of the same names")

    @property
    def kept(self) -> str:
        """Where the old file stays."""
        return f"{self.environment_file}.{KEPT}"

    @property
    def probe(self) -> Probe:
        """Asks whether all of it stands in the file."""
        return environment_is(self.environment_file, self.settings.split())

    @property
    def undo(self) -> str:
        """How it is put back."""
        return f"put back {self.before} in {self.environment_file} (it is beside, .{KEPT}), restart"

    @property
    def text(self) -> str:
        """The program for `/bin/sh`."""
        variables = {
            "unit": self.unit,
            "hold": hold_path(self.unit),
            "file": self.environment_file,
            "taken": self.taken,
            "settings": self.settings,
            "before": self.before,
            "invocation": self.invocation,
            "kept": KEPT,
        }
        return compose(variables, (HELD, shell_text("environment_file.sh"), _CHECKS, _MAIN))

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> PlannedEnvironment:
        """What host data describe; keys that are not fields are ignored.

        Raises:
            PlannedEnvironmentError: a field is missing or malformed.
        """
        return described_by(data, cls, PlannedEnvironmentError)


def words_of(names: Iterable[str], settings: Iterable[Setting]) -> str:
    """What stands of these names in a file, as words of a plan: NAME=VALUE, -NAME for no line."""
    have = {one.name: one.value for one in settings}
    return " ".join(f"{name}={have[name]}" if name in have else f"-{name}" for name in names)


def _names_of(field: str, words: object) -> list[str]:
    """The names of the words, each once.

    Raises:
        PlannedEnvironmentError: a word is malformed, or there are none.
    """
    found = []
    for word in words.split(" ") if isinstance(words, str) else ():
        name, equals, value = word.removeprefix("-").partition("=")
        plain = ENVIRONMENT_NAME.fullmatch(name) and ENVIRONMENT_VALUE.fullmatch(value)
        if not plain or word.startswith("-") == bool(equals):
            raise PlannedEnvironmentError(f"{field} has {word!r}, not NAME=VALUE or -NAME")
        found.append(name)
    if not 0 < len(found) <= MOST_SETTINGS or len(set(found)) < len(found):
        raise PlannedEnvironmentError(
            f"{field} has no names, one twice, or more than {MOST_SETTINGS}"
        )
    return found


@cache
def shell_text(name: str) -> str:
    """The text of one shell file of this package."""
    return files("remediations.systems.scorer").joinpath(name).read_text()

"""The program that raises how many files a unit may open, by a drop-in. Pure: values to text.

1. The limit is the planned old one, or the new one already; nothing else is replaced.
2. The directory of the unit's drop-ins is root's alone, or there is none yet.
3. systemd has to give the new limit afterwards. If another drop-in decides, ours is taken away.
4. Nothing is started or stopped: a process keeps the limits with which it was started.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from remediations.systems.comet.planned import USER, PlannedNodeError, described, with_numbers
from remediations.systems.comet.program_parts import UNIT
from remediations.systems.hosts.hold import HELD, hold_path
from remediations.systems.hosts.probe import Probe, files_limit
from remediations.systems.hosts.unit_program import compose
from remediations.values.names import HOME
from remediations.values.names import UNIT as UNIT_NAME

RAISE_LIMIT_S = 60
MAX_LIMIT = 1 << 20
"""`fs.nr_open` of the kernel: no process may have more."""
_DIRECTORY = "/etc/systemd/system"
_NUMBERS = ("open_files", "new_open_files")

_MAIN = r"""
unit_as_planned
not_held
now=$(show LimitNOFILE)
if [ "$now" = "$new_open_files" ]; then
  printf 'already so: %s may open %s files\n' "$unit" "$now"
  exit 0
fi
# 1
[ "$now" = "$open_files" ] || refuse "LimitNOFILE $now of $unit" "$open_files"
# 2
directory=${drop_in%/*}
if [ -e "$directory" ] || [ -L "$directory" ]; then
  is=$(stat -c '%F %u' "$directory")
  [ "$is" = "directory $(id -u)" ] && [ -z "$(find "$directory" -maxdepth 0 -perm /022)" ] ||
    refuse "$directory of others than root" "a directory of root's alone"
fi
acted=yes
umask 022
mkdir -p "$directory"
{
  echo '# Its daemon ended for lack of open files. Back to what was before:'
  printf '#   rm %s && systemctl daemon-reload\n' "$drop_in"
  printf '[Service]\nLimitNOFILE=%s\n' "$new_open_files"
} >"$drop_in.new"
sync "$drop_in.new"
mv -f "$drop_in.new" "$drop_in"
sync "$directory"
systemctl daemon-reload || fail "systemctl daemon-reload ended with $?"
# 3
now=$(show LimitNOFILE)
if [ "$now" != "$new_open_files" ]; then
  rm -f "$drop_in"
  systemctl daemon-reload || :
  fail "LimitNOFILE of $unit is $now with the drop-in: another one decides; it was taken away"
fi
printf 'raised: %s may open %s files from its next start (%s before)\n' "$unit" "$now" "$open_files"
"""

_LOWER_MAIN = r"""
unit_as_planned
if [ ! -e "$drop_in" ] && [ ! -L "$drop_in" ]; then
  printf 'already so: there is no %s\n' "$drop_in"
  exit 0
fi
[ -f "$drop_in" ] && [ ! -L "$drop_in" ] && [ "$(stat -c %u "$drop_in")" = "$(id -u)" ] &&
  grep -qxF "LimitNOFILE=$new_open_files" "$drop_in" ||
  refuse "$drop_in, which is not as the plan wrote it" "LimitNOFILE=$new_open_files in it"
acted=yes
rm -f "$drop_in"
sync "${drop_in%/*}"
systemctl daemon-reload || fail "systemctl daemon-reload ended with $?"
now=$(show LimitNOFILE)
[ "$now" = "$open_files" ] ||
  fail "LimitNOFILE of $unit is $now without the drop-in, and was $open_files before it"
printf 'as before: %s may open %s files from its next start\n' "$unit" "$now"
"""


@dataclass(frozen=True, kw_only=True)
class PlannedLimit:
    """How many files a unit may open, as it is and as it is to be.

    Raises:
        PlannedNodeError: a field is malformed, or the limit would not rise.
    """

    unit: str
    home: str
    user: str
    open_files: int
    new_open_files: int

    def __post_init__(self) -> None:
        for name, pattern in (("unit", UNIT_NAME), ("home", HOME), ("user", USER)):
            value = getattr(self, name)
            if not isinstance(value, str) or not pattern.fullmatch(value):
                raise PlannedNodeError(f"{name} is {value!r}, which is malformed")
        for name in _NUMBERS:
            value = getattr(self, name)
            if type(value) is not int or not 0 < value <= MAX_LIMIT:
                raise PlannedNodeError(f"{name} is {value!r}, not a number up to {MAX_LIMIT}")
        if self.new_open_files <= self.open_files:
            raise PlannedNodeError("the limit would not rise")

    @property
    def drop_in(self) -> str:
        """The file that is written."""
        return f"{_DIRECTORY}/{self.unit}.d/remediate-open-files.conf"

    @property
    def probe(self) -> Probe:
        """Asks whether systemd gives the new limit."""
        return files_limit(self.unit, self.new_open_files)

    @property
    def undo(self) -> str:
        """How the limit of before comes back, at the next start."""
        return f"rm {self.drop_in} && systemctl daemon-reload (LimitNOFILE={self.open_files} again)"

    @property
    def text(self) -> str:
        """The program for `/bin/sh`."""
        variables = {field.name: getattr(self, field.name) for field in fields(self)}
        variables |= {"hold": hold_path(self.unit), "drop_in": self.drop_in}
        return compose(variables, (UNIT, HELD, _MAIN))

    @property
    def lowered_probe(self) -> Probe:
        """Asks whether systemd gives the old limit again."""
        return files_limit(self.unit, self.open_files)

    @property
    def lower_text(self) -> str:
        """The program that takes the drop-in away again."""
        variables = {field.name: getattr(self, field.name) for field in fields(self)}
        return compose(variables | {"drop_in": self.drop_in}, (UNIT, _LOWER_MAIN))

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> PlannedLimit:
        """What host data describe.

        Raises:
            PlannedNodeError: a field is missing or malformed.
        """
        return described(cls, data)

    @classmethod
    def from_words(cls, words: Mapping[str, str]) -> PlannedLimit:
        """What strings describe, as a JSON document has them.

        Raises:
            PlannedNodeError: a field is missing or malformed.
        """
        return described(cls, with_numbers(words, _NUMBERS))

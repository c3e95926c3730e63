"""The program that frees room on the file system of a node's data. Pure: from values to text.

1. Everything that is removed is compared with what was planned before any of it is removed: its
   kind, its place, its inode, the time of its last change, its bytes, the number of its files. If
   one differs, it is refused, and nothing is removed. What is gone is not removed.
2. What lies in the home is removed with the rights of the service user: nothing that this user puts
   in the way leads root anywhere.
3. The journal is vacuumed to a stated size: its newest files stay.
4. Nothing is started or stopped. The room that is free afterwards is enough for a start, or the
   step fails.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from remediations.systems.comet.planned import USER, PlannedNodeError, described, with_numbers
from remediations.systems.comet.program_parts import DISK_FLOOR_KIB, UNIT
from remediations.systems.comet.room import JOURNAL_KEPT, RoomItem, item_of
from remediations.systems.hosts.hold import HELD, hold_path
from remediations.systems.hosts.probe import Probe, room_freed
from remediations.systems.hosts.unit_program import compose
from remediations.values.names import HOME
from remediations.values.names import UNIT as UNIT_NAME
from remediations.values.wire import decode

FREE_LIMIT_S = 600
"""For removing what may be a million files on a slow disk."""
MAX_ITEMS = 50
_NUMBERS = ("journal",)

# The sums of a reading (room.sh), of one entry. The awk program is a value: two shells pass it on.
_SUMS = """{
  bytes += $5 * 512 / ($2 == "f" && $6 > 1 ? $6 : 1)
  files++
  if ($1 == 0) { split($4, time, "."); head = $2 " " $3 " " time[1] }
} END { if (head != "") printf "%s %.0f %d\\n", head, bytes, files }"""

_LOOK = r"""
cd -P -- "$1/"
[ -e "./$2" ] || [ -L "./$2" ] || exit 0
timeout 60 find "./$2" -xdev -printf '%d %y %i %T@ %b %n\n' | awk "$3"
"""

_REMOVE = r"""
cd -P -- "$1/"
rm -rf --one-file-system -- "./$2"
"""

_PARTS = r"""
as_user() {
  setpriv --reuid "${user:-root}" --regid "$(id -g "${user:-root}")" --init-groups --no-new-privs \
    -- "$@"
}
by_owner() { # KIND COMMAND…: what steps keep is root's, all else the service user's
  owner=$1
  shift
  if [ "$owner" = copy ]; then "$@"; else as_user "$@"; fi
}
# there LINE: whether it is as planned; 1 if it is gone. Sets path and size.
there() {
  # shellcheck disable=SC2086 # words without blanks
  set -- $1
  kind=$1 path=$2 size=$5
  found=$(by_owner "$kind" sh -euc "$look" sh "${path%/*}" "${path##*/}" "$sums") ||
    refuse "$path, which cannot be looked at" "inode $3"
  [ -n "$found" ] || return 1
  case $kind in copy | core) type=f ;; *) type=d ;; esac
  [ "$found" = "$type $3 $4 $5 $6" ] ||
    refuse "$path: $found (type, inode, time, bytes, files)" "$type $3 $4 $5 $6"
  case $kind in
    copy) [ "$(head -c 5 "$path")" = about ] || refuse "$path, another file" "a copy" ;;
    core)
      is=$(as_user head -c 18 "$path" | od -An -v -tx1 | tr -d ' \n')
      case $is in
        7f454c46????????????????????????0400 | 7f454c46????????????????????????0004) ;;
        *) refuse "$path, another file" "a core dump" ;;
      esac
      ;;
    aside) [ -e "$path/.all" ] || refuse "$path, half of the databases" "all of them" ;;
  esac
}
"""

_MAIN = r"""
unit_as_planned
not_held
# 1
while IFS= read -r line; do [ -z "$line" ] || there "$line" || :; done <<END
$items
END
acted=yes freed=0
# 2
while IFS= read -r line; do
  [ -n "$line" ] && there "$line" || continue
  by_owner "$kind" sh -euc "$remove" sh "${path%/*}" "${path##*/}" || fail "$path is there still"
  freed=$((freed + size))
  printf 'removed: %s, %s bytes\n' "$path" "$size"
done <<END
$items
END
# 3
if [ "$journal" -gt 0 ]; then
  timeout 120 journalctl --vacuum-size="$journal" >/dev/null 2>&1 || fail "journalctl ended with $?"
  printf 'vacuumed: the journal, to %s bytes\n' "$journal"
fi
# 4
sync -f "$home/data" || :
free=$(df -k --output=avail "$home/data" 2>/dev/null | tail -n 1 | tr -d ' ')
case $free in '' | *[!0-9]*) fail "free space that cannot be read" ;; esac
[ "$free" -ge "$floor" ] || fail "$free KiB are free after it, of $floor KiB"
printf 'freed: %s bytes of files; %s KiB are free now\n' "$freed" "$free"
"""


@dataclass(frozen=True, kw_only=True)
class PlannedRoom:
    """What is removed for the node of `unit`; `journal` is the size in bytes to which the journal
    is vacuumed, 0 if it is left alone. `user` is "" for root.

    Raises:
        PlannedNodeError: a field is malformed, or nothing would be removed.
    """

    unit: str
    home: str
    user: str
    remove: str
    journal: int

    def __post_init__(self) -> None:
        for name, pattern in (("unit", UNIT_NAME), ("home", HOME), ("user", USER)):
            value = getattr(self, name)
            if not isinstance(value, str) or not pattern.fullmatch(value):
                raise PlannedNodeError(f"{name} is {value!r}, which is malformed")
        if type(self.journal) is not int or self.journal not in (0, JOURNAL_KEPT):
            raise PlannedNodeError(f"journal is {self.journal!r}, not 0 or {JOURNAL_KEPT}")
        if not self.items and not self.journal:
            raise PlannedNodeError("nothing would be removed")

    @property
    def items(self) -> tuple[RoomItem, ...]:
        """What is removed.

        Raises:
            PlannedNodeError: it is malformed, or of a kind of which nothing is removed.
        """
        try:
            if not isinstance(self.remove, str):
                raise PlannedNodeError("what is removed is not a text")
            lines = decode(self.remove.encode(), list[str]) if self.remove else []
            if len(lines) > MAX_ITEMS:
                raise PlannedNodeError(f"{len(lines)} things to remove, not {MAX_ITEMS} at most")
            return tuple(item_of(line, self.home) for line in lines)
        except ValueError as error:
            raise PlannedNodeError(f"what is removed: {error}") from error

    @property
    def probe(self) -> Probe:
        """Asks whether all of it is gone."""
        return room_freed(self.journal, [item.path for item in self.items])

    @property
    def undo(self) -> str:
        """That there is no way back."""
        return "none: what was removed is gone; each was named, with its size, in the plan"

    @property
    def text(self) -> str:
        """The program for `/bin/sh`."""
        variables: dict[str, str | int] = {
            "unit": self.unit,
            "hold": hold_path(self.unit),
            "home": self.home,
            "user": self.user,
            "floor": DISK_FLOOR_KIB,
            "journal": self.journal,
            "items": "\n".join(item.line for item in self.items),
            "look": _LOOK.strip("\n"),
            "remove": _REMOVE.strip("\n"),
            "sums": _SUMS,
        }
        return compose(variables, (UNIT, HELD, _PARTS, _MAIN))

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> PlannedRoom:
        """What host data describe.

        Raises:
            PlannedNodeError: a field is missing or malformed.
        """
        return described(cls, data)

    @classmethod
    def from_words(cls, words: Mapping[str, str]) -> PlannedRoom:
        """What strings describe, as a JSON document has them.

        Raises:
            PlannedNodeError: a field is missing or malformed.
        """
        return described(cls, with_numbers(words, _NUMBERS))


def lines_of(items: Sequence[RoomItem]) -> str:
    """Items as one text for a fact, and for host data."""
    return json.dumps([item.line for item in items])

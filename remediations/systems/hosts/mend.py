"""The program that removes obstacles from one host: routes, firewall rules, interfaces set down.

1. Every obstacle is compared with what the host prints, byte for byte, before any is removed. One
   that differs is refused, and nothing is removed. One that is gone is none any more.
2. Each is removed by the number or the words that name exactly it, and looked for again.
3. Nothing is restarted, no file is written, and no rule is added: what a file of the host sets
   comes back at its next boot.

A number of a rule (its handle) is never given to another rule of its table, so a rule that has it
and another text was changed by somebody.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from remediations.systems.hosts.obstacles import Obstacle, obstacle_of
from remediations.systems.hosts.probe import Probe, obstacles_gone
from remediations.values.wire import decode

MEND_LIMIT_S = 60
MAX_OBSTACLES = 1200


class PlannedMendError(ValueError):
    """A value is malformed. The message names it."""


@dataclass(frozen=True, kw_only=True)
class PlannedMend:
    """What is removed from one host: one or more obstacles, each of which can be.

    Raises:
        PlannedMendError: there is none, or one cannot be removed.
    """

    obstacles: tuple[Obstacle, ...]

    def __post_init__(self) -> None:
        if not 0 < len(self.obstacles) <= MAX_OBSTACLES:
            raise PlannedMendError(f"{len(self.obstacles)} obstacles, not 1 to {MAX_OBSTACLES}")
        for one in self.obstacles:
            if one.kept:
                raise PlannedMendError(f"{one.shown}: {one.kept}")

    @property
    def probe(self) -> Probe:
        """Asks whether none of them is there."""
        return obstacles_gone([one.line for one in self.obstacles])

    @property
    def undo(self) -> str:
        """How they are put back. Of rules that stood side by side each goes before the next one
        that stayed, the first of them first: one that is put back has a new handle."""
        after = {(one.place, one.handle): one.before for one in self.obstacles if one.handle}
        commands = []
        for one in self.obstacles:
            before, side_by_side = one.before, 0
            while (one.place, before) in after:
                before, side_by_side = after[(one.place, before)], side_by_side + 1
            commands.append((-side_by_side, one.restoration(before)))
        return "; ".join(text for _, text in sorted(commands, key=lambda found: found[0]))

    @property
    def text(self) -> str:
        """The program for `/bin/sh`."""
        lines = "\n".join(one.line for one in self.obstacles)
        return f"set -euf\nobstacles={shlex.quote(lines)}\n{LOOK}{_REMOVE}"

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> PlannedMend:
        """Those that host data describe.

        Raises:
            PlannedMendError: they are missing or malformed.
        """
        return cls(obstacles=lines_of(data.get("obstacles")))


def data_of(obstacles: Sequence[Obstacle]) -> str:
    """Obstacles as one text for a fact, and for host data."""
    return json.dumps([one.line for one in obstacles], ensure_ascii=False)


def lines_of(text: object) -> tuple[Obstacle, ...]:
    """The obstacles in a text that `data_of` made.

    Raises:
        PlannedMendError: it is malformed.
    """
    try:
        if not isinstance(text, str):
            raise PlannedMendError("obstacles are not a text")
        return tuple(map(obstacle_of, decode(text.encode(), list[str])))
    except ValueError as error:
        raise PlannedMendError(f"obstacles are malformed: {error}") from error


LOOK = r"""
refuse() {
  printf 'refused: got %s, expected %s; nothing was removed\n' "$1" "$2" >&2
  exit 64
}
fail() {
  printf 'failed: %s\n' "$1" >&2
  exit 1
}
newline='
'
tab=$(printf '\t')
# route_there TYPE NET WORDS…: whether the host has exactly this route; refuses another to this net.
route_there() {
  says="$*" listed=''
  for type in blackhole unreachable prohibit; do
    for family in -4 -6; do
      more=$(ip -o "$family" route show table all type "$type") ||
        fail 'ip does not tell the routes'
      listed="$listed$newline$more"
    done
  done
  listed=$(printf '%s\n' "$listed" | sed 's/ *$//')$newline
  case $listed in *"$newline$says$newline"*) return 0 ;; esac
  case $listed in
    *" $2$newline"* | *" $2 "*) refuse "another route to $2" "route $says" ;;
  esac
  return 1
}
# rule_there FAMILY TABLE CHAIN HANDLE TEXT: whether the rule of this number has this text.
rule_there() {
  if ! listed=$(nft -s -a list chain "$1" "$2" "$3" 2>/dev/null); then
    nft list tables >/dev/null || fail 'nft does not tell the rules'
    return 1
  fi
  found=$(printf '%s\n' "$listed" | sed -n "s/^[ $tab]*\(.*\) # handle $4\$/\1/p")
  [ -n "$found" ] || return 1
  [ "$found" = "$5" ] || refuse "rule $found" "rule $5"
}
# link_there DEVICE ADDRESS: whether the interface is still set down, with this address.
link_there() {
  shown=$(ip -o link show dev "$1") || refuse "no interface $1" "one that is down"
  case $shown in
    *'<UP,'* | *',UP,'* | *',UP>'* | *'<UP>'*) return 1 ;;
  esac
  case " $(ip -o address show dev "$1" | tr '\n' ' ') " in
    *" $2 "*) ;;
    *) refuse "$1 without $2" "$1 with $2" ;;
  esac
}
# there LINE: whether this obstacle is as planned; 1 if it is gone.
there() {
  case $1 in
    'rule '*)
      rest=${1#rule }
      family_=${rest%% *} rest=${rest#* }
      table_=${rest%% *} rest=${rest#* }
      chain_=${rest%% *} rest=${rest#* }
      handle_=${rest%% *} rest=${rest#* }
      rule_there "$family_" "$table_" "$chain_" "$handle_" "${rest#* }"
      ;;
    'route '*) route_there ${1#route } ;;
    'link '*) link_there ${1#link } ;;
  esac
}
"""
"""What an obstacle is compared with. Needs `set -f`: words of a line are split at blanks."""

_REMOVE = r"""
remove() {
  case $1 in
    'rule '*) nft delete rule "$family_" "$table_" "$chain_" handle "$handle_" ;;
    'link '*)
      set -- ${1#link }
      ip link set dev "$1" up
      ;;
    'route '*)
      set -- ${1#route }
      case $2 in *:*) family=-6 ;; *) family=-4 ;; esac
      case " $* " in
        *' error '*)
          before="$*" after="$*"
          before=${before%% error *} after=${after#* error }
          case $after in *' '*) after=${after#* } ;; *) after='' ;; esac
          set -- $before $after
          ;;
      esac
      ip "$family" route del "$@"
      ;;
  esac
}
# 1
while IFS= read -r line; do there "$line" || :; done <<END
$obstacles
END
# 2
removed=0
while IFS= read -r line; do
  there "$line" || continue
  remove "$line" || fail "$line was not removed, after $removed others"
  ! there "$line" || fail "$line is there still, after it was removed"
  removed=$((removed + 1))
  printf 'removed: %s\n' "$line"
done <<END
$obstacles
END
if [ "$removed" -gt 0 ]; then
  printf 'removed: %s in all, each as planned\n' "$removed"
else
  printf 'already so: none of them is there\n'
fi
"""

"""The shell programs that bring back the program that an install replaced. Pure: values to text.

An install that did not come to its goal is taken back by an install of the former program, which
the host keeps by its hash, with three differences:

1. It is refused where the new program has acted: the state that it made of the block is not handed
   to another program. The application tells its height while the node answers; the sign state tells
   it afterwards, because a key signs above a block only when that was executed.
2. The former program failed at the block, so it may fail there again: a unit that does not stay
   active is told, and is no failure.
3. Whether the unit was restarted since does not matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from remediations.systems.comet.install import INSTALL_PARTS, PlannedInstall, install_variables
from remediations.systems.comet.install_below import BELOW_PARTS, PlannedBelow, below_variables
from remediations.systems.comet.planned import PlannedNode, PlannedNodeError
from remediations.systems.hosts.unit_program import compose
from remediations.values.names import RPC


def _rpc_of(data: Mapping[str, object]) -> str:
    """The RPC of the node.

    Raises:
        PlannedNodeError: it is missing or malformed.
    """
    rpc = data.get("rpc")
    if not isinstance(rpc, str) or not RPC.fullmatch(rpc):
        raise PlannedNodeError(f"rpc is {rpc!r}, not a URL, as http://127.0.0.1:26657")
    return rpc


@dataclass(frozen=True, kw_only=True)
class PlannedFormer:
    """The way back of an install: in `install` the former program is the one that is installed, and
    `stands_at` of the node is the block at which the new one acts first."""

    install: PlannedInstall
    rpc: str

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> PlannedFormer:
        """What host data describe.

        Raises:
            PlannedNodeError: a field is missing or malformed.
        """
        return cls(install=PlannedInstall.from_data(data), rpc=_rpc_of(data))

    @classmethod
    def from_words(cls, words: Mapping[str, str]) -> PlannedFormer:
        """What strings describe, as a JSON document has them.

        Raises:
            PlannedNodeError: a field is missing or malformed.
        """
        return cls(install=PlannedInstall.from_words(words), rpc=_rpc_of(words))


@dataclass(frozen=True, kw_only=True)
class PlannedFormerBelow:
    """The same below cosmovisor, for a program that took the place of the one in use."""

    below: PlannedBelow
    rpc: str

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> PlannedFormerBelow:
        """What host data describe.

        Raises:
            PlannedNodeError: a field is missing or malformed.
        """
        return cls(below=PlannedBelow.from_data(data), rpc=_rpc_of(data))

    @classmethod
    def from_words(cls, words: Mapping[str, str]) -> PlannedFormerBelow:
        """What strings describe, as a JSON document has them.

        Raises:
            PlannedNodeError: a field is missing or malformed.
        """
        return cls(below=PlannedBelow.from_words(words), rpc=_rpc_of(words))


_ACTED = r"""
new_has_not_acted() {
  [ "$stands_at" -gt 0 ] || refuse "no block at which the new program acts" "one"
  [ -z "$address" ] || [ "$height" -le "$stands_at" ] ||
    refuse "$found: the new program executed block $stands_at" "a chain that stands there"
  answer=$(curl -q -sSg --proto =http --noproxy '*' --max-time 2 "$rpc/abci_info" 2>/dev/null |
    head -c 4000 | tr -d '\n ') || answer=
  case $answer in *'"last_block_height":"'*) ;; *) return 0 ;; esac
  applied=${answer#*'"last_block_height":"'}
  applied=${applied%%\"*}
  case $applied in
    '' | *[!0-9]*) refuse "an application at an unreadable height" "one below $stands_at" ;;
  esac
  [ "${#applied}" -le 18 ] && [ "$applied" -lt "$stands_at" ] ||
    refuse "an application at $applied: the new program acted" "one below $stands_at"
}
start_again() {
  systemctl reset-failed "$unit" || :
  timeout "$start_limit" systemctl start "$unit" || fail "systemctl start $unit ended with $?"
  sleep 1
  printf 'started again: %s is %s\n' "$unit" "$(show ActiveState)"
}
"""

_MAIN = r"""
unit_as_planned
not_held
key_as_planned
sign_state_not_lower
program_as_planned
if [ "$present" = "$sha256" ] && running; then
  printf 'already so: %s runs the former program\n' "$unit"
  exit 0
fi
new_has_not_acted
room_left
data_found
if [ "$present" != "$sha256" ]; then
  staged_as_planned
  for_this_platform
  copy_beside
  answers_here
fi
acted=yes
stop
key_as_planned
sign_state_not_lower
new_has_not_acted
if [ "$present" != "$sha256" ]; then
  mv "$copy" "$path"
  sync "${directory:-/}"
  printf 'put back: %s, %s\n' "$path" "$version"
fi
start_again
"""

_BELOW_MAIN = r"""
root=$home/cosmovisor
unit_as_planned
wrapper_as_planned
not_held
key_as_planned
sign_state_not_lower
upgrade_info_as_planned
current_as_planned
place_as_planned
if [ "$present" = "$sha256" ] && runs_below; then
  printf 'already so: %s runs the former program\n' "$unit"
  exit 0
fi
new_has_not_acted
room_left
data_found
if [ "$present" != "$sha256" ]; then
  staged_as_planned
  for_this_platform
  place_writable
  copy_below
  answers_here
fi
acted=yes
stop
key_as_planned
sign_state_not_lower
upgrade_info_as_planned
new_has_not_acted
[ "$present" = "$sha256" ] || put
start_again
"""


def put_former_back_text(former: PlannedFormer) -> str:
    """Stops the unit, puts the former program in the place of the new one, and starts the unit."""
    variables = install_variables(former.install) | _own(former.install.node, former.rpc)
    return compose(variables, (*INSTALL_PARTS, _ACTED, _MAIN))


def put_former_back_below_text(former: PlannedFormerBelow) -> str:
    """The same where cosmovisor starts the program."""
    variables = below_variables(former.below) | _own(former.below.node, former.rpc)
    return compose(variables, (*BELOW_PARTS, _ACTED, _BELOW_MAIN))


def _own(node: PlannedNode, rpc: str) -> dict[str, str | int]:
    return {"stands_at": node.stands_at, "rpc": rpc}

"""The shell program that takes back a replacement of databases, whole or half (`copy_programs.py`).

The node is held. What came with the copy is moved aside, and what was moved aside comes back; both
at most once for each name, in an order in which a program that was cut off is finished by the next
one. Key, sign state and write-ahead log are in neither.
"""

from __future__ import annotations

from remediations.systems.comet.copy_programs import NAMES, aside_of
from remediations.systems.comet.data_copy import PlannedReplacement
from remediations.systems.comet.program_parts import (
    GUEST,
    HOLDER,
    KEY,
    SIGN_STATE,
    UNIT,
    node_variables,
)
from remediations.systems.hosts.hold import HELD, HOLD
from remediations.systems.hosts.unit_program import compose

PUT_BACK_LIMIT_S = 300
"""Renames and one removal, on a busy disk."""

# $1 DIRECTORY, $2 INCOMING, $3 ASIDE, $4 TAKEN, $5 the names that came. As long as not all was
# moved aside (no .all), nothing of the copy has come.
SWAP_BACK = r"""
data=$1 incoming=$2 aside=$3 taken=$4
umask 077
mkdir -p "$taken"
if [ -e "$aside/.all" ] && [ ! -e "$taken/.all" ]; then
  for name in $5; do
    [ ! -e "$data/$name" ] || [ -e "$taken/$name" ] || mv "$data/$name" "$taken/$name"
  done
  sync "$data" "$taken"
  true >"$taken/.all"
  sync "$taken/.all" "$taken"
fi
for one in "$aside"/*; do
  [ ! -e "$one" ] || mv "$one" "$data/"
done
sync "$data"
rm -rf "$aside" "$incoming" "$taken"
sync "$data"
"""

_MAIN = r"""
unit_as_planned
held_and_stopped
if ! has_note "replacing:$sha256"; then
  printf 'already so: nothing was replaced by the copy %s\n' "$sha256"
  exit 0
fi
key_as_planned
sign_state_not_lower
data_found
nobody_holds
forget "replaced:$sha256" # from here on it is a half, which nobody lets go
as_user sh -euc "$swap_back" sh "$data" "$data/remediate-incoming" "$aside" \
  "$data/remediate-undone" "$(copied_names "$data") snapshots" ||
  fail "the databases cannot be moved back"
sign_state_not_lower
for name in application.db blockstore.db state.db; do
  [ -d "$data/$name" ] || fail "no directory $data/$name after that"
done
forget "replacing:$sha256"
note "put-back:$sha256"
printf 'put back: the databases that were there before\n'
"""


def put_back_note(sha256: str) -> str:
    """What the hold says of a node that got its own databases back."""
    return f"put-back:{sha256}"


def put_back_text(replacement: PlannedReplacement) -> str:
    """Brings the databases back that were moved aside for a copy. The node stays held."""
    variables = node_variables(replacement.node) | {
        "sha256": replacement.sha256,
        "aside": aside_of(replacement),
        "swap_back": SWAP_BACK.strip("\n"),
    }
    parts = (UNIT, HELD, HOLD, GUEST, KEY, SIGN_STATE, HOLDER, NAMES)
    return compose(variables, (*parts, _MAIN))

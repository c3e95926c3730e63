"""The shell programs of a coordinated soft rollback: hold a node, roll it back, let it go.

A soft rollback takes back the *execution* of the newest block, and keeps the block: it is executed
again at the next start, and nothing is signed anew (docs/rules/hazards.md#hard-rollback). The
daemon's `rollback` takes no height, ignores one that is given, ends with 0 also where nothing was
taken back, and does one block however often it is called. So neither its exit status nor a count of
calls proves anything: only the line that it prints, once both halves are done, is compared with
what was approved.
"""

from __future__ import annotations

from remediations.systems.comet.planned import PlannedNode
from remediations.systems.comet.program_parts import (
    DISK,
    GUEST,
    HOLDER,
    KEY,
    SIGN_STATE,
    START,
    STOP,
    UNIT,
    node_variables,
    stop_variables,
)
from remediations.systems.comet.surroundings import PROGRAM, SURROUNDINGS
from remediations.systems.hosts.hold import HELD, HOLD
from remediations.systems.hosts.unit_program import compose

ROLLBACK_LIMIT_S = 4 * 3600
"""A rollback builds the index of every store anew, which takes hours on a big one (cosmos-sdk
#13744). To end it in its middle would leave half of it done, so the limit is wide."""

# What the key signed above the block says whether the block may get another result: a precommit for
# a block above it was given to the old one, and a node that then computes another panics when it
# replays its log, again and again (docs/rules/guards.md#g48).
STANDS = r"""
stands_as_planned() {
  [ -n "$address" ] && [ "$stands_at" -gt 0 ] || return 0
  [ "$height" -le $((stands_at + 1)) ] ||
    refuse "$found: the chain went on" "a chain that stands at $stands_at"
}
nothing_precommitted() {
  [ -n "$address" ] && [ "$height" -eq $((stands_at + 1)) ] && [ "$step" -eq 3 ] || return 0
  signed=${state#*'"signbytes":"'}
  signed=$(printf %s "${signed%%\"*}" | tr a-f A-F)
  case $signed in
    [0-7]?080211*) signed=${signed#??080211} ;;
    [89A-F]???080211*) signed=${signed#????080211} ;;
    *) refuse "$found, without the bytes that were signed" "a precommit for nil" ;;
  esac
  signed=${signed#????????????????}
  case $signed in 19*) signed=${signed#19????????????????} ;; esac
  case $signed in
    2A*) ;;
    *) refuse "$found, a precommit for a block" "a precommit for nil" ;;
  esac
}
"""

_HOLD_MAIN = r"""
unit_as_planned
now=$(show ActiveState)
if is_held && { [ "$now" = inactive ] || [ "$now" = failed ]; }; then
  printf 'already so: %s is stopped and held\n' "$unit"
  exit 0
fi
if [ -n "$invocation" ] && [ "$(show InvocationID)" != "$invocation" ]; then
  refuse "$unit restarted since" "the invocation $invocation"
fi
key_as_planned
sign_state_not_lower
stands_as_planned
data_found
acted=yes
hold_unit
stop
printf 'held: %s is stopped, and nothing starts it\n' "$unit"
"""

_ROLLBACK_MAIN = r"""
note=rolled-back:$target:$header_hash
unit_as_planned
held_and_stopped
if has_note "$note"; then
  printf 'already so: rolled back to height %s\n' "$target"
  exit 0
fi
key_as_planned
sign_state_not_lower
stands_as_planned
nothing_precommitted
room_left
data_found
nobody_holds
program_found
group=$(show Group)
# As root it would leave files that the daemon cannot open.
in_surroundings ${user:+-p "User=$user"} ${group:+-p "Group=$group"} \
  -- "$program" rollback --home "$home"
printed=$(printf %s "$said" |
  grep -aoE 'Rolled back state to height [0-9]{1,18} and hash [0-9A-Fa-f]*' | tail -n 1)
[ "$printed" = "Rolled back state to height $target and hash $header_hash" ] ||
  fail "the rollback says ${printed:-$(printf %s "$said" | tail -n 3 | tr '\n' ' ')}, \
expected height $target and hash $header_hash"
sign_state_not_lower
note "$note"
printf 'rolled back: height %s, app hash %s; block %s will be executed again\n' \
  "$target" "$header_hash" "$stands_at"
"""

LET_GO = r"""
let_go_and_start() {
  half=$(sed -n 's/^# note: replacing://p' "$hold" | tail -n 1)
  [ -z "$half" ] || has_note "replaced:$half" ||
    refuse "$unit with half of the databases replaced" "all of them, by a plan with --data $half"
  key_as_planned
  sign_state_not_lower
  room_left
  data_found
  nobody_holds
  acted=yes
  let_go
  start
}
"""

_RELEASE_MAIN = r"""
unit_as_planned
if ! is_held && [ "$(show ActiveState)" = active ]; then
  printf 'already so: %s is active\n' "$unit"
  exit 0
fi
held_and_stopped
if [ -z "$copy" ] && [ "$stands_at" -gt 0 ] && ! has_note "rolled-back:$target:$header_hash"; then
  refuse "$unit not rolled back to $target" "rolled back"
fi
[ -z "$copy" ] || has_note "replaced:$copy" ||
  refuse "$unit without the databases of $copy" "those of the copy"
let_go_and_start
"""

_UNHOLD_MAIN = r"""
unit_as_planned
now=$(show ActiveState)
if ! is_held; then
  printf 'already so: nobody holds %s, which is %s\n' "$unit" "$now"
  exit 0
fi
case $now in
  active | activating | reloading)
    acted=yes
    let_go
    printf 'let go: %s, which is %s\n' "$unit" "$now"
    exit 0
    ;;
esac
held_and_stopped
let_go_and_start
"""


def rolled_back_note(node: PlannedNode) -> str:
    """What the hold says of a node that was rolled back."""
    return f"rolled-back:{node.stands_at - 1}:{node.header_hash}"


def hold_text(node: PlannedNode) -> str:
    """Stops the unit, waits until its process and its database locks are gone, and keeps everybody
    from starting it. Refuses where the chain has gone on since it was planned."""
    parts = (UNIT, HELD, HOLD, GUEST, KEY, SIGN_STATE, STANDS, HOLDER, STOP, _HOLD_MAIN)
    return compose(_variables(node) | stop_variables(node), parts)


def rollback_text(node: PlannedNode) -> str:
    """Takes back the execution of the block at `stands_at`, and compares what the daemon's program
    printed with the height below it and `header_hash`.

    Raises:
        ValueError: the node has no height, or no hash.
    """
    if node.stands_at < 2 or not node.header_hash:
        raise ValueError(f"nothing to roll back: stands at {node.stands_at}, {node.header_hash!r}")
    parts = (UNIT, HELD, HOLD, GUEST, KEY, SIGN_STATE, STANDS, DISK, HOLDER, PROGRAM, SURROUNDINGS)
    variables = _variables(node) | {"run_limit": ROLLBACK_LIMIT_S}
    return compose(variables, (*parts, _ROLLBACK_MAIN))


def release_text(node: PlannedNode) -> str:
    """Takes the hold away, and starts the unit, after every check that a start needs. A node that
    has a height must have been rolled back; one that has a copy must have its databases."""
    parts = (UNIT, HELD, HOLD, GUEST, KEY, SIGN_STATE, DISK, HOLDER, START, LET_GO, _RELEASE_MAIN)
    return compose(_variables(node) | {"copy": node.copy}, parts)


def unhold_text(node: PlannedNode) -> str:
    """Takes back a hold: the unit is started after every check that a start needs, whatever was
    done while it was held. Of one that was not stopped the hold alone is taken away."""
    parts = (UNIT, HELD, HOLD, GUEST, KEY, SIGN_STATE, DISK, HOLDER, START, LET_GO, _UNHOLD_MAIN)
    return compose(node_variables(node), parts)


def _variables(node: PlannedNode) -> dict[str, str | int]:
    return node_variables(node) | {
        "stands_at": node.stands_at,
        "target": node.stands_at - 1,
        "header_hash": node.header_hash,
    }

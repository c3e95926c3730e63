"""The shell programs of a state sync: databases are set aside, [statesync] is turned on and off
again, and the databases of before come back.

What is set aside is moved as for a copy (`copy_programs.py`), with nothing in its place: a node
with a state skips state sync. Key, sign state, write-ahead log and address book stay where they are
(docs/rules/hazards.md#lowered-sign-state), and so does `upgrade-info.json`.
"""

from __future__ import annotations

from remediations.systems.comet.configure import EDIT, KEPT, SETTINGS, WRITE
from remediations.systems.comet.copy_programs import NAMES, SWAP
from remediations.systems.comet.program_parts import (
    DISK,
    HOLDER,
    KEY,
    LOOK_LIMIT_S,
    SIGN_STATE,
    STOP,
    UNIT,
    node_variables,
    stop_variables,
)
from remediations.systems.comet.put_back import PUT_BACK_LIMIT_S, SWAP_BACK
from remediations.systems.comet.state_sync import SETTINGS as SYNC_NAMES
from remediations.systems.comet.state_sync import PlannedSync
from remediations.systems.hosts.guest import SYNC_SETTINGS, guest_functions
from remediations.systems.hosts.hold import HELD, HOLD
from remediations.systems.hosts.unit_program import compose

SET_ASIDE_LIMIT_S = 120
"""Renames within one directory, on a busy disk."""
SYNC_SETTINGS_LIMIT_S = 90
"""With an answer of each RPC server."""
RESTORE_LIMIT_S = PUT_BACK_LIMIT_S
"""Beside the stop of the unit."""

_GUEST = f"""
{guest_functions(LOOK_LIMIT_S, SYNC_SETTINGS)}
served_by "${{user:-root}}"
"""

_NAMES = r"""
synced_names() { # what state sync makes anew
  copied_names "$1" | grep -vxF upgrade-info.json || :
  ! as_user test -d "$1/snapshots" || echo snapshots
}
"""

_SET_ASIDE_MAIN = r"""
unit_as_planned
held_and_stopped
if has_note "replaced:$key_of"; then
  printf 'already so: the databases are in %s\n' "$aside"
  exit 0
fi
key_as_planned
sign_state_not_lower
room_left
data_found
nobody_holds
incoming=$data/remediate-incoming
if ! has_note "replacing:$key_of"; then
  databases_inside
  note "replacing:$key_of"
fi
as_user sh -euc 'rm -rf "$1"; umask 077; mkdir "$1"' sh "$incoming" || fail "no $incoming"
as_user sh -euc "$swap" sh "$data" "$incoming" "$aside" "$(synced_names "$data")" '' ||
  fail "the databases cannot be moved"
sign_state_not_lower
note "replaced:$key_of"
printf 'set aside: the databases are in %s\n' "$aside"
"""

# What was set aside comes back whatever the node does by now: one that runs is held first, and let
# go at the end. It may fail again then, as it did before.
_BRING_BACK_MAIN = r"""
aside_is_there() { as_user test -e "$aside"; }
own="back:$key_of"
unit_as_planned
data_found
if ! is_held; then
  if ! aside_is_there; then
    printf 'already so: nothing is set aside in %s\n' "$aside"
    exit 0
  fi
  key_as_planned
  sign_state_not_lower
  hold_unit
  note "$own"
fi
if has_note "$own"; then
  case $(show ActiveState) in inactive | failed) ;; *) stop ;; esac
fi
held_and_stopped
if aside_is_there || has_note "replacing:$key_of"; then
  key_as_planned
  sign_state_not_lower
  nobody_holds
  has_note "replacing:$key_of" || note "replacing:$key_of"
  forget "replaced:$key_of" # from here on it is a half, which nobody lets go
  as_user sh -euc "$swap_back" sh "$data" "$data/remediate-incoming" "$aside" \
    "$data/remediate-undone" "$(synced_names "$data")" ||
    fail "the databases cannot be moved back"
  sign_state_not_lower
  for name in application.db blockstore.db state.db; do
    [ -d "$data/$name" ] || fail "no directory $data/$name after that"
  done
  forget "replacing:$key_of"
fi
if has_note "$own"; then
  let_go
  systemctl reset-failed "$unit" || :
  timeout "$start_limit" systemctl start "$unit" || :
fi
printf 'put back: the databases that were there before\n'
"""

_SYNC_SETTINGS_MAIN = r"""
word_of() { # WORDS NAME: sets word
  for word in $1; do
    case $word in "$2="*) word=${word#*=}; return 0 ;; esac
  done
  refuse "no $2 in $1" "a plan with it"
}
stands() { # NAME: sets value to what the file has
  value=$(printf '%s\n' "$told" | sed -n "s/^$1=//p")
  case $value in
    '' | '?' | *'
'*) refuse "$1 = ${value:-nothing} below [statesync]" "one plain value" ;;
  esac
}
plain() { printf '%s' "$1" | sed 's/[.]/[.]/g'; }
add() { # NAME OLD NEW: checks one setting, and adds what changes it
  file_decides "$1" "statesync.$1" "STATESYNC_$(printf '%s' "$1" | tr a-z A-Z)"
  stands "$1"
  [ "$value" != "$3" ] || return 0
  [ "$value" = "$2" ] || refuse "$1 = $value below [statesync]" "$2"
  blank='[[:space:]]*'
  where="/^$blank\\[statesync\\]$blank(#.*)?\$/,/^$blank\\[/"
  forward="$forward${where}s@^($blank$1$blank=$blank)$(plain "$2")($blank(#.*)?)\$@\\1$3\\2@
"
  back="$back${where}s@^($blank$1$blank=$blank)$(plain "$3")($blank(#.*)?)\$@\\1$2\\2@
"
  changed="$changed${changed:+, }$1 = $3"
}
trusted_by() { # URL: the RPC there shows the trusted block
  answer=$(setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs -- \
    curl -q -sSg --proto =http --noproxy '*' --max-time 10 \
    "$1/commit?height=$trust_height" 2>&1 | head -c 4000000 | tr -d ' \n')
  case $answer in
    *'"chain_id":"'"$chain_id"'","height":"'"$trust_height"'"'*) ;;
    *) refuse "no block $trust_height of $chain_id at $1" "an RPC server that has it" ;;
  esac
  shown=$(printf '%s' "$answer" | grep -aoE \
    '"commit":\{"height":"[0-9]+","round":[0-9]+,"block_id":\{"hash":"[0-9A-Fa-f]{64}"' |
    grep -aoE '[0-9A-Fa-f]{64}' | tr a-f A-F)
  [ "$shown" = "$trust_hash" ] ||
    refuse "block $trust_height ${shown:-without a hash} at $1" "$trust_hash"
}
unit_as_planned
status=0
told=$(guest sync_settings "$home/config/config.toml" 2>&1) || status=$?
[ "$status" = 0 ] || refuse "config.toml not read: $told" "$home/config/config.toml"
changed='' forward='' back=''
for name in $names; do
  word_of "$before" "$name"
  was=$word
  word_of "$after" "$name"
  add "$name" "$was" "$word"
done
if [ -z "$changed" ]; then
  printf 'already so: [statesync] of %s is as planned\n' "$unit"
  exit 0
fi
for url in $servers; do
  trusted_by "$url"
done
write config.toml
printf 'set: %s\n' "$changed"
"""


def set_aside_text(sync: PlannedSync) -> str:
    """Moves the databases of a node that is held aside, with nothing in their place."""
    variables = node_variables(sync.node) | {
        "key_of": sync.key,
        "aside": sync.aside,
        "swap": SWAP.strip("\n"),
    }
    parts = (UNIT, HELD, HOLD, _GUEST, KEY, SIGN_STATE, DISK, HOLDER, NAMES, _NAMES)
    return compose(variables, (*parts, _SET_ASIDE_MAIN))


def bring_back_text(sync: PlannedSync) -> str:
    """Brings back what was set aside, whole or half. What state sync made meanwhile is removed. A
    node that is not held is stopped for it, and started again."""
    variables = node_variables(sync.node) | stop_variables(sync.node) | {
        "key_of": sync.key,
        "aside": sync.aside,
        "swap_back": SWAP_BACK.strip("\n"),
    }  # fmt: skip
    parts = (UNIT, HELD, HOLD, _GUEST, KEY, SIGN_STATE, HOLDER, STOP, NAMES, _NAMES)
    return compose(variables, (*parts, _BRING_BACK_MAIN))


def sync_settings_text(sync: PlannedSync) -> str:
    """Turns state sync on, once every RPC server has shown the trusted block to this host; or puts
    the settings back. Starts nothing: they are read at the next start."""
    node = sync.node
    before, after = sync.settings, sync.turned_on
    variables: dict[str, str | int] = {
        "unit": node.unit,
        "home": node.home,
        "user": node.user,
        "chain_id": sync.chain_id,
        "trust_height": sync.trust_height,
        "trust_hash": sync.trust_hash,
        "names": " ".join(SYNC_NAMES),
        "before": before if sync.on else after,
        "after": after if sync.on else before,
        "servers": sync.servers.replace(",", " ") if sync.on else "",
        "kept": KEPT,
    }
    parts = (UNIT, _GUEST, SETTINGS, EDIT, WRITE, _SYNC_SETTINGS_MAIN)
    return compose(variables, parts)

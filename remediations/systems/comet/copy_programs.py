"""The shell programs that copy a node's databases, and put a copy in the place of others.

The donor stands still for as long as its files are linked, not for as long as they are read: tables
of a database (`*.ldb`, `*.sst`, `*.blob`) are never written again once they are there, so a hard
link is a copy of them. All else (logs, manifests) is small, and copied. The archive is made from
that when the donor runs again.

What is replaced is moved aside, never deleted. Key, sign state, write-ahead log and address book
stay where they are; none of them is in a copy (docs/rules/hazards.md#lowered-sign-state).
"""

from __future__ import annotations

from remediations.systems.comet.data_copy import ABOUT_BYTES, PlannedCopy, PlannedReplacement
from remediations.systems.comet.install import FILES
from remediations.systems.comet.program_parts import (
    CHECK_LIMIT_S,
    DISK,
    GUEST,
    HOLDER,
    KEY,
    LOCK_LIMIT_S,
    SIGN_STATE,
    START,
    START_LIMIT_S,
    STOP,
    STOP_MARGIN_S,
    UNIT,
    node_variables,
    stop_variables,
)
from remediations.systems.comet.rollback_programs import STANDS
from remediations.systems.hosts.hold import HELD, HOLD
from remediations.systems.hosts.unit_program import compose

ARCHIVE_LIMIT_S = 4 * 3600
"""For reading, hashing and writing what may be hundreds of gigabytes."""
COPY_LIMIT_S = (2 * CHECK_LIMIT_S + STOP_MARGIN_S + LOCK_LIMIT_S + START_LIMIT_S) + ARCHIVE_LIMIT_S
"""All but the stop."""
REPLACE_LIMIT_S = CHECK_LIMIT_S + ARCHIVE_LIMIT_S
# What a copy has: never more than these, whatever lies beside them. The home is the service user's:
# all that is done in it is done with the rights of that user.
NAMES = r"""
copied_names() { # DIRECTORY: the databases, and what the application keeps beside them
  find "$1" -mindepth 1 -maxdepth 1 -regextype posix-extended \
    \( -type d -regex '.*/([A-Za-z0-9_-]+[.]db|wasm|ibc_08-wasm)' \
    -o -type f -name upgrade-info.json \) -printf '%f\n' | sort
}
databases_inside() {
  where=$(as_user timeout 5 head -c 262144 "$home/config/config.toml" |
    sed -nE 's/^[[:space:]]*db_dir[[:space:]]*=[[:space:]]*([^[:space:]#]*).*/\1/p' | head -n 1)
  case $where in
    '' | '"data"' | "'data'") ;;
    *) refuse "databases in $where" "in $home/data" ;;
  esac
}
room_in() { # DIRECTORY KIB
  spare=$(df -k --output=avail "$1" | tail -n 1 | tr -d ' ')
  case $spare in '' | *[!0-9]*) refuse "free space that cannot be read" "$2 KiB" ;; esac
  [ "$spare" -ge "$2" ] || refuse "$spare KiB free in $1" "$2 KiB"
}
as_user() {
  setpriv --reuid "${user:-root}" --regid "$(id -g "${user:-root}")" --init-groups --no-new-privs \
    -- "$@"
}
"""

# $1 DIRECTORY, $2 SNAPSHOT, then the names.
_LINK = r"""
data=$1 snapshot=$2
shift 2
rm -rf "$snapshot"
umask 077
mkdir "$snapshot"
cd "$data"
for name; do
  [ ! -f "$name" ] || cp -P "$name" "$snapshot/"
  [ -d "$name" ] || continue
  find "./$name" -type d -exec sh -c 'cd "$0" && mkdir -p "$@"' "$snapshot" {} +
  find "./$name" -type f \( -name '*.ldb' -o -name '*.sst' -o -name '*.blob' \) \
    -exec cp -lP --parents -t "$snapshot" {} +
  find "./$name" -type f ! -name '*.ldb' ! -name '*.sst' ! -name '*.blob' ! -name LOCK \
    -exec cp -P --parents -t "$snapshot" {} +
done
printf '%s' "$ABOUT" >"$snapshot/about"
"""

_COPY = r"""
back() {
  trap - EXIT
  rm -f "$files/copy.new"
  as_user rm -rf "$snapshot"
  is_held || return 0
  let_go
  systemctl reset-failed "$unit" || :
  timeout "$start_limit" systemctl start "$unit" || :
}
archived() { # from the snapshot into a file; sets sum
  [ "$(stat -c %s "$snapshot/about")" -le "$block" ] || fail "what the copy says is too long"
  # shellcheck disable=SC2086 # names without blanks
  (umask 077; as_user tar --format=ustar --sort=name --owner=0 --group=0 --numeric-owner \
    --mtime=@0 -C "$snapshot" -cf - about $names >"$files/copy.new") || fail "tar ended with $?"
  sum=$(sha256sum <"$files/copy.new")
  sum=${sum%% *}
}
kept() { # under the name of its hash, and noted for whoever asks whether this copy was made
  sync "$files/copy.new"
  took=$(($(date +%s) - began))
  chmod 755 "$files/copy.new"
  mv "$files/copy.new" "$files/$sum"
  printf '%s\nseconds=%s\n' "$sum" "$took" >"$mark.new"
  sync "$mark.new"
  mv "$mark.new" "$mark"
  sync "$files"
}
"""

_COPY_MAIN = r"""
unit_as_planned
mkdir -p "$files"
if [ -f "$mark" ] && read -r sum <"$mark" && [ -f "$files/$sum" ]; then
  printf 'already so: the copy %s is there\n' "$sum"
  exit 0
fi
now=$(show ActiveState)
[ "$now" = active ] || refuse "$unit $now" "a donor that runs"
if [ -n "$invocation" ] && [ "$(show InvocationID)" != "$invocation" ]; then
  refuse "$unit restarted since" "the invocation $invocation"
fi
not_held
key_as_planned
sign_state_not_lower
stands_as_planned
data_found
databases_inside
names=$(copied_names "$data")
for name in application.db blockstore.db state.db; do
  [ -d "$data/$name" ] || refuse "no directory $data/$name" "the databases of a node"
done
room_left
snapshot=$data/remediate-copy
# shellcheck disable=SC2086 # names without blanks
bytes=$(cd "$data" && du -scb -- $names | tail -n 1 | cut -f 1)
room_in "$files" $((bytes / 1024 + floor))
trap back EXIT
trap 'exit 1' TERM INT HUP
hold_unit
stop
sign_state_not_lower
stands_as_planned
# shellcheck disable=SC2086 # names without blanks
ABOUT="$(printf '%sbytes=%s\n.' "$about" "$bytes")"
ABOUT=${ABOUT%.}
export ABOUT
# shellcheck disable=SC2086 # names without blanks
as_user sh -euc "$link" sh "$data" "$snapshot" $names || fail "the databases cannot be copied"
let_go
start
began=$(date +%s)
archived
kept
as_user rm -rf "$snapshot"
printf 'copied: %s, %s bytes, height %s, %s s to write and to hash\n' "$sum" "$bytes" "$at" "$took"
"""

# Members of the archive: directories and regular files below the names that a copy has.
_REPLACE = r"""
copy_as_planned() {
  copy=$files/$sha256
  [ -f "$copy" ] && [ ! -L "$copy" ] || refuse "no file $copy" "the copy, by \`remediate stage\`"
  got=$(sha256sum <"$copy")
  [ "${got%% *}" = "$sha256" ] || refuse "$copy with SHA-256 ${got%% *}" "$sha256"
  told=$(dd if="$copy" bs="$block" skip=1 count=1 2>/dev/null | tr -d '\000'; echo .)
  [ "${told%.}" = "$about" ] || refuse "a copy that says another thing" "what was planned"
  odd=$(tar -tvf "$copy" | grep -avE "$member" | head -n 1)
  [ -z "$odd" ] || refuse "a member that no copy has: $odd" "databases"
}
unpacked() {
  as_user sh -euc 'rm -rf "$1"; umask 077; mkdir "$1"' sh "$incoming" || fail "no $incoming"
  as_user tar -xf - --no-same-owner --no-same-permissions --anchored --exclude=about \
    -C "$incoming" <"$copy" || fail "tar ended with $?"
  for name in application.db blockstore.db state.db; do
    [ -d "$incoming/$name" ] || fail "the copy has no $name"
  done
  sync -f "$incoming"
}
"""

# $1 DIRECTORY, $2 INCOMING, $3 ASIDE, $4 the names that are moved aside, $5 those that come. Each
# name is moved at most once, and in this order, so that a step that was cut off is finished by the
# next one with the same copy.
SWAP = r"""
data=$1 incoming=$2 aside=$3
umask 077
mkdir -p "$aside"
if [ ! -e "$aside/.all" ]; then
  for name in $4; do
    [ ! -e "$data/$name" ] || [ -e "$aside/$name" ] || mv "$data/$name" "$aside/$name"
  done
  sync "$data" "$aside"
  true >"$aside/.all"
  sync "$aside/.all" "$aside"
fi
for name in $5; do
  mv "$incoming/$name" "$data/$name"
done
sync "$data"
rmdir "$incoming"
"""

_REPLACE_MAIN = r"""
unit_as_planned
held_and_stopped
if has_note "replaced:$sha256"; then
  printf 'already so: replaced by the copy %s\n' "$sha256"
  exit 0
fi
key_as_planned
sign_state_not_lower
stands_as_planned
[ "$stands_at" -eq 0 ] || nothing_precommitted
data_found
nobody_holds
incoming=$data/remediate-incoming aside=$data/remediate-replaced-$short
if ! has_note "replacing:$sha256"; then
  databases_inside
  copy_as_planned
  room_in "$data" $((bytes / 1024 + floor))
  unpacked
  note "replacing:$sha256"
fi
as_user sh -euc "$swap" sh "$data" "$incoming" "$aside" "$(copied_names "$data") snapshots" \
  "$(copied_names "$incoming")" || fail "the databases cannot be moved"
sign_state_not_lower
note "replaced:$sha256"
printf 'replaced: databases of %s at height %s; the former ones are in %s\n' "$donor" "$at" "$aside"
"""
_MEMBER = (
    r"^[-d][-rwx]{9} +[0-9a-z/]+ +[0-9]+ [0-9-]+ [0-9:]+ "
    r"(about|([A-Za-z0-9_-]+\.db|wasm|ibc_08-wasm)/([A-Za-z0-9_-][A-Za-z0-9_.-]*/?)*"
    r"|upgrade-info\.json)$"
)
"""A line of `tar -tv`: no link, no device, no bit but those of reading, writing and entering."""


def replaced_note(sha256: str) -> str:
    """What the hold says of a node whose databases were replaced by a copy."""
    return f"replaced:{sha256}"


def aside_of(replacement: PlannedReplacement) -> str:
    """Where the databases that are replaced are kept."""
    return f"{replacement.node.home}/data/remediate-replaced-{replacement.sha256[:12]}"


def copy_text(copy: PlannedCopy) -> str:
    """Stops the donor, links its databases, starts it again, and keeps an archive of them by its
    hash. Whatever fails after the stop, the donor is started again."""
    variables = node_variables(copy.node) | stop_variables(copy.node) | {
        "stands_at": copy.height if copy.app_hash else 0,
        "at": copy.height,
        "files": FILES,
        "mark": f"{FILES}/{copy.mark}",
        "about": copy.about,
        "block": ABOUT_BYTES,
        "link": _LINK.strip("\n"),
    }  # fmt: skip
    parts = (UNIT, HELD, HOLD, GUEST, KEY, SIGN_STATE, STANDS, DISK, HOLDER, STOP, START)
    return compose(variables, (*parts, NAMES, _COPY, _COPY_MAIN))


def replace_text(replacement: PlannedReplacement) -> str:
    """Puts the databases of a copy in the place of those of a node that is held."""
    node = replacement.node
    variables = node_variables(node) | {
        "stands_at": node.stands_at,
        "at": replacement.height,
        "donor": replacement.donor,
        "files": FILES,
        "sha256": replacement.sha256,
        "short": replacement.sha256[:12],
        "about": replacement.about,
        "bytes": replacement.bytes,
        "block": ABOUT_BYTES,
        "member": _MEMBER,
        "swap": SWAP.strip("\n"),
    }
    parts = (UNIT, HELD, HOLD, GUEST, KEY, SIGN_STATE, STANDS, HOLDER, NAMES)
    return compose(variables, (*parts, _REPLACE, _REPLACE_MAIN))

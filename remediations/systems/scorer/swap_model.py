"""The programs that exchange the model of a scoring service. Pure: from values to text.

A model is brought as one file: the contents of all its files in the order of their paths, whose
SHA-256 is the loader's hash of the model. So what was brought, what is approved and what a service
says it loaded have one name.

1. Everything is compared before anything is stopped: unit, process, the model that is there, the
   file that was brought.
2. The new model is written beside the old one, with the rights of whoever owns the directory of
   models, and its hash is computed by the loader's own rule, again from the disk.
3. The unit is stopped, the directories are renamed, the unit's files get the new hash where they
   named the old one, and the unit is started. The old model stays beside.
4. Units that were stopped with this one are started again, and have to be active. Where one would
   be stopped that the plan does not name, nothing is done.

Nothing of export_metadata.json is brought: it is no part of the hash.
"""

from __future__ import annotations

from remediations.systems.hosts.hold import HELD, hold_path
from remediations.systems.hosts.unit_parts import DEPENDANTS, DEPENDANTS_LIMIT_S, STOP
from remediations.systems.hosts.unit_program import compose
from remediations.systems.scorer.planned_model import PlannedModel

FILES = "/var/lib/remediate/files"
"""Where `systems/hosts/files.sh` keeps what was brought."""
COPY_LIMIT_S = 300
"""Writing and hashing what may be gigabytes, three times."""
START_LIMIT_S = 100
EXCHANGE_EXTRA_S = COPY_LIMIT_S + START_LIMIT_S + DEPENDANTS_LIMIT_S
"""Beside the time that the unit may take to stop."""
# All work is done relative to the directory of models, as whoever owns it: nobody who can write
# there leads root anywhere.
_PLACE = r"""
place_as_planned() {
  cd -P -- "${model%/*}" || refuse "no ${model%/*}" "a directory"
  [ "$(pwd -P)" = "${model%/*}" ] || refuse "$(pwd -P)" "${model%/*} itself, no link"
  name=${model##*/}
  owner=$(stat -c %u .) group=$(stat -c %g .)
  case $(stat -c %a .) in
    *[2367] | *[2367]?) refuse "a directory that others may write to" "${model%/*} of one owner" ;;
  esac
}
as_owner() {
  if [ "$owner" = 0 ]; then "$@"; else
    setpriv --reuid "$owner" --regid "$group" --clear-groups --no-new-privs -- "$@"
  fi
}
contents_of() { # DIRECTORY: as the loader reads them
  as_owner sh -euc 'cd -P -- "./$1"
    find . -type f ! -name export_metadata.json -printf "%P\0" | LC_ALL=C sort -z |
      xargs -0 -r cat --
  ' sh "$1"
}
hash_of() { # DIRECTORY
  [ -d "./$1" ] && [ ! -L "./$1" ] || { echo absent; return; }
  sum=$(contents_of "$1" | sha256sum)
  printf '%s' "${sum%% *}"
}
"""

_UNIT = r"""
unit_as_planned() {
  load=$(show LoadState)
  [ "$load" = loaded ] || refuse "$unit $load" "$unit loaded"
}
restarted_since() {
  [ "$(show ActiveState)" = active ] && [ "$(show InvocationID)" != "$invocation" ]
}
start() {
  systemctl reset-failed "$unit" 2>/dev/null || :
  timeout "$start_limit" systemctl start "$unit" || fail "systemctl start $unit ended with $?"
  sleep 1
  now=$(show ActiveState)
  [ "$now" = active ] || fail "$unit is $now after the start"
  printf 'started: %s is active\n' "$unit"
}
# expecting_files OLD: sets named to the unit's files that name this hash.
expecting_files() {
  named=
  [ -n "$1" ] || return 0
  for file in $(show FragmentPath) $(show DropInPaths); do
    grep -qF -- "$1" "$file" || continue
    case $file in
      *[!A-Za-z0-9_.@:/\\-]*) refuse "$file" "a file with a plain name" ;;
      /etc/systemd/system/*) named="$named $file" ;;
      *) refuse "the expected hash in $file" "in a file below /etc/systemd/system" ;;
    esac
  done
  [ -n "$named" ] || refuse "no file of $unit with the hash $1" "the file that has it"
}
expect() { # OLD NEW
  for file in $named; do
    sed "s/$1/$2/g" "$file" >"$file.remediate" && chmod --reference="$file" "$file.remediate"
    sync "$file.remediate"
    mv "$file.remediate" "$file"
    printf 'changed: %s expects %s\n' "$file" "$2"
  done
  [ -z "$named" ] || systemctl daemon-reload || fail "systemctl daemon-reload ended with $?"
}
"""

_STAGE = r"""
staged_as_planned() {
  [ -f "$files/$sha256" ] && [ ! -L "$files/$sha256" ] ||
    refuse "no file $files/$sha256" "the model, by \`remediate stage\`"
  sum=$(sha256sum <"$files/$sha256")
  [ "${sum%% *}" = "$sha256" ] || refuse "$files/$sha256 with SHA-256 ${sum%% *}" "$sha256"
}
room_for() { # FILE
  size=$(($(stat -c %s "$1") / 1024 + 65536))
  spare=$(df -k --output=avail . | tail -n 1 | tr -d ' ')
  case $spare in '' | *[!0-9]*) refuse "free space that cannot be read" "$size KiB" ;; esac
  [ "$spare" -ge "$size" ] || refuse "$spare KiB free in ${model%/*}" "$size KiB"
}
stage_beside() {
  fresh=.$name.remediate-new
  as_owner rm -rf -- "./$fresh"
  trap 'cd -P -- "${model%/*}" && as_owner rm -rf -- "./$fresh"' EXIT
  as_owner sh -euc 'umask 022
    mkdir -- "./$1"
    cd -P -- "./$1"
    exec 4<&0
    printf "%s\n" "$2" | tr ";" "\n" | while IFS= read -r line; do
      path=${line#* }
      case $path in */*) mkdir -p -- "${path%/*}" ;; esac
      head -c "${line%% *}" <&4 >"$path"
      sync "$path"
    done
    [ -z "$(head -c 1 <&4)" ] || { echo "more bytes than files" >&2; exit 1; }
  ' sh "$fresh" "$manifest" <"$files/$sha256" || refuse "files that cannot be written" "$sha256"
  found=$(hash_of "$fresh")
  [ "$found" = "$sha256" ] || refuse "a staged model with the hash $found" "$sha256"
  [ "$owner" != 0 ] || [ ! -d "./$name" ] || chown -hR --reference="./$name" "./$fresh"
}
"""

_SWAP_MAIN = r"""
unit_as_planned
dependants_as_planned
place_as_planned
present=$(hash_of "$name")
if [ "$present" = "$sha256" ] && restarted_since; then
  dependants_back
  printf 'already so: %s serves the planned model\n' "$unit"
  exit 0
fi
if [ -n "$invocation" ] && restarted_since; then
  refuse "$unit restarted since" "invocation $invocation"
fi
not_held
[ "$present" = "$sha256" ] || [ "$present" = "${replaces:-absent}" ] ||
  refuse "$model with the hash $present" "${replaces:-none}"
[ "$expects" = "$sha256" ] || expecting_files "$expects"
if [ "$present" != "$sha256" ]; then
  staged_as_planned
  room_for "$files/$sha256"
  stage_beside
fi
acted=yes
stop
if [ "$present" != "$sha256" ]; then
  if [ "$present" != absent ]; then
    aside=.$name.remediate-$(printf %.16s "$replaces")
    as_owner rm -rf -- "./$aside"
    as_owner mv -T -- "./$name" "./$aside"
  fi
  as_owner mv -T -- "./$fresh" "./$name"
  sync .
  printf 'exchanged: %s, the old model is kept beside\n' "$model"
fi
[ "$expects" = "$sha256" ] || expect "$expects" "$sha256"
start
dependants_back
"""

_BACK_MAIN = r"""
unit_as_planned
dependants_as_planned
place_as_planned
aside=.$name.remediate-$(printf %.16s "$replaces")
present=$(hash_of "$name")
if [ "$present" = "$replaces" ]; then
  printf 'already so: %s has the model of before\n' "$model"
  [ "$(show ActiveState)" = active ] || start
  dependants_back
  exit 0
fi
not_held
kept=$(hash_of "$aside")
[ "$kept" = "$replaces" ] || refuse "${model%/*}/$aside with the hash $kept" "$replaces"
[ "$present" = "$sha256" ] || [ "$present" = absent ] ||
  refuse "$model with the hash $present" "$sha256"
if [ -n "$expects" ] && [ "$expects" != "$sha256" ]; then
  case " $(show ExecStart) " in *"$expects"*) named= ;; *) expecting_files "$sha256" ;; esac
fi
acted=yes
stop
[ "$present" = absent ] || as_owner mv -T -- "./$name" "./.$name.remediate-undone"
as_owner mv -T -- "./$aside" "./$name"
[ "$present" = absent ] || as_owner rm -rf -- "./.$name.remediate-undone"
sync .
printf 'put back: %s\n' "$model"
[ -z "$expects" ] || [ "$expects" = "$sha256" ] || expect "$sha256" "$expects"
start
dependants_back
"""

_KEEP_MAIN = r"""
place_as_planned
if [ -f "$files/$sha256" ]; then
  sum=$(sha256sum <"$files/$sha256")
  if [ "${sum%% *}" = "$sha256" ]; then
    printf 'already so: %s keeps the model\n' "$files"
    exit 0
  fi
fi
umask 077
mkdir -p "$files"
rm -f "$files/$sha256.part"
size=0
for line in $(printf '%s\n' "$manifest" | tr ' ' ':' | tr ';' ' '); do
  size=$((size + ${line%%:*}))
done
need=$((size / 1024 + 65536))
spare=$(df -k --output=avail "$files" | tail -n 1 | tr -d ' ')
case $spare in '' | *[!0-9]*) refuse "free space that cannot be read" "$need KiB" ;; esac
[ "$spare" -ge "$need" ] || refuse "$spare KiB free below $files" "$need KiB"
trap 'rm -f "$files/$sha256.part"' EXIT
contents_of "$name" | head -c "$((size + 1))" >"$files/$sha256.part"
sum=$(sha256sum <"$files/$sha256.part")
[ "${sum%% *}" = "$sha256" ] || refuse "$model with the hash ${sum%% *}" "$sha256"
chmod 755 "$files/$sha256.part"
sync "$files/$sha256.part"
mv "$files/$sha256.part" "$files/$sha256"
sync "$files"
printf 'kept: %s\n' "$files/$sha256"
"""


def swap_text(planned: PlannedModel) -> str:
    """Stages the model beside, exchanges it, and starts the unit; one that serves it is left
    alone."""
    return _composed(planned, (HELD, DEPENDANTS, STOP, _PLACE, _UNIT, _STAGE, _SWAP_MAIN))


def put_back_text(planned: PlannedModel) -> str:
    """The model of before in its place again."""
    return _composed(planned, (HELD, DEPENDANTS, STOP, _PLACE, _UNIT, _BACK_MAIN))


def keep_text(planned: PlannedModel) -> str:
    """Keeps the model of a donor as one file, by its hash. Nothing is stopped."""
    return _composed(planned, (_PLACE, _KEEP_MAIN))


def _composed(planned: PlannedModel, parts: tuple[str, ...]) -> str:
    variables: dict[str, str | int] = {
        "unit": planned.unit,
        "hold": hold_path(planned.unit),
        "model": planned.model,
        "sha256": planned.sha256,
        "replaces": planned.replaces,
        "expects": planned.expects,
        "manifest": planned.manifest,
        "invocation": planned.invocation,
        "dependants": planned.dependants,
        "files": FILES,
        "stop_limit": planned.stop_limit_s,
        "start_limit": START_LIMIT_S,
        "dependants_limit": DEPENDANTS_LIMIT_S,
    }
    return compose(variables, parts)

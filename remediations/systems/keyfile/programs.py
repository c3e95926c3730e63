"""The programs that exchange the private key file of a reader. Pure: from values to text.

1. Everything is compared before anything is changed: directory, file, unit, the key that is there,
   and the one that was brought, each by the fingerprint of its public half.
2. The former file is copied beside, for root alone. The new one is written beside with owner and
   mode, read back, flushed, and renamed. At every moment the file is whole.
3. The unit is told. Then what was brought is removed: it lies in one place.

No private byte is in the text, in an argument or in a variable: keys go through pipes, from file to
file (`hosts/key_file.sh`).
"""

from __future__ import annotations

from remediations.systems.hosts.hold import HELD, hold_path
from remediations.systems.hosts.program import shell_text
from remediations.systems.hosts.unit_program import compose
from remediations.systems.keyfile.planned import STAGED, PlannedKeyFile

TELL_LIMIT_S = 120
"""For stopping and starting, or reloading, the unit."""
WRITE_LIMIT_S = 30

_PLACE = r"""
readable_keys() {
  command -v openssl >/dev/null || refuse "no openssl" "openssl, which tells which key a file has"
  case $form in hex) command -v basenc >/dev/null || refuse "no basenc" "coreutils 8.31" ;; esac
}
place_as_planned() {
  why=$(keyfile_open_to "$file")
  [ -z "$why" ] || refuse "$why" "a directory in which only root can put files"
  cd -P -- "${file%/*}"
  name=${file##*/} fresh=.${file##*/}.remediate-new former=.${file##*/}.remediate-$old
  why=$(keyfile_flaw "$file")
  [ -z "$why" ] || refuse "$file: $why" "a regular file that its owner alone may write"
  present=$(keyfile_fingerprint "$form" "$file")
}
as_declared() {
  shown=$(stat -c %U:%G:%a -- "./$name")
  [ "$shown" = "$owner:$group:${mode#0}" ] || refuse "$file of $shown" "$owner:$group:${mode#0}"
}
unit_as_planned() {
  [ -n "$unit" ] || return 0
  load=$(show LoadState)
  [ "$load" = loaded ] || refuse "$unit $load" "$unit loaded"
  not_held
}
# kept_key FORM FILE: the fingerprint of a key that lies beside and is root's alone.
kept_key() {
  why=$(keyfile_flaw "$2")
  if [ -n "$why" ]; then echo "unusable ($why)"; return 0; fi
  case $(stat -c %u:%a -- "$2") in
    0:400) keyfile_fingerprint "$1" "$2" ;;
    *) echo "unusable (not root's alone, 0400)" ;;
  esac
}
"""

_TELL = r"""
tell() {
  [ -n "$unit" ] || return 0
  verb=$told
  [ "$(show ActiveState)" = active ] || verb=restart # what is down cannot be reloaded
  [ "$verb" = reload ] || systemctl reset-failed "$unit" 2>/dev/null || :
  timeout "$tell_limit" systemctl "$verb" "$unit" || fail "systemctl $verb $unit ended with $?"
  sleep 1
  now=$(show ActiveState)
  [ "$now" = active ] || fail "$unit is $now after it was told"
  printf 'told: %s, %s, is active\n' "$unit" "$verb"
}
was_told() {
  [ -n "$unit" ] || return 0
  [ "$(show ActiveState)" = active ] || return 1
  case $told in
    restart) [ "$(show InvocationID)" != "$mark" ] ;;
    reload) [ "$(show StateChangeTimestampMonotonic)" -gt "$mark" ] ;;
  esac
}
"""

_EXCHANGE = r"""
# exchange FINGERPRINT: puts what is written on standard input in the place of the file, if it has
# this key. Before the rename nothing was done that anybody could notice.
exchange() {
  trap 'rm -f -- "./$fresh"' EXIT
  rm -f -- "./$fresh"
  (umask 077 && cat >"./$fresh")
  found=$(keyfile_fingerprint "$form" "./$fresh")
  [ "$found" = "$1" ] || refuse "a file that was written with another key" "$1"
  chown "$owner:$group" -- "./$fresh" || refuse "no $owner:$group" "user and group of the file"
  chmod "$mode" -- "./$fresh"
  sync "./$fresh"
  acted=yes
  mv -T -- "./$fresh" "./$name"
  sync .
  trap - EXIT
  printf 'exchanged: %s has the key %s\n' "$file" "$1"
}
# keep FORM FILE FINGERPRINT: writes what is on standard input to a file for root alone.
keep() {
  rm -f -- "$2.part"
  (umask 077 && cat >"$2.part")
  if [ "$(keyfile_fingerprint "$1" "$2.part")" != "$3" ]; then
    rm -f -- "$2.part"
    refuse "a kept file with another key" "$3"
  fi
  chmod 400 -- "$2.part"
  sync "$2.part"
  mv -T -- "$2.part" "$2"
  sync "${2%/*}"
}
"""

_INSTALL_MAIN = r"""
readable_keys
unit_as_planned
place_as_planned
case $present in
  "$new")
    if was_told; then
      rm -f -- "$staged/$new"
      printf 'already so: %s has the key %s\n' "$file" "$new"
      exit 0
    fi
    ;;
  "$old")
    as_declared
    found=none
    [ ! -e "$staged/$new" ] || found=$(kept_key raw "$staged/$new")
    [ "$found" = "$new" ] ||
      refuse "$staged/$new with the key ${found:-of nobody}" "$new, brought there"
    [ "$(kept_key "$form" "${file%/*}/$former")" = "$old" ] ||
      keep "$form" "./$former" "$old" <"./$name"
    keyfile_raw raw <"$staged/$new" | keyfile_formed "$form" | exchange "$new"
    ;;
  *) refuse "$file with the key ${present:-of nobody}" "$old, or $new" ;;
esac
acted=yes
tell
rm -f -- "$staged/$new"
"""

_BACK_MAIN = r"""
readable_keys
unit_as_planned
place_as_planned
found=none
[ ! -e "./$former" ] || found=$(kept_key "$form" "${file%/*}/$former")
case $present in
  "$old")
    if [ "$found" != "$old" ]; then
      printf 'already so: %s has the key %s\n' "$file" "$old"
      exit 0
    fi
    ;;
  "$new")
    [ "$found" = "$old" ] || refuse "${file%/*}/$former with the key ${found:-of nobody}" "$old"
    mkdir -p -m 700 "$staged"
    why=$(keyfile_open_to "$staged/$new")
    [ -z "$why" ] || refuse "$why" "$staged, in which only root can put files"
    keyfile_raw "$form" <"./$name" | keep raw "$staged/$new" "$new"
    exchange "$old" <"./$former"
    ;;
  *) refuse "$file with the key ${present:-of nobody}" "$new, or $old" ;;
esac
acted=yes
tell
rm -f -- "./$former"
sync .
"""

_RETIRE_MAIN = r"""
readable_keys
place_as_planned
[ "$present" = "$new" ] || refuse "$file with the key ${present:-of nobody}" "$new"
[ ! -L "./$former" ] || refuse "a link, ${file%/*}/$former" "a regular file"
rm -f -- "./$former" "./$former.part" "./$fresh"
sync .
printf 'removed: %s\n' "${file%/*}/$former"
"""


def install_text(planned: PlannedKeyFile) -> str:
    """The new key in the place of the old one, and the unit told; one that has it is left alone."""
    return _composed(planned, (HELD, _PLACE, _TELL, _EXCHANGE, _INSTALL_MAIN))


def put_back_text(planned: PlannedKeyFile) -> str:
    """The old key in its place again, and the unit told; the new one lies where it was brought."""
    return _composed(planned, (HELD, _PLACE, _TELL, _EXCHANGE, _BACK_MAIN))


def retire_text(planned: PlannedKeyFile) -> str:
    """Removes the old key's file. The unit is not told: it has not had it since the exchange."""
    return _composed(planned, (_PLACE, _RETIRE_MAIN))


def _composed(planned: PlannedKeyFile, parts: tuple[str, ...]) -> str:
    variables: dict[str, str | int] = {
        "file": planned.file,
        "form": planned.form,
        "owner": planned.owner,
        "group": planned.group,
        "mode": planned.mode,
        "told": planned.told,
        "unit": planned.unit,
        "mark": planned.mark,
        "old": planned.old,
        "new": planned.new,
        "staged": STAGED,
        "hold": hold_path(planned.unit),
        "tell_limit": TELL_LIMIT_S,
    }
    return compose(variables, (shell_text("key_file.sh"), *parts))

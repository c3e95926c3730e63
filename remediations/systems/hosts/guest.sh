# shellcheck shell=sh
# Looks into one file of a daemon's home and prints the little that is needed of it:
#
#   home=HOME sh -c TEXT guest KIND FILE
#
#   settings    section headers, and the settings that decide, where their values are plain
#   address     the address in a key file
#   sign_state  height, round, step and signed bytes, as JSON
#   sizes       of all regular files whose names begin with FILE, a line each
#   present     yes or no
#
# A home belongs to the account that runs the daemon, and what is in it may be anything: a link to
# somebody's secret, a device, a FIFO, a terabyte. So the directory is entered first, and must lie
# in the home where one has arrived. There the file must be regular, with one name, and not larger
# than its kind allows. It is opened without following a link and without waiting (O_NOFOLLOW,
# O_NONBLOCK), so that exchanging it meanwhile gains nothing, and only what has the form of its kind
# is printed. What is odd is an error, never a default.
#
# Status: 0 printed; 13 this user may not read it; 44 there is none; 45 not read. The complaint says
# why, and never what the file holds.

LC_ALL=C
export LC_ALL

refuse() {
  printf '%s\n' "$2" >&3
  exit "$1"
}

# explain PATH: why it could not be looked at.
explain() {
  case $(stat -c %F -- "$1" 2>&1) in
    *'No such file or directory') refuse 44 'there is no such file' ;;
    *'Permission denied') refuse 13 'permission denied' ;;
  esac
  refuse 45 'it cannot be looked at'
}

# enter FILE: changes to its directory and sets name.
enter() {
  root=$(cd -P -- "$home/" && pwd -P) || explain "$home/."
  directory=${1%/*}
  cd -P -- "$directory/" || {
    [ -e "$directory" ] || [ ! -L "$directory" ] || refuse 45 'its directory is a link to nothing'
    explain "$directory/."
  }
  case $(pwd -P)/ in
    "$root"/*) ;;
    *) refuse 45 'it does not lie in the home' ;;
  esac
  name=${1##*/}
}

# regular BYTES: a regular file with one name, readable, and not larger.
regular() {
  facts=$(stat -c '%h %s %F' -- "./$name") || explain "./$name"
  case $facts in
    '1 '*' regular file' | '1 '*' regular empty file') ;;
    *' regular file' | *' regular empty file') refuse 45 'it has several names (hard links)' ;;
    *) refuse 45 'it is not a regular file' ;;
  esac
  facts=${facts#1 }
  [ "${facts%% *}" -le "$1" ] || refuse 45 "it is larger than $1 bytes"
  [ -r "./$name" ] || refuse 13 'permission denied'
}

# contents BYTES: of the file; [?] at the end, which no kind takes, where it was not read to the end.
contents() {
  dd if="./$name" iflag=nofollow,nonblock,fullblock bs=$(($1 + 1)) count=1 || printf '\n[?]\n'
}

settings() {
  regular 262144
  keys='laddr|priv_validator_laddr|priv_validator_key_file|priv_validator_state_file|node_key_file'
  keys="$keys|wal_file|double_sign_check_height|persistent_peers|db_backend|halt-height|halt-time"
  keys="$keys|adaptive_sync"
  plain="\"[^\"\\]*\"|'[^']*'|[0-9]{1,20}|true|false"
  blank='[[:space:]]*'
  end="$blank(#.*)?\$"
  contents 262144 | sed -nE "
    s/^$blank(\[[A-Za-z0-9_.-]{1,64}\])$end/\1/p; t
    s/^$blank\[.*/[?]/p; t
    s/^$blank($keys)$blank=$blank($plain)$end/\1 = \2/p; t
    s/^$blank($keys)$blank=.*/\1 = ?/p"
}

address() {
  regular 65536
  found=$(contents 65536 | tr '\n\r\t' '   ' |
    grep -aoiE '"address" *: *"[0-9a-f]{40}"' | tr a-f A-F)
  found=${found%\"}
  case $found in
    *\"*\"*\"*\"*) refuse 45 'it holds more than one address' ;;
    *\"*) printf '%s\n' "${found##*\"}" ;;
    *) refuse 45 'it holds no address' ;;
  esac
}

# sign_state: its members once each, in the order in which CometBFT writes them.
sign_state() {
  regular 65536
  place='"height":"?([0-9]{1,19})"?,"round":"?([0-9]{1,10})"?,"step":"?([0-9]{1,3})"?'
  signed='(,"signature":"[A-Za-z0-9+/=]*")?(,"signbytes":"([0-9A-Fa-f]*)")?'
  shown='{"height":"\1","round":"\2","step":"\3","signbytes":"\6"}'
  found=$(contents 65536 | tr -d ' \n\r\t' | sed -nE "s|^\{$place$signed\}\$|$shown|p")
  [ "$found" ] || refuse 45 'it is not what CometBFT writes'
  printf '%s\n' "$found"
}

sizes() {
  [ -e "./$name" ] || [ -L "./$name" ] || refuse 44 'there is no such file'
  find . -maxdepth 1 -name "$name*" -type f -printf '%s\n' | head -n 10001
}

present() {
  if [ -e "./$name" ] || [ -L "./$name" ]; then echo yes; else echo no; fi
}

exec 3>&2 2>/dev/null
enter "$2"
"$1"

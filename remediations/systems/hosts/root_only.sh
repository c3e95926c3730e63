# shellcheck shell=sh
# What keeps records and files on a host where only root can change them: functions for launcher.sh and
# files.sh, which follow.

refuse() { # EXIT WHY
  echo "$2" >&2
  exit "$1"
}

is_hex() { # WORD LENGTH
  case $1 in *[!0-9a-f]*) return 1 ;; esac
  [ "${#1}" -eq "$2" ]
}

# Refuses if others than root, and the user who runs this, can write to DIRECTORY or to one above it:
# records that others can make, move or remove prove nothing.
only_ours() { # DIRECTORY
  records=$(cd -P "$1" && pwd -P) || refuse 77 "$1 cannot be entered"
  me=$(id -u) at=$records
  while :; do
    case $(stat -c %u:%a "$at") in
      0:1??? | "$me":1???) # sticky: others cannot move what is ours, but can add to it
        [ "$at" != "$records" ] || refuse 77 "others than root may write to $at" ;;
      *:*[2367] | *:*[2367]?) refuse 77 "others than root may write to $at" ;;
      0:* | "$me":*) ;;
      *) refuse 77 "$at does not belong to root" ;;
    esac
    [ "$at" != / ] || return 0
    at=${at%/*}
    at=${at:-/}
  done
}


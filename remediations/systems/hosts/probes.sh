# Tells whether the effect of a step is there. It only reads, and its text is fixed: the question is in
# the arguments (remediations.systems.hosts.probe).
#
#   unit-active UNIT | unit-restarted UNIT INVOCATION | unit-enabled UNIT | unit-held UNIT NOTE
#   unit-disabled UNIT | unit-runs UNIT SHA256
#   program-is PATH USER SHA256
#   copy-kept MARK (the note that a copy was made, in the directory of kept files)
#   obstacles-gone OBSTACLE... (lines of remediations.systems.hosts.obstacles)
#   settings-are HOME USER SETTING=NUMBER... (one to three of those of `settings_are` below)
#   room-freed BYTES PATH... (of the journal on disk; 0 for any size)
#   files-limit UNIT NUMBER
#   state-sync-is HOME USER HASH|off
#   databases-aside HOME USER NAME there|gone
#   not-jailed RPC OPERATOR
#   file-kept SHA256
#   model-served UNIT INVOCATION|- DIRECTORY SHA256
#   environment-is FILE NAME=VALUE|-NAME... | key-file-is UNIT|- MARK|- FILE FORM FINGERPRINT
#
# It follows the functions of service_user.sh, jail.sh, key_file.sh and key_file_probe.sh.
# Prints "probed yes" or "probed no". If it cannot tell, it prints neither and does not exit with 0:
# 64 wrong number of arguments, 65 a bad argument, 69 systemd or the file does not tell.
set -eu
LC_ALL=C
export LC_ALL

refuse() { # EXIT WHY
  echo "$2" >&2
  exit "$1"
}

# property NAME: sets value to a property of the unit. systemd prints one for unknown units, too.
property() {
  shown=$(systemctl show -p "$1" -- "$unit") || refuse 69 "systemd does not answer"
  case $shown in
    "$1="*) value=${shown#"$1="} ;;
    *) refuse 69 "systemd does not report $1" ;;
  esac
}

answer() { # yes|no
  echo "probed $1"
  exit 0
}

# value_of SECTION SETTING FILE: sets value to the number that stands there; 0 where none does.
value_of() {
  text=$(guest settings "$home/config/$3" 2>/dev/null) || refuse 69 "$3 cannot be read"
  value=0 times=0 section=
  while IFS= read -r line; do
    case $line in
      \[*) section=$line ;;
      "$2 = "*) [ "$section" != "$1" ] || { value=${line#"$2 = "} times=$((times + 1)); } ;;
    esac
  done <<END
$text
END
  case $times$value in
    *[!0-9]* | [!01]*) refuse 69 "$2 is not one plain number in $3" ;;
  esac
}

home_of() { # HOME USER: for looks into it
  home=$1
  case $home in
    /*) ;;
    *) refuse 65 "bad home" ;;
  esac
  case $home in *[!A-Za-z0-9_.@+:,=/-]*) refuse 65 "bad home" ;; esac
  case $2 in '' | [!A-Za-z_]* | *[!A-Za-z0-9_.-]*) refuse 65 "bad user" ;; esac
  served_by "$2"
}

settings_are() { # HOME USER SETTING=NUMBER...
  home_of "$1" "$2"
  shift 2
  for wanted; do
    case ${wanted#*=} in '' | *[!0-9]*) refuse 65 "bad number" ;; esac
    case $wanted in
      double_sign_check_height=*) value_of '[consensus]' "${wanted%%=*}" config.toml ;;
      halt-height=* | halt-time=*) value_of '' "${wanted%%=*}" app.toml ;;
      *) refuse 65 "bad setting" ;;
    esac
    [ "$value" = "${wanted#*=}" ] || answer no
  done
  answer yes
}

program_is() { # PATH USER SHA256
  case $1 in
    *[!A-Za-z0-9_.@+:,=/-]*) refuse 65 "bad path" ;;
    /*) ;;
    *) refuse 65 "bad path" ;;
  esac
  case $2 in '' | [!A-Za-z_]* | *[!A-Za-z0-9_.-]*) refuse 65 "bad user" ;; esac
  case $3 in *[!0-9a-f]*) refuse 65 "bad hash" ;; esac
  [ "${#3}" -eq 64 ] || refuse 65 "bad hash"
  [ -e "$1" ] || answer no
  [ -f "$1" ] || refuse 69 "no plain file there"
  home=${1%/*}
  served_by "$2"
  if [ "$owner_uid" = 0 ]; then
    found=$(sha256sum <"$1") || refuse 69 "the program cannot be read"
  else
    found=$(setpriv --reuid "$owner_uid" --regid "$owner_gid" --clear-groups --no-new-privs \
      sha256sum -- "$1") || refuse 69 "the program cannot be read"
  fi
  [ "${found%% *}" != "$3" ] || answer yes
  answer no
}

state_sync_is() { # HOME USER HASH|off
  home_of "$1" "$2"
  case $3 in '' | *[!0-9A-Fa-f]*) [ "$3" = off ] || refuse 65 "bad hash" ;; esac
  found=$(guest sync_settings "$home/config/config.toml" 2>&1) ||
    refuse 69 "config.toml does not tell"
  enabled=$(printf '%s\n' "$found" | sed -n 's/^enable=//p')
  case $3:$enabled in
    off:false) answer yes ;;
    off:true | *:false) answer no ;;
    *:true) ;;
    *) refuse 69 "config.toml does not tell" ;;
  esac
  [ "$(printf '%s\n' "$found" | sed -n 's/^trust_hash=//p')" != "\"$3\"" ] || answer yes
  answer no
}

databases_aside() { # HOME USER NAME there|gone
  home_of "$1" "$2"
  case ${3#remediate-replaced-} in "$3" | '' | *[!0-9a-f]*) refuse 65 "bad name" ;; esac
  case $4 in
    there) file=$home/data/$3/.all ;;
    gone) file=$home/data/$3 ;;
    *) refuse 65 "bad word" ;;
  esac
  status=0
  found=$(guest present "$file" 2>/dev/null) || status=$?
  case $4:$status:$found in
    there:0:yes | gone:0:no) answer yes ;;
    there:0:no | gone:0:yes | there:44:*) answer no ;;
  esac
  refuse 69 "the home does not tell"
}

copy_kept() { # MARK
  case $1 in *.copy) ;; *) refuse 65 "bad mark" ;; esac
  case ${1%.copy} in '' | *[!0-9a-f]*) refuse 65 "bad mark" ;; esac
  files=/var/lib/remediate/files
  [ -f "$files/$1" ] && IFS= read -r kept <"$files/$1" || answer no
  case $kept in '' | *[!0-9a-f]*) refuse 69 "the mark names no file" ;; esac
  [ ! -f "$files/$kept" ] || answer yes
  answer no
}

is_hash() { # WORD
  case $1 in *[!0-9a-f]*) return 1 ;; esac
  [ "${#1}" -eq 64 ]
}

file_kept() { # SHA256
  is_hash "$1" || refuse 65 "bad hash"
  kept=/var/lib/remediate/files/$1
  [ -f "$kept" ] && [ ! -L "$kept" ] || answer no
  found=$(sha256sum <"$kept") || refuse 69 "the file cannot be read"
  [ "${found%% *}" != "$1" ] || answer yes
  answer no
}

# model_is DIRECTORY SHA256: read as whoever owns the directory above: what lies in the way leads root
# nowhere.
model_is() {
  case $1 in
    *[!A-Za-z0-9_.@+:,=/-]* | */../* | */..) refuse 65 "bad path" ;;
    /*/*) ;;
    *) refuse 65 "bad path" ;;
  esac
  is_hash "$2" || refuse 65 "bad hash"
  cd -P -- "${1%/*}" 2>/dev/null || return 1
  [ -d "./${1##*/}" ] && [ ! -L "./${1##*/}" ] || return 1
  owner=$(stat -c %u .) group=$(stat -c %g .)
  directory=${1##*/} wanted=$2
  set --
  [ "$owner" = 0 ] ||
    set -- setpriv --reuid "$owner" --regid "$group" --clear-groups --no-new-privs --
  found=$("$@" sh -euc 'cd -P -- "./$1"
    find . -type f ! -name export_metadata.json -printf "%P\0" | LC_ALL=C sort -z | xargs -0 -r cat --
  ' sh "$directory" | sha256sum)
  [ "${found%% *}" = "$wanted" ]
}

# environment_is FILE NAME=VALUE|-NAME...: nothing of another name is looked at.
environment_is() {
  case $1 in
    *[!A-Za-z0-9_.@+:,=/-]* | */../* | */..) refuse 65 "bad path" ;;
    /*/*) ;;
    *) refuse 65 "bad path" ;;
  esac
  file=$1
  shift
  for word; do
    name=${word#-}
    case $word in *[!A-Za-z0-9_.,:/+=-]*) refuse 65 "bad setting" ;; esac
    case ${name%%=*} in '' | [!A-Z_]* | *[!A-Z0-9_]*) refuse 65 "bad setting" ;; esac
  done
  [ -f "$file" ] && [ ! -L "$file" ] || refuse 69 "no plain file there"
  for word; do
    name=${word#-}
    lines=$(grep -ac -e "^${name%%=*}=" "$file") || :
    case $word in
      -*) [ "$lines" = 0 ] || answer no ;;
      *=*) [ "$lines" = 1 ] && grep -qaxF -e "$word" "$file" || answer no ;;
      *) refuse 65 "bad setting" ;;
    esac
  done
  answer yes
}

room_freed() { # BYTES PATH...
  case $1 in '' | *[!0-9]*) refuse 65 "bad number" ;; esac
  most=$1
  shift
  for line; do
    case $line in
      *[!A-Za-z0-9_.@+:,=/-]*) refuse 65 "bad path" ;;
      /*) [ ! -e "$line" ] && [ ! -L "$line" ] || answer no ;;
      *) refuse 65 "bad path" ;;
    esac
  done
  [ "$most" -gt 0 ] || answer yes
  listed=$(find /var/log/journal -type f -name '*@*' -printf '%b\n') || refuse 69 "no journal"
  left=0
  while read -r blocks; do left=$((left + ${blocks:-0} * 512)); done <<END
$listed
END
  [ "$left" -gt "$most" ] || answer yes
  answer no
}

not_jailed() { # RPC OPERATOR
  case ${1#http://} in "$1" | '' | *[!A-Za-z0-9.:_/-]*) refuse 65 "bad RPC" ;; esac
  case $2 in *[!0-9a-f]*) refuse 65 "bad operator" ;; esac
  [ "${#2}" -eq 40 ] || refuse 65 "bad operator"
  jail_of "$1" "$2"
  case $jail in
    no) answer yes ;;
    yes) answer no ;;
  esac
  refuse 69 "the node does not tell"
}

# obstacles_gone OBSTACLE...: whether none is there; one that was changed is not there as it was.
obstacles_gone() {
  for line; do
    case $line in
      *[![:print:]]*) refuse 65 "bad obstacle" ;;
      'rule '*' '*' '*' '*' '*)
        rest=${line#rule }
        family=${rest%% *} rest=${rest#* }
        table=${rest%% *} rest=${rest#* }
        chain=${rest%% *} rest=${rest#* }
        handle=${rest%% *} rest=${rest#* }
        case $family$table$chain in *[!A-Za-z0-9_.-]*) refuse 65 "bad obstacle" ;; esac
        case $handle in '' | *[!0-9]*) refuse 65 "bad obstacle" ;; esac
        if ! listed=$(nft -s -a list chain "$family" "$table" "$chain" 2>/dev/null); then
          nft list tables >/dev/null || refuse 69 "nft does not tell the rules"
          continue
        fi
        printf '%s\n' "$listed" | sed 's/^[[:space:]]*//' |
          grep -qxF -- "${rest#* } # handle $handle" || continue
        answer no
        ;;
      'route blackhole '* | 'route unreachable '* | 'route prohibit '*)
        line=${line#route }
        for family in -4 -6; do
          listed=$(ip -o "$family" route show table all type "${line%% *}") ||
            refuse 69 "ip does not tell the routes"
          ! printf '%s\n' "$listed" | sed 's/ *$//' | grep -qxF -- "$line" || answer no
        done
        ;;
      'link '*' '*)
        line=${line#link }
        line=${line%% *}
        case $line in '' | -* | *[!A-Za-z0-9_.-]*) refuse 65 "bad obstacle" ;; esac
        listed=$(ip -o link show dev "$line") || refuse 69 "ip does not tell the interface"
        case $listed in *'<UP,'* | *',UP,'* | *',UP>'* | *'<UP>'*) ;; *) answer no ;; esac
        ;;
      *) refuse 65 "bad obstacle" ;;
    esac
  done
  answer yes
}

case ${1:-}/$# in
  copy-kept/2) copy_kept "$2" ;;
  program-is/4)
    shift
    program_is "$@"
    ;;
  obstacles-gone/[1-9]*)
    shift
    [ "$#" -gt 0 ] || refuse 64 "bad probe or number of arguments"
    obstacles_gone "$@"
    ;;
  settings-are/[456])
    shift
    settings_are "$@"
    ;;
  room-freed/[1-9]*)
    shift
    [ "$#" -gt 0 ] || refuse 64 "bad probe or number of arguments"
    room_freed "$@"
    ;;
  state-sync-is/4) state_sync_is "$2" "$3" "$4" ;;
  databases-aside/5) databases_aside "$2" "$3" "$4" "$5" ;;
  not-jailed/3) not_jailed "$2" "$3" ;;
  file-kept/2) file_kept "$2" ;;
  key-file-is/6) key_file_is "$2" "$3" "$4" "$5" "$6" ;;
  environment-is/[1-9]*)
    shift
    [ "$#" -gt 1 ] || refuse 64 "bad probe or number of arguments"
    environment_is "$@"
    ;;
  unit-active/2 | unit-enabled/2 | unit-disabled/2 | unit-restarted/3 | unit-held/3 | unit-runs/3) ;;
  files-limit/3 | model-served/5) ;;
  *) refuse 64 "bad probe or number of arguments" ;;
esac
unit=$2
case $unit in
  [!A-Za-z0-9_]* | *[!A-Za-z0-9:_.\\@-]*) refuse 65 "bad unit name" ;;
  ?*.service) ;;
  *) refuse 65 "bad unit name" ;;
esac
[ "${#unit}" -le 248 ] || refuse 65 "bad unit name"

case $1 in
  unit-enabled)
    property UnitFileState
    [ "$value" != enabled ] || answer yes
    ;;
  unit-disabled)
    property UnitFileState
    [ "$value" != disabled ] || answer yes
    ;;
  unit-active)
    property ActiveState
    [ "$value" != active ] || answer yes
    ;;
  unit-restarted)
    case $3 in *[!0-9a-f]*) refuse 65 "bad invocation" ;; esac
    [ "${#3}" -eq 32 ] || refuse 65 "bad invocation"
    property ActiveState
    [ "$value" = active ] || answer no
    property InvocationID
    [ -n "$value" ] || refuse 69 "systemd does not report InvocationID"
    [ "$value" = "$3" ] || answer yes
    ;;
  unit-held)
    case $3 in '' | *[!A-Za-z0-9:.-]*) refuse 65 "bad note" ;; esac
    [ "${#3}" -le 200 ] || refuse 65 "bad note"
    hold=/etc/systemd/system/$unit.d/remediate-hold.conf
    [ -e "$hold" ] || answer no
    [ "$3" = - ] || grep -qxF "# note: $3" "$hold" || answer no
    property ActiveState
    case $value in inactive | failed) answer yes ;; esac
    ;;
  model-served)
    case $3 in - | ????????????????????????????????) ;; *) refuse 65 "bad invocation" ;; esac
    case $3 in *[!0-9a-f-]*) refuse 65 "bad invocation" ;; esac
    property ActiveState
    [ "$value" = active ] || answer no
    property InvocationID
    [ "$value" != "$3" ] || answer no
    status=0
    (model_is "$4" "$5") || status=$?
    case $status in
      0) answer yes ;;
      1) answer no ;;
      *) exit "$status" ;;
    esac
    ;;
  files-limit)
    case $3 in '' | 0* | *[!0-9]*) refuse 65 "bad number" ;; esac
    property LimitNOFILE
    [ "$value" != "$3" ] || answer yes
    ;;
  unit-runs)
    case $3 in *[!0-9a-f]*) refuse 65 "bad hash" ;; esac
    [ "${#3}" -eq 64 ] || refuse 65 "bad hash"
    property ActiveState
    [ "$value" = active ] || answer no
    property MainPID
    case $value in '' | 0 | *[!0-9]*) answer no ;; esac
    found=$(sha256sum <"/proc/$value/exe") || refuse 69 "the program that runs cannot be read"
    [ "${found%% *}" != "$3" ] || answer yes
    for child in $(cat "/proc/$value"/task/*/children 2>/dev/null); do # of a wrapper
      found=$(sha256sum <"/proc/$child/exe" 2>/dev/null) || continue
      [ "${found%% *}" != "$3" ] || answer yes
    done
    ;;
esac
answer no

# Runs one approved step on this host at most once, even across lost connections, crashes and reboots:
# by a claim on disk, made inside a transient unit, and durable before the effect.
#
#   launch PLAN STEP TIMEOUT SHA256   payload on standard input
#   probe PLAN STEP                   not-started | running | done RC | unknown | voided
#   void PLAN STEP                    the step can never start again
#
# Exit status: 64 wrong number of arguments, 65 a bad argument, 66 bytes that were not approved, 69
# systemd does not answer, 75 claimed before, 77 others than root can change the records: nothing was
# read or started. Any other failure does not tell whether the step started: `void` does.
#
# The text is fixed: what was approved is the payload, whose hash is checked here, and again by the
# unit. A step leaves PLAN/STEP/: boot, payload, stdout, stderr and, once it ended, rc; or only void.
#
# If no claim can be made (no inode, no room, read-only), "not started" is not final by itself: a
# launch may be under way, and room may become free. So void leaves a mark in another file system,
# /run, and then looks for a claim; the unit claims first, and then looks for the mark. Whatever the
# order, one of them sees the other: the step ran and void says so, or it never runs. The mark does
# not survive a reboot, nor does anything that could have started the step: launcher, unit,
# connection.
#
# A launch that was killed leaves its directory, STEP.PID.XXXXXX. The next launch or void removes it
# if that launcher is gone, and after that no unit of its step is known. The order matters: a launcher
# that ends normally has told systemd about its unit before.
set -eu
umask 077
LC_ALL=C
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
base=/var/lib/remediate
voids=/run/remediate
limit=65536

refuse() { # EXIT WHY
  echo "$2" >&2
  exit "$1"
}

[ "$#" -ge 3 ] || refuse 64 "usage: VERB PLAN STEP"
verb=$1 plan=$2 step=$3
case $verb/$# in
  launch/5 | probe/3 | void/3) ;;
  *) refuse 64 "bad verb or number of arguments" ;;
esac
case $plan in *[!0-9a-f]*) refuse 65 "bad plan id" ;; esac
case $step in '' | *[!0-9a-z-]*) refuse 65 "bad step id" ;; esac
[ "${#plan}" -eq 64 ] && [ "${#step}" -le 40 ] || refuse 65 "bad length of an id"

unit=remediate-$(printf %.12s "$plan")-$step
claim=$base/$plan/$step
mark=$voids/$plan.$step

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

# Whether the unit runs or is about to: right after systemd-run it may still be an inactive unit with a
# start job. A unit that ended is gone (--collect). No answer does not mean "no".
living() { # UNIT
  said=$(systemctl show -p ActiveState -p Job "$1.service") || said=
  case $said in
    *ActiveState=active* | *ActiveState=activating*) return 0 ;;
    *ActiveState=deactivating* | *ActiveState=reloading*) return 0 ;;
    *Job=[1-9]*) return 0 ;;
    *ActiveState=*) return 1 ;;
  esac
  refuse 69 "systemd does not answer"
}

settled() {
  if [ -e "$claim/void" ]; then echo voided
  elif [ -e "$claim/rc" ]; then echo "done $(cat "$claim/rc")"
  elif [ -e "$mark" ] && [ ! -d "$claim" ]; then echo voided
  else return 1
  fi
}

# The record is read before and after the unit: only a claim that existed before the unit was seen
# dead, and has no result afterwards, is one without an end.
state() {
  while ! settled; do
    claimed=no
    [ ! -d "$claim" ] || claimed=yes
    if living "$unit"; then
      echo running
    elif settled; then
      return 0
    elif [ "$claimed" = yes ]; then
      echo unknown
    elif [ -d "$claim" ]; then
      continue
    else
      echo not-started
    fi
    return 0
  done
}

# The end of an output, where errors are, in one line that is safe for any bytes.
shown() {
  if [ -f "$claim/$1" ]; then
    size=$(wc -c <"$claim/$1")
    {
      [ "$size" -le "$limit" ] || echo "[the first $((size - limit)) bytes are left out]"
      tail -c "$limit" "$claim/$1"
    } | base64 -w 0
  fi
  echo
}

answer() {
  state
  shown stdout
  shown stderr
}

# Makes the directory of the plan; every directory above it is durable, too.
prepare() {
  mkdir -p "$base" && only_ours "$base" && mkdir -p "$base/$plan" &&
    sync "$base/$plan" "$base" "${base%/*}"
}

# Removes what killed launches of any plan left behind.
sweep() {
  for left in "$base"/*/*.*; do
    of=${left%/*} name=${left##*/}
    of=${of##*/} pid=${name#*.}
    case $of in *[!0-9a-f]*) continue ;; esac
    [ "${#of}" -eq 64 ] && [ -d "$left" ] || continue
    ! grep -qsF "$of" "/proc/${pid%%.*}/cmdline" || continue
    known=0
    (living "remediate-$(printf %.12s "$of")-${name%%.*}") 2>/dev/null || known=$?
    [ "$known" -ne 1 ] || rm -rf "$left" || :
  done
}

launch() {
  timeout=$1 sha256=$2
  case $timeout in '' | 0* | *[!0-9]* | ???????*) refuse 65 "bad time limit" ;; esac
  [ ! -d "$claim" ] && [ ! -e "$mark" ] || refuse 75 "already claimed"
  prepare
  sweep
  # The bytes of this launch only: another launch of the same step cannot change them. Step ids have
  # no dot, so this is never taken for a claim.
  mine=$(mktemp -d "$claim.$$.XXXXXX")
  trap 'rm -rf "$mine"' EXIT
  cat >"$mine/payload"
  got=$(sha256sum <"$mine/payload")
  [ "${got%% *}" = "$sha256" ] || refuse 66 "the payload is not what was approved"
  cat >"$mine/runner" <<'RUNNER'
set -eu
umask 077
claim=$1 mark=$2 mine=$3 sha256=$4
trap 'rm -rf "$mine"' EXIT
mkdir "$claim" || exit 75
if [ -e "$mark" ]; then
  true >"$claim/void" || rmdir "$claim"
  exit 75
fi
mv "$mine/payload" "$claim/payload"
cat /proc/sys/kernel/random/boot_id >"$claim/boot"
got=$(sha256sum <"$claim/payload")
[ "${got%% *}" = "$sha256" ]
sync "$claim/payload" "$claim/boot" "$claim" "${claim%/*}"
rm -rf "$mine"
trap - EXIT
rc=0
# Only root can read the claim; the command itself runs with the usual umask of a service.
(umask 022; exec /bin/sh "$claim/payload") >"$claim/stdout" 2>"$claim/stderr" </dev/null || rc=$?
sync "$claim/stdout" "$claim/stderr"
echo "$rc" >"$claim/rc.new"
sync "$claim/rc.new"
mv "$claim/rc.new" "$claim/rc"
sync "$claim"
RUNNER
  # A unit of that name belongs to another launch of this step.
  systemd-run --quiet --no-block --collect --unit="$unit" \
    -p "RuntimeMaxSec=$timeout" -p TimeoutStopSec=10 -p KillMode=control-group \
    /bin/sh "$mine/runner" "$claim" "$mark" "$mine" "$sha256" && trap - EXIT && return 0
  [ ! -d "$claim" ] || refuse 75 "already claimed"
  ! living "$unit" || refuse 75 "another launch of this step is under way"
  refuse 1 "systemd did not start the unit"
}

void() {
  if prepare && mkdir "$claim" 2>/dev/null; then
    # Without this file, for lack of room, the claim would look like a step that lost its result.
    if true >"$claim/void"; then
      sync "$claim/void" "$claim" "$base/$plan"
    else
      rmdir "$claim"
    fi
  fi
  if [ -d "$claim" ]; then sweep; else mkdir -p "$mark"; fi
  answer
}

cd /
[ ! -d "$base" ] || only_ours "$base"
case $verb in
  launch) launch "$4" "$5" ;;
  probe) answer ;;
  void) void ;;
esac

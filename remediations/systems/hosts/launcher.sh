# Runs one approved step on this host at most once, even across lost connections, crashes and reboots:
# by a claim on disk, made inside a transient unit, and durable before the effect.
#
#   launch PLAN STEP TIMEOUT SHA256 FENCES [SECONDS]
#                                            payload on standard input; then as probe with SECONDS
#   probe PLAN STEP [SECONDS]                not-started | fenced | running | done RC | unknown | voided;
#                                            of a step that runs at its end, or after so many seconds
#   void PLAN STEP FENCES                    the step can never start again
#   fence ID                                 who holds the resource: NUMBER HOLDER held|given, and a text
#   take ID HOLDER NUMBER OVER TEXT          OVER is the number of the holder that may be replaced, or 0
#   give ID HOLDER NUMBER                    given back, if it is held by exactly this
#   steal ID NUMBER TEXT                     taken from whoever holds it, and held by nobody
#
# FENCES is `-`, or ID:NUMBER:TOKEN,…; HOLDER is PLAN.TOKEN; ID is the SHA-256 of a resource's name.
#
# Exit status: 64 wrong number of arguments, 65 a bad argument, 66 bytes that were not approved, 69
# systemd or a lock does not answer, 75 claimed before, 76 another holds the fence, 77 others than
# root can change the records, 78 a fence that cannot be read: nothing was read or started. Any other
# failure does not tell whether the step started: `void` does.
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
# A fence keeps other plans, and earlier holders, from starting anything. Its record is replaced as a
# whole, under ID.lock. The unit compares it before its claim, under a shared lock on ID.steps that
# the payload inherits; who takes the fence for another plan needs that lock alone. So either the taker
# waits for the step, or the step sees the taker's number and never starts. What was refused leaves
# STEP.fenced, not a claim: the next holder of the same plan may start the step.
#
# A launch that was killed leaves its directory, STEP.PID.XXXXXX. The next launch or void removes it
# if that launcher is gone, and after that no unit of its step is known. The order matters: a launcher
# that ends normally has told systemd about its unit before.
# It follows root_only.sh.
set -eu
umask 077
LC_ALL=C
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
base=/var/lib/remediate
voids=/run/remediate
fences=$base/fences
limit=65536
most=6 # fences of one step: sh has descriptors of one digit

is_number() { # WORD
  case $1 in '' | 0?* | *[!0-9]*) return 1 ;; esac
  [ "${#1}" -le 18 ]
}

is_text() { # TEXT
  case $1 in '' | *[[:cntrl:]]*) return 1 ;; esac
  [ "${#1}" -le 400 ]
}

is_holder() { # WORD
  case $1 in *.*) is_hex "${1%%.*}" 64 && is_hex "${1#*.}" 16 ;; *) return 1 ;; esac
}

verb=${1-} plan= step= resource=
case $verb/$# in
  launch/6 | launch/7 | probe/3 | probe/4 | void/4)
    plan=$2 step=$3
    is_hex "$plan" 64 || refuse 65 "bad plan id"
    case $step in '' | *[!0-9a-z-]*) refuse 65 "bad step id" ;; esac
    [ "${#step}" -le 40 ] || refuse 65 "bad length of a step id"
    ;;
  fence/2 | take/6 | give/4 | steal/4)
    resource=$2
    is_hex "$resource" 64 || refuse 65 "bad resource id"
    ;;
  *) refuse 64 "bad verb or number of arguments" ;;
esac

unit=remediate-$(printf %.12s "$plan")-$step
claim=$base/$plan/$step
mark=$voids/$plan.$step

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
    elif [ -e "$claim.fenced" ]; then
      echo fenced
    else
      echo not-started
    fi
    return 0
  done
}

# The end of an output, where errors are, in one line that is safe for any bytes.
shown() { # FILE
  if [ -f "$1" ]; then
    size=$(wc -c <"$1")
    {
      [ "$size" -le "$limit" ] || echo "[the first $((size - limit)) bytes are left out]"
      tail -c "$limit" "$1"
    } | base64 -w 0
  fi
  echo
}

check_wait() { # SECONDS
  case $1 in [1-9]) ;; *) refuse 65 "bad time to wait" ;; esac
}

# Waits for the end of a step that runs. One that waits here is seen earlier than one that is asked for
# again and again, and takes less of the host.
follow() { # SECONDS
  left=$(($1 * 10))
  while [ "$left" -gt 0 ] && ! settled >/dev/null && { [ -d "$claim" ] || living "$unit"; }; do
    sleep 0.1
    left=$((left - 1))
  done
}

answer() {
  said=$(state)
  echo "$said"
  shown "$claim/stdout"
  if [ "$said" = fenced ]; then shown "$claim.fenced"; else shown "$claim/stderr"; fi
}

# Refuses unless this plan holds all FENCES, whose form it checks. The unit compares again.
check_fences() { # FENCES
  [ "$1" != - ] || return 0
  case $1 in '' | ,* | *,,* | *, | *[!0-9a-f:,]*) refuse 65 "bad fences" ;; esac
  left=$most
  IFS=,
  for fence in $1; do
    id=${fence%%:*} number=${fence#*:}
    token=${number#*:} number=${number%%:*} left=$((left - 1))
    is_hex "$id" 64 && is_number "$number" && is_hex "$token" 16 && [ "$left" -ge 0 ] ||
      refuse 65 "bad fences"
    found=$(head -n 1 "$fences/$id" 2>/dev/null) || found=
    [ "$found" = "$number $plan.$token held" ] || refuse 76 "$(fence_line "$id")"
  done
  unset IFS
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
  timeout=$1 sha256=$2 held=$3
  case $timeout in '' | 0* | *[!0-9]* | ???????*) refuse 65 "bad time limit" ;; esac
  [ ! -d "$claim" ] && [ ! -e "$mark" ] || refuse 75 "already claimed"
  check_fences "$held"
  prepare
  sweep
  rm -f "$claim.fenced"
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
claim=$1 mark=$2 mine=$3 sha256=$4 fences=$5 plan=$6 held=$7
trap 'rm -rf "$mine"' EXIT
descriptor=3
IFS=,
for fence in ${held#-}; do
  id=${fence%%:*} number=${fence#*:}
  token=${number#*:} number=${number%%:*} found=
  eval "exec $descriptor>>\"\$fences/\$id.steps\""
  ! flock -s -w 10 "$descriptor" || found=$(head -n 1 "$fences/$id") || found=
  if [ "$found" != "$number $plan.$token held" ]; then
    { IFS=' ' read -r number holder word && IFS= read -r text; } <"$fences/$id" ||
      word=unreadable text=
    echo "number $number, $word, $text" >"$mine/fenced"
    sync "$mine/fenced"
    mv "$mine/fenced" "$claim.fenced"
    sync "${claim%/*}"
    exit 76
  fi
  echo "step ${claim##*/} of plan $plan" >"$fences/$id.steps" || :
  descriptor=$((descriptor + 1))
done
unset IFS
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
    /bin/sh "$mine/runner" "$claim" "$mark" "$mine" "$sha256" "$fences" "$plan" "$held" &&
    trap - EXIT && return 0
  [ ! -d "$claim" ] || refuse 75 "already claimed"
  ! living "$unit" || refuse 75 "another launch of this step is under way"
  refuse 1 "systemd did not start the unit"
}

void() {
  [ -d "$claim" ] || [ -e "$mark" ] || check_fences "$1"
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

# Reads the record of the fence into number, holder, word and text.
read_fence() { # ID
  number=0 holder=- word=given text=
  [ -e "$fences/$1" ] || return 0
  { IFS=' ' read -r number holder word && IFS= read -r text; } <"$fences/$1" && is_number "$number" &&
    { [ "$holder" = - ] || is_holder "$holder"; } && is_text "$text" || return 1
  case $word in held | given) ;; *) return 1 ;; esac
}

# Who holds it, in one line.
fence_line() { # ID
  read_fence "$1" || refuse 78 "the record $fences/$1 cannot be read"
  echo "number $number, $word${text:+, $text}"
}

must_read_fence() {
  read_fence "$resource" || refuse 78 "the record $fences/$resource cannot be read"
}

# Waits for the lock under which the record changes; whoever has it may wait for a step.
lock_fence() {
  mkdir -p "$base" && only_ours "$base" && mkdir -p "$fences" && sync "$fences" "$base" "${base%/*}"
  exec 8>>"$fences/$resource.lock"
  flock -w 8 8 || refuse 69 "the lock of the fence is not free"
}

write_fence() { # NUMBER HOLDER WORD TEXT
  printf '%s\n%s\n' "$1 $2 $3" "$4" >"$fences/$resource.new"
  sync "$fences/$resource.new"
  mv "$fences/$resource.new" "$fences/$resource"
  sync "$fences"
}

take() { # HOLDER NUMBER OVER TEXT
  is_holder "$1" && is_number "$2" && is_number "$3" && is_text "$4" || refuse 65 "bad fence"
  lock_fence
  must_read_fence
  [ "$number" -lt "$2" ] && { [ "$word" = given ] || [ "$number" -eq "$3" ]; } ||
    refuse 76 "$(fence_line "$resource")"
  if [ "${holder%%.*}" != "${1%%.*}" ]; then # steps of this plan go on
    exec 9>>"$fences/$resource.steps"
    flock -w 4 9 || refuse 76 "$(cat "$fences/$resource.steps") still runs"
  fi
  write_fence "$2" "$1" held "$4"
}

give() { # HOLDER NUMBER
  is_holder "$1" && is_number "$2" || refuse 65 "bad fence"
  lock_fence
  must_read_fence
  [ "$number $holder $word" != "$2 $1 held" ] || write_fence "$2" "$1" given "$text"
}

steal() { # NUMBER TEXT
  is_number "$1" && is_text "$2" || refuse 65 "bad fence"
  lock_fence
  read_fence "$resource" || number=0 # it may be replaced
  [ "$number" -lt "$1" ] || refuse 76 "$(fence_line "$resource")"
  write_fence "$1" - given "$2"
}

show_fence() {
  must_read_fence
  printf '%s\n%s\n' "$number $holder $word" "$text"
}

cd /
[ ! -d "$base" ] || only_ours "$base"
case $verb in
  launch)
    [ "$#" -lt 7 ] || check_wait "$7"
    launch "$4" "$5" "$6"
    [ "$#" -lt 7 ] || { follow "$7" && answer; }
    ;;
  probe)
    [ "$#" -lt 4 ] || { check_wait "$4" && follow "$4"; }
    answer
    ;;
  void) void "$4" ;;
  fence) ;;
  take) take "$3" "$4" "$5" "$6" ;;
  give) give "$3" "$4" ;;
  steal) steal "$3" "$4" ;;
esac
[ -z "$resource" ] || show_fence

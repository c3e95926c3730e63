# Runs one approved step on this host at most once, also across lost connections, crashes and
# reboots (hosts.md: a claim on disk, made inside a transient unit, synced before the effect).
#
#   launch PLAN STEP TIMEOUT SHA256   payload on standard input
#   probe PLAN STEP                   not-started | running | done RC | unknown | voided
#   void PLAN STEP                    the step may never start any more
#
# Fixed text: what was approved is the payload, whose hash is checked here.
set -eu
umask 077
base=/var/lib/remediate
verb=$1 plan=$2 step=$3

case $plan in '' | *[!0-9a-f]*) echo "bad plan id" >&2; exit 65 ;; esac
case $step in '' | *[!0-9a-z-]*) echo "bad step id" >&2; exit 65 ;; esac
[ "${#plan}" -eq 64 ] && [ "${#step}" -le 40 ] || { echo "bad length of an id" >&2; exit 65; }

unit=remediate-$(printf %.12s "$plan")-$step
claim=$base/$plan/$step

# The transient unit is gone once it ended (--collect): only a living one says anything.
living() {
  case $(systemctl show -p ActiveState --value "$unit.service") in
    active | activating | deactivating | reloading) return 0 ;;
  esac
  return 1
}

settled() {
  if [ -e "$claim/void" ]; then echo voided
  elif [ -e "$claim/rc" ]; then echo "done $(cat "$claim/rc")"
  else return 1
  fi
}

state() {
  settled && return 0
  if living; then echo running
  # Between the two looks it may have ended.
  elif settled; then :
  elif [ -d "$claim" ]; then echo unknown
  else echo not-started
  fi
}

shown() { # bounded, and safe for any bytes
  if [ -e "$claim/$1" ]; then head -c 65536 "$claim/$1" | base64 -w 0; fi
  echo
}

case $verb in
  launch)
    timeout=$4 sha256=$5
    case $timeout in '' | *[!0-9]*) echo "bad timeout" >&2; exit 65 ;; esac
    [ ! -d "$claim" ] || { echo "already claimed" >&2; exit 75; }
    mkdir -p "$base/$plan"
    mine=$claim.payload.$$
    cat >"$mine"
    got=$(sha256sum <"$mine")
    if [ "${got%% *}" != "$sha256" ]; then
      rm -f "$mine"
      echo "the payload is not what was approved" >&2
      exit 66
    fi
    cat >"$mine.runner" <<'RUNNER'
set -eu
umask 077
claim=$1
mkdir "$claim" 2>/dev/null || exit 75
cat /proc/sys/kernel/random/boot_id >"$claim/boot"
sync "$claim/boot" "$claim" "${claim%/*}"
rc=0
/bin/sh "$claim.payload" >"$claim/stdout" 2>"$claim/stderr" </dev/null || rc=$?
sync "$claim/stdout" "$claim/stderr"
echo "$rc" >"$claim/rc.new"
sync "$claim/rc.new"
mv "$claim/rc.new" "$claim/rc"
sync "$claim"
RUNNER
    mv "$mine" "$claim.payload"
    mv "$mine.runner" "$claim.runner"
    sync "$claim.payload" "$claim.runner" "$base/$plan" "$base"
    exec systemd-run --quiet --no-block --collect --unit="$unit" \
      -p "RuntimeMaxSec=$timeout" -p KillMode=control-group \
      /bin/sh "$claim.runner" "$claim"
    ;;
  probe)
    state
    shown stdout
    shown stderr
    ;;
  void)
    mkdir -p "$base/$plan"
    if mkdir "$claim" 2>/dev/null; then
      : >"$claim/void"
      sync "$claim/void" "$claim" "$base/$plan"
    fi
    state
    shown stdout
    shown stderr
    ;;
  *)
    echo "bad verb" >&2
    exit 65
    ;;
esac

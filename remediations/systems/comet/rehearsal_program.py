"""The shell programs that try a soft rollback, or another program, on a clone of a home. Text only.

The clone is an overlay in the memory of the host: what the daemon writes there goes to a layer of
its own, and the files of the home are its lower layer, which nobody writes. It runs in a transient
unit with a mount namespace and a network of its own: no packet leaves, and the key of the node is
not there. Everything but the clone is read-only in that unit, so that a setting with an absolute
path (`db_dir`, a log) cannot lead to what is in use.

Rolled back, it starts without a key (the daemon makes a new one, in the clone), so it signs nothing
that counts. The handshake executes the block again, and the application tells its height and hash.
Before the rollback and after the execution the program tells the hash of each store, if it can:
that decides nothing, and has a time limit of its own.

Where the application fails at a block, that block is stored, and not executed: a clone that is
started with another program executes it in the handshake, and tells what came of it, or fails.
"""

from __future__ import annotations

from remediations.systems.comet.install import FILES
from remediations.systems.comet.module_hashes import MAX_ANSWER
from remediations.systems.comet.planned import PlannedNode
from remediations.systems.comet.program_parts import UNIT, node_variables
from remediations.systems.comet.surroundings import PROGRAM, surroundings
from remediations.systems.hosts.unit_program import compose

REHEARSAL_LIMIT_S = 900
"""For one host: a rollback, and a start. Of a big application both take minutes."""
MARK = "rehearsal:"
"""Begins each line that is an answer."""

STORES_LIMIT_S = 60
"""For the hashes of the stores, which are asked for twice."""
SAID_BYTES = 2 * MAX_ANSWER + 16_384
"""All that a rehearsal prints."""

# $1 DIRECTORY, PROGRAM, HOME, USER, RPC, HEIGHT, SECONDS, STORES_LIMIT, STORES_BYTES, then `start`
# and the words after it.
_CLONE = r"""
set -eu
scratch=$1 program=$2 home=$3 user=${4:-root} rpc=$5 height=$6 seconds=$7
stores_limit=$8 stores_bytes=$9
shift 9
clone=$scratch/home
for word; do
  shift
  case $word in
    CLONE) word=$clone ;;
    --home=CLONE) word=--home=$clone ;;
  esac
  set -- "$@" "$word"
done
tell() { printf 'rehearsal: %s\n' "$*"; }
give_up() { tell "failed $*"; exit 1; }
mount -t tmpfs -o size=25%,mode=0711 rehearsal "$scratch" || give_up "no memory for a clone"
mkdir "$scratch/upper" "$scratch/work" "$clone"
chown --reference="$home" "$scratch/upper"
chmod --reference="$home" "$scratch/upper"
mount -t overlay rehearsal "$clone" \
  -o "lowerdir=$home,upperdir=$scratch/upper,workdir=$scratch/work" || give_up "no overlay"
[ "$(stat -f -c %T "$clone")" = overlayfs ] || give_up "no overlay at $clone"
for secret in config/priv_validator_key.json config/node_key.json; do
  [ ! -e "$home/$secret" ] || mount --bind /dev/null "$home/$secret"
  rm -f "$clone/$secret"
done
rm -rf "$clone/data/cs.wal" "$clone/data/priv_validator_state.json" "$clone/config/addrbook.json"
become() {
  exec setpriv --reuid "$user" --regid "$(id -g "$user")" --init-groups --no-new-privs -- "$@"
}
as_user() { (become "$@"); }
began=$(date +%s)
"""

_ROLLED_BACK = r"""
stores() {
  tell "stores-$1 $({
    as_user timeout -k 5 "$stores_limit" "$program" module-hash-by-height "$height" -o json \
      --home "$clone" </dev/null 2>&1 || printf ' it ended with %s' "$?"
  } | tail -c "$stores_bytes" | tr '\n\r\000' '   ')"
}
stores before
began=$(date +%s)
said=$(as_user "$program" rollback --home "$clone" 2>&1 | tail -c 1000 | tr '\n' ' ')
tell "said $said"
"""

# The staged program lies where only root gets: it is bound to a place that the user can reach.
_STAGED = r"""
: >"$scratch/program"
mount --bind "$program" "$scratch/program" || give_up "the program cannot be bound"
program=$scratch/program
"""

# The RPC answers when the handshake is over, and that executes the block. Whoever answers another
# height for long is not going to execute it.
_EXECUTED = r"""
become "$program" "$@" >"$scratch/log" 2>&1 & # its process, which has to end before it is asked
daemon=$!
answer= others=0
while [ $(($(date +%s) - began)) -lt "$seconds" ] && [ "$others" -lt 50 ] &&
  kill -0 "$daemon" 2>/dev/null; do
  answer=$(curl -q -sSg --proto =http --noproxy '*' --max-time 2 "$rpc/abci_info" 2>/dev/null |
    head -c 4000 | tr -d '\n ') || answer=
  case $answer in *'"last_block_height":"'"$height"'"'*) break ;; esac
  case $answer in *'"last_block_app_hash"'*) others=$((others + 1)) ;; esac
  sleep 0.2
done
tell "app $answer"
why=$(grep -aEm 1 'UPGRADE .*NEEDED|CONSENSUS FAILURE|panic: |^Error: ' "$scratch/log" || :)
[ -z "$why" ] || tell "why $(printf '%.400s' "$why" | tr '\r\000' '  ')"
kill -KILL "$daemon" 2>/dev/null || tell "ended $(tail -n 3 "$scratch/log" | tr '\n' ' ')"
wait "$daemon" 2>/dev/null || :
took=$(($(date +%s) - began))
"""

_STORES_AFTER = r"""
case $answer in *'"last_block_height":"'"$height"'"'*) stores after ;; esac
"""

_TOOK = r"""
tell "took $took s, $(du -sk "$scratch/upper" | cut -f 1) KiB"
"""

_MAIN = r"""
unit_as_planned
case $home in *[:,]*) refuse "a home with : or , in its path" "a path that overlayfs takes" ;; esac
[ ! -L "$home/data" ] && [ ! -L "$home/config" ] && ! mountpoint -q "$home/data" ||
  refuse "data or config that lie outside of $home" "directories of it"
program_found
chosen
set -- start
after=
for word in $words; do
  if [ -n "$after" ]; then
    case $word in
      "$home" | "$home/") word=CLONE ;;
      --home="$home" | --home="$home/") word=--home=CLONE ;;
    esac
    set -- "$@" "$word"
  fi
  [ "$word" != start ] || after=yes
done
scratch=$(mktemp -d /run/remediate-rehearsal.XXXXXX)
trap 'rmdir "$scratch"' EXIT
in_surroundings -p PrivateNetwork=yes -p PrivateMounts=yes -p ProtectSystem=strict \
  -p PrivateTmp=yes -p Nice=19 -p OOMScoreAdjust=1000 \
  -p IOSchedulingClass=idle -- /bin/sh -c "$inside" rehearsal "$scratch" \
  "$program" "$home" "$user" "$rpc" "$stands_at" "$seconds" \
  "$stores_limit" "$stores_bytes" "$@"
printf '%s\n' "$said" | grep -a '^rehearsal: ' || :
"""


_OWN = r"""
chosen() { :; }
"""

_ANOTHER = r"""
chosen() {
  program=$brought/$sha256
  [ -f "$program" ] || refuse "no $program" "what \`remediate stage\` brings"
  sum=$(sha256sum <"$program") || refuse "$program cannot be read" "SHA-256 $sha256"
  [ "${sum%% *}" = "$sha256" ] || refuse "$program with SHA-256 ${sum%% *}" "$sha256"
}
"""


def rehearsal_text(node: PlannedNode, rpc_url: str, sha256: str = "") -> str:
    """Rolls a clone of the node back by one block, executes that block, and prints what both halves
    said: lines that begin with `MARK`. By the staged program of this hash, if there is one."""
    inside = _CLONE + (_STAGED if sha256 else "")
    inside += _ROLLED_BACK + _EXECUTED + _STORES_AFTER + _TOOK
    variables, chosen = _variables(node, rpc_url, inside), _ANOTHER if sha256 else _OWN
    if sha256:
        variables |= {"brought": FILES, "sha256": sha256}
    return compose(variables, (UNIT, PROGRAM, surroundings(SAID_BYTES), chosen, _MAIN))


def program_rehearsal_text(node: PlannedNode, rpc_url: str, sha256: str) -> str:
    """Starts a clone of the node with the staged program of this hash, which executes the block at
    `stands_at`, and prints what came of it: lines that begin with `MARK`."""
    variables = _variables(node, rpc_url, _CLONE + _STAGED + _EXECUTED + _TOOK)
    return compose(
        variables | {"brought": FILES, "sha256": sha256},
        (UNIT, PROGRAM, surroundings(SAID_BYTES), _ANOTHER, _MAIN),
    )


def _variables(node: PlannedNode, rpc_url: str, inside: str) -> dict[str, str | int]:
    return node_variables(node) | {
        "stands_at": node.stands_at,
        "rpc": rpc_url,
        "seconds": REHEARSAL_LIMIT_S - 60 - 2 * STORES_LIMIT_S,
        "stores_limit": STORES_LIMIT_S,
        "stores_bytes": MAX_ANSWER,
        "run_limit": REHEARSAL_LIMIT_S,
        "inside": inside.strip("\n"),
    }

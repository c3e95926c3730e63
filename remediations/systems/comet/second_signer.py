"""The shell program that stops a holder of a key which must not sign there, and holds it. Pure.

Unlike any program that starts a node it looks neither at the sign state nor at the room for data:
whatever they are, a node that is stopped signs nothing. What it must not do is to stop another
process than the one that was judged, or another key's.

Evidence is kept before and after: the sign state as it is before the stop, since each vote
overwrites it; then, stopped, the sign state that is final, the unit and the journal, which the stop
does not change. No second is lost before the stop for what can be had later. Only root can read
what is kept, and nothing of the key is in it: of a sign state `guest.sh` prints what was signed.
"""

from __future__ import annotations

from remediations.systems.comet.planned import PlannedNode
from remediations.systems.comet.program_parts import (
    GUEST,
    HOLDER,
    LOOK_LIMIT_S,
    STOP,
    UNIT,
    node_variables,
    stop_variables,
)
from remediations.systems.hosts.hold import HELD, HOLD
from remediations.systems.hosts.unit_program import compose

EVIDENCE = "/var/lib/remediate/evidence"
"""One directory for each stop: its time, and a random part."""
JOURNAL_LINES = 20_000
JOURNAL_BYTES = 4 << 20
"""The newest of the journal. Two signers write a few lines with each block."""
JOURNAL_LIMIT_S = 10
EVIDENCE_LIMIT_S = JOURNAL_LIMIT_S + 3 * LOOK_LIMIT_S
NOTE = "second-signer"
"""A note in the hold: `second-signer:ADDRESS:SECONDS`, the key and when its unit was down."""

# A key that was moved away meanwhile is still in the memory of a process that runs.
_KEY = r"""
no_other_key() {
  key=$(guest address "$home/config/priv_validator_key.json" 2>/dev/null) || return 0
  [ -z "$address" ] || [ "$key" = "$address" ] || refuse "key $key" "key $address"
}
"""

# What the hold of a rollback says to do by hand would start a second signer here.
_REASON = r"""
must_not_sign_here() { # NOTE
  umask 022
  {
    echo '# Nothing may start this unit: its key signs on another host, or did. Two that sign are'
    echo '# tombstoned for ever. `remediate diagnose` says what has to be done before it is let go.'
    printf '[Unit]\nAssertPathExists=!%s\n' "$hold"
    grep '^# note: ' "$hold" || :
    printf '# note: %s\n' "$1"
  } >"$hold.new"
  put_hold
}
"""

_EVIDENCE = r"""
keep_here() {
  kept=$(umask 077; mkdir -p "$evidence" &&
    mktemp -d "$evidence/$(date -u +%Y%m%dT%H%M%SZ).XXXXXX") ||
    refuse "no directory below $evidence" "one for the evidence"
}
keep() { (umask 077; cat >"$kept/$1" && sync "$kept/$1"); } # NAME: standard input
keep_sign_state() { # NAME
  looked=0
  state=$(guest sign_state "$home/data/priv_validator_state.json" 2>&1) || looked=$?
  [ "$looked" = 0 ] || state="not read: $state"
  printf '%s\n' "$state" | keep "$1"
}
keep_unit() {
  {
    printf 'key %s, home %s\n' "${address:-none}" "$home"
    for name in Id InvocationID ActiveState Result ActiveEnterTimestamp InactiveEnterTimestamp; do
      printf '%s=%s\n' "$name" "$(show "$name")"
    done
  } | keep unit
}
keep_journal() {
  {
    timeout "$journal_limit" journalctl -q --no-pager -o short-iso-precise \
      -n "$journal_lines" -u "$unit" 2>&1 || echo 'not read to the end'
  } | tail -c "$journal_bytes" | keep journal
}
list_evidence() {
  (umask 077; cd "$kept" && sha256sum -- * >SHA256SUMS && sync SHA256SUMS .)
  sed 's/^/evidence: /' "$kept/SHA256SUMS"
}
"""

_MAIN = r"""
unit_as_planned
now=$(show ActiveState)
if is_held && grep -q "^# note: $note:" "$hold"; then
  case $now in inactive | failed)
    printf 'already so: %s is stopped and held\n' "$unit"
    exit 0
    ;;
  esac
fi
if [ "$now" = active ] && [ "$(show InvocationID)" != "$invocation" ]; then
  refuse "$unit started since" "${invocation:+the invocation }${invocation:-it stopped}"
fi
no_other_key
if [ -d "$home/data" ]; then data_found; else data=$home/data; fi
keep_here
keep_sign_state sign-state-before
acted=yes
hold_unit
stop
must_not_sign_here "$note:$(date +%s)"
for what in sign_state unit journal list; do
  case $what in
    sign_state) keep_sign_state sign-state-after ;;
    unit) keep_unit ;;
    journal) keep_journal ;;
    list) list_evidence ;;
  esac || printf 'evidence not kept: %s\n' "$what"
done
printf 'held: %s is stopped, and nothing starts it; evidence in %s\n' "$unit" "$kept"
"""


def hold_duplicate_text(node: PlannedNode) -> str:
    """Stops the unit if it is the process that was planned, waits until its databases are free,
    keeps everybody from starting it, and keeps the evidence. One that was stopped is held only."""
    variables = node_variables(node) | stop_variables(node)
    variables |= {
        "note": f"{NOTE}:{node.address or 'none'}",
        "evidence": EVIDENCE,
        "journal_lines": JOURNAL_LINES,
        "journal_bytes": JOURNAL_BYTES,
        "journal_limit": JOURNAL_LIMIT_S,
    }
    parts = (UNIT, HELD, HOLD, GUEST, _KEY, HOLDER, STOP, _REASON, _EVIDENCE, _MAIN)
    return compose(variables, parts)

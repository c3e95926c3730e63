# shellcheck shell=bash disable=SC2329,SC2154 # called through `begin`; home, state_file: of probe.sh
# Where copies of a sign state lie on the node's own host: beside it, in what cosmovisor sets aside
# before an upgrade, and in the evidence of our own stops (second_signer.py). Only read.

STATE_COPIES=20 # of each of the two kinds

# state_copies: `booted SECONDS`, then for each copy two lines, of which the first is
#
#   beside MODIFIED FILE         the second is what `signed_state` of home_kinds.sh shows of it
#   kept ADDRESS MODIFIED FILE   made by a step of ours, when this key's unit was stopped
state_copies() {
    local status
    printf 'booted %s\n' "$(sed -n 's/^btime //p' /proc/stat)"
    guest_limit=4 guest state_copies "$state_file"
    status=$?
    ((status == 0 || status == 44)) || return $status
    kept_states
}

# kept_states: one directory for each stop, for root alone; `unit` says whose it is.
kept_states() {
    local where=/var/lib/remediate/evidence dir told file
    [[ -d $where && ! -L $where && -O $where ]] || return 0
    for file in "$where"/*/sign-state-{before,after}; do
        dir=${file%/*}
        [[ -f $dir/unit && ! -L $dir/unit && $file =~ ^[A-Za-z0-9_./-]+$ ]] || continue
        told=$(timeout -s KILL 1 head -c 5000 -- "$dir/unit" | head -n 1)
        [[ $told =~ ^key\ ([0-9A-F]{40}),\ home\ (.*)$ && ${BASH_REMATCH[2]} == "$home" ]] || continue
        printf 'kept %s %s %s\n' "${BASH_REMATCH[1]}" "$(stat -c %Y -- "$file")" "$file"
        (home=$where && guest signed_state "$file" 2>&1)
    done | tail -n $((2 * STATE_COPIES))
}

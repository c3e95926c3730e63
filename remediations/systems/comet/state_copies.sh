# shellcheck shell=bash disable=SC2329,SC2154 # called through `begin`; home, state_file: of probe.sh
# Where copies of a sign state lie on the node's own host: beside it, in what cosmovisor sets aside
# before an upgrade, and in the evidence of our own stops (second_signer.py). Only read.

STATE_COPIES=20               # of each of the two kinds
own_us[state_copies]=14000000 # some processes for each, on a host that may be busy

# state_copies: `booted SECONDS`, then for each copy two lines. The second is what `signed_state` of
# home_kinds.sh shows, or `odd` and why not; the first
#
#   beside MODIFIED FILE         of the home
#   kept ADDRESS MODIFIED FILE   made by a step of ours, when this key's unit was stopped
state_copies() {
    local status
    printf 'booted %s\n' "$(sed -n 's/^btime //p' /proc/stat)"
    guest_limit=12 guest state_copies "$state_file"
    status=$?
    ((status == 0 || status == 44)) || return $status
    kept_states
}

# kept_states: one directory for each stop, for root alone; `unit` says whose it is.
kept_states() {
    local where=/var/lib/remediate/evidence dir told file said
    [[ -d $where && ! -L $where && -O $where ]] || return 0
    for file in "$where"/*/sign-state-{before,after}; do
        dir=${file%/*}
        [[ -f $dir/unit && ! -L $dir/unit && $file =~ ^[A-Za-z0-9_./-]+$ ]] || continue
        told=$(timeout -s KILL 1 head -c 5000 -- "$dir/unit" | head -n 1)
        [[ $told =~ ^key\ ([0-9A-F]{40}),\ home\ (.*)$ && ${BASH_REMATCH[2]} == "$home" ]] || continue
        said=$(home=$where && guest signed_state "$file" 2>&1)
        [[ $said == {* ]] || said="odd $said"
        printf 'kept %s %s %s\n%s\n' "${BASH_REMATCH[1]}" "$(stat -c %Y -- "$file")" "$file" "$said"
    done | tail -n $((2 * STATE_COPIES))
}

# shellcheck shell=bash disable=SC2329,SC2154 # called through `begin`; discover.sh, rpc.sh, probe.sh
# How much is asked of the host and of the daemon: what makes a node slow that is well.

PRESSURE_SECONDS=1.5

# threads: sets ran and waited to the nanoseconds that the threads of the daemon have run, and have
# waited for a processor (proc(5), schedstat). A quota makes them wait, too.
threads() {
    local file run wait
    ran=0 waited=0
    for file in "/proc/$program_pid/task/"*/schedstat; do
        { read -r run wait _ <"$file"; } 2>/dev/null || continue
        ran=$((ran + run)) waited=$((waited + wait))
    done
}

# stalled_by RESOURCE: the share of a minute in which somebody waited for it, in percent.
stalled_by() {
    local line
    { read -r line <"/proc/pressure/$1"; } 2>/dev/null || return 0
    [[ $line != 'some '*' avg60='* ]] || { line=${line#*avg60=} && say "$1" "${line%%.*}"; }
}

pressure() {
    local -i ran waited before_ran before_waited
    local load answer
    read -r load _ </proc/loadavg
    say processors "$(nproc)" load "$load"
    property CPUQuotaPerSecUSec
    [[ $value == infinity ]] || say quota "$value"
    stalled_by cpu
    stalled_by io
    stalled_by memory
    if [[ $answered ]]; then
        answer=$(get num_unconfirmed_txs | head -c 65536)
        member_of total 18 && say transactions "$value"
        member_of total_bytes 18 && say transaction_bytes "$value"
    fi
    ((program_pid > 0)) || return 0
    threads
    before_ran=$ran before_waited=$waited
    sleep "$PRESSURE_SECONDS"
    threads
    say ran_us $(((ran - before_ran) / 1000)) waited_us $(((waited - before_waited) / 1000))
}

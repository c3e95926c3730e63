# shellcheck shell=bash disable=SC2329,SC2154 # sections are called through `member`; discover.sh
# Reads one host and prints one JSON document; sent over stdin to `bash -s`, behind discover.sh
# (docs/observation.md).
#
# It writes nothing, anywhere. Each section is bounded in bytes and time, and the whole in time:
#   "name":{"b64":gzip and base64 of the output,"rc":exit status,"err":base64 of its complaint,
#           "at":host clock (µs),"us":took (µs)}
# Settings are variables set before this text, not arguments: a home in the arguments of this very
# program would make it look like a daemon that runs with that home.

: "${remediate_scope:=full}"      # full, deciding
: "${remediate_budget_ms:=8000}"  # for everything
: "${remediate_signatures:=panic}" # extended regular expression for the journal

RPC_SECONDS=2
SAMPLES_APART_US=2500000

now_us() {
    now=${EPOCHREALTIME:-}
    if [[ $now ]]; then now=${now/[.,]/}; else now=$(date +%s%6N); fi # before bash 5
}

# as_seconds US: sets seconds, for sleep(1) and timeout(1); never 0, which would be "no limit".
as_seconds() {
    local us=$(($1 > 50000 ? $1 : 50000))
    printf -v seconds '%d.%06d' $((us / 1000000)) $((us % 1000000))
}

# member NAME BYTES COMMAND…: runs it and prints its output as one member of the document, with the
# beginning of its error output when it failed. The variable taken_at is set where the command only
# repeats what was read before.
member() {
    local name=$1 bytes=$2 at packed rc errors said=
    shift 2
    now_us
    at=${taken_at:-$now}
    exec {errors}<> <(:) # a pipe of its own: what libraries complain of must not get into the data
    packed=$("$@" 2>&"$errors" </dev/null | head -c "$bytes" | gzip -1n | base64 -w0
        printf ':%s' "${PIPESTATUS[0]}")
    rc=${packed##*:}
    ((rc == 0)) || read -r -t 0.01 -N 600 -u "$errors" said
    exec {errors}>&-
    now_us
    [[ -z $said ]] || said=$(printf '%s' "$said" | base64 -w0)
    printf '"%s":{"b64":"%s","rc":%s,"err":"%s","at":%s,"us":%s},\n' "$name" "${packed%:*}" \
        "$rc" "$said" "$at" $((now - at))
}

# begin NAME BYTES COMMAND…: the same at the side; `finish` prints all that were begun.
declare -a begun_names=() begun_fds=()
begin() {
    local fd
    exec {fd}< <(member "$@")
    begun_names+=("$1")
    begun_fds+=("$fd")
}

finish() {
    local i text seconds
    for i in "${!begun_names[@]}"; do
        now_us
        as_seconds $((deadline - now))
        text=$(timeout "$seconds" cat <&"${begun_fds[i]}") || text=
        now_us
        [[ $text ]] || printf -v text '"%s":{"b64":"","rc":124,"err":"","at":%s,"us":0},' \
            "${begun_names[i]}" "$now"
        printf '%s\n' "$text"
    done
    begun_names=() begun_fds=()
}

# --- the sections --------------------------------------------------------------------------------

login() {
    printf 'user=%s\neuid=%s\n' "${SUDO_USER:-$(id -un)}" "$EUID"
    printf 'boot_id=%s\n' "$(</proc/sys/kernel/random/boot_id)"
    printf 'machine_id=%s\n' "$(</etc/machine-id)"
}

found() {
    printf '%s=%s\n' unit "$unit" unit_trouble "$unit_trouble" home "$home" \
        home_trouble "$home_trouble" rpc "$rpc" rpc_trouble "$rpc_trouble" key_file "$key_file" \
        state_file "$state_file" node_key_file "$node_key_file" wal_file "$wal_file"
}

# settings FILE KEYS: section headers and the named keys only, since others may be secrets.
settings() {
    sed -nE "/^[[:space:]]*(\\[[^]]*\\]|($2)[[:space:]]*=)/p" "$1"
}

# processes: pid, state, start (clock ticks since boot) and command line of the unit's main process
# and of all that have the home among their arguments.
processes() {
    local dir pid stat word command mine
    local -a arguments fields
    for dir in /proc/[0-9]*; do
        pid=${dir#/proc/}
        { mapfile -d '' -t arguments <"$dir/cmdline" && stat=$(<"$dir/stat"); } || continue
        mine=no
        [[ $pid == "$main_pid" ]] && mine=yes
        for word in "${arguments[@]}"; do
            word=${word#--home=}
            [[ $home && ($word == "$home" || $word == "$home/") ]] && mine=yes
        done
        [[ $mine == yes ]] || continue
        read -ra fields < <(printf '%s\n' "${stat##*) }")
        command=${arguments[*]//[[:cntrl:]]/?}
        printf '%s %s %s %s\n' "$pid" "${fields[0]}" "${fields[19]}" "${command:0:500}"
    done
}

# hidden FILE: without root, a directory that may not be searched hides whether FILE is there.
hidden() {
    ((EUID)) && [[ ! -x ${1%/*} ]] && printf 'without sudo nobody may look into %s' "${1%/*}"
}

key() {
    hidden "$key_file" && return 13
    [[ -e $node_key_file ]] && printf 'node_key=yes\n'
    [[ -e $key_file ]] || { printf 'key=absent\n'; return; }
    # The address only: nothing else of this file leaves the host.
    grep -aoiE '"address"[[:space:]]*:[[:space:]]*"[0-9a-f]{40}"' "$key_file" | head -n 1
}

sign_state() {
    hidden "$state_file" && return 13
    [[ -e $state_file ]] || return 44
    cat "$state_file"
}

wal() {
    hidden "$wal_file" && return 13
    [[ -e $wal_file ]] || { printf '0\n'; return; }
    timeout 2 stat -c %s "$wal_file"* # the current part and those that were full
}

disk() {
    local where=$home/data
    [[ -d $where ]] || where=$home
    timeout 2 df -B1 --output=avail,size,iavail,itotal,target "$where" && cat /proc/self/mounts
}

# records: the directory in which run/launcher.sh keeps its claims, or what it would be made in: its
# room, whether root can write there, and owner and mode of it and of all above it.
records() {
    local at where=/var/lib/remediate writable=no
    ((EUID == 0)) || return 13
    [[ -e $where || -L $where ]] || where=${where%/*}
    [[ -d $where && -w $where ]] && writable=yes
    printf 'path=%s\nwritable=%s\n' "$where" "$writable"
    timeout 2 stat -f -c 'room=%f %S %d %c' "$where" || return
    at=$(cd -P "$where" && pwd -P) || at=$where
    while timeout 2 stat -c '%u %a %n' "$at" && [[ $at != / ]]; do
        at=${at%/*}
        at=${at:-/}
    done
}

# ownership: what below the home belongs to somebody else than the service user (links aside).
ownership() {
    local uid
    uid=$(id -u "${service_user:-root}") || return 3
    timeout -k 0.5 2 find "$home" -xdev -ignore_readdir_race ! -type l ! -user "$uid" |
        head -n 1001
    return "${PIPESTATUS[0]}"
}

# sha256 FILE: by openssl, which takes a third of the time where the processor knows SHA-256; where
# it is missing or refuses, by coreutils.
sha256() {
    local sum
    sum=$(nice timeout 4 openssl dgst -sha256 -r "$1" 2>/dev/null) ||
        sum=$(nice timeout 6 sha256sum "$1") || return
    printf '%s' "${sum%% *}"
}

# binary_facts: hashes on disk and in memory, and the version where asking cannot write: started
# without its configuration files the program would make them.
binary_facts() {
    local sum
    sum=$(sha256 "$binary") || return
    printf 'path=%s\ndisk=%s\n' "$binary" "$sum"
    if ((main_pid > 0)); then
        [[ /proc/$main_pid/exe -ef $binary ]] || sum=$(sha256 "/proc/$main_pid/exe")
        printf 'running=%s\n' "$sum"
    fi
    [[ ${binary##*/} == virtengine* && $home && $EUID == 0 && -f $home/config/config.toml &&
        -f $home/config/app.toml && -f $home/config/client.toml ]] || return 0
    printf 'version=%s\n' "$(timeout -k 0.5 2 setpriv --reuid "$(id -u "${service_user:-root}")" \
        --regid "$(id -g "${service_user:-root}")" --clear-groups \
        "$binary" version --home "$home" 2>&1 | head -c 65536 | tail -n 1 | head -c 200)"
}

# journal: signature lines of the unit, newest first, since its last start; ten minutes more where
# it has been restarted or does not run, because the cause stands in an earlier start.
journal() {
    local since active
    property ActiveEnterTimestamp
    [[ $value ]] || property InactiveExitTimestamp
    # systemd forgets a unit that neither runs nor is enabled: a day.
    since=$(date -d "${value:-yesterday}" +%s) || return
    property ActiveState
    active=$value
    property NRestarts
    [[ $active == active && $value == 0 ]] || since=$((since - 600))
    timeout -k 0.5 2.5 journalctl --unit="$unit" --since="@$since" --no-pager --all --reverse \
        --output=short-unix --quiet |
        grep -avE 'Failed to (kill control group|send signal)' | # says I/O error, means nothing
        grep -aE -m 200 "$remediate_signatures"
    return "${PIPESTATUS[0]}"
}

# ask URL…: one answer per line, bounded in time each.
ask() { curl -q -sSg --noproxy '*' --max-time "$RPC_SECONDS" -w '\n' "$@"; }

get() { ask "$rpc/$1"; }

# validators: all pages, all of the height that the first one is of.
validators() {
    local page pages answer height
    local -a urls=()
    answer=$(get 'validators?per_page=100' | head -c 1000000; exit "${PIPESTATUS[0]}") || return
    printf '%s\n' "$answer"
    [[ $answer =~ \"block_height\":[[:space:]]*\"([0-9]{1,19})\" ]] || return 0
    height=${BASH_REMATCH[1]}
    [[ $answer =~ \"total\":[[:space:]]*\"([0-9]{1,6})\" ]] || return 0
    pages=$(((10#${BASH_REMATCH[1]} + 99) / 100))
    ((pages > 1)) || return 0
    for ((page = 2; page <= pages && page <= 200; page++)); do
        urls+=("$rpc/validators?per_page=100&page=$page&height=$height")
    done
    timeout -k 0.5 4 curl -q -sSg --noproxy '*' --max-time "$RPC_SECONDS" -w '\n' "${urls[@]}"
}

# --- the order of things -------------------------------------------------------------------------

# chain: two samples and, with the first, the rest. /status goes first: while it hangs or is
# refused, nothing else is worth its time.
chain() {
    local status rc at height from seconds
    now_us
    at=$now
    status=$(get status | head -c 65536; exit "${PIPESTATUS[0]}")
    rc=$?
    taken_at=$at member status.1 65536 replay "$status" "$rc"
    ((rc != 7)) || return
    begin app.1 65536 get abci_info
    begin round.1 4000000 get consensus_state
    if [[ $rc == 0 && $status =~ \"latest_block_height\":[[:space:]]*\"([0-9]{1,18})\" ]]; then
        height=$((10#${BASH_REMATCH[1]}))
        from=$((height > 19 ? height - 19 : 1))
        begin validators 8000000 validators
        begin peers 2000000 get net_info
        begin dump 4000000 get dump_consensus_state
        begin blocks 262144 get "blockchain?minHeight=$from&maxHeight=$height"
        begin commit 4000000 get "commit?height=$((height > 1 ? height - 1 : 1))"
        begin result 4000000 get "block_results?height=$height"
    fi
    describe # in the time between the samples
    now_us
    ((deadline - now > SAMPLES_APART_US + 2500000)) || return
    as_seconds $((SAMPLES_APART_US - now + at))
    sleep "$seconds"
    begin status.2 65536 get status
    begin app.2 65536 get abci_info
    begin round.2 4000000 get consensus_state
}

replay() { printf '%s' "$1" && return "$2"; }

files() {
    begin config 65536 settings "$home/config/config.toml" \
        'laddr|priv_validator_laddr|double_sign_check_height|persistent_peers|db_backend'
    begin app_config 65536 settings "$home/config/app.toml" 'halt-height|halt-time'
    begin key 4096 key
    begin wal 4096 wal
    begin disk 262144 disk
    begin ownership 262144 ownership
}

describe() {
    described=yes
    [[ $unit ]] || return 0
    begin journal 262144 journal
    [[ $remediate_scope != full || -z $binary ]] || begin binary 4096 binary_facts
}

main() {
    # Everything is parsed by now; nothing below may read the program's own text, and no section
    # that outlives the time limit may hold the connection open.
    exec </dev/null 2>/dev/null
    cd /
    export LC_ALL=C TZ=UTC PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    local now deadline described='' service_user='' main_pid=0
    local key_file='' state_file='' node_key_file='' wal_file=''
    now_us
    deadline=$((now + remediate_budget_ms * 1000))
    printf '{"remediate_probe":1,"began":%s,\n' "$now"
    member login 4096 login
    find_unit
    if [[ $unit ]]; then
        show_unit
        property User
        service_user=$value
        property MainPID
        main_pid=${value:-0}
        find_home
    else
        home_trouble=$unit_trouble
    fi
    if [[ $home ]]; then
        read_config
        in_home .priv_validator_key_file config/priv_validator_key.json
        key_file=$value
        in_home .priv_validator_state_file data/priv_validator_state.json
        state_file=$value
        in_home .node_key_file config/node_key.json
        node_key_file=$value
        in_home consensus.wal_file data/cs.wal/wal
        wal_file=$value
    fi
    find_rpc
    member found 65536 found
    [[ -z $unit ]] || member show 65536 printf '%s\n' "$shown"
    [[ -z $unit ]] || member processes 262144 processes
    begin records 4096 records
    [[ -z $home ]] || files
    [[ -z $rpc ]] || chain
    [[ $described ]] || describe
    finish
    # Last, so that the sign state is never older than the blocks it is compared with.
    [[ -z $home ]] || member sign_state 65536 sign_state
    now_us
    printf '"ended":%s}\n' "$now"
    exit 0
}

main

# shellcheck shell=bash disable=SC2329,SC2154 # sections are called through `begin`; discover.sh
# Reads one node: the sections about the daemon and its home, and the order of all. It follows
# discover.sh, journal.sh and rpc.sh, within the frame of systems/hosts/probe.sh.

: "${remediate_userinfo:=}"    # sed scripts that hide credentials (secrets.py)
: "${remediate_credentials:=}"

PROCESSES=100
own_us[processes]=1500000 # what has the home among its arguments starts after it
own_us[binary]=10000000   # until the reading ends, which is earlier

main_pid=0 described='' answered='' stands='' program='' program_pid=0
key_file='' state_file='' node_key_file='' wal_file=''

found() {
    say unit "$unit" unit_trouble "$unit_trouble" unit_why "$unit_why" candidates "$candidates" \
        home "$home" home_trouble "$home_trouble" home_why "$home_why" \
        config_trouble "$config_trouble" config_why "$config_why" \
        rpc "$rpc" rpc_trouble "$rpc_trouble" rpc_why "$rpc_why" key_file "$key_file" \
        state_file "$state_file" node_key_file "$node_key_file" wal_file "$wal_file"
}

sent_unit() { hide_command && printf '%s' "$shown"; }

# processes: pid, state (with `>` behind it for another process of the unit), start (clock ticks since
# boot) and the used part of the command line, for the unit's main process and all processes
# that have the home among their arguments. A host may have
# very many, each with megabytes of arguments: one tool searches all of them. If it does not finish,
# or finds too many, nothing is known.
processes() {
    local file dir pid stat command
    local -a files arguments fields kept
    mapfile -t files < <(at_home)
    ((${#files[@]} <= PROCESSES)) || not_read "more than $PROCESSES processes name the home" || return
    [[ $main_pid == 0 || " ${files[*]} " == *" /proc/$main_pid/cmdline "* ]] ||
        files+=("/proc/$main_pid/cmdline")
    for file in "${files[@]}"; do
        [[ $file == /proc/*/cmdline ]] || not_read "processes cannot be looked through: $file" || return
        dir=${file%/cmdline} pid=${file//[!0-9]/}
        stat=
        mapfile -d '' -n 1000 -t arguments <"$file" && read -r -d '' stat <"$dir/stat"
        [[ $stat ]] || continue # it has ended
        # shellcheck disable=SC2206 # after the name in parentheses: a letter, and numbers
        fields=(${stat##*) })
        command=${arguments[0]}
        [[ $command =~ ^[A-Za-z0-9._/+-]{1,200}$ ]] || command='?' # a title may say anything
        used "${arguments[@]:1:100}"
        command="$command ${kept[*]}"
        command=${command:0:500}
        [[ $pid == "$main_pid" ]] || ! in_unit "$dir" || fields[0]+='>'
        printf '%s %s %s %s\n' "$pid" "${fields[0]}" "${fields[19]}" "${command//[[:cntrl:]]/?}"
    done
}

# in_unit DIR: whether the process of /proc/PID is in the unit's control group: systemd put it there, and
# what it starts is there, too. A unit that loops may have another main process by now.
in_unit() {
    local line
    while IFS= read -r line; do
        [[ $line != */"$unit" && $line != */"$unit"/* ]] || return 0
    done 2>/dev/null <"$1/cgroup"
    return 1
}

# at_home: the cmdline files of the processes with the home among their arguments, and all errors but
# that a process has ended. The patterns are not arguments, or the search would find itself.
at_home() {
    [[ $home ]] || return 0
    timeout -s KILL 1 grep -aszlxF -f <(printf '%s\n' {,--home=}"$home"{,/}) -- /proc/[0-9]*/cmdline 2>&1
    (($? < 3)) || echo "no end within its limits"
}

key() {
    local address status node_key node_id=
    address=$(guest address "$key_file")
    status=$?
    ((status == 0 || status == 44)) || return $status
    node_key=$(guest present "$node_key_file")
    [[ $node_key != yes ]] || node_id=$(guest node_id "$node_key_file" 2>/dev/null) || node_id=
    say address "${address:-absent}" node_key "$node_key" node_id "$node_id"
}

wal() {
    local sizes status
    sizes=$(guest sizes "$wal_file") # of the current part and of the full ones
    status=$?
    ((status != 44)) || sizes=0 status=0
    replay "$sizes" $status
}

disk() {
    local where=$home/data
    [[ -d $where ]] || where=$home
    timeout -s KILL 2 df -B1 --output=avail,size,iavail,itotal,target "$where" &&
        cat /proc/self/mounts
}

# ownership: what below the home does not belong to the service user (except links). The home is
# entered, not named: a process with the home among its arguments would look like a daemon. Of a file
# that was deleted meanwhile (the daemon runs) find knows no owner: no test of it holds, and `! -user`
# would.
ownership() {
    local user uid
    property User
    user=${value:-root}
    uid=$(timeout -s KILL 1 id -u -- "$user") || return 3
    cd -P -- "$home/" || return
    timeout -s KILL 2 find . -xdev -ignore_readdir_race ! -type l \
        \( -uid "+$uid" -o -uid "-$uid" \) -print0 |
        head -z -n 1001 | tr '\n\0' '?\n'
    return "${PIPESTATUS[0]}"
}

# sha256 FILE: with no more rights than the daemon has, since its path may contain links. By openssl,
# which takes a fifth of the time if the processor has instructions for SHA-256; if it is missing, fails
# or hangs, by coreutils. It has most of the time: what is too slow for it on a busy host is not read
# by coreutils either. Not with nice: beside busy daemons it would not end in time, and no start is
# planned while the program is unread (docs/rules/guards.md#g8).
sha256() {
    local sum
    sum=$(timeout -s KILL 6 "${as_owner[@]}" openssl dgst -sha256 -r "$1") ||
        sum=$(timeout -s KILL 4 "${as_owner[@]}" sha256sum "$1") || return
    printf '%s' "${sum%% *}"
}

# find_program: sets program to what runs as the daemon, and program_pid to its process (0 for none).
# Of cosmovisor that is the file of its name (DAEMON_NAME), or the only one, to which its link `current`
# leads, and its child; of any other wrapper the program that is named before `start` among its
# arguments, and the process of it that has the home.
find_program() {
    local file pid
    local -a files=()
    program=$binary program_pid=$main_pid
    [[ $home ]] || return 0
    if [[ ${binary##*/} == cosmovisor ]]; then
        cosmovisor_settings
        mapfile -d '' -t files < <(timeout -s KILL 1 "${as_owner[@]}" \
            find -L "$home/cosmovisor/current/bin" -maxdepth 1 -type f -name "${cosmovisor[DAEMON_NAME]:-*}" -print0)
        ((${#files[@]} == 1)) || return 0
        program=$(timeout -s KILL 1 "${as_owner[@]}" realpath "${files[0]}") || program=${files[0]}
        program_pid=0
        for pid in $(cat "/proc/$main_pid"/task/*/children 2>/dev/null); do
            [[ /proc/$pid/exe -ef $binary ]] || program_pid=$pid
        done
    elif named_before_start && [[ ! $program -ef $binary ]]; then
        program_pid=0
        while IFS= read -r file; do
            pid=${file//[!0-9]/}
            [[ ! /proc/$pid/exe -ef $program ]] || program_pid=$pid
        done < <(at_home)
    fi
}

# named_before_start: sets program to the program that the arguments name before `start`.
named_before_start() {
    local word before=
    for word in "${words[@]:1}"; do
        if [[ $word == start && $before == /* && -f $before && -x $before ]]; then
            program=$before
            return 0
        fi
        before=$word
    done
    return 1
}

# binary_facts: hashes on disk and in memory. A process that has ended meanwhile has none.
binary_facts() {
    local sum
    [[ -f $binary ]] || return 44
    sum=$(sha256 "$program") || return
    say path "$program" disk "$sum"
    if ((program_pid > 0)); then
        # The running program is read as root: nobody else can place a link on this path.
        [[ /proc/$program_pid/exe -ef $program ]] ||
            sum=$(as_owner=() && sha256 "/proc/$program_pid/exe")
        say running "$sum"
    fi
}

# program_version: if asking for it cannot write anything: without its configuration files the program
# would create them. A section of its own: the hashes decide, and do not wait for a program that starts
# slowly.
program_version() {
    [[ -f $binary && ${program##*/} == "$remediate_daemon"* && $home && $EUID == 0 &&
        -f $home/config/config.toml && -f $home/config/app.toml && -f $home/config/client.toml ]] || return 0
    say version "$(foreign "$owner_uid" "$owner_gid" "$program" version --home "$home" 2>&1 |
        timeout -s KILL $((FOREIGN_SECONDS + 1)) cat | head -c 65536 | tail -n 1 | head -c 200)"
}

# changes: when the files changed that decide how the daemon starts: those of the unit, settings,
# genesis, the program, and cosmovisor's link to it. Of a link both its own time and that of what it
# leads to. By ctime, which neither `cp -p` nor a package manager can set back. A file that is not
# there has no line; one that was taken away shows on the directory of the drop-ins.
changes() {
    local line
    local -a of_unit=("/etc/systemd/system/$unit.d") dropped=() of_daemon=()
    property FragmentPath
    of_unit+=("$value")
    property DropInPaths
    read -ra dropped < <(printf '%s\n' "$value")
    while IFS= read -r line; do
        [[ $line == EnvironmentFiles=/* ]] || continue
        line=${line#*=}
        of_unit+=("${line%% (ignore_errors=*}")
    done < <(printf '%s\n' "$shown")
    changed unit "${of_unit[@]}" "${dropped[@]}" || return
    of_daemon=("$binary" "$program")
    [[ ! $home ]] || of_daemon+=("$home"/config/{config.toml,app.toml,client.toml,genesis.json}
        "$home/cosmovisor/current")
    changed daemon "${of_daemon[@]}"
}

# changed WHOSE FILE…: a line for each that is there. What the daemon reads is looked at with no more
# rights than it has, since its path may contain links.
changed() {
    local whose=$1 file
    local -a rights=() files=()
    shift
    [[ $whose == unit ]] || rights=("${as_owner[@]}")
    for file; do
        [[ $file != /* || $file == *[[:cntrl:]]* ]] || files+=("$file")
    done
    for file in '' -L; do
        timeout -s KILL 1 "${rights[@]}" stat $file -c "$whose %.6Z %n" -- "${files[@]:0:100}" 2>/dev/null
        (($? < 124)) || not_read 'the times of the files cannot be read' || return
    done
}

# copies: the copies of databases that are kept on this host (copy_programs.py): for each its name, and
# what it says of itself in its first member, whose content is the second block of the archive; where it
# was made, also how many seconds that took.
copies() {
    local file
    ((EUID == 0)) || return 13
    while IFS= read -r file; do
        [[ $(head -c 5 "$file") == about ]] || continue
        printf 'copy=%s\n' "${file##*/}"
        timeout -s KILL 1 dd if="$file" bs=512 skip=1 count=1 status=none | tr -d '\000'
        timeout -s KILL 1 grep -hsx -A 1 -m 1 -e "${file##*/}" -- "${file%/*}"/*.copy |
            grep -xE -m 1 'seconds=[0-9]{1,9}' || true
    done < <(timeout -s KILL 1 find /var/lib/remediate/files -maxdepth 1 -type f \
        -regextype posix-extended -regex '.*/[0-9a-f]{64}' 2>/dev/null | head -n 50)
}

# rollbacks: for each rollback of ours that this host keeps a record of, its plan, and the height and the
# app hash that it came to.
rollbacks() {
    ((EUID == 0)) || return 13
    timeout -s KILL 2 find /var/lib/remediate -mindepth 3 -maxdepth 3 -type f -name stdout -size -128 \
        -print0 2>/dev/null | timeout -s KILL 2 xargs -0 -r grep -aEHs -m 1 '^rolled back: height ' -- |
        sed -nE 's|^/var/lib/remediate/([0-9a-f]{64})/[0-9a-z-]+/stdout:rolled back: height ([0-9]{1,18}), app hash ([0-9A-F]{2,128});.*|\1 \2 \3|p' |
        sort -u
}

# announced: what the application that asked for an upgrade said of its programs.
announced() {
    local told status
    told=$(guest_limit=5 guest announced "$home/data/upgrade-info.json")
    status=$?
    ((status == 0)) || return $status
    printf '%s\nmachine=%s\n' "$told" "$(uname -m)"
}

# --- the order of things -------------------------------------------------------------------------

files() {
    begin app_config guest settings "$home/config/app.toml"
    begin store guest store_settings "$home/config/app.toml"
    begin snapshots snapshots
    begin sync_settings sync_settings
    begin disk disk
    begin ownership ownership
    begin copies copies
    begin rollbacks rollbacks
    begin room room
    [[ ! -e $home/data/upgrade-info.json ]] || begin announced announced
    [[ -z $config_trouble ]] || return
    begin key key
    begin wal wal
    ((main_pid)) || begin state_copies state_copies
}

describe() {
    described=yes
    [[ $unit ]] || return 0
    find_program
    begin journal without "$remediate_credentials" journal
    [[ -z $binary ]] || begin binary binary_facts
    [[ -z $binary || $remediate_scope != full ]] || begin version program_version
    [[ -z $binary ]] || begin changes changes
    [[ ${binary##*/} != cosmovisor || -z $home ]] || begin cosmovisor cosmovisor_facts
    [[ $remediate_scope != full ]] || begin pressure pressure
    [[ -z $home ]] || begin jobs jobs
}

comet_first() {
    find_unit
    if [[ $unit ]]; then
        show_unit
        property MainPID
        main_pid=${value:-0}
        find_home
        find_owner
    else
        home_trouble=$unit_trouble home_why=$unit_why
    fi
    [[ -z $home ]] || read_config
    if [[ $home && -z $config_trouble ]]; then
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
    begin found found
    if [[ $unit ]]; then
        begin show without "$remediate_userinfo" sent_unit
        begin processes without "$remediate_userinfo" processes
    fi
    [[ -z $home || $config_trouble ]] ||
        begin config without "$remediate_userinfo" printf '%s\n' "$config_text"
}

# comet_rest: called when `processes` has ended, since what starts here has the home among its
# arguments.
comet_rest() {
    [[ -z $home ]] || files
    [[ -z $rpc ]] || chain
    [[ $described ]] || describe
    [[ -z $home || ($answered && ! $stands) ]] || ask_servers
    # Where no node answers, nothing else tells who holds how much power.
    [[ $answered || -z $home ]] || begin genesis guest genesis "$home/config/genesis.json"
}

ask_servers() {
    flag p2p.persistent_peers || flag_value=${config[p2p.persistent_peers]:-}
    begin servers servers "$flag_value"
}

# comet_last: read last, so that the sign state is never older than the blocks it is compared with.
comet_last() {
    [[ -z $state_file ]] || begin sign_state guest sign_state "$state_file"
}

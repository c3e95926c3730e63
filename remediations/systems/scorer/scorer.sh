# shellcheck shell=bash disable=SC2154,SC2329 # called through `begin`; settings precede this text
# Reads one scoring service: its unit, model directory, process, counters, and what it answers to the
# golden vectors. It asks nobody but the service on loopback, and changes nothing.

: "${remediate_scorer_unit:=}" "${remediate_scorer_url:=}" "${remediate_scorer_model:=}"
: "${remediate_scorer_metrics:=}" "${remediate_scorer_health:=}" "${remediate_scorer_node:=}"
: "${remediate_scorer_port:=0}"
: "${remediate_scorer_vectors:=}" # base64, one a word
: "${remediate_scorer_asks:=2}" "${remediate_scorer_timeout_ms:=2000}" "${remediate_scorer_window_s:=3600}"
: "${remediate_scorer_counted:=}" # names of metrics
: "${remediate_scorer_settings:=}" "${remediate_scorer_node_settings:=}" # names
: "${remediate_scorer_class_settings:=}" "${remediate_scorer_environment:=}"

SCORER_ASKS_US=9000000    # for all vectors together
SCORER_SLACK_US=400000    # for packing and printing what was answered
SCORER_MODEL_BYTES=2147483648
SCORER_FILES=200
SCORER_LIBRARIES=40
SCORER_LIBRARY_BYTES=268435456
SCORER_FLAGS='avx2 avx512f avx512_vnni amx_bf16 amx_int8 amx_tile fma'
SCORER_STARTED=39f53479d3a045ac8e11786248231fbf # systemd's message id for "Started"
own_us[scorer_asks]=10000000

scorer_first() {
    begin scorer_unit scorer_unit
    begin scorer_process scorer_process
    begin scorer_node scorer_node_process
    begin scorer_machine scorer_machine
    begin scorer_environment scorer_environment
    begin scorer_health scorer_health
    begin scorer_counters.1 scorer_counters
}

scorer_rest() {
    begin scorer_asks scorer_asks
    begin scorer_disk scorer_disk
    begin scorer_loaded scorer_loaded
    begin scorer_last scorer_last_line
}

scorer_last() { begin scorer_counters.2 scorer_counters; }

# scorer_show PROPERTY…: the unit's properties, one a line.
scorer_show() {
    local IFS=,
    timeout -s KILL 2 systemctl show --property="$*" -- "$remediate_scorer_unit"
}

scorer_unit() {
    scorer_show LoadState ActiveState SubState Result InvocationID NRestarts ExecMainStatus \
        ExecMainStartTimestamp TimeoutStopUSec TimeoutStartUSec || return
    printf 'Starts=%s\n' "$(timeout -s KILL 2 journalctl -q -o cat --no-pager -n 1000 \
        --since="-${remediate_scorer_window_s}s" MESSAGE_ID=$SCORER_STARTED \
        UNIT="$remediate_scorer_unit" 2>/dev/null | grep -c .)"
    printf 'Expects=%s\n' "$(scorer_show ExecStart |
        grep -oE -e '--?expected-hash[= ][0-9a-f]{64}\b' | tail -n 1 | sed 's/^.*[= ]//')"
}

# scorer_owners: the processes that listen on the service's port.
scorer_owners() {
    timeout -s KILL 2 ss -Hltnp "sport = :$remediate_scorer_port" |
        grep -oE 'pid=[0-9]+' | sed 's/pid=//' | sort -un | head -n 8
}

# scorer_settings PID NAME…: one line for each declared name that the process has.
scorer_settings() {
    local pid=$1 name word take_next=
    local -a words=()
    shift
    while IFS= read -r -d '' word; do
        for name; do
            [[ $name == -* || $word != "$name="* ]] || say "set_$name" "${word#*=}"
        done
    done < <(timeout -s KILL 1 head -c 262144 "/proc/$pid/environ")
    mapfile -d '' -t words < <(timeout -s KILL 1 head -c 65536 "/proc/$pid/cmdline")
    for word in "${words[@]}"; do
        if [[ $take_next ]]; then
            say "set_$take_next" "$word"
            take_next=
            continue
        fi
        for name; do
            [[ $name == --* ]] || continue
            case $word in
                "$name" | "${name#-}") take_next=$name ;;
                "$name="* | "${name#-}="*) say "set_$name" "${word#*=}" ;;
            esac
        done
    done
}

# scorer_libraries PID: name and hash of what is mapped of shared libraries, through the kernel's own
# links: paths of a container mean something else here.
scorer_libraries() {
    local pid=$1 line range path name sum
    local -i number=0 left=$SCORER_LIBRARY_BYTES size
    local -A seen=()
    while IFS= read -r line; do
        range=${line%% *} path=/${line#*/}
        name=${path##*/}
        [[ $name =~ ^[A-Za-z0-9_.+-]+$ && ! ${seen[$path]:-} ]] || continue
        ((number++ < SCORER_LIBRARIES)) || break
        seen[$path]=yes
        size=$(timeout -s KILL 1 stat -L -c %s "/proc/$pid/map_files/$range" 2>/dev/null || echo 0)
        ((size > 0 && (left -= size) > 0)) || continue
        sum=$(timeout -s KILL 2 sha256sum <"/proc/$pid/map_files/$range" 2>/dev/null) || continue
        say "library_$name" "${sum%% *}"
    done < <(timeout -s KILL 1 head -c 1048576 "/proc/$pid/maps" | grep -E ' r-xp .* /[^ ]*\.so[.0-9]*$')
}

scorer_process() {
    local owners pid threads
    command -v ss >/dev/null || { not_read 'ss (iproute2) is not installed'; return; }
    owners=$(scorer_owners)
    [[ $owners ]] || { printf 'nobody listens on port %s\n' "$remediate_scorer_port" >&2; return 44; }
    pid=${owners%%$'\n'*}
    threads=$(sed -n 's/^Threads:[[:space:]]*//p' "/proc/$pid/status" 2>/dev/null)
    say pid "$pid" owners "${owners//$'\n'/ }" threads "${threads:-0}"
    # shellcheck disable=SC2086 # names of plain characters
    scorer_settings "$pid" $remediate_scorer_settings $remediate_scorer_class_settings
    scorer_libraries "$pid"
}

scorer_node_process() {
    local pid
    [[ $remediate_scorer_node ]] || { printf 'the inventory names no unit that asks it\n' >&2; return 44; }
    pid=$(timeout -s KILL 2 systemctl show --property=MainPID --value -- "$remediate_scorer_node")
    [[ $pid =~ ^[1-9][0-9]*$ ]] || { printf '%s has no process\n' "$remediate_scorer_node" >&2; return 44; }
    say pid "$pid"
    [[ -r /proc/$pid/environ ]] || return 13
    # shellcheck disable=SC2086 # names of plain characters
    scorer_settings "$pid" $remediate_scorer_node_settings
}

# scorer_environment: the declared names, and no others, in the file that the inventory names.
scorer_environment() {
    local file=$remediate_scorer_environment trouble taken name found
    [[ $file ]] || { printf 'the inventory names no environment file\n' >&2; return 44; }
    trouble=$(scorer_env_open_to "$file")
    scorer_env_unit "$remediate_scorer_unit" || return
    taken=$(scorer_env_taken "$file")
    say trouble "$trouble" taken "$taken"
    [[ ! $trouble ]] || return 0
    [[ -r $file ]] || return 13
    say form "$(scorer_env_form "$file")"
    for name in $remediate_scorer_settings; do
        [[ $name != -* ]] || continue
        if found=$(scorer_env_value "$file" "$name"); then
            [[ ! $found ]] || say "set_$name" "${found#=}"
        else
            say "odd_$name" "$found"
        fi
        [[ ! $taken ]] || found=$(scorer_env_decided "$taken" "$name")
        [[ ! $taken || ! $found ]] || say "over_$name" "$found"
    done
}

scorer_machine() {
    local flags flag kept= load
    flags=" $(sed -nE '/^(flags|Features)[[:space:]]*:/{s/^[^:]*: *//p;q}' /proc/cpuinfo) "
    for flag in $SCORER_FLAGS; do
        [[ $flags != *" $flag "* ]] || kept+=" $flag"
    done
    read -r load _ </proc/loadavg
    say model "$(sed -nE '/^model name/{s/^[^:]*: *//p;q}' /proc/cpuinfo)" flags "${kept# }" \
        processors "$(nproc)" load "$load" \
        available "$(sed -nE 's/^MemAvailable: *([0-9]+) kB$/\1/p' /proc/meminfo)"
}

# scorer_curl SECONDS WORD…: no configuration, no proxy, no patterns, and only HTTP.
scorer_curl() {
    local seconds=$1
    shift
    curl -q -sSg --proto =http --noproxy '*' --max-time "$seconds" "$@"
}

scorer_health() {
    [[ $remediate_scorer_health ]] || { printf 'the inventory has no URL for it\n' >&2; return 44; }
    scorer_curl 2 -o /dev/null -w '%{http_code}\n' --url "$remediate_scorer_health"
}

scorer_counters() {
    [[ $remediate_scorer_metrics ]] || { printf 'the inventory has no URL for it\n' >&2; return 44; }
    printf '%s\n' "$remediate_scorer_counted"
    scorer_curl 2 --url "$remediate_scorer_metrics" | head -c 1048576 |
        grep -E "^(${remediate_scorer_counted// /|})(_sum|_count)?(\{[^}]*\})? [-+0-9.eEinfIaN]+( [0-9]+)?\$"
    local -a ended=("${PIPESTATUS[@]}")
    return $((ended[0]))
}

# scorer_ask VECTOR TRY BASE64 SECONDS: one line with exit status, time and answer (headers and body).
scorer_ask() {
    local began rc told
    now_us
    began=$now
    told=$(printf '%s' "$3" | base64 -d |
        scorer_curl "$4" -i -H 'Content-Type: application/json' -H 'Expect:' --data-binary @- \
            --url "$remediate_scorer_url" 2>/dev/null | head -c 8192 | base64 -w0
        printf ' %s' "${PIPESTATUS[2]}")
    rc=${told##* }
    now_us
    printf 'ask %s %s %s %s %s\n' "$1" "$2" "$rc" "$(((now - began) / 1000))" "${told%% *}"
    ((rc != 28))
}

# scorer_asks: every vector once, then again: where time is short each has one answer at least. One
# that had none in time is not asked again, and after two of them nobody is: a frozen engine answers none.
scorer_asks() {
    local vector seconds until
    local -i index try late=0
    local -A gone=()
    now_us
    until=$((now + SCORER_ASKS_US))
    # What was answered is told, also where the frame leaves less time than that.
    ((until < deadline - SCORER_SLACK_US)) || until=$((deadline - SCORER_SLACK_US))
    for ((try = 1; try <= remediate_scorer_asks; try++)); do
        index=-1
        for vector in $remediate_scorer_vectors; do
            index+=1
            [[ ! ${gone[$index]:-} ]] || continue
            now_us
            # An answer that is cut off before its limit would look like one that never comes.
            ((until - now >= remediate_scorer_timeout_ms * 1000 && late < 2)) || return 0
            as_seconds $((remediate_scorer_timeout_ms * 1000))
            scorer_ask $index $try "$vector" "$seconds" || { late+=1 gone[$index]=yes; }
        done
    done
}

# scorer_disk: the loader's hash (contents of all files in the order of their paths, without
# export_metadata.json), and the files.
scorer_disk() {
    local total
    cd -P -- "$remediate_scorer_model" 2>/dev/null || { printf 'no such directory\n' >&2; return 44; }
    [[ ! $(timeout -s KILL 2 find . ! -type f ! -type d -print -quit) ]] ||
        { not_read 'the model directory has something else than files and directories'; return; }
    total=$(timeout -s KILL 2 find . -type f ! -name export_metadata.json -printf '%s\n' |
        awk '{ total += $1 } END { printf "%d", total }')
    ((total <= SCORER_MODEL_BYTES)) || { not_read 'the model is larger than 2 GiB'; return; }
    printf 'sha256=%s\n' "$(scorer_files | timeout -s KILL 5 xargs -0 -r cat -- | sha256sum | cut -d' ' -f1)"
    printf 'number=%s\n' "$(scorer_files | tr -cd '\0' | wc -c)"
    scorer_files | head -z -n "$SCORER_FILES" | xargs -0 -r stat -c 'file=%s %n' --
}

scorer_files() {
    timeout -s KILL 2 find . -type f ! -name export_metadata.json -printf '%P\0' | LC_ALL=C sort -z
}

# scorer_loaded: what the process of this invocation says it loaded. An earlier line is not of it.
scorer_loaded() {
    local invocation
    invocation=$(timeout -s KILL 2 systemctl show --property=InvocationID --value -- "$remediate_scorer_unit")
    [[ $invocation =~ ^[0-9a-f]{32}$ ]] || { printf 'the unit has no invocation\n' >&2; return 44; }
    timeout -s KILL 3 journalctl -q -o cat --no-pager -n 5000 "_SYSTEMD_INVOCATION_ID=$invocation" |
        head -c 4194304 | grep -aE 'Model loaded successfully .*hash=[0-9a-f]{64}' | tail -n 1 |
        grep -oE '(version|hash)=[A-Za-z0-9_.+-]{1,64}'
}

# scorer_last_line: of a service to which nobody listens, the last line of its last invocation: an error if
# there is one among the last ones. One line, and no more of it than a screen has: logs hold more than causes.
# What is an id alone is what `podman rm` prints after the end; that there is no container is what `podman stop`
# and `rm` say of one that was never made, not why.
scorer_last_line() {
    local invocation lines
    [[ ! $(scorer_owners) ]] || { printf 'its process runs\n' >&2; return 44; }
    invocation=$(timeout -s KILL 2 systemctl show --property=InvocationID --value -- "$remediate_scorer_unit")
    [[ $invocation =~ ^[0-9a-f]{32}$ ]] || { printf 'the unit has no invocation\n' >&2; return 44; }
    lines=$(timeout -s KILL 3 journalctl -q -o cat --no-pager -n 20 "_SYSTEMD_INVOCATION_ID=$invocation" |
        head -c 65536 | tr -c '[:print:]\n' '?' | grep -vE '^([0-9a-f]{64})?$|reading CIDFile|no such container' | tail -n 5)
    printf '%s\n' "$lines" | grep -iE 'error|panic|fatal' | tail -n 1 | head -c 300 | grep . ||
        printf '%s\n' "$lines" | tail -n 1 | head -c 300
}

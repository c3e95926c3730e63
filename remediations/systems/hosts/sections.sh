# shellcheck shell=bash disable=SC2154 # limit, deadline: set by probe.sh
# How sections are run, limited and printed: each as one member of the document, with what came of it.

SECTION_US=6000000 # for one section, from its beginning
declare -A own_us=([processes]=1500000) # for one that others wait for

now_us() {
    now=${EPOCHREALTIME:-}
    if [[ $now ]]; then now=${now/[.,]/}; else now=$(date +%s%6N); fi # before bash 5
}

# as_seconds US: sets seconds, for sleep(1) and timeout(1); never 0, which would be "no limit".
as_seconds() {
    local us=$(($1 > 50000 ? $1 : 50000))
    printf -v seconds '%d.%06d' $((us / 1000000)) $((us % 1000000))
}

# emit TEXT…: prints it, and ends where nobody reads it any more.
emit() { printf '%s\n' "$@" || exit 0; }

# member NAME COMMAND…: runs it and prints its output as one member of the document, with the
# beginning of its error output when it failed. The variable taken_at is set where the command only
# repeats what was read before.
member() {
    local name=$1 at packed rc errors said=
    shift
    now_us
    at=${taken_at:-$now}
    exec {errors}<> <(:) # a pipe of its own: what libraries complain of must not get into the data
    packed=$("$@" 2>&"$errors" {errors}>&- </dev/null | head -c "${limit[$name]}" | gzip -1n | base64 -w0
        printf '%03d' "${PIPESTATUS[0]}")
    rc=$((10#${packed: -3}))
    ((rc == 0)) || read -r -t 0.01 -N 600 -u "$errors" said
    exec {errors}>&-
    now_us
    [[ -z $said ]] || said=$(printf '%s' "$said" | base64 -w0)
    printf '"%s":{"b64":"%s","rc":%s,"err":"%s","at":%s,"us":%s},\n' "$name" "${packed:0:${#packed}-3}" \
        "$rc" "$said" "$at" $((now - at))
}

# begin NAME COMMAND…: a section at the side; `finish` prints all that were begun.
declare -A limit=()
declare -a begun_names=() begun_ends=()
begin() {
    local fd end
    exec {fd}< <(alone; member "$@")
    now_us
    end=$((now + ${own_us[$1]:-SECTION_US}))
    begun_names+=("$1")
    begun_fds+=("$fd")
    begun_ends+=($((end < deadline ? end : deadline)))
}

finish() {
    local i fd text seconds
    for i in "${!begun_names[@]}"; do
        now_us
        as_seconds $((begun_ends[i] - now))
        fd=${begun_fds[i]}
        text=$(timeout -s KILL "$seconds" cat <&"$fd") || text=
        exec {fd}<&-
        now_us
        [[ $text ]] || printf -v text '"%s":{"b64":"","rc":124,"err":"","at":%s,"us":0},' \
            "${begun_names[i]}" "$now"
        emit "$text"
    done
    begun_names=() begun_fds=() begun_ends=()
}

# shellcheck shell=bash disable=SC2034,SC2154 # limit, deadline: set by probe.sh; taken, status: of `take`
# How sections are run, limited and printed, each as one member of the document; and how a command is
# run in between.

SECTION_US=6000000 # for one section, from its start
declare -A own_us=() # for sections that others wait for, set by their fragment

now_us() {
    now=${EPOCHREALTIME:-}
    if [[ $now ]]; then now=${now/[.,]/}; else now=$(date +%s%6N); fi # before bash 5
}

# as_seconds US: sets seconds, for sleep(1) and timeout(1); never 0, which would mean "no limit".
as_seconds() {
    local us=$(($1 > 50000 ? $1 : 50000))
    printf -v seconds '%d.%06d' $((us / 1000000)) $((us % 1000000))
}

# emit TEXT…: prints it, and exits if nobody reads any more.
emit() { printf '%s\n' "$@" || exit 0; }

# member NAME COMMAND…: runs it and prints its output as one member of the document, with the start of
# its error output if it failed. The variable taken_at is set if the command only repeats what was
# read before.
member() {
    local name=$1 at packed rc errors said=
    shift
    now_us
    at=${taken_at:-$now}
    exec {errors}<> <(:) # a separate pipe: error messages of libraries must not get into the data
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

# alone: closes, in a child process, the pipes of the sections that were begun before: one section
# must neither read the output of another nor write into it.
alone() {
    local fd
    for fd in "${begun_fds[@]}"; do exec {fd}<&-; done
}

# take COMMAND…: sets taken to the start of its output, and status to its exit status; 124 if any
# process still holds its output open after three seconds: a command that was killed, but sleeps in
# the kernel, must not make the program wait.
take() {
    local fd
    exec {fd}< <(alone; { "$@" </dev/null; } | head -c 65536; printf '%03d' "${PIPESTATUS[0]}")
    taken=$(timeout -s KILL 3 cat <&"$fd") || taken=124
    exec {fd}<&-
    status=$((10#${taken: -3}))
    taken=${taken:0:${#taken}-3}
}

# begin NAME COMMAND…: starts a section in the background; `finish` prints all that were begun.
declare -A limit=()
declare -a begun_names=() begun_ends=() begun_fds=()
begin() {
    local fd end
    exec {fd}< <(alone; member "$@")
    now_us
    end=$((now + ${own_us[$1]:-SECTION_US}))
    begun_names+=("$1")
    begun_fds+=("$fd")
    begun_ends+=($((end < deadline ? end : deadline)))
}

# A section prints its line when it has come to its end, all at once: only its first character is waited
# for. That costs no process, where `timeout cat` costs two for every section. A `read` whose time is over
# just then fails and has the character all the same: what counts is whether the line is whole.
finish() {
    local i fd text seconds
    for i in "${!begun_names[@]}"; do
        now_us
        as_seconds $((begun_ends[i] - now))
        fd=${begun_fds[i]}
        text=
        IFS= read -r -t "$seconds" -N 1 -u "$fd" text
        [[ -z $text ]] || text+=$(</dev/fd/"$fd")
        exec {fd}<&-
        now_us
        [[ $text == \"*\}, ]] || printf -v text '"%s":{"b64":"","rc":124,"err":"","at":%s,"us":0},' \
            "${begun_names[i]}" "$now"
        emit "$text"
    done
    begun_names=() begun_fds=() begun_ends=()
}

# say NAME VALUE…: prints one line for each; no value can end its line.
say() {
    local value
    while (($#)); do
        value=${2:0:4096}
        printf '%s=%s\n' "$1" "${value//[$'\n\r']/?}"
        shift 2
    done
}

# not_read WHY: ends a section whose output would be wrong.
not_read() { printf '%s\n' "$1" >&2 && return 45; }

# without SCRIPT COMMAND…: the output of the command, changed by the sed script.
without() {
    local script=$1
    local -a ended
    shift
    "$@" | sed -E "$script"
    ended=("${PIPESTATUS[@]}")
    return $((ended[0] ? ended[0] : ended[1]))
}

replay() { printf '%s' "$1" && return "$2"; }

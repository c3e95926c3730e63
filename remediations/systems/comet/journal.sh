# shellcheck shell=bash disable=SC2329,SC2154 # called through `begin`; discover.sh, probe.sh
# Reads the journal of the node's unit.

: "${remediate_signatures:=panic}" # extended regular expressions
: "${remediate_errors:=ERR}"

# recent_journal: of the newest thousand messages those that report an error of any kind, and of a
# unit that has ended the last ones, whatever they say: they are the reason. Not the stack of a panic,
# nor the help text after an error of the command line.
recent_journal() {
    local messages
    messages=$(timeout -s KILL 0.5 journalctl --unit="$unit" --lines=1000 --no-pager --all --reverse \
        --output=short-unix --quiet | head -c 1000000 | cut -b -4096 | tr -d '\0' |
        grep -avE '^[^:]*: ([[:space:]]|goroutine |created by |runtime(\.| stack:))')
    grep -aE -m 40 "$remediate_errors" <<<"$messages"
    [[ $1 != ended ]] || grep -avE -m 25 \
        '^[^:]*: ((Usage|Flags|Global Flags):|$)|\(0x|\(\.\.\.\)$' <<<"$messages"
}

# journal: lines of the unit with a signature, newest first, since its last start; ten minutes more if
# it was restarted or does not run, because the cause is in an earlier start, and so where only the
# wrapper of the daemon runs. Before them, its recent messages. Status: 0 for all of these lines, or
# the maximum number of them; 124 if time ran out; otherwise nothing is known.
journal() {
    local since active ended= alone=
    property ActiveEnterTimestamp
    [[ $value ]] || property InactiveExitTimestamp
    # systemd forgets a unit that neither runs nor is enabled: a day.
    since=$(date -d "${value:-yesterday}" +%s) || return
    property ActiveState
    active=$value
    property NRestarts
    ((main_pid == 0 || program_pid != 0)) || alone=yes # a wrapper without its daemon
    [[ $active == active && $value == 0 && ! $alone ]] || ended=ended since=$((since - 600))
    recent_journal "$ended"
    searched_journal "$since"
}

searched_journal() {
    local -a ended
    timeout -s KILL 2.5 journalctl --unit="$unit" --since="@$1" --no-pager --all --reverse \
        --output=short-unix --quiet |
        grep -avE 'Failed to (kill control group|send signal)' | # says I/O error, means nothing
        grep -aE -m 200 "$remediate_signatures" |
        cut -b -4096
    ended=("${PIPESTATUS[@]}")
    ((ended[2] == 141)) && return 0 # the section is full
    ((ended[2] < 2 && (ended[1] < 2 || ended[1] == 141))) ||
        not_read 'a message of the journal is too long to be searched' || return
    ((ended[2] == 0 && ended[0] == 141)) && return 0 # enough was found
    now_us
    ((ended[0] != 137)) || ((now - at > 2400000)) || not_read 'journalctl was killed' || return
    ((ended[0] != 137)) || return 124
    return "${ended[0]}"
}

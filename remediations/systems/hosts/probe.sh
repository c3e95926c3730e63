# shellcheck shell=bash disable=SC2154,SC2329 # sections are called through `begin`; settings
# Reads one host and prints one JSON document (docs/observation.md): the frame, which runs the
# fragments of the host systems. It follows them and sections.sh, and runs under confine.sh.
#
# It writes nothing, anywhere. Each section is bounded in bytes and time, and the whole in time:
#   "name":{"b64":gzip and base64 of the output,"rc":exit status,"err":base64 of the error output,
#           "at":host clock (µs),"us":duration (µs)}
# A section that hangs affects only itself: whatever could wait for something is a section, or is run
# with `take`, and is never in between.

: "${remediate_scope:=full}"      # full, deciding
: "${remediate_budget_ms:=20000}" # for everything
: "${remediate_limits:=}"         # section and bytes, in turn
: "${remediate_systems:=}"        # names of the systems whose fragments precede this text

LAST_US=1000000 # reserved for what must not be older than the rest, and is read after it

login() {
    say user "${SUDO_USER:-$(id -un)}" euid "$EUID" \
        boot_id "$(</proc/sys/kernel/random/boot_id)" machine_id "$(</etc/machine-id)"
}

# records: the directory in which systems/hosts/launcher.sh keeps its claims, or the one in which it
# would be made: its room, whether root can write there, owner and mode of it and all above it, and the
# names of the files that are kept there by their hash (systems/hosts/files.sh).
records() {
    local at where=/var/lib/remediate writable=no
    ((EUID == 0)) || return 13
    [[ -e $where || -L $where ]] || where=${where%/*}
    [[ -d $where && -w $where ]] && writable=yes
    printf 'path=%s\nwritable=%s\n' "$where" "$writable"
    timeout -s KILL 2 stat -f -c 'room=%f %S %d %c' "$where" || return
    timeout -s KILL 1 find "$where/files" -maxdepth 1 -type f -regextype posix-extended \
        -regex '.*/[0-9a-f]{64}' -printf 'staged=%f\n' 2>/dev/null | head -n 50
    at=$(cd -P "$where" && pwd -P) || at=$where
    while timeout -s KILL 2 stat -c '%u %a %n' "$at" && [[ $at != / ]]; do
        at=${at%/*}
        at=${at:-/}
    done
}

# each_system PHASE: calls the function of every system for this phase, if it has one.
each_system() {
    local system
    for system in $remediate_systems; do
        ! declare -F "${system}_$1" >/dev/null || "${system}_$1"
    done
}

main() {
    # Everything is parsed by now: nothing below may read the text of the program as its input.
    exec </dev/null
    local now deadline
    eval "limit=($remediate_limits)"
    now_us
    deadline=$((now + remediate_budget_ms * 1000 - LAST_US))
    emit "{\"remediate_probe\":1,\"began\":$now,"
    begin login login
    each_system first
    finish
    begin records records
    each_system rest
    finish
    deadline=$((deadline + LAST_US))
    each_system last
    finish
    now_us
    emit "\"ended\":$now}"
    exit 0
}

main

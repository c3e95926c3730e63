# shellcheck shell=bash disable=SC2154 # remediate_program: the program, set in front of this text
# Runs remediate_program so that all that it starts ends with it, however it ends: done, stopped by
# its time limit, killed, or without a connection any more.
#
# Root gets a process namespace of its own. Its first process is the program, with which the kernel
# kills the rest; and that one dies with unshare(1), for which `timeout` and `sudo` wait. The /proc
# that is read remains the host's, and systemd is asked over the message bus: on its private socket
# it would not answer to a namespace that cannot see it. Without root, or where a namespace or the
# bus cannot be had, the program gets a session of its own, and kills what is left of it at its end.
#
# The limits hold for each process; all inputs are cut before they come to one. RLIMIT_DATA is what a
# process can fill with what it has read (address space would also count journals that are mapped).

DATA_KIB=262144
CPU_SECONDS=10

# end_session: kills what is in this session beside its first process, which this is.
end_session() {
    local file line round
    for round in 1 2 3; do
        for file in /proc/[0-9]*/stat; do
            read -r -d '' line <"$file"
            # shellcheck disable=SC2086 # after the name in parentheses: state, parent, group, session
            set -- ${line##*) }
            file=${file#/proc/} file=${file%/stat}
            [[ $4 != "$$" || $file == "$$" ]] || kill -KILL "$file"
        done
    done
}

confined() {
    local -a inside=(unshare --pid --fork --kill-child)
    local name start='text=$remediate_program; export -n "${!remediate_@}"; eval "$text"'
    exec 2>/dev/null
    cd /
    # The environment of a login is not that of the program: libraries, proxies, start-up files.
    while read -r name; do
        [[ $name == SUDO_USER ]] || unset "$name"
    done < <(compgen -e)
    export LC_ALL=C TZ=UTC PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    export "${!remediate_@}"
    ulimit -c 0 -d "$DATA_KIB" -t "$CPU_SECONDS"
    if SYSTEMCTL_FORCE_BUS=1 "${inside[@]}" timeout -s KILL 1 systemctl show --property=Version >&2; then
        export SYSTEMCTL_FORCE_BUS=1
        exec "${inside[@]}" bash -c "$start"
    fi
    start="$(declare -f end_session); trap end_session EXIT; trap 'exit 143' TERM HUP; $start"
    exec setsid -w bash -c "$start"
}

confined

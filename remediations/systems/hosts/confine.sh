# shellcheck shell=bash disable=SC2154 # remediate_program: the program, set before this text
# Runs remediate_program so that everything that it starts ends with it, however it ends: completed,
# stopped by its time limit, killed, or cut off from its connection.
#
# As root it gets a process namespace of its own. The program is the first process there, and when it
# ends the kernel kills all others; it dies with unshare(1), for which `timeout` and `sudo` wait. The
# /proc that is read is still that of the host, and systemd is asked over the message bus: on its
# private socket it would not answer to a namespace that it cannot see. Without root, or if there is
# no namespace or bus, the program gets a session of its own, and kills what is left of it at its end.
#
# The limits hold for each process; all inputs are cut before a process gets them. RLIMIT_DATA bounds
# what a process can fill with what it reads (the address space would include mapped journals).

DATA_KIB=262144
CPU_SECONDS=10

# end_session: kills everything in this session except its first process, which this is.
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
    # The program must not have the environment of a login: libraries, proxies, start-up files.
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

# shellcheck shell=bash
# How the daemon's own program is asked anything: as somebody without rights, bounded in memory,
# processes and time, and so that what it leaves behind ends, too.

FOREIGN_SECONDS=2
BOOTED=/run/systemd/system # is there where systemd runs

# foreign UID GID PROGRAM ARGUMENT…: runs the program. Fails where nothing could end what it leaves: a
# session does not, since whatever wants to stay leaves it.
foreign() {
    if [[ -d $BOOTED ]] && type -P systemd-run >&2; then
        foreign_unit "$@"
    elif [[ $$ == 1 ]]; then # of a process namespace, which ends with it
        foreign_here "$@"
    else
        return 1
    fi
}

# foreign_unit: in a unit of its own, which can write nothing and reach no network. MemoryMax needs
# a kernel that counts groups; where it does not, each process is bounded.
foreign_unit() {
    local uid=$1 gid=$2
    shift 2
    timeout -k 0.5 $((FOREIGN_SECONDS + 2)) systemd-run --quiet --collect --pipe --wait \
        --description='a question of remediate' --uid="$uid" --gid="$gid" \
        --setenv=HOME=/nonexistent \
        --property=RuntimeMaxSec="$FOREIGN_SECONDS" --property=TimeoutStopSec=1 \
        --property=MemoryMax=1G --property=MemorySwapMax=0 --property=LimitDATA=1G \
        --property=TasksMax=200 --property=LimitFSIZE=0 --property=LimitCORE=0 \
        --property=NoNewPrivileges=yes --property=CapabilityBoundingSet= \
        --property=ProtectSystem=strict --property=ProtectHome=read-only \
        --property=PrivateNetwork=yes --property=PrivateDevices=yes \
        -- "$@"
}

# foreign_here: under our own limits, where the namespace ends it.
foreign_here() {
    local uid=$1 gid=$2
    shift 2
    (
        ulimit -u 2000 -v 8388608
        timeout -k 0.5 "$FOREIGN_SECONDS" env -i HOME=/nonexistent PATH="$PATH" \
            setpriv --reuid "$uid" --regid "$gid" --clear-groups --no-new-privs --inh-caps=-all "$@"
    )
}

# shellcheck shell=bash
# How the daemon's own program is run: without rights, bounded in memory, processes and time, and so
# that whatever it leaves behind ends, too.

FOREIGN_SECONDS=2
BOOTED=/run/systemd/system # exists if systemd runs

# foreign UID GID PROGRAM ARGUMENT…: runs the program. Fails if nothing could end what it leaves behind:
# a session cannot, since a process can leave it.
foreign() {
    if [[ -d $BOOTED ]] && type -P systemd-run >&2; then
        foreign_unit "$@"
    elif [[ $$ == 1 ]]; then # the first process of a namespace, which ends with it
        foreign_here "$@"
    else
        return 1
    fi
}

# foreign_unit: in a transient unit, which can write nothing and reach no network. Its answer only
# describes, so on a busy host it waits for what decides (--nice). MemoryMax needs a
# kernel that accounts memory by group; without that, each process is bounded.
foreign_unit() {
    local uid=$1 gid=$2
    shift 2
    timeout -k 0.5 $((FOREIGN_SECONDS + 2)) systemd-run --quiet --collect --pipe --wait \
        --description='a question of remediate' --nice=10 --uid="$uid" --gid="$gid" \
        --setenv=HOME=/nonexistent \
        --property=RuntimeMaxSec="$FOREIGN_SECONDS" --property=TimeoutStopSec=1 \
        --property=MemoryMax=1G --property=MemorySwapMax=0 --property=LimitDATA=1G \
        --property=TasksMax=200 --property=LimitFSIZE=0 --property=LimitCORE=0 \
        --property=NoNewPrivileges=yes --property=CapabilityBoundingSet= \
        --property=ProtectSystem=strict --property=ProtectHome=read-only \
        --property=PrivateNetwork=yes --property=PrivateDevices=yes \
        -- "$@"
}

# foreign_here: under limits of our own; the namespace ends it.
foreign_here() {
    local uid=$1 gid=$2
    shift 2
    (
        ulimit -u 2000 -v 8388608
        timeout -k 0.5 "$FOREIGN_SECONDS" env -i HOME=/nonexistent PATH="$PATH" \
            setpriv --reuid "$uid" --regid "$gid" --clear-groups --no-new-privs --inh-caps=-all "$@"
    )
}

# shellcheck shell=bash disable=SC2154 # deadline and limit: of the frame
# Reads root's containers, the units that run them, and what listens on the host.
#
# Podman is asked only where somebody has used it since the boot (its file `alive`): the first question
# after a boot makes it write the state of all containers anew, and a reading changes nothing. Each
# question has a time limit, because podman waits for its locks as long as it takes. Of commands and
# environments only what is named below leaves the host: the rest may hold passwords.

podman_alive=/run/libpod/alive
podman_most=33 # one more than is accepted, so that it shows
podman_units_below=(/etc/systemd/system /run/systemd/system /run/systemd/generator
    /usr/local/lib/systemd/system /usr/lib/systemd/system)
own_us[podman_containers]=18000000 # on a busy host podman takes seconds to start, and for a lock
own_us[podman_images]=18000000

podman_rest() {
    begin podman_engine podman_engine
    type -P podman >/dev/null || return 0
    begin podman_listeners podman_listeners
    begin podman_processes podman_processes
    begin podman_units podman_units
    [[ -e $podman_alive ]] || return 0
    begin podman_containers podman_containers
    begin podman_images podman_images
}

podman_ask() { timeout -s KILL 12 podman "$@"; }

# podman_engine: the version, if it was used since the boot, and who else than root runs containers.
podman_engine() {
    local version=
    if type -P podman >/dev/null; then
        version=$(timeout -s KILL 4 podman --version) || return
        say version "${version##* }"
        [[ -e $podman_alive ]] || say asleep yes
        timeout -s KILL 2 find /proc -maxdepth 2 -path '/proc/[0-9]*/comm' ! -uid 0 \
            -exec grep -lx conmon {} + 2>/dev/null | head -n 8 | podman_owners
    else
        say version ''
    fi
    [[ ! -S /run/docker.sock ]] || say docker yes
}

podman_owners() {
    local file
    while read -r file; do stat -c 'rootless=%U' "$file"; done 2>/dev/null | sort -u
}

# podman_containers: one line of JSON for each. A container that goes away between the list and the
# question makes the question fail, so it is asked twice.
podman_containers() {
    ((EUID == 0)) || return 13
    podman_inspect || podman_inspect
}

podman_inspect() {
    local ids form='[{{json .ID}},{{json .Name}},{{json .State.Status}},{{json .ImageName}}'
    form+=',{{json .Image}},{{json .ImageDigest}},{{json .Created}},{{json .State.StartedAt}}'
    form+=',{{json .State.FinishedAt}},{{json .State.ExitCode}},{{json .State.Pid}}'
    form+=',{{json .State.ConmonPid}},{{json .HostConfig.RestartPolicy.Name}},{{json .RestartCount}}'
    form+=',{{json .State.OOMKilled}},{{json .State.Health.Status}},{{json .HostConfig.NetworkMode}}'
    form+=',{{json (index .Config.Labels "PODMAN_SYSTEMD_UNIT")}}]'
    ids=$(podman_ask container list --all --quiet --no-trunc) || return
    ids=$(head -n "$podman_most" < <(printf '%s\n' "$ids"))
    [[ $ids ]] || return 0
    # shellcheck disable=SC2086 # one word for each
    podman_ask container inspect --format "$form" $ids
}

podman_images() {
    ((EUID == 0)) || return 13
    local ids
    ids=$(podman_ask images --quiet --no-trunc) || return
    ids=$(sort -u < <(printf '%s\n' "$ids") | head -n 65)
    [[ $ids ]] || return 0
    # shellcheck disable=SC2086 # one word for each
    podman_ask image inspect \
        --format '[{{json .ID}},{{json .Digest}},{{json .RepoDigests}},{{json .RepoTags}}]' $ids
}

# podman_processes: `main PID ID` of what has the files of container ID mounted, `conmon PID ID UNIT` of
# the conmon of ID and the unit of its control group. Names of processes prove nothing, these do.
podman_processes() {
    ((EUID == 0)) || return 13
    local listed
    listed=$(timeout -s KILL 3 grep -EHo '^[0-9]+ [0-9]+ [0-9:]+ [^ ]*/[0-9a-f]{64}/userdata/' \
        /proc/[0-9]*/mountinfo 2>/dev/null)
    (($? != 137)) || return 124 # half a list would call the rest dead
    printf '%s\n' "$listed" |
        sed -nE 's#^/proc/([0-9]+)/mountinfo:.*/([0-9a-f]{64})/userdata/$#main \1 \2#p' |
        sort -u | head -n 2000
    podman_monitors
}

podman_monitors() {
    local pid file rest id listed
    listed=$(timeout -s KILL 2 grep -lx conmon /proc/[0-9]*/comm 2>/dev/null)
    (($? != 137)) || return 124
    printf '%s\n' "$listed" | head -n 200 |
        while read -r file; do
            pid=${file%/comm} pid=${pid#/proc/}
            rest=$(tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -xA1 -e -c) || continue
            id=${rest#-c$'\n'} id=${id%%$'\n'*}
            [[ $id =~ ^[0-9a-f]{64}$ && $(stat -c %u "/proc/$pid") == 0 ]] || continue
            printf 'conmon %s %s %s\n' "$pid" "$id" "$(podman_unit_of "$pid")"
        done
}

# podman_unit_of PID: the service in whose control group it is, as systemd sees it.
podman_unit_of() {
    local line
    while IFS= read -r line; do
        [[ $line == 0::* || $line == *:name=systemd:* ]] || continue
        line=${line#*:*:}
        [[ $line =~ /([A-Za-z0-9:_.\\@-]+\.service)(/|$) ]] || continue
        printf '%s' "${BASH_REMATCH[1]}"
        return
    done 2>/dev/null <"/proc/$1/cgroup"
}

podman_listeners() {
    ((EUID == 0)) || return 13
    type -P ss >/dev/null || not_read 'there is no ss (iproute2) on the host' || return
    timeout -s KILL 3 ss -ltnpH | head -n 300
}

# podman_units: what systemd says of each service that mentions podman in its files, or in whose control
# group a conmon is; then of those that are stopped with them; then when they were started.
podman_units() {
    local listed
    local -a names=()
    local properties=Id,LoadState,ActiveState,SubState,Result,UnitFileState,InvocationID,MainPID
    properties+=,ExecMainStatus,ExecMainStartTimestamp,NRestarts,Restart,TimeoutStopUSec
    properties+=,TimeoutStartUSec,User,NeedDaemonReload,Job,ExecStart
    local after=RequiredBy,RequisiteOf,BoundBy,ConsistsOf,PropagatesStopTo
    listed=$(podman_candidates) || return
    mapfile -t names < <(printf '%s\n' "$listed" | sed '/^$/d' | sort -u | head -n "$podman_most")
    ((${#names[@]})) || return 0
    timeout -s KILL 3 systemctl show --property="$properties,$after" -- "${names[@]}" |
        podman_commands || return
    podman_dependants "${names[@]}" || return
    podman_starts "${names[@]}"
}

podman_candidates() {
    local file name listed directory
    local -a files=()
    for directory in "${podman_units_below[@]}"; do
        files+=("$directory"/*.service "$directory"/*.service.d/*.conf) # grep -s: none is no error
    done
    listed=$(timeout -s KILL 2 grep -lsi podman "${files[@]}" 2>/dev/null)
    (($? != 137)) || return 124 # a list that was cut off is no list
    printf '%s\n' "$listed" | head -n 200 | while read -r file; do
        file=${file%.d/*.conf} name=${file##*/}
        case $name in
            *@.service | podman.service | podman-*.service) continue ;;
        esac
        [[ ! $name =~ ^[A-Za-z0-9_][A-Za-z0-9:_.\\@-]*\.service$ ]] || printf '%s\n' "$name"
    done
    podman_monitors | while read -r _ _ _ name; do [[ ! $name ]] || printf '%s\n' "$name"; done
}

# podman_commands: the properties, with of ExecStart only what says which container of which image.
podman_commands() {
    local line name=
    while IFS= read -r line; do
        case $line in
            ExecStart=*) podman_command "$line" ;;
            Id=*)
                name=${line#Id=}
                printf '%s\n' "$line"
                [[ ! -e /etc/systemd/system/$name.d/remediate-hold.conf ]] || say Held yes
                ;;
            *) printf '%s\n' "$line" ;;
        esac
    done
}

podman_command() {
    local line=${1#*'argv[]='} word verb= image= name= pull=
    local -a words
    [[ $1 == *'argv[]='* ]] || return 0
    read -ra words < <(printf '%s\n' "${line%%' ; ignore_errors='*}")
    [[ ${words[0]:-} == podman || ${words[0]:-} == */podman ]] || return 0
    set -- "${words[@]:1}"
    while (($#)) && [[ $1 != run && $1 != start ]]; do shift; done
    verb=${1:-}
    (($# == 0)) || shift
    while (($#)); do
        word=$1
        shift
        case $word in
            --name=* | --pull=* | --replace=* | --rm=*) ;;
            --name | --pull) word+=="${1:-}" && (($# == 0)) || shift ;;
            --replace | --rm) word+==true ;;
            -[ditaqP] | -[dit][dit] | -[dit][dit][dit] | --detach | --interactive | --tty | --init | --attach) continue ;;
            --privileged | --read-only | --no-healthcheck | --no-hosts | --oom-kill-disable) continue ;;
            --publish-all | --rmi | --sig-proxy | --tls-verify | --quiet | --env-host) continue ;;
            --http-proxy | --passwd | --read-only-tmpfs | --disable-content-trust) continue ;;
            --*=*) continue ;;
            -[a-zA-Z]?*) continue ;;
            -*) (($# == 0)) || shift && continue ;;
            *) image=$word && break ;;
        esac
        case $word in
            --name=*) name=${word#*=} ;;
            --pull=*) pull=${word#*=} ;;
            --replace=true) say Replaces yes ;;
            --rm=true) say Removes yes ;;
        esac
    done
    case $verb in # `podman start` names what is there
        start) name=$image image= ;;
        run) say Creates yes ;;
        *) return 0 ;;
    esac
    # Where a value has blanks, a part of it can stand here: only what has the form is told.
    [[ ! $name =~ ^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$ ]] || say Container "$name"
    [[ ! $pull =~ ^[a-z]{1,10}$ ]] || say Pull "$pull"
    [[ ! $image =~ ^([A-Za-z0-9][A-Za-z0-9._:-]*/[A-Za-z0-9._:/@-]+|[a-z0-9._-]+@sha256:[0-9a-f]{64}|[0-9a-f]{64})$ ]] ||
        say Image "$image"
}

# podman_dependants UNIT…: blocks of the units that are stopped with these, and with those, three rounds.
podman_dependants() {
    local shown line name round
    local -A seen=()
    local -a names=("$@") next
    for name; do seen[$name]=1; done
    for round in 1 2 3; do
        next=()
        shown=$(timeout -s KILL 2 systemctl show \
            --property=Id,ActiveState,RequiredBy,RequisiteOf,BoundBy,ConsistsOf,PropagatesStopTo \
            -- "${names[@]}") || return
        ((round == 1)) || printf '\n%s\n' "$shown"
        while IFS= read -r line; do
            case $line in Id=* | ActiveState=*) continue ;; esac
            for name in ${line#*=}; do
                [[ -z ${seen[$name]:-} && $name =~ ^[A-Za-z0-9_][A-Za-z0-9:_.\\@-]*\.[a-z]+$ ]] || continue
                seen[$name]=1
                next+=("$name")
            done
        done < <(printf '%s\n' "$shown")
        ((${#next[@]} && ${#seen[@]} < 100)) || return 0
        names=("${next[@]}")
    done
}

# podman_starts UNIT…: when systemd began to start them, or had done so, within the last day.
podman_starts() {
    local unit message
    local -a words=()
    for unit; do
        for message in 7d4958e842da4a758f6c1cdc7b36dcc5 39f53479d3a045ac8e11786248231fbf; do
            words+=(_PID=1 "UNIT=$unit" "MESSAGE_ID=$message" +)
        done
    done
    printf '\n'
    timeout -s KILL 3 journalctl --quiet --no-pager --reverse -n 400 --since=-1day --output=json \
        --output-fields=UNIT,INVOCATION_ID "${words[@]::${#words[@]}-1}" ||
        say Starts unread
}

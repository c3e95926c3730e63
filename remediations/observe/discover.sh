# shellcheck shell=bash disable=SC2034 # what is found here is used by probe.sh
# Finds the daemon on a host: its unit, home and RPC. What cannot be found is said, never guessed.

: "${remediate_unit:=}" # pinned by the inventory, or empty: discover
: "${remediate_home:=}"
: "${remediate_rpc:=}"

UNIT_PATTERN='virtengine*.service'
PROPERTIES=Id,LoadState,ActiveState,SubState,UnitFileState,Result,NRestarts,MainPID,ExecMainStatus
PROPERTIES+=,User,ExecStart,Restart,TimeoutStopUSec,LimitNOFILE,ActiveEnterTimestamp
PROPERTIES+=,InactiveExitTimestamp,InvocationID

shown='' value='' flag_value='' binary=''
unit='' unit_trouble='' home='' home_trouble='' rpc='' rpc_trouble=''
words=()
declare -A config=()

# find_unit: sets unit, or unit_trouble. Exactly one unit file must match, unless pinned.
find_unit() {
    local name state listed
    local -a found=()
    unit=$remediate_unit unit_trouble=
    [[ -z $unit ]] || return
    listed=$(timeout 2 systemctl list-unit-files --no-legend --plain --type=service \
        "$UNIT_PATTERN" 2>&1)
    while read -r name state _; do
        [[ $name == *.service && $name != *@.service && $state != alias ]] && found+=("$name")
    done < <(printf '%s\n' "$listed")
    case ${#found[@]} in
        0) unit_trouble="no unit file matches $UNIT_PATTERN${listed:+: $listed}" ;;
        1) unit=${found[0]} ;;
        *) unit_trouble="several unit files match $UNIT_PATTERN: ${found[*]}" ;;
    esac
}

# show_unit: sets shown to what systemctl says of the unit, a line each.
show_unit() {
    shown=$'\n'$(timeout 2 systemctl show --property="$PROPERTIES" -- "$unit")$'\n'
}

# property NAME: sets value, from what systemctl showed.
property() {
    value=
    [[ $shown == *$'\n'"$1="* ]] || return
    value=${shown#*$'\n'"$1="}
    value=${value%%$'\n'*}
}

# flag NAME: sets flag_value to the value of --NAME in the unit's arguments; fails when absent.
flag() {
    local i
    flag_value=
    for i in "${!words[@]}"; do
        case ${words[i]} in
            "--$1") flag_value=${words[i + 1]:-}; return 0 ;;
            "--$1="*) flag_value=${words[i]#*=}; return 0 ;;
        esac
    done
    return 1
}

# find_home: sets home, or home_trouble. The command line says where, or the inventory does; and a
# home is only what has a config.toml.
find_home() {
    local line
    home=$remediate_home home_trouble=
    property ExecStart
    line=$value
    if [[ $line == *'{ path='*' ; argv[]='* ]]; then
        binary=${line#*'{ path='}
        binary=${binary%%' ; argv[]='*}
        line=${line#*'argv[]='}
        read -ra words < <(printf '%s\n' "${line%%' ; ignore_errors='*}")
    fi
    if flag home; then
        if [[ $home && ${home%/} != "${flag_value%/}" ]]; then
            home_trouble="the inventory says $home, the unit says $flag_value"
        fi
        home=$flag_value
    elif [[ -z $home ]]; then
        home_trouble="the command line of $unit has no --home: ${words[*]:-none}"
    fi
    if [[ -z $home_trouble && $home != /* ]]; then
        home_trouble="the home is not an absolute path: $home"
    elif [[ -z $home_trouble && ! -r $home/config/config.toml ]]; then
        home_trouble="$home/config/config.toml is missing or not readable"
        ((EUID == 0)) || home_trouble+=" (sudo refused)"
    fi
    [[ $home == / ]] || home=${home%/}
    [[ -z $home_trouble ]] || home=
}

# read_config: sets config[SECTION.KEY] for the texts in config.toml (".KEY": above all sections).
read_config() {
    local line section=''
    local -a lines
    mapfile -t lines <"$home/config/config.toml"
    for line in "${lines[@]}"; do
        if [[ $line =~ ^\[([^]]+)\] ]]; then
            section=${BASH_REMATCH[1]}
        elif [[ $line =~ ^[[:space:]]*([a-z_]+)[[:space:]]*=[[:space:]]*[\"\']([^\"\']*) ]]; then
            config[$section.${BASH_REMATCH[1]}]=${BASH_REMATCH[2]}
        fi
    done
}

# in_home SETTING DEFAULT: sets value to the path that a setting names, below the home if relative.
in_home() {
    value=${config[$1]:-$2}
    [[ $value == /* ]] || value=$home/$value
}

# find_rpc: sets rpc to the URL as seen from this host, or rpc_trouble.
find_rpc() {
    local laddr host port
    rpc=$remediate_rpc rpc_trouble=
    [[ -z $rpc ]] || return
    [[ $home ]] || { rpc_trouble=$home_trouble; return; }
    if flag rpc.laddr; then laddr=$flag_value; else laddr=${config[rpc.laddr]:-}; fi
    laddr=${laddr#tcp://}
    host=${laddr%:*} port=${laddr##*:}
    [[ $port =~ ^[0-9]{1,5}$ ]] || { rpc_trouble="no TCP address for the RPC: $laddr"; return; }
    case $host in
        '' | 0.0.0.0) host=127.0.0.1 ;;
        '[::]') host='[::1]' ;;
    esac
    rpc=http://$host:$port
}

# shellcheck shell=bash disable=SC2034,SC2154 # used by probe.sh; settings precede this text
# Finds the daemon on a host: its unit, home and RPC. What cannot be found is reported, never guessed:
# as a sentence in …_trouble, which may contain anything, and a word of values/reading.py in …_why.

: "${remediate_kinds:=}" # home_kinds.sh
: "${remediate_unit:=}" # pinned by the inventory, or empty: discover
: "${remediate_home:=}"
: "${remediate_rpc:=}"
: "${remediate_daemon:=}" # what the names of its programs and units begin with

UNIT_PATTERN="$remediate_daemon*.service"
PROPERTIES=Id,LoadState,ActiveState,SubState,UnitFileState,Result,NRestarts,MainPID,ExecMainStatus
PROPERTIES+=,User,ExecStart,Restart,TimeoutStopUSec,LimitNOFILE,ActiveEnterTimestamp
PROPERTIES+=,InactiveExitTimestamp,InactiveEnterTimestamp,InvocationID,NeedDaemonReload
FILES=FragmentPath,DropInPaths,EnvironmentFiles,CPUQuotaPerSecUSec # they do not leave the host with it

shown='' value='' flag_value='' binary=''
unit='' unit_trouble='' unit_why='' candidates=''
home='' home_trouble='' home_why='' rpc='' rpc_trouble='' rpc_why=''
config_text='' config_trouble='' config_why=''
owner_uid='' owner_gid=''
words=() as_owner=()
guest_text=$remediate_kinds$remediate_guest guest_limit=2 # for systems/hosts/service_user.sh, which precedes this text
declare -A config=()

# find_unit: sets unit, or unit_trouble. Exactly one unit file must match, unless it is pinned. Only
# an empty list from systemctl means that there is none: not an error message, and not silence until
# it is killed.
find_unit() {
    local name state taken status complaint=
    local -a found=()
    unit=$remediate_unit unit_trouble=
    [[ -z $unit ]] || return
    take systemd list-unit-files --no-legend --plain --type=service "$UNIT_PATTERN"
    while read -r name state _; do
        [[ -z $name || $name == *.service ]] || complaint=${taken:0:500}
        [[ $name == *.service && $name != *@.service && $state != alias ]] && found+=("$name")
    done < <(printf '%s\n' "$taken")
    if ((status == 124 || status == 137)); then
        unit_why=time-limit
        unit_trouble='the unit files are not listed within the time limit'
    elif ((${#found[@]} == 1)); then
        unit=${found[0]}
    elif ((${#found[@]})); then
        unit_why=several-units candidates=${found[*]}
        unit_trouble="several unit files match $UNIT_PATTERN: $candidates"
    elif [[ $complaint ]]; then
        unit_why=failed
        unit_trouble="the unit files cannot be listed: $complaint"
    else
        unit_why=no-unit
        unit_trouble="no unit file matches $UNIT_PATTERN"
    fi
}

# show_unit: sets shown to the properties of the unit, one per line.
show_unit() {
    local taken status
    take systemd show --property="$PROPERTIES,$FILES" -- "$unit"
    shown=$'\n'$taken$'\n'
}

systemd() { timeout -s KILL 2 systemctl "$@" 2>&1; }

# property NAME: sets value to that property, as systemctl showed it.
property() {
    value=
    [[ $shown == *$'\n'"$1="* ]] || return
    value=${shown#*$'\n'"$1="}
    value=${value%%$'\n'*}
}

# flag NAME: sets flag_value to the value of --NAME in the unit's arguments; fails if it is absent.
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

# used WORD…: sets kept to what is needed of a command line: its verb, the flags that are read here
# with their values, and the home. Anything else may be a password, and stays on the host.
used() {
    local word
    kept=()
    while (($#)); do
        word=$1
        shift
        case ${word%%=*} in
            --home | --rpc.laddr | --priv_validator_laddr | --db_backend | --halt-height | --halt-time | \
                --consensus.double_sign_check_height | --p2p.persistent_peers | --p2p.laddr)
                if [[ $word != *=* && ${1:-} && $1 != -* ]]; then
                    kept+=("$word" "$1")
                    shift
                else
                    [[ $word == *=* ]] || word+==
                    kept+=("$word")
                fi
                ;;
            start | run) kept+=("${word%%=*}") ;;
            *) [[ ! $home || ${word%/} != "$home" ]] || kept+=("$word") ;;
        esac
    done
}

# held_by FILE: adds to shown whether a run holds the unit, and the last note in the drop-in that does.
held_by() {
    local line note=
    local -i left=100
    [[ -e $1 ]] || return 0
    shown+=$'RemediateHold=yes\n'
    [[ -f $1 && -r $1 ]] || return 0
    while ((left-- > 0)) && IFS= read -r -n 300 line; do
        [[ $line != '# note: '* ]] || note=${line#'# note: '}
    done <"$1"
    [[ $note == *[![:alnum:]:.-]* ]] || shown+=RemediateHoldNote=$note$'\n'
}

# hide_command: keeps in shown the properties that were asked for, and the used part of the command.
hide_command() {
    local line all=$shown
    local -a kept=()
    shown=
    while IFS= read -r line; do
        case ,$PROPERTIES, in *,"${line%%=*}",*) ;; *) continue ;; esac
        [[ $line == ExecStart=* ]] || shown+=$line$'\n'
    done < <(printf '%s\n' "$all")
    held_by /etc/systemd/system/"$unit".d/remediate-hold.conf
    [[ $binary ]] || return 0
    used "${words[@]:1}"
    shown+="ExecStart={ path=$binary ; argv[]=$binary ${kept[*]} ; ignore_errors=no }"$'\n'
}

# find_home: sets home, or home_trouble, from the command line or the inventory.
find_home() {
    local line
    local -a kept=()
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
        used "${words[@]:1}"
        home_trouble="the command line of $unit has no --home: ${binary:-none} ${kept[*]}"
    fi
    if [[ -z $home_trouble && $home != /* ]]; then
        home_trouble="the home is not an absolute path: $home"
    fi
    [[ $home == / ]] || home=${home%/}
    [[ -z $home_trouble ]] || home='' home_why=no-home
}

# find_owner: sets owner_uid, owner_gid, and as_owner, which runs a command with no more rights than
# the daemon has. If the service user does not exist (a dynamic one, while the unit is stopped), the
# owner of the home takes its place.
find_owner() {
    local taken status
    ((EUID == 0)) || return
    property User
    take ids "${value:-root}"
    read -r owner_uid owner_gid < <(printf '%s\n' "${taken:-65534 65534}")
    [[ $owner_uid != 0 ]] || return
    as_owner=(setpriv --reuid "$owner_uid" --regid "$owner_gid" --clear-groups --no-new-privs)
}

# read_config: sets config_text and config[SECTION.KEY] for the strings in config.toml (".KEY" above
# all sections), or config_trouble. A directory without config.toml is not a home.
read_config() {
    local line section='' key taken status
    take read_settings
    case $status in
        0) config_text=$taken ;;
        13 | 44)
            home_trouble="$home/config/config.toml is missing or not readable"
            ((EUID == 0)) || home_trouble+=" (sudo refused)"
            home='' home_why=no-home
            return
            ;;
        45) config_trouble="config.toml: ${taken%$'\n'}" config_why=refused ;;
        124 | 137) config_trouble='config.toml: no answer within the time limit' config_why=time-limit ;;
        *) config_trouble="config.toml: ${taken%$'\n'}" config_why=failed ;;
    esac
    [[ -z $config_trouble ]] || return
    while read -r line; do
        key=${line%% = *}
        case $line in
            '['*) section=${line:1:-1} ;;
            *[\"\']) line=${line#*[\"\']} config[$section.$key]=${line%[\"\']} ;;
        esac
    done < <(printf '%s\n' "$config_text")
}

read_settings() { guest settings "$home/config/config.toml" 2>&1; }

# in_home SETTING DEFAULT: sets value to the path in a setting, relative to the home.
in_home() {
    value=${config[$1]:-$2}
    [[ $value == /* ]] || value=$home/$value
}

# find_rpc: sets rpc to the URL as seen from this host, or rpc_trouble.
find_rpc() {
    local laddr host port
    rpc=$remediate_rpc rpc_trouble=
    [[ -z $rpc ]] || return
    [[ $home ]] || { rpc_trouble=$home_trouble rpc_why=$home_why; return; }
    if flag rpc.laddr; then
        laddr=$flag_value
    elif [[ $config_trouble ]]; then
        rpc_trouble=$config_trouble rpc_why=$config_why
        return
    else
        laddr=${config[rpc.laddr]:-}
    fi
    laddr=${laddr#tcp://}
    host=${laddr%:*} port=${laddr##*:}
    case $host in
        '' | 0.0.0.0) host=127.0.0.1 ;;
        '[::]') host='[::1]' ;;
    esac
    # Anything else could make us send a request to another service of this network.
    if [[ $port =~ ^[0-9]{1,5}$ && $host =~ ^([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])$ ]]; then
        rpc=http://$host:$port
    else
        rpc_trouble='no TCP address for the RPC in rpc.laddr' rpc_why=no-rpc
    fi
}

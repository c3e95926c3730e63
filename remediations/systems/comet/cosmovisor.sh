# shellcheck shell=bash disable=SC2329,SC2154 # called through `begin`; discover.sh, probe.sh
# How cosmovisor chooses the program that it starts: its settings, its link `current`, the upgrade that
# the application asked for, and what lies in the place of that upgrade's program.

COSMOVISOR_SETTINGS='DAEMON_HOME|DAEMON_NAME|UNSAFE_SKIP_BACKUP|COSMOVISOR_DISABLE_RECASE'
COSMOVISOR_UPGRADES=50
declare -A cosmovisor=()

# cosmovisor_settings: sets cosmovisor[NAME] as systemd gives it to the process: those of the unit, then
# those of its files. Nothing else of an environment is kept: it may be a password.
cosmovisor_settings() {
    local line file taken status
    local -a given=()
    cosmovisor=()
    take systemd show --property=Environment --value -- "$unit"
    read -ra given < <(printf '%s\n' "$taken")
    while IFS= read -r line; do
        [[ $line == EnvironmentFiles=/* ]] || continue
        file=${line#*=}
        file=${file%% (ignore_errors=*}
        [[ -f $file ]] || continue
        mapfile -t -O "${#given[@]}" given < <(timeout -s KILL 1 head -c 65536 -- "$file" |
            sed -nE "s/^[[:space:]]*(($COSMOVISOR_SETTINGS)=)[\"']?([^\"']*)[\"']?[[:space:]]*\$/\1\3/p")
    done < <(printf '%s\n' "$shown")
    for line in "${given[@]}"; do
        line=${line#[\"\']} line=${line%[\"\']}
        [[ ! $line =~ ^($COSMOVISOR_SETTINGS)=(.*)$ ]] || cosmovisor[${BASH_REMATCH[1]}]=${BASH_REMATCH[2]}
    done
}

# is_on NAME: whether a setting is on, as cosmovisor reads it.
is_on() {
    local value=${cosmovisor[$1]:-}
    if [[ ${value,,} == true ]]; then echo yes; else echo no; fi
}

# upgrade_of PREFIX FILE: name, height and hash of an upgrade-info.json; nothing if there is none.
upgrade_of() {
    local told status
    told=$(guest upgrade_info "$2")
    status=$?
    ((status != 44)) || return 0
    ((status == 0)) || return $status
    printf '%s\n' "$told" | sed "s/^/$1/"
}

cosmovisor_facts() {
    local root=$home/cosmovisor name=${cosmovisor[DAEMON_NAME]:-} told place found sum
    local -i number=0
    say home "${cosmovisor[DAEMON_HOME]:-}" name "$name" recase_off "$(is_on COSMOVISOR_DISABLE_RECASE)" \
        backup_off "$(is_on UNSAFE_SKIP_BACKUP)" \
        config_file "$([[ " ${words[*]}" != *' --cosmovisor-config'* ]] && echo no || echo yes)"
    found=$(timeout -s KILL 1 "${as_owner[@]}" realpath -e -- "$root/current" 2>/dev/null)
    say link "$(timeout -s KILL 1 "${as_owner[@]}" readlink -- "$root/current")" leads "$found"
    [[ ! $found ]] || upgrade_of selected_ "$root/current/upgrade-info.json" || return
    told=$(upgrade_of asked_ "$home/data/upgrade-info.json") || return
    [[ ! $told ]] || printf '%s\n' "$told"
    [[ $name =~ ^[A-Za-z0-9_][A-Za-z0-9_.-]*$ ]] || return 0
    place=$(printf '%s\n' "$told" | sed -n 's/^asked_name=//p')
    [[ $(is_on COSMOVISOR_DISABLE_RECASE) == yes ]] || place=${place,,}
    while IFS= read -r -d '' found; do
        say "placed_$((number++))" "$found"
    done < <(timeout -s KILL 1 "${as_owner[@]}" \
        find "$root/upgrades" -mindepth 3 -maxdepth 3 -path "*/bin/$name" -printf '%P\0' 2>/dev/null |
        sed -z "s|/bin/$name\$||" | head -z -n "$COSMOVISOR_UPGRADES")
    [[ $place =~ ^[A-Za-z0-9_][A-Za-z0-9_.@+:=-]*$ ]] || return 0
    found=$root/upgrades/$place/bin/$name sum=absent
    if timeout -s KILL 1 "${as_owner[@]}" test -e "$found"; then
        sum=$(sha256 "$found") || return
    fi
    say place "$place" place_sha256 "$sum"
}

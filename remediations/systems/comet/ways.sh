# shellcheck shell=bash disable=SC2329,SC2154 # called through `begin`; rpc.sh, probe.sh
# What on this host shuts the way to a peer. It only looks: one connection to each port, nothing sent.

STALLED_S=10 # a newest block that is older: the node stands
WAYS=16
FIREWALL_BYTES=49152
own_us[ways]=4000000

# stalled STATUS: whether the newest block in this answer of /status is old.
stalled() {
    local at
    [[ $1 =~ \"latest_block_time\":[[:space:]]{0,20}\"([0-9T:.-]{19,35}Z)\" ]] || return 1
    at=$(date -u -d "${BASH_REMATCH[1]}" +%s 2>/dev/null) && (($(date +%s) - at > STALLED_S))
}

# ways PEERS STALLED: nothing where all persistent peers are there and blocks come. Else a line for each
# of the first few, for each route that leads nowhere and each interface that is down, and the rules.
ways() {
    local answer='' peer lacks=$2
    local -a peers=() found=() as_nobody=()
    ((EUID)) || as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs)
    if [[ ! $lacks ]]; then
        answer=$(get net_info | head -c 2000000; exit "${PIPESTATUS[0]}") || return
    fi
    IFS=', ' read -ra peers < <(printf '%s\n' "$1")
    for peer in "${peers[@]}"; do
        [[ ${peer,,} =~ ^([0-9a-f]{40})@([a-z0-9.-]{1,253}):([0-9]{1,5})$ ]] || continue
        found+=("${BASH_REMATCH[*]:1}")
        [[ $answer == *"\"${BASH_REMATCH[1]}\""* ]] || lacks=yes
    done
    [[ $lacks ]] || return 0
    for peer in "${found[@]:0:WAYS}"; do
        # shellcheck disable=SC2086 # three words without blanks
        way $peer &
    done
    shut_routes
    links_down
    firewall
    wait
}

# way ID HOST PORT: where the name leads, whether a route refuses it, how the port answers.
way() {
    local at=$2 routed=ok how=silent
    [[ $at =~ ^[0-9.]+$ ]] || read -r at _ < <(timeout -s KILL 1 getent ahosts "$2") || at=
    [[ $at =~ ^[0-9a-fA-F:.]+$ ]] || at=
    if [[ $at ]]; then
        timeout -s KILL 1 ip route get "$at" >/dev/null 2>&1 || routed=shut
        how=$(door "$at" "$3")
    fi
    printf 'way %s %s %s %s\n' "$1" "${at:--}" "$routed" "$how"
}

shut_routes() {
    local type family
    for type in blackhole unreachable prohibit; do
        for family in -4 -6; do
            timeout -s KILL 1 ip -o "$family" route show table all type "$type" 2>/dev/null |
                grep -av ' dev lo .*proto kernel\|^[a-z]* default' | head -n 50 | sed 's/^/route /; s/ *$//'
        done
    done
}

# links_down: the addresses of interfaces that somebody has set down; a cable that is out is none.
links_down() {
    local name flags
    while read -r _ name flags _; do
        [[ $name != lo: && $flags != *[\<,]UP[,\>]* ]] || continue
        name=${name%:}
        name=${name%@*}
        timeout -s KILL 1 ip -o address show dev "$name" 2>/dev/null |
            sed -nE "s/^[0-9]+: +([A-Za-z0-9_.-]+) +inet6? +([0-9a-fA-F:.]+\/[0-9]+) .*/link \1 \2/p"
    done < <(timeout -s KILL 1 ip -o link show 2>/dev/null | head -n 200)
}

# firewall: tables, chains and rules; of a rule that decides nothing only its handle, which shows where
# the others stand.
firewall() {
    local rules rc
    ((EUID == 0)) || { echo 'unread without sudo' && return; }
    type -P nft >/dev/null || { echo 'unread there is no nft on it' && return; }
    rules=$(timeout -s KILL 2 nft -s -a list ruleset 2>/dev/null |
        grep -aE $'^table |^\tchain |^\t\ttype .* hook |^\t\t.* # handle [0-9]+$' |
        sed -E $'/ (drop|reject|accept)/!s/^(\t\t)[^#]*( # handle [0-9]+)$/\\1-\\2/' |
        head -c "$FIREWALL_BYTES"
        exit "${PIPESTATUS[0]}")
    rc=$?
    if ((${#rules} >= FIREWALL_BYTES)); then
        echo 'unread it has more rules than are read'
    elif ((rc)); then
        echo "unread nft ended with $rc"
    elif [[ $rules ]]; then
        sed 's/^/rule /' <<<"$rules"
    fi
}

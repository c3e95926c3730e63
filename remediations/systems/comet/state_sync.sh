# shellcheck shell=bash disable=SC2154,SC2329 # home, config, words: of discover.sh; called through `begin`
# What state sync needs to know: the snapshots that a node offers, its settings below [statesync], and,
# where the node does not answer or stands, which RPC servers can be reached from its host.

SERVERS=16 # addresses that are asked
SNAPSHOTS=8 # the newest ones are told

# snapshots: a line `HEIGHT FORMAT CHUNKS BYTES` for each, the newest first.
snapshots() {
    cd -P -- "$home/data/" || return
    [[ -d snapshots ]] || return 0
    timeout -s KILL 2 "${as_owner[@]}" find snapshots/ -ignore_readdir_race -mindepth 3 -maxdepth 3 \
        -type f -printf '%P %s\n' | awk -F '[/ ]' '
        NF == 4 && ($1 $2 $3 $4) ~ /^[0-9]+$/ && length($1) < 19 && length($2) < 10 {
            at = $1 " " $2; chunks[at]++; bytes[at] += $4
        } END { for (at in chunks) printf "%s %d %.0f\n", at, chunks[at], bytes[at] }' |
        sort -k 1,1nr -k 2,2nr | head -n "$SNAPSHOTS"
    return "${PIPESTATUS[0]}"
}

# sync_settings: what stands below [statesync], and which of it a flag of the unit decides.
sync_settings() {
    local name
    guest sync_settings "$home/config/config.toml" || return
    for name in enable rpc_servers trust_height trust_hash trust_period; do
        ! flag "statesync.$name" || printf 'flag=%s\n' "$name"
    done
}

# servers PEERS: a line `URL NODE NETWORK HEIGHT EARLIEST CATCHING-UP` for each RPC that answers: those
# that [statesync] names, and those on the hosts of the persistent peers, at the port of the node's own
# RPC and at 26657.
servers() {
    local peer port named
    local -a peers=() urls=()
    named=$(guest sync_settings "$home/config/config.toml" 2>/dev/null | sed -n 's/^rpc_servers="\(.*\)"$/\1/p')
    IFS=', ' read -ra peers < <(printf '%s\n' "$named")
    for peer in "${peers[@]}"; do
        peer=${peer#http://}
        [[ ! ${peer%/} =~ ^[A-Za-z0-9.-]{1,253}:[0-9]{1,5}$ ]] || urls+=("http://${peer%/}")
    done
    IFS=', ' read -ra peers < <(printf '%s\n' "$1")
    for peer in "${peers[@]}"; do
        [[ ${peer,,} =~ ^[0-9a-f]{40}@([a-z0-9.-]{1,253}):[0-9]{1,5}$ ]] || continue
        peer=${BASH_REMATCH[1]}
        for port in "${rpc##*:}" 26657; do
            [[ ! $port =~ ^[0-9]{1,5}$ || " ${urls[*]} " == *" http://$peer:$port "* ]] ||
                urls+=("http://$peer:$port")
        done
    done
    for peer in "${urls[@]:0:SERVERS}"; do
        server "$peer" &
    done
    wait
}

# server URL: the line of one.
server() {
    local answer value id network height earliest
    answer=$(RPC_SECONDS=1 ask "$1/status" 2>/dev/null | head -c 65536)
    [[ $answer =~ \"id\":[[:space:]]{0,20}\"([0-9a-f]{40})\" ]] && id=${BASH_REMATCH[1]} || return 0
    [[ $answer =~ \"network\":[[:space:]]{0,20}\"([A-Za-z0-9_.-]{1,50})\" ]] &&
        network=${BASH_REMATCH[1]} || return 0
    member_of latest_block_height 18 && height=$value || return 0
    member_of earliest_block_height 18 && earliest=$value || return 0
    [[ $answer =~ \"catching_up\":[[:space:]]{0,20}(true|false) ]] || return 0
    printf '%s %s %s %s %s %s\n' "$1" "$id" "$network" "$height" "$earliest" "${BASH_REMATCH[1]}"
}

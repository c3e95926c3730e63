# shellcheck shell=bash disable=SC2329,SC2154 # called through `begin`; discover.sh, probe.sh
# Asks the node's RPC, and the ports of its peers.

: "${remediate_pin:=}" # the height of the pinned block

RPC_SECONDS=2
SAMPLES_APART_US=2500000
DIALLED=8
HASH_OF_NOTHING=E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855

# ask URL…: the answer of each, one line or more, within a time limit. It needs no rights.
ask() {
    local -a as_nobody=()
    ((EUID)) || as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs)
    "${as_nobody[@]}" curl -q -sSg --proto =http --noproxy '*' --max-time "$RPC_SECONDS" -w '\n' "$@"
}

get() { ask "$rpc/$1"; }

# member_of NAME DIGITS: sets value to the decimal string that is member NAME of the JSON in answer.
member_of() {
    value=
    [[ $answer =~ \"$1\":[[:space:]]{0,20}\"([0-9]{1,$2})\" ]] && value=${BASH_REMATCH[1]}
}

# dials PEERS: of the persistent peers that the node lacks, whether their p2p port can be reached from
# here. A connection is made and closed again, as nobody; nothing is sent. It is tried for the first
# few, all at once.
dials() {
    local answer peer tried=0
    local -a peers=() as_nobody=()
    ((EUID)) || as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs)
    answer=$(get net_info | head -c 2000000; exit "${PIPESTATUS[0]}") || return
    IFS=', ' read -ra peers < <(printf '%s\n' "$1")
    for peer in "${peers[@]}"; do
        [[ ${peer,,} =~ ^([0-9a-f]{40})@([a-z0-9.-]{1,253}):([0-9]{1,5})$ ]] || continue
        [[ $answer != *"\"${BASH_REMATCH[1]}\""* ]] || continue
        ((++tried <= DIALLED)) || break
        dial "${BASH_REMATCH[@]:1}" &
    done
    wait
}

# dial ID HOST PORT: the id, and how it went: open, silent (nobody answered in time), refused.
dial() {
    printf '%s %s\n' "$1" "$(door "$2" "$3")"
}

# door HOST PORT: how the port answers.
door() {
    timeout -s KILL 1 "${as_nobody[@]}" bash -c 'exec 3<>"/dev/tcp/$1/$2"' dial "$1" "$2" 2>/dev/null
    case $? in
        0) echo open ;;
        124 | 137) echo silent ;;
        *) echo refused ;;
    esac
}

# validators [HEIGHT]: all pages, all of the height of the first one.
validators() {
    local page pages answer height
    local -a urls=()
    answer=$(get "validators?per_page=100${1:+&height=$1}" | head -c 1000000; exit "${PIPESTATUS[0]}") ||
        return
    printf '%s\n' "$answer"
    member_of block_height 19 || return 0
    height=$value
    member_of total 6 || return 0
    pages=$(((10#$value + 99) / 100))
    ((pages > 1)) || return 0
    for ((page = 2; page <= pages && page <= 100; page++)); do
        urls+=("$rpc/validators?per_page=100&page=$page&height=$height")
    done
    ask "${urls[@]}"
}

# hash_of NAME HEIGHT: sets value to the hash that is member NAME of the header of HEIGHT.
hash_of() {
    local answer
    value=
    answer=$(get "header?height=$2" | head -c 65536)
    [[ $answer =~ \"$1\":[[:space:]]{0,20}\"([0-9A-Fa-f]{64})\" ]] && value=${BASH_REMATCH[1]}
}

# signers HEIGHT TIP: the set that signed HEIGHT; nothing if it is the one that signs after TIP, as on
# a chain whose powers do not change, or if the node does not tell.
signers() {
    local after
    hash_of next_validators_hash "$2" && after=$value &&
        hash_of validators_hash "$1" && [[ $value != "$after" ]] || return 0
    validators "$1"
}

# with_evidence: sets value to the height of the newest block of the `/blockchain` in taken whose header
# names evidence: whose hash is not that of nothing. Fails if there is none.
with_evidence() {
    local member height=
    while IFS= read -r member; do
        member=${member//[^0-9A-Za-z_:]/}
        case $member in
            height:*) height=${member#*:} ;;
            *":$HASH_OF_NOTHING") ;;
            *) value=$height && return 0 ;;
        esac
    done < <(grep -aoE '"(height|evidence_hash)": {0,20}"[0-9A-F]{1,64}"' <<<"$taken")
    return 1
}

# evidence HEIGHT: the evidence in that block, as `/block` shows it, without the rest of the block.
evidence() {
    local found rc
    found=$(get "block?height=$1" | head -c 8000000 | tr -d '\n' |
        grep -aoE -m 1 '"evidence": *\{ *"evidence": *\[.*\] *\}, *"last_commit":'
        exit "${PIPESTATUS[0]}")
    rc=$?
    ((rc == 0)) || return "$rc"
    printf '{"jsonrpc":"2.0","id":-1,"result":{"block":{%s}}}\n' "${found%,*}"
}

# chain: two samples and, with the first one, all the rest. /status comes first: if it hangs or is
# refused, nothing else is asked.
chain() {
    local answer rc at height from seconds taken status dialled=
    now_us
    at=$now
    take get status
    answer=$taken rc=$status
    taken_at=$at begin status.1 replay "$answer" "$rc"
    ((rc != 7)) || return
    begin app.1 get abci_info
    begin round.1 get consensus_state
    if ((rc == 0)) && member_of latest_block_height 18; then
        answered=yes
        ! stalled "$answer" || stands=yes
        height=$((10#$value))
        from=$((height > 19 ? height - 19 : 1))
        begin validators validators
        begin peers get net_info
        flag p2p.persistent_peers || flag_value=${config[p2p.persistent_peers]:-}
        [[ -z $flag_value ]] || begin dials dials "$flag_value"
        dialled=$flag_value
        begin dump get dump_consensus_state
        take get "blockchain?minHeight=$from&maxHeight=$height"
        begin blocks replay "$taken" "$status"
        with_evidence && begin evidence evidence "$value"
        take get "commit?height=$((height > 1 ? height - 1 : 1))"
        begin commit replay "$taken" "$status"
        # Flag 1 is a signature that is not there.
        [[ ! $taken =~ \"block_id_flag\":[[:space:]]{0,20}1[^0-9] ]] ||
            begin absent absent "$taken"
        begin signers signers $((height > 1 ? height - 1 : 1)) "$height"
        if [[ $remediate_pin ]]; then
            begin anchor get "commit?height=$remediate_pin"
            begin anchor_set validators "$remediate_pin"
        fi
        begin result get "block_results?height=$height"
        standing "$answer" "$height"
    fi
    describe # in the time between the samples
    # After what decides: it starts many programs, and the second sample must not come too late.
    [[ -z $dialled$stands ]] || begin ways ways "$dialled" "$stands"
    now_us
    ((deadline - now > SAMPLES_APART_US + 1000000)) || return
    as_seconds $((SAMPLES_APART_US - now + at))
    sleep "$seconds"
    # First, as in the first sample: what is asked beside it may be answered some blocks before it.
    now_us
    at=$now
    take get status
    taken_at=$at begin status.2 replay "$taken" "$status"
    begin app.2 get abci_info
    begin round.2 get consensus_state
}

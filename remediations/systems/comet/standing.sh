# shellcheck shell=bash disable=SC2154 # called by rpc.sh; discover.sh, service_user.sh
# Asks the application what it says of a validator whose key has no power: whether it is jailed, until
# when, whether for ever. Nothing of this is asked of any other node.
#
# The keys in the stores are those of the Cosmos SDK: a number for the kind, and addresses, each with its
# length before it (0x14 is 20).

: "${remediate_role:=}" # what the inventory calls the host

# stored STORE KEY [HEIGHT]: what a module stores under a key, with a proof if it is of a given height.
stored() {
    get "abci_query?path=%22/store/$1/key%22&data=0x$2${3:+&height=$3&prove=true}"
}

# standing STATUS HEIGHT: the sections about the validator that answered with STATUS. The state of the
# block before: its hash stands in the header of HEIGHT, which others have, too.
standing() {
    local address operator='' before=$(($2 - 1)) taken status length
    [[ $remediate_role == validator ]] && (($2 > 2)) || return 0
    [[ $1 =~ \"validator_info\":[[:space:]]{0,20}\{[[:space:]]{0,20}\"address\":[[:space:]]{0,20}\"([0-9A-Fa-f]{40})\" ]] ||
        return 0
    address=${BASH_REMATCH[1]}
    [[ $1 =~ \"voting_power\":[[:space:]]{0,20}\"0\" ]] || return 0
    take stored staking "2214$address"
    [[ $taken =~ \"value\":[[:space:]]{0,20}\"([A-Za-z0-9+/=]{4,100})\" ]] &&
        operator=$(printf '%s' "${BASH_REMATCH[1]}" | base64 -d | od -An -v -tx1 | tr -d ' \n')
    begin signing_info stored slashing "0114$address" "$before"
    if [[ ! $operator =~ ^([0-9a-f]{40}|[0-9a-f]{64})$ ]]; then
        begin validator replay "$taken" "$status" # there is none, or it was not told
        return 0
    fi
    printf -v length %02x $((${#operator} / 2))
    begin validator stored staking "21$length$operator" "$before"
    begin own_shares stored staking "31$length$operator$length$operator"
    begin account stored acc "01$operator"
    [[ ! $home ]] || begin operator_key operator_key "$operator"
}

# operator_key OPERATOR: whether a keyring that asks for no passphrase has the key of that account. Only
# the name of a file is looked at.
operator_key() {
    local price
    flag minimum-gas-prices && price=$flag_value || price=$(guest gas_price "$home/config/app.toml")
    say keyring "$(guest present "$home/keyring-test/$1.address" 2>/dev/null)" gas_price "$price"
}

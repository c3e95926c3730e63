# shellcheck shell=bash disable=SC2154,SC2329 # called by rpc.sh; discover.sh
# Asks the application how many blocks it counts against each validator that did not sign the last one:
# what a key signed last, where no commit that is read shows it. A stopped node's own files cannot tell.
#
# Each key of the store is asked for by itself, of a finished version of it: an iteration would walk through
# the tree that the node is writing.

ABSENT=64 # no more are asked about

# absent COMMIT: the parameters of x/slashing, and the signing info of each validator whose address the
# `/commit` lacks.
absent() {
    local set signers address
    local -a urls=("$rpc/abci_query?path=%22/store/slashing/key%22&data=0x00")
    set=$(validators | head -c 8000000; exit "${PIPESTATUS[0]}") || return
    signers=$(grep -aoE '"validator_address": {0,20}"[0-9A-F]{40}"' <<<"$1")
    while IFS= read -r address; do
        [[ $signers != *"$address"* ]] || continue
        ((${#urls[@]} <= ABSENT)) || break
        urls+=("$rpc/abci_query?path=%22/store/slashing/key%22&data=0x0114$address")
    done < <(grep -aoE '"address": {0,20}"[0-9A-F]{40}"' <<<"$set" | grep -aoE '[0-9A-F]{40}')
    ask "${urls[@]}"
}

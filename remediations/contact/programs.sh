# shellcheck shell=bash disable=SC2154 # settings stand in front of this text
# Asks the daemon's program which subcommands it knows; sent over stdin to `bash -s` behind its
# settings: remediate_binary, remediate_home, remediate_words (one subcommand per line).
#
# It writes nothing: `--help` does no work, the home is always named, and the program runs as nobody
# with a home that does not exist, so it could not write anywhere that matters if it tried.

one() {
    # shellcheck disable=SC2086 # a subcommand may be two words
    timeout -k 0.5 2 env -i HOME=/nonexistent PATH="$PATH" setpriv --reuid 65534 --regid 65534 \
        --clear-groups --no-new-privs --inh-caps=-all \
        "$remediate_binary" $1 --help --home "$remediate_home" 2>/dev/null </dev/null |
        head -c 65536 | grep -aA 1 -m 1 '^Usage:' | tail -n 1
}

main() {
    local word
    exec 2>/dev/null
    cd / || exit 0
    export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    [[ $EUID == 0 ]] || exit 0
    while IFS= read -r word; do
        printf '%s\t%s\n' "$word" "$(one "$word")"
    done <<<"$remediate_words"
    exit 0
}

main

# shellcheck shell=bash disable=SC2154 # settings precede this text
# Asks the daemon's program which subcommands it knows. It follows foreign.sh, runs under confine.sh,
# and has the settings remediate_binary, remediate_home, remediate_words (one subcommand per line).
#
# It writes nothing: `--help` does no work, the home is always named, and the program runs as nobody,
# so that it could not write anywhere if it tried.

one() {
    # shellcheck disable=SC2086 # a subcommand may be two words
    foreign 65534 65534 "$remediate_binary" $1 --help --home "$remediate_home" </dev/null |
        head -c 65536 | grep -aA 1 -m 1 '^Usage:' | tail -n 1 | head -c 1000
}

main() {
    local word
    exec </dev/null
    [[ $EUID == 0 ]] || exit 0
    while IFS= read -r word; do
        printf '%s\t%s\n' "$word" "$(one "$word")" || exit 0
    done < <(printf '%s\n' "$remediate_words")
    exit 0
}

main

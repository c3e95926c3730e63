#!/bin/sh
# Job 3, with an identity that may act: take the run and its approvals, carry it out, hand out what
# was done. Started again, it goes on with what it began, as long as its state directory is there.
# usage: apply.sh RUN.TAR APPROVALS DIRECTORY
# Ends as `remediate apply` does; DIRECTORY has the report and the exported run on every path on
# which something was begun.
set -eu
file=$1 approvals=$2 out=$3

# Its state, or "held": all was done, but what it held was not given back before its job was lost.
state_of() {
    remediate status "$1" --json |
        jq -r '.result | if (.holds // []) != [] then "held" else .state // "absent" end'
}

# A command that may find that this job, or another one, was here before: that is the guard it is
# given. Any other refusal ends the job.
unless() {
    before=$1
    shift
    refused=$("$@" --json | jq -r '.error.guard // ""')
    case $refused in
    "" | "$before") ;;
    *) "$@" || exit ;;
    esac
}

hand_out() {
    mkdir -p "$out" &&
        report=$(remediate report "$run" --json | jq -er .result.file) &&
        cp "$report" "${report%.html}.md" "$out" &&
        remediate export "$run" "$out/applied.tar"
}

remediate status "$file" # edited on its way, it ends here
run=$(remediate status "$file" --json | jq -r .result.run)
state=$(state_of "$run")
case $state in
absent | planned | approved)
    unless "one directory of a run" remediate import "$file"
    for one in "$approvals"/*.json; do
        [ -e "$one" ] || continue # there is none
        unless "one signature a person" remediate approvals "$run" --add "$one"
    done
    act=apply
    ;;
unknown | stopped | aborted | held) act=resume ;; # killed in the middle, or it stopped at a failure
unverified) act=verify ;;
verified) act=status ;;
*) act=apply ;; # which says why it cannot be applied
esac

code=0
remediate "$act" "$run" || code=$?
case $(state_of "$run") in
planned | approved | running) exit "$code" ;; # nothing was begun by this job
esac
hand_out || [ "$code" -ne 0 ] || code=12 # done, and not handed out: a machine that cannot
exit "$code"

#!/bin/sh
# On the laptop of whoever approves, without inventory or network: sign the plan that was read.
# usage: sign.sh DIRECTORY KEY APPROVAL [OPTION OF `remediate approve`]...
# DIRECTORY has run.tar and plan.md of job 1. The screen shows every field that is signed, and
# asks for eight digits of the digest.
set -eu
handed=$1 key=$2 approval=$3
shift 3

# Nobody signed the text of the review: it has to be the one that these bytes give.
remediate show "$handed/run.tar" --markdown | cmp - "$handed/plan.md" || {
    remediate status "$handed/run.tar" # perhaps it has expired
    exit 1
}
remediate approve "$handed/run.tar" --key "$key" --out "$approval" "$@"

#!/bin/sh
# Trade the identity of this job for an SSH certificate: a new key, signed for minutes.
# usage: certificate.sh KEY
# Writes KEY and KEY-cert.pub. From the environment: ID_TOKEN (a JWT of the CI system), VAULT_ADDR,
# SSH_ROLE (it says for whom the certificate is, for how long, and what it may do), and optionally
# JWT_MOUNT and SSH_MOUNT. Nothing secret is on a command line or in the output.
set -eu
umask 077
key=$1
: "${ID_TOKEN:?the CI system gives it to jobs that may ask for it}"

post() { # PATH, the body on standard input; the token of Vault, if there is one, as a header
    curl --silent --show-error --fail-with-body --max-time 20 --proto =https \
        --header @"$headers" --data @- "$VAULT_ADDR/v1/$1"
}

ssh-keygen -q -t ed25519 -N '' -C "$SSH_ROLE" -f "$key"
headers=$key.headers
trap 'rm -f "$headers"' EXIT
: >"$headers"
token=$(jq -n '{role: env.SSH_ROLE, jwt: env.ID_TOKEN}' |
    post "auth/${JWT_MOUNT:-jwt}/login" | jq -er .auth.client_token)
printf 'X-Vault-Token: %s\n' "$token" >"$headers"
jq -n --rawfile public "$key.pub" '{public_key: $public}' |
    post "${SSH_MOUNT:-ssh}/sign/$SSH_ROLE" | jq -er .data.signed_key >"$key-cert.pub"
ssh-keygen -L -f "$key-cert.pub"

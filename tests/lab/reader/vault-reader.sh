#!/bin/sh
# A reader of the lab: opens a canary with the key that its file has when it starts, and serves on. Which
# canary that was stands in /run, where vault-ready.sh looks; a key that opens none ends it.
#
# A canary is what X25519 makes of the reader's private key and a public key that is known: only who has
# the private half finds it. /etc/vault/canaries has the SHA-256 of each, and a name.
set -eu
umask 022
rm -f /run/vault/opened
sum=$({
  printf '\060\056\002\001\000\060\005\006\003\053\145\156\004\042\004\040'
  tr -d '\n' </etc/vault/reader.key | tr a-f A-F | basenc --base16 -d
} | openssl pkeyutl -derive -keyform DER -inkey /dev/stdin -peerform DER -peerkey /etc/vault/peer.der |
  sha256sum)
name=$(sed -n "s/^${sum%% *} //p" /etc/vault/canaries)
[ -n "$name" ] || {
  echo "this key opens no canary" >&2
  exit 1
}
echo "$name" >/run/vault/opened
exec sleep infinity

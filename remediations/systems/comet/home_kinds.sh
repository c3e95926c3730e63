# shellcheck shell=sh disable=SC2154 # regular, contents, refuse and name are of guest.sh
# Kinds of files of a home that only a reading looks into. It precedes systems/hosts/guest.sh, whose
# own text is part of the steps:
#
#   node_id     of a node key: the hash of its public half, the second 32 bytes of an ed25519 key

# node_id: the private half goes through pipes of this program, and no further: into no argument, no
# variable and no output.
node_id() {
  regular 65536
  form='^\{"priv_key":\{"type":"tendermint/PrivKeyEd25519","value":"([A-Za-z0-9+/]{86}==)"\}\}$'
  found=$(contents 65536 | tr -d ' \n\r\t' | sed -nE "s|$form|\1|p" | base64 -d | tail -c 32 |
    sha256sum)
  case $found in
    e3b0c44298fc1c149afb*) refuse 45 'it holds no ed25519 node key' ;; # the hash of nothing
  esac
  printf '%.40s\n' "$found"
}


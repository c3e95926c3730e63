# shellcheck shell=sh disable=SC2154 # regular, contents, refuse and name are of guest.sh
# Kinds of files of a home that only a reading looks into. It precedes systems/hosts/guest.sh, whose
# own text is part of the steps:
#
#   node_id     of a node key: the hash of its public half, the second 32 bytes of an ed25519 key
#   genesis     its hash, and of each validator in it the key and the power: those of CometBFT
#               (pub_key, power), and those that the SDK creates (create, key, amount)
#   gas_price   of app.toml: the lowest prices of gas that the node takes
#   announced   of an upgrade-info.json: which programs are announced for its upgrade
#   signed_state, state_copies   copies of a sign state

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

# genesis: a line for each thing. The braces and brackets of the JSON end lines; within a string no
# quote stands unescaped, so nothing that somebody calls himself looks like a member.
genesis() {
  regular 33554432
  found=$(contents 33554432 | sha256sum)
  printf 'sha256 %.64s\n' "$found"
  created='"@type":"/cosmos\.staking\.v1beta1\.MsgCreateValidator"'
  amount='("denom":"[^"]*",)?"amount":"([0-9]{1,30})"(,"denom":"[^"]*")?'
  key='([A-Za-z0-9+/=]{1,100})'
  contents 33554432 | tr -d ' \n\r\t' | tr '{}[]' '\n\n\n\n' | sed -nE "
    s|^\"type\":\"tendermint/PubKeyEd25519\",\"value\":\"$key\"\$|pub_key \1|p; t
    s|^,\"power\":\"([0-9]{1,18})\",\"name\":.*|power \1|p; t
    s|.*,\"power\":\"([0-9]{1,18})\",\"pub_key\":\$|power \1|p; t
    \\|^$created|,\\|^$amount\$| {
      s|^$created.*|create|p; t
      s|^\"@type\":\"/cosmos\.crypto\.ed25519\.PubKey\",\"key\":\"$key\"\$|key \1|p; t
      s|^$amount\$|amount \2|p
    }"
}

gas_price() {
  regular 262144
  contents 262144 |
    sed -nE 's|^[[:space:]]*minimum-gas-prices[[:space:]]*=[[:space:]]*"([0-9A-Za-z.,/:_-]{0,200})".*|\1|p' |
    head -n 1
}


# store_settings: of app.toml, what it keeps of its states and for others.
store_settings() {
  regular 262144
  blank='[[:space:]]*'
  contents 262144 | sed -nE "
    s/^$blank(\[[A-Za-z0-9_.-]{1,64}\])$blank(#.*)?\$/\1/p; t
    s/^$blank\[.*/[?]/p; t
    s/^$blank(pruning|pruning-keep-recent|snapshot-interval)$blank=${blank}[\"']?([a-z0-9]{1,20})[\"']?$blank(#.*)?\$/\1 = \2/p"
}


# upgrade_info: of an upgrade-info.json: its hash, and the upgrade that it names. The name is the first
# member, so that nothing in a later one looks like it.
upgrade_info() {
  regular 65536
  found=$(contents 65536 | sha256sum)
  printf 'sha256=%.64s\n' "$found"
  found=$(contents 65536 | tr '\n\r\t' '   ')
  name=$(printf '%s' "$found" | sed -nE 's/^ *\{ *"name" *: *"([^"\\]{1,140})" *[,}].*/\1/p')
  [ "$name" ] || refuse 45 'it names no upgrade'
  printf 'name=%s\n' "$name"
  printf '%s' "$found" | sed -nE 's/.*[,{] *"height" *: *"?([0-9]{1,18})"? *[,}].*/height=\1/p'
}


# announced: of an upgrade-info.json, the upgrade, and for each download that its `info` lists a line:
# its platform, whether it is an archive, and its SHA-256 or `none`. Its address may hold a password.
# The list is JSON in a text of JSON.
announced() {
  regular 65536
  found=$(contents 65536 | tr '\n\r\t' '   ')
  name=$(printf '%s' "$found" | sed -nE 's/^ *\{ *"name" *: *"([^"\\]{1,140})" *[,}].*/\1/p')
  [ "$name" ] || refuse 45 'it names no upgrade'
  printf 'name=%s\n' "$name"
  printf '%s' "$found" | sed 's/\\u0026/\&/g' | tr -d '\\' |
    grep -oE '"(any|[a-z0-9]{1,9}/[a-z0-9]{1,9})" *: *"[^" ]+"' | head -n 20 | tr -d '" ' |
    sed 's/:/ /' | while read -r platform address; do
      case ${address%%[?]*} in
        *.zip | *.tar | *.tgz | *.txz | *.gz | *.bz2 | *.xz | *.zst) kind=archive ;;
        *) kind=plain ;;
      esac
      sum=$(printf '%s' "$address" |
        sed -nE 's/.*[?&]checksum=sha256:([0-9A-Fa-f]{64})(&.*)?$/\1/p')
      printf 'binary=%s %s %s\n' "$platform" "$kind" "${sum:-none}"
    done
}


# signed_state: of a copy of a sign state, the same as sign_state, and its signature: whose it is.
signed_state() {
  regular 65536
  place='"height":"?([0-9]{1,19})"?,"round":"?([0-9]{1,10})"?,"step":"?([0-9]{1,3})"?'
  signed='(,"signature":"([A-Za-z0-9+/=]{0,200})")?(,"signbytes":"([0-9A-Fa-f]{0,1000})")?'
  shown='{"height":"\1","round":"\2","step":"\3","signature":"\5","signbytes":"\7"}'
  found=$(contents 65536 | tr -d ' \n\r\t' | sed -nE "s|^\{$place$signed\}\$|$shown|p")
  [ "$found" ] || refuse 45 'it is not what CometBFT writes'
  printf '%s\n' "$found"
}

# state_copies: those beside the sign state, and those that cosmovisor set aside with the data, twenty
# in all; of one that is none the complaint, behind `odd`. Where one lies is entered like any other
# directory: it must be in the home. Somebody's `sudo cp` may be for root alone.
state_copies() {
  state=$name
  found=$(stat -c '%Y %n' -- "$(pwd -P)/$state"?* "$root"/data-backup-*/"$state" |
    head -n 20 | while read -r at file; do
    case $file in *[!A-Za-z0-9_./,:@%+=~-]*) continue ;; esac
    said=$( (enter "$file" && signed_state) 3>&1)
    case $said in '{'*) ;; *) said="odd $said" ;; esac
    printf 'beside %s %s\n%s\n' "$at" "$file" "$said"
  done)
  case $found in
    *'odd permission denied'*) [ "$(id -u)" = 0 ] || refuse 13 'permission denied' ;;
  esac
  [ -z "$found" ] || printf '%s\n' "$found"
}

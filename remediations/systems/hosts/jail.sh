# shellcheck shell=sh
# Whether the chain says that a validator is jailed, asked of the node on this host.

# nobody COMMAND…: with no rights, where we have any.
nobody() {
  [ "$(id -u)" != 0 ] ||
    set -- setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs "$@"
  "$@"
}

# answer_of CURL-ARGUMENT…: what the node's RPC answers, without white space.
answer_of() {
  nobody curl -q -sSg --proto =http --noproxy '*' --max-time 5 "$@" 2>/dev/null |
    head -c 1048576 | tr -d ' \n\r\t'
}

# jail_of RPC OPERATOR: sets jail to yes, no, or unknown. OPERATOR are the 20 bytes of its account, in
# lower-case hex. The stored validator is protobuf: its address, its key, and, only if it is jailed,
# the field 3 with the value 1.
jail_of() {
  jail=unknown
  told=$(answer_of "$1/abci_query?path=%22/store/staking/key%22&data=0x2114$2")
  case $told in
    *'"value":"'*) ;;
    *) return 0 ;;
  esac
  told=${told#*'"value":"'}
  told=$(printf %s "${told%%\"*}" | base64 -d 2>/dev/null | od -An -v -tx1 | tr -d ' \n')
  for tag in 0a 12; do
    case $told in
      "$tag"[0-7]?*) ;;
      *) return 0 ;;
    esac
    told=${told#"$tag"}
    length=$((0x${told%"${told#??}"}))
    told=$(printf %s "$told" | cut -c "$((3 + 2 * length))-")
  done
  case $told in
    1801*) jail=yes ;;
    ?*) jail=no ;;
  esac
}

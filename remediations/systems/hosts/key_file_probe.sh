# shellcheck shell=sh disable=SC2154 # value: set by `property` of probes.sh, which follows
# The question whether a reader has a key, and was told; after key_file.sh.

key_file_is() { # UNIT|- MARK|- FILE FORM FINGERPRINT
  case $3 in
    *[!A-Za-z0-9_.@+:,=/-]* | */../* | */..) refuse 65 "bad path" ;;
    /*/*) ;;
    *) refuse 65 "bad path" ;;
  esac
  case $4 in raw | hex | base64 | pem) ;; *) refuse 65 "bad form" ;; esac
  case $5 in *[!0-9a-f]*) refuse 65 "bad fingerprint" ;; esac
  [ "${#5}" -eq 40 ] || refuse 65 "bad fingerprint"
  case $2 in '' | *[!0-9a-f-]*) refuse 65 "bad mark" ;; esac
  unit=$1
  case $unit in
    -) ;;
    [!A-Za-z0-9_]* | *[!A-Za-z0-9:_.\\@-]*) refuse 65 "bad unit name" ;;
    ?*.service) ;;
    *) refuse 65 "bad unit name" ;;
  esac
  command -v openssl >/dev/null || refuse 69 "openssl is not installed"
  [ -f "$3" ] && [ ! -L "$3" ] || answer no
  [ "$(keyfile_fingerprint "$4" "$3")" = "$5" ] || answer no
  [ "$unit" != - ] || answer yes
  property ActiveState
  [ "$value" = active ] || answer no
  case ${#2} in
    32) # the invocation that had to end
      property InvocationID
      [ "$value" != "$2" ] || answer no
      ;;
    *) # when its state had changed last, in microseconds since the boot: a reload is a change
      case $2 in -) answer yes ;; *[!0-9]*) refuse 65 "bad mark" ;; esac
      property StateChangeTimestampMonotonic
      case $value in '' | *[!0-9]*) refuse 69 "systemd does not tell since when" ;; esac
      [ "$value" -gt "$2" ] || answer no
      ;;
  esac
  answer yes
}

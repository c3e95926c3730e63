# shellcheck shell=sh disable=SC2154,SC2329 # regular and contents are of guest.sh
# A kind of look into a home, of readings, steps and probes about state sync. It precedes guest.sh,
# whose own text is part of all steps:
#
#   sync_settings   of config.toml: what stands below [statesync], a line NAME=VALUE each, with its
#                   quotes; the value is ? where it is not plain

sync_settings() {
  regular 262144
  blank='[[:space:]]*'
  names='enable|rpc_servers|trust_height|trust_hash|trust_period'
  plain='true|false|[0-9]{1,18}|"[A-Za-z0-9.:/,_-]*"'
  contents 262144 | sed -nE "
    /^$blank\[statesync\]$blank(#.*)?\$/,/^$blank\[/ {
      s@^$blank($names)$blank=$blank($plain)$blank(#.*)?\$@\1=\2@p; t
      s@^$blank($names)$blank=.*@\1=?@p
    }"
}

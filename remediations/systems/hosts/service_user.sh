# shellcheck shell=sh disable=SC2154 # home, guest_text, guest_limit: set by whoever uses it
# How guest.sh is run: with the rights of the service user, and with ours only where those do not
# suffice. What that user puts into its home then leads nowhere that it could not go itself.

# ids USER: its user and group id; of one that does not exist (a dynamic one, while its unit is
# stopped) those of the home.
ids() {
  if uid=$(timeout -s KILL 1 id -u -- "$1" 2>/dev/null); then
    printf '%s %s' "$uid" "$(timeout -s KILL 1 id -g -- "$1")"
  else
    timeout -s KILL 1 stat -L -c '%u %g' -- "$home"
  fi
}

# served_by USER: sets owner_uid and owner_gid, for `guest`. Without root there is nothing to give up;
# where it cannot be told who serves, it is somebody without rights who looks first.
served_by() {
  owner_uid=0 owner_gid=0
  [ "$(id -u)" = 0 ] || return 0
  owner=$(ids "$1") || owner='65534 65534'
  owner_uid=${owner% *} owner_gid=${owner#* }
}

# guest KIND FILE: what guest.sh tells of a file of the home, with its status and complaint.
guest() {
  looked=13
  if [ "${owner_uid:-0}" != 0 ]; then
    looked=0
    told=$(home=$home timeout -s KILL "$guest_limit" \
      setpriv --reuid "$owner_uid" --regid "$owner_gid" --clear-groups --no-new-privs \
      sh -c "$guest_text" guest "$@" 2>&1) || looked=$?
    case $looked in
      0) printf '%s\n' "$told" ;;
      13) ;;
      *) printf '%s\n' "$told" >&2 ;;
    esac
  fi
  [ "$looked" = 13 ] || return "$looked"
  home=$home timeout -s KILL "$guest_limit" sh -c "$guest_text" guest "$@"
}

#!/usr/bin/env bash
# Sets up everything that the checks and the lab need, and nothing that is there already:
# Debian packages, a virtual environment, the locked Python packages. Safe to run again, and after
# an interruption. With --python it goes on without Debian packages where they cannot be installed:
# what boots no hosts needs none of them.
set -euo pipefail
cd "$(dirname "$0")/.."

PACKAGES=(python3 python3-venv systemd-container mmdebstrap openssh-client iproute2 ca-certificates
  curl jq sudo)
VENV=.venv
STAMP=$VENV/.lock-sha256
PYTHON_ONLY=${1:-}

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

# The end, or with --python the end of what concerns Debian packages.
cannot() {
  [ "$PYTHON_ONLY" = --python ] || die "$*"
  say "$*; going on without"
}

# Package mirrors fail for seconds at a time, hardly ever for minutes.
retry() {
  local wait
  for wait in 3 10 30 0; do
    if "$@"; then return 0; fi
    [ "$wait" -gt 0 ] || break
    say "failed, again in $wait s: $*"
    sleep "$wait"
  done
  die "'$*' failed four times; see the lines above"
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

missing_packages() {
  local package
  for package in "${PACKAGES[@]}"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || echo "$package"
  done
}

system_packages() {
  local missing
  if ! command -v dpkg-query >/dev/null; then
    cannot "this is not Debian: install ${PACKAGES[*]} by hand"
    return 0
  fi
  mapfile -t missing < <(missing_packages)
  [ "${#missing[@]}" -gt 0 ] || return 0
  if ! as_root true 2>/dev/null; then
    cannot "needs root or passwordless sudo to install: ${missing[*]}"
    return 0
  fi
  say "installing ${missing[*]}"
  # A fresh machine's own upgrades hold the lock for minutes.
  retry as_root apt-get -qq -o DPkg::Lock::Timeout=300 update
  retry as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 \
    install --yes --no-install-recommends "${missing[@]}" >/dev/null
}

# promtool tries the alert rules. Debian has it in the package `prometheus`, whose installation would
# also start a server here: only that program is taken out of the package, into the cache of the lab.
alert_rule_tool() {
  local cache=${REMEDIATIONS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/remediations}
  if [ "$PYTHON_ONLY" = --python ] || command -v promtool >/dev/null; then return 0; fi
  [ ! -x "$cache/promtool/promtool" ] || return 0
  mkdir -p "$cache"
  say "taking promtool out of Debian's package prometheus"
  unpack_promtool "$cache" || { fresh_lists && unpack_promtool "$cache"; } ||
    say "promtool cannot be had, and tests of the alert rules will fail; see the lines above"
}

unpack_promtool() (
  work=$(mktemp -d "$1/promtool.XXXXXX") || exit 1
  trap 'rm -rf "$work"' EXIT
  cd "$work" || exit 1
  # Root's own directory is closed to the user as whom apt would download.
  apt-get -qq -o Acquire::Retries=3 -o APT::Sandbox::User="$(id -un)" download prometheus || exit 1
  dpkg-deb --extract prometheus_*.deb tree || exit 1
  mkdir new && mv tree/usr/bin/promtool new/ || exit 1
  new/promtool --version >/dev/null 2>&1 || exit 1
  rm -rf "$1/promtool" && mv -T new "$1/promtool"
)

fresh_lists() {
  as_root true 2>/dev/null && as_root apt-get -qq -o DPkg::Lock::Timeout=300 update
}

# The first Python on the path that is new enough and can make an environment.
find_python() {
  local candidate
  for candidate in python3 /usr/bin/python3 python3.13 python3.12 python3.11; do
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
      2>/dev/null; then
      command -v "$candidate"
      return 0
    fi
  done
  die "needs Python 3.11 or newer with venv (Debian: python3-venv)"
}

# What the environment was made from. The place counts: in a checkout that was copied with its
# environment, the commands would start the Python, and test the code, of the other place.
stamp() {
  { cat requirements.lock pyproject.toml scripts/setup.sh; pwd -P; $VENV/bin/python -V; } 2>&1 |
    "$(command -v sha256sum || command -v shasum)"
}

# No pip: interrupted while it was made. Commands that point elsewhere: copied.
usable() {
  $VENV/bin/python -m pip --version >/dev/null 2>&1 &&
    grep -qF "$(pwd -P)/$VENV/bin/python" $VENV/bin/pip
}

python_packages() {
  local python
  if [ -x $VENV/bin/python ] && [ "$(cat $STAMP 2>/dev/null)" = "$(stamp)" ]; then return 0; fi
  say "installing the locked Python packages into $VENV"
  if ! usable; then
    python=$(find_python)
    "$python" -m venv --clear $VENV
  fi
  retry $VENV/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
    --requirement requirements.lock
  $VENV/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
    --no-build-isolation --editable .
  stamp >$STAMP
}

system_packages
alert_rule_tool
python_packages
say "ready"

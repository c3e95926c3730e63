"""The shell program that puts another program of the daemon in place and starts it. Pure.

It rests on the programs that start and restart a node (`programs.py`), and adds, before anything is
stopped: the program that is there is the planned one; the one that was brought to the host has its
hash; it is for this platform, and runs here (it tells its version, with the rights of the service
user and none to write). Then the unit is stopped, the programs are swapped by a rename, and the
unit is started. The former program is kept by its hash, so the way back is the same way.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from remediations.systems.comet.planned import PlannedNode, PlannedNodeError, described
from remediations.systems.comet.program_parts import (
    CHECK_LIMIT_S,
    LOCK_LIMIT_S,
    START_LIMIT_S,
    STOP_MARGIN_S,
)
from remediations.systems.comet.programs import RESTART_PARTS, restart_variables
from remediations.systems.hosts.unit_program import compose
from remediations.values.names import HOME

FILES = "/var/lib/remediate/files"
"""Where `systems/hosts/files.sh` keeps what was brought."""
VERSION_LIMIT_S = 15
COPY_LIMIT_S = 120
"""Hashing four times and copying twice what may be a gigabyte."""
INSTALL_LIMIT_S = (
    3 * CHECK_LIMIT_S + COPY_LIMIT_S + VERSION_LIMIT_S + STOP_MARGIN_S + LOCK_LIMIT_S
) + START_LIMIT_S
"""All but the stop."""
_SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class PlannedProgram:
    """What is installed where: `sha256` is the new program, `replaces` the one at `path` now.

    Raises:
        PlannedNodeError: a field is malformed.
    """

    path: str
    sha256: str
    replaces: str

    def __post_init__(self) -> None:
        for name, pattern, meaning in (
            ("path", HOME, "an absolute path of plain characters"),
            ("sha256", _SHA256, "a SHA-256 in lower-case hex"),
            ("replaces", _SHA256, "a SHA-256 in lower-case hex"),
        ):
            value = getattr(self, name)
            if not isinstance(value, str) or not pattern.fullmatch(value):
                raise PlannedNodeError(f"{name} is {value!r}, not {meaning}")


@dataclass(frozen=True, kw_only=True)
class PlannedInstall:
    """One node, and the program that it gets."""

    node: PlannedNode
    program: PlannedProgram

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> PlannedInstall:
        """What host data describe.

        Raises:
            PlannedNodeError: a field is missing or malformed.
        """
        return cls(node=PlannedNode.from_data(data), program=described(PlannedProgram, data))

    @classmethod
    def from_words(cls, words: Mapping[str, str]) -> PlannedInstall:
        """What strings describe, as a JSON document has them.

        Raises:
            PlannedNodeError: a field is missing or malformed.
        """
        return cls(node=PlannedNode.from_words(words), program=described(PlannedProgram, words))


_HASHES = r"""
hash_of() {
  sum=$(sha256sum <"$1") || return
  printf '%s' "${sum%% *}"
}
"""

_RUNNING = r"""
running() {
  [ "$(show ActiveState)" = active ] || return 1
  pid=$(show MainPID)
  [ "$(hash_of "/proc/$pid/exe" 2>/dev/null)" = "$sha256" ]
}
"""

# Whoever can write to a directory on the way can put anything in the place of what is checked here.
_ROOTS_ALONE = r"""
roots_alone() {
  [ ! -L "$1" ] || refuse "$1, a link" "the program itself"
  at=$1
  while :; do
    case $(stat -c %u:%a "$at" || echo unreadable) in
      0:1???) ;; # sticky: others can only add to it
      0:*[2367] | 0:*[2367]?) refuse "$at, which others than root may write to" "root alone" ;;
      0:*) ;;
      *) refuse "$at, which does not belong to root" "root alone" ;;
    esac
    [ "$at" != / ] || return 0
    at=${at%/*}
    at=${at:-/}
  done
}
"""

_PLACE = r"""
program_as_planned() {
  case " $(show ExecStart) " in
    *"{ path=$path ;"*) ;;
    *) refuse "$unit starts another program" "$path" ;;
  esac
  [ -f "$path" ] || refuse "no $path" "a program"
  real=$(readlink -f "$path")
  [ "$real" = "$path" ] || refuse "$path leads to $real" "the program itself"
  roots_alone "$path"
  present=$(hash_of "$path") || refuse "$path cannot be read" "SHA-256 $replaces"
  [ "$present" = "$sha256" ] || [ "$present" = "$replaces" ] ||
    refuse "$path with SHA-256 $present" "$replaces"
}
"""

_STAGED = r"""
staged_as_planned() {
  staged=$files/$sha256
  [ -f "$staged" ] || refuse "no file $staged" "the program, by \`remediate stage\`"
  roots_alone "$staged"
  brought=$(hash_of "$staged") || refuse "$staged cannot be read" "SHA-256 $sha256"
  [ "$brought" = "$sha256" ] || refuse "$staged with SHA-256 $brought" "$sha256"
}
platform() { # class, byte order and machine in the head of a program (elf(5))
  head -c 20 | od -An -v -tx1 | tr -d ' \n' |
    sed -nE 's/^7f454c46(....).{24}(....)$/\1 \2/p'
}
"""

_PLATFORM = r"""
for_this_platform() {
  new=$(platform <"$staged") old=$(platform <"$path")
  [ -n "$new" ] || refuse "a file that is not a program" "a program for Linux (ELF)"
  [ "$new" = "$old" ] || refuse "a program for the platform ${new:-?}" "that of $path, ${old:-?}"
}
"""

_ROOM = r"""
room_for() { # FILE DIRECTORY
  size=$(($(stat -c %s "$1") / 1024 + 65536))
  spare=$(df -k --output=avail "$2" | tail -n 1 | tr -d ' ')
  case $spare in '' | *[!0-9]*) refuse "free space that cannot be read" "$size KiB" ;; esac
  [ "$spare" -ge "$size" ] || refuse "$spare KiB free in $2" "$size KiB"
}
"""

# The copy lies beside the program, so that a rename puts it there; a step that was killed leaves a
# copy, and the next one removes it.
_COPY = r"""
keep_former() {
  former=$files/$replaces
  if [ -f "$former" ] && [ "$(hash_of "$former")" = "$replaces" ]; then return 0; fi
  room_for "$path" "$files"
  cp "$path" "$former.part"
  [ "$(hash_of "$former.part")" = "$replaces" ] ||
    refuse "another program, while it was copied" "$replaces"
  chmod 755 "$former.part"
  sync "$former.part"
  mv "$former.part" "$former"
  sync "$files"
}
copy_beside() {
  directory=${path%/*} copy=${path%/*}/.${path##*/}.remediate
  rm -f "$copy"
  room_for "$staged" "${directory:-/}"
  trap 'rm -f "$copy"' EXIT
  (umask 077; cp "$staged" "$copy")
  chown --reference="$path" "$copy"
  chmod --reference="$path" "$copy"
  sync "$copy"
  [ "$(hash_of "$copy")" = "$sha256" ] || refuse "another program, after the copy" "$sha256"
}
"""

_ANSWERS = r"""
answers_here() {
  said=$( (
    rc=0
    timeout -k 1 "$version_limit" systemd-run --quiet --collect --pipe --wait \
      --description='the version of a new program' --uid="$owner_uid" --gid="$owner_gid" \
      --setenv=HOME=/nonexistent \
      --property=RuntimeMaxSec="$version_limit" --property=TimeoutStopSec=1 \
      --property=MemoryMax=2G --property=MemorySwapMax=0 --property=TasksMax=200 \
      --property=LimitFSIZE=0 --property=LimitCORE=0 --property=NoNewPrivileges=yes \
      --property=CapabilityBoundingSet= --property=ProtectSystem=strict \
      --property=ProtectHome=read-only --property=PrivateNetwork=yes \
      --property=PrivateDevices=yes \
      -- "$copy" version --home "$home" </dev/null 2>&1 || rc=$?
    printf '\nended with %s' "$rc"
  ) | head -c 4096)
  version=$(printf '%s' "${said%ended with *}" | grep -v '^$' | tail -n 1 | head -c 200)
  case $said in
    *"
ended with 0") ;;
    *) refuse "no version: ${version:-no answer}" "a program that runs here" ;;
  esac
}
"""

SHARED_PARTS = (_HASHES, _ROOTS_ALONE, _STAGED, _ROOM, _ANSWERS)
"""What the program below a wrapper (`install_below.py`) is made of, too."""

_INSTALL_MAIN = r"""
unit_as_planned
if running; then
  printf 'already so: %s runs the planned program\n' "$unit"
  exit 0
fi
if [ -n "$invocation" ] && [ "$(show ActiveState)" = active ] &&
  [ "$(show InvocationID)" != "$invocation" ]; then
  refuse "$unit restarted since" "invocation $invocation"
fi
not_held
key_as_planned
sign_state_not_lower
room_left
data_found
program_as_planned
if [ "$present" != "$sha256" ]; then
  staged_as_planned
  for_this_platform
  keep_former
  copy_beside
  answers_here
fi
acted=yes
stop
key_as_planned
sign_state_not_lower
if [ "$present" != "$sha256" ]; then
  mv "$copy" "$path"
  sync "${directory:-/}"
  printf 'installed: %s, %s\n' "$path" "$version"
fi
start
"""


INSTALL_PARTS = (*RESTART_PARTS, *SHARED_PARTS, _RUNNING, _PLACE, _PLATFORM, _COPY)
"""The functions of an install."""


def install_text(install: PlannedInstall) -> str:
    """Stops the unit if it runs, swaps the program, and starts the unit; a unit that runs the
    planned program is left alone."""
    return compose(install_variables(install), (*INSTALL_PARTS, _INSTALL_MAIN))


def install_variables(install: PlannedInstall) -> dict[str, str | int]:
    """What `INSTALL_PARTS` need to know."""
    program = install.program
    return restart_variables(install.node) | {
        "files": FILES,
        "path": program.path,
        "sha256": program.sha256,
        "replaces": program.replaces,
        "version_limit": VERSION_LIMIT_S,
    }

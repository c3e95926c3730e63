"""The frame of every shell program that acts on a unit: its values, how it refuses and fails.

A program is POSIX sh. `refuse` ends it with 64 before anything was done, and with 1 after it has
acted; `fail` shows the unit's last lines. `$unit` is among its variables.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping

_PRELUDE = r"""
acted=no
refuse() {
  if [ "$acted" = yes ]; then
    printf 'stopped and not started: got %s, expected %s\n' "$1" "$2" >&2
    exit 1
  fi
  printf 'refused: got %s, expected %s\n' "$1" "$2" >&2
  exit 64
}
fail() {
  systemctl status --no-pager --lines=5 "$unit" >&2 || :
  printf 'failed: %s\n' "$1" >&2
  exit 1
}
show() { systemctl show -p "$1" --value "$unit" || echo unreadable; }
"""


def compose(variables: Mapping[str, str | int], parts: tuple[str, ...]) -> str:
    """Values enter through one quoted assignment each, at the top, and nowhere else."""
    values = "\n".join(f"{name}={shlex.quote(str(value))}" for name, value in variables.items())
    bodies = [part.strip("\n") for part in (_PRELUDE, *parts)]
    return "\n".join(("set -eu", values, "", *bodies)) + "\n"

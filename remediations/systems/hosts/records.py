"""What the probe says of where steps keep their record (systems/hosts/launcher.sh). Pure."""

from __future__ import annotations

from remediations.systems.hosts.values import RecordRoom
from remediations.values.lines import UNLIMITED, TextError, parse_number, parse_pairs, split_lines

ROOT = "0"
STICKY, GROUP_OR_OTHERS_WRITE = 0o1000, 0o022


def parse_records(text: str) -> RecordRoom:
    """`path=`, `writable=`, `room=` (stat -f: blocks free, their size, inodes free and in all), and
    a line `OWNER MODE PATH` for the directory itself and each one above it.

    Raises:
        TextError: one of them is missing, or is something else.
    """
    rows = split_lines(text)
    ways = [row.split(" ", 2) for row in rows if "=" not in row.partition(" ")[0]]
    said = parse_pairs("\n".join(row for row in rows if "=" in row.partition(" ")[0]))
    room = said.get("room", "").split(" ")
    if len(room) != 4 or said.get("writable") not in ("yes", "no") or not said.get("path"):
        raise TextError("no room, no path, or not whether it can be written")
    if any(len(way) != 3 for way in ways) or not ways or ways[-1][2] != "/":
        raise TextError("not owner and mode of every directory up to the root")
    blocks, size, inodes, all_inodes = map(parse_number, room)
    return RecordRoom(
        path=said["path"],
        available=min(blocks * size, UNLIMITED),
        inodes_available=inodes if all_inodes else UNLIMITED,
        writable=said["writable"] == "yes",
        exposed=next(
            (
                path
                for at, (owner, mode, path) in enumerate(ways)
                if _is_exposed(owner, mode, above=at > 0)
            ),
            "",
        ),
    )


def _is_exposed(owner: str, mode: str, *, above: bool) -> bool:
    """Whether others than root may change what lies there; where it is sticky, only add to it."""
    try:
        bits = int(mode, 8)
    except ValueError as error:
        raise TextError("the mode of a directory is not octal") from error
    if owner != ROOT:
        return True
    return bool(bits & GROUP_OR_OTHERS_WRITE) and not (above and bits & STICKY)

"""What a host tells of cosmovisor (`cosmovisor.sh`), and cosmovisor's own rules on names. Pure.

cosmovisor starts the program below its link `current`. When the application has written
`data/upgrade-info.json` with the name of another upgrade than the one of the link, cosmovisor ends
its child, copies the data directory unless that is switched off, lets the link lead to
`upgrades/NAME`, and starts the program there. It looks at every start, too. Where there is no
such program it ends with an error. So whoever puts the program there switches nothing: the link,
the copy and the hooks of an upgrade (`pre-upgrade`) stay cosmovisor's.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from remediations.values.lines import TextError, parse_number, parse_pairs
from remediations.values.record import Record

_SHA256 = re.compile("[0-9a-f]{64}")
PLAIN_NAME = re.compile("[A-Za-z0-9_][A-Za-z0-9_.@+:=-]{0,99}")
"""The name of an upgrade that is a directory's name as it is: cosmovisor escapes others."""
PROGRAM_NAME = re.compile("[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
WRAPPER = "cosmovisor"
"""The name of its program, and of its directory in the home."""


class Upgrade(Record, frozen=True, kw_only=True):
    """An `upgrade-info.json`. `height` is 0 if it has none."""

    name: str
    height: int
    sha256: str


class Cosmovisor(Record, frozen=True, kw_only=True):
    """Its settings and its directory.

    `home` and `name` are DAEMON_HOME and DAEMON_NAME, "" where the unit does not set them.
    `config_file`: settings come from a file (`--cosmovisor-config`), which is not read. `recase`:
    directories are named in lower case. `backup`: the data directory is copied before an upgrade.
    `link` is what `current` says, `leads` the directory to which it leads; "" for none. `selected`
    is the upgrade of that directory, `asked` the one that the application asked for. `place_sha256`
    is the program in the place of `asked`, "" where there is none. `placed` are the directories of
    `upgrades` that have a program.
    """

    home: str
    name: str
    config_file: bool
    recase: bool
    backup: bool
    link: str
    leads: str
    selected: Upgrade | None
    asked: Upgrade | None
    place_sha256: str
    placed: tuple[str, ...]

    @property
    def root(self) -> str:
        """Where its programs are."""
        return f"{self.home.rstrip('/')}/{WRAPPER}"

    def directory_of(self, upgrade: str) -> str:
        """The directory of an upgrade's program; "" for a name that is not one as it is."""
        name = upgrade.lower() if self.recase else upgrade
        return f"{self.root}/upgrades/{name}" if PLAIN_NAME.fullmatch(name) else ""

    def program_of(self, upgrade: str) -> str:
        """The path of an upgrade's program, "" like `directory_of`."""
        directory = self.directory_of(upgrade)
        return f"{directory}/bin/{self.name}" if directory else ""

    @property
    def pending(self) -> str:
        """The upgrade to which it switches at its next start, "" for none."""
        if self.asked is None:
            return ""
        selected = self.selected.name if self.selected is not None else ""
        if selected.lower() == self.asked.name.lower():
            return ""
        leads_there = self.leads != "" and self.leads == self.directory_of(self.asked.name)
        return "" if leads_there else self.asked.name


def is_cosmovisor(binary: str) -> bool:
    """Whether the program that a unit starts is cosmovisor."""
    return PurePosixPath(binary).name == WRAPPER


def parse_cosmovisor(text: str) -> Cosmovisor:
    """The section `cosmovisor`.

    Raises:
        TextError: a line is missing or malformed.
    """
    said = parse_pairs(text)
    place = said.get("place_sha256", "absent")
    if place != "absent" and not _SHA256.fullmatch(place):
        raise TextError("the SHA-256 of a program is malformed")
    return Cosmovisor(
        home=said.get("home", ""),
        name=said.get("name", ""),
        config_file=_flag(said, "config_file"),
        recase=not _flag(said, "recase_off"),
        backup=not _flag(said, "backup_off"),
        link=said.get("link", ""),
        leads=said.get("leads", ""),
        selected=_upgrade(said, "selected_"),
        asked=_upgrade(said, "asked_"),
        place_sha256="" if place == "absent" else place,
        placed=tuple(sorted(said[n] for n in said if n.startswith("placed_"))),
    )


def _flag(said: dict[str, str], name: str) -> bool:
    if said.get(name) not in ("yes", "no"):
        raise TextError("a setting of cosmovisor is not reported")
    return said[name] == "yes"


def _upgrade(said: dict[str, str], prefix: str) -> Upgrade | None:
    if f"{prefix}name" not in said:
        return None
    sha256 = said.get(f"{prefix}sha256", "")
    if not _SHA256.fullmatch(sha256):
        raise TextError("the SHA-256 of an upgrade-info.json is malformed")
    height = parse_number(said.get(f"{prefix}height") or "0")
    return Upgrade(name=said[f"{prefix}name"][:140], height=height, sha256=sha256)

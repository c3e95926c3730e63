"""Which programs an `upgrade-info.json` announces for its upgrade, as its host tells. Pure.

What a plan on chain carries as `info` is written there by the application that asks for the
upgrade. Where it lists downloads with checksums (`binaries`, as cosmovisor takes them), they say
which program was meant. A checksum is that of the file that is downloaded: of an archive it is not
that of the program in it. A list that is only linked is not fetched.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from remediations.values.lines import TextError, parse_pairs, split_lines
from remediations.values.record import Record

_BINARY = re.compile(r"binary=([a-z0-9/]{1,20}) (plain|archive) ([0-9A-Fa-f]{64}|none)")
_MACHINES: Mapping[str, str] = MappingProxyType({"x86_64": "amd64", "aarch64": "arm64"})
"""What `uname -m` says → how Go calls it; others are called the same."""
ANY = "any"
"""cosmovisor's word for a program that is for every platform."""


class AnnouncedFile(Record, frozen=True, kw_only=True):
    """One download. `sha256` is in lower case, "" where none is announced."""

    platform: str
    archive: bool
    sha256: str


class Announced(Record, frozen=True, kw_only=True):
    """What is announced for an upgrade. `platform` is that of the host."""

    upgrade: str
    platform: str
    files: tuple[AnnouncedFile, ...]

    @property
    def here(self) -> AnnouncedFile | None:
        """What is announced for this host, None for nothing."""
        wanted = (self.platform, ANY)
        return next((one for name in wanted for one in self.files if one.platform == name), None)


def parse_announced(text: str) -> Announced:
    """The section `announced`.

    Raises:
        TextError: a line is missing or malformed.
    """
    lines = split_lines(text)
    said = parse_pairs("\n".join(line for line in lines if not line.startswith("binary=")))
    if not said.get("name") or not said.get("machine"):
        raise TextError("an upgrade-info.json is told of without its upgrade or its machine")
    found = []
    for line in lines:
        if line.startswith("binary="):
            match = _BINARY.fullmatch(line)
            if match is None:
                raise TextError("what is announced for an upgrade is malformed")
            platform, kind, sha256 = match.groups()
            digest = "" if sha256 == "none" else sha256.lower()
            found.append(AnnouncedFile(platform=platform, archive=kind == "archive", sha256=digest))
    machine = said["machine"][:20]
    return Announced(
        upgrade=said["name"][:140],
        platform=f"linux/{_MACHINES.get(machine, machine)}",
        files=tuple(found),
    )

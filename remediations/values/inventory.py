"""Who the machines are: the parsed inventory (read by `remediations.engine.observe.inventory`).

It knows names, and how ssh finds them. What it tells a system of that system's things and hosts is
a part, which only that system understands (`values.part`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from remediations.values.part import Part, check_order
from remediations.values.record import Record

RESUME_WITHIN_S = 6 * 3600
"""How long after its beginning a run may be resumed, in seconds, unless the inventory says."""


class HostEntry(Record, frozen=True, kw_only=True):
    """One host. `ssh` is the name given to ssh_config; `parts` are what it tells each system of it,
    in the order of their kinds."""

    name: str
    ssh: str
    parts: tuple[Part, ...] = ()

    def __post_init__(self) -> None:
        """Refuse parts that are not in order, or of one kind twice, with a ValueError."""
        super().__post_init__()
        check_order(self.parts)

    def part(self, kind: str) -> Part | None:
        """The part of that kind; None where the inventory does not have it."""
        return next((part for part in self.parts if part.kind == kind), None)


class Inventory(Record, frozen=True, kw_only=True, dict=True):
    """All hosts, and what it tells each system of all of them (`parts`, in the order of kinds).

    `ssh_config` and `allowed_signers` are absolute paths or None (OpenSSH's own files).
    `sha256` is that of the file's bytes, "" where there is none. `resume_within_s` is how long
    after its beginning a run may be resumed, in seconds.
    """

    path: str
    sha256: str = ""
    ssh_config: str | None
    allowed_signers: str | None
    resume_within_s: int = RESUME_WITHIN_S
    parts: tuple[Part, ...] = ()
    hosts: tuple[HostEntry, ...]

    def __post_init__(self) -> None:
        """Refuse parts that are not in order, or of one kind twice, with a ValueError."""
        super().__post_init__()
        check_order(self.parts)

    def part(self, kind: str) -> Part | None:
        """The part of that kind; None where the inventory does not have it."""
        return next((part for part in self.parts if part.kind == kind), None)

    def host(self, name: str) -> HostEntry:
        """The entry called `name`.

        Raises:
            KeyError: there is none.
        """
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> Mapping[str, HostEntry]:
        """Every connection asks for its host."""
        return {entry.name: entry for entry in self.hosts}

"""What a domain adds to `remediate inventory discover`: a proposed inventory from a few hosts.

The rules:

1. `asked` is pure. `read` reads the hosts and changes nothing; it does not raise because of a host.
2. If no host could be read, `unreadable` says why, and nothing else of the result is used.
3. `yaml` and `proposal` have the same content. `yaml` marks every guess and begins with dangers:
   people review it before they use it.

A complete result, for a room with one lamp:

    class Lamp(Record, frozen=True, kw_only=True):  # `Discovery.document`
        name: str

    class FoundLamp:
        unreadable = ""
        proposal = Lamp(name="hall")

        def yaml(self, ssh_config: str | None, next_step: str) -> str:
            return f"# next: {next_step}\\nhosts:\\n  {self.proposal.name}: {{}}  # guessed\\n"

        def summary(self, file: Path) -> Sequence[str]:
            return (f"{file}: the name of the lamp is a guess",)
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from remediations.reach.resolver import SshResolver
from remediations.values.inventory import Inventory
from remediations.values.record import Record


class Discovered(Protocol):
    """What a few hosts say about their domain, by the rules above."""

    @property
    def unreadable(self) -> str:
        """Why nothing can be proposed, if no host could be read; else ""."""

    @property
    def proposal(self) -> Record:
        """The proposal, as `--json` prints it."""

    def yaml(self, ssh_config: str | None, next_step: str) -> str:
        """The proposal as an inventory to be reviewed, with all guesses marked."""

    def summary(self, file: Path) -> Sequence[str]:
        """What to review in it, dangerous things first."""


@dataclass(frozen=True, kw_only=True)
class Discovery:
    """How a domain discovers. `asked` makes an inventory from names for ssh, about which nothing
    else is known yet; `read` reads its hosts. `document` is the type of the proposal."""

    asked: Callable[[Sequence[str], str | None], Inventory]
    read: Callable[[Inventory, SshResolver, str], Coroutine[Any, Any, Discovered]]
    document: type[Record]

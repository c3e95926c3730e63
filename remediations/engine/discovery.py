"""What a domain adds to `remediate inventory discover`: an inventory, proposed from a few hosts."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from remediations.reach.resolver import SshResolver
from remediations.values.inventory import Inventory
from remediations.values.record import Record


class Discovered(Protocol):
    """What a few hosts say of the domain that they are part of."""

    @property
    def unreadable(self) -> str:
        """Why nothing can be proposed, where no host could be read; else ""."""

    @property
    def proposal(self) -> Record:
        """The proposal, as `--json` gives it."""

    def yaml(self, ssh_config: str | None, next_step: str) -> str:
        """The same as an inventory to be reviewed, with what was guessed marked."""

    def summary(self, file: Path) -> Sequence[str]:
        """What to look at in it, first of all what is dangerous."""


@dataclass(frozen=True, kw_only=True)
class Discovery:
    """`asked` makes an inventory of names for ssh, of which nothing else is known yet (pure);
    `read` looks at its hosts and changes nothing. `document` is the type of proposals."""

    asked: Callable[[Sequence[str], str | None], Inventory]
    read: Callable[[Inventory, SshResolver, str], Coroutine[Any, Any, Discovered]]
    document: type[Record]

"""An inventory of a chain, proposed from a few of its hosts (engine.discovery)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from remediations.engine.discovery import Discovery
from remediations.playbooks.chain.discover.discover import entries_for, inventory_for, read_hosts
from remediations.playbooks.chain.discover.proposal import InventoryProposal, propose
from remediations.playbooks.chain.discover.proposal_yaml import proposal_yaml
from remediations.reach.resolver import SshResolver
from remediations.systems.comet.reading import CometReading
from remediations.values.inventory import Inventory
from remediations.values.reading import Unknown


@dataclass(frozen=True)
class DiscoveredChain:
    """What the hosts said, and the inventory with the units that had to be pinned for it."""

    reading: CometReading
    inventory: Inventory

    @property
    def unreadable(self) -> str:
        """Why, where no host could be read; else ""."""
        hosts = self.reading.hosts
        reasons = [r.session.reason for r in hosts if isinstance(r.session, Unknown)]
        return reasons[0] if len(reasons) == len(hosts) else ""

    @cached_property
    def proposal(self) -> InventoryProposal:
        """What they amount to."""
        return propose(self.reading, self.inventory.hosts)

    def yaml(self, ssh_config: str | None, next_step: str) -> str:
        """The file's text."""
        at = self.reading.ended
        return proposal_yaml(self.proposal, ssh_config=ssh_config, at=at, next_step=next_step)

    def summary(self, file: Path) -> Sequence[str]:
        """Dangers, how much is there, and what was not guessed."""
        return summary(self.proposal, file)


def summary(proposal: InventoryProposal, file: Path) -> Sequence[str]:
    """What to look at in a proposal that was written to `file`."""
    guessed = sum(host.role is not None for host in proposal.hosts)
    return [
        *(f"DANGER {host.name}: {host.danger}" for host in proposal.hosts if host.danger),
        f"{file}: chain {proposal.chain_id or 'not known'}, {guessed} of "
        f"{len(proposal.hosts)} hosts, {len(proposal.uncovered)} validator(s) without a host, "
        f"{len(proposal.strangers)} unknown peer(s)",
        *(f"{host.name}: {host.notes[0]}" for host in proposal.hosts if not host.role),
    ]


def asked(targets: Sequence[str], ssh_config: str | None) -> Inventory:
    """An inventory of these names alone."""
    return inventory_for(entries_for(targets), ssh_config)


async def read(inventory: Inventory, resolver: SshResolver, tool: str) -> DiscoveredChain:
    """One or two looks at each host."""
    return DiscoveredChain(*await read_hosts(inventory, resolver, tool=tool))


DISCOVERY = Discovery(asked=asked, read=read, document=InventoryProposal)

"""A proposal as the YAML of an inventory, with all that was guessed marked for review. Pure.

Written line by line: comments are most of it, and each must be where its reader needs it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from shlex import quote

from remediations.playbooks.chain.discover.proposal import InventoryProposal, ProposedHost
from remediations.render.formats import count_of, format_moment, name_some, percent
from remediations.render.printable import one_line
from remediations.systems.comet.inventory import SECTION
from remediations.systems.comet.quorum import has_quorum

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9._-]*")
_NO_TEXT = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
_STRANGERS = 40
"""Peers beyond these are counted: an open chain has thousands."""


def proposal_yaml(
    proposal: InventoryProposal, *, ssh_config: str | None, at: datetime, next_step: str
) -> str:
    """The file's text; it is an inventory as it stands wherever the chain's id is known."""
    return "\n".join(
        (
            *_head(proposal, at),
            *_chain(proposal),
            *([] if ssh_config is None else ["", "ssh:", f"  config: {json.dumps(ssh_config)}"]),
            "",
            "# allowed_signers: allowed_signers   # who may approve plans: docs/approval.md",
            "",
            *_hosts(proposal),
            *_strangers(proposal, ssh_config),
            *_uncovered(proposal),
            "",
            f"# next: {next_step}",
            "",
        )
    )


def _head(proposal: InventoryProposal, at: datetime) -> Iterator[str]:
    hosts = count_of(len(proposal.hosts), "host")
    yield f"# Proposed from {hosts} at {format_moment(at)}. Review it:"
    yield "# what is marked `guessed` was concluded, not told; a wrong role can cost a validator."
    for host in proposal.hosts:
        if host.danger:
            yield "#"
            yield f"# DANGER {_one_line(host.name)}: {_one_line(host.danger)}"
    yield "version: 2"


def _chain(proposal: InventoryProposal) -> Iterator[str]:
    yield ""
    yield f"{SECTION}:"
    if not proposal.chain_id:
        yield "  id:   # not known: no node answered. This file cannot be used before it is written"
        return
    yield f"  id: {_text(proposal.chain_id)}"
    if proposal.other_chains:
        others = name_some([_one_line(chain) for chain in proposal.other_chains])
        yield f"  # guessed: most hosts say so; others say {others}"


def _hosts(proposal: InventoryProposal) -> Iterator[str]:
    read = [host for host in proposal.hosts if host.role is not None]
    yield "hosts:" if read else "hosts: {}   # none could be read"
    for host in proposal.hosts:
        yield from _host(host, proposal.total_power)


def _host(host: ProposedHost, total: int) -> Iterator[str]:
    if host.danger:
        yield f"  # DANGER: {_one_line(host.danger)}"
    for note in host.notes:
        yield f"  # {_one_line(note)}"
    if host.power:
        share = f"{host.power} of {total} ({percent(host.power, total)})"
        yield f"  # validator {_one_line(host.address)}, {share}"
    mark = "" if host.role is not None else "# "
    yield f"  {mark}{_text(host.name)}:"
    if host.ssh != host.name:
        yield f"  {mark}  ssh: {json.dumps(host.ssh)}"
    yield f"  {mark}  {SECTION}:"
    if host.role is None:
        yield "  #     role:   # could not be guessed"
    else:
        yield f"      role: {host.role.role}   # guessed: {_one_line(host.role.why)}"
    if host.unit is not None:
        yield f"  {mark}    unit: {json.dumps(host.unit)}"


def _strangers(proposal: InventoryProposal, ssh_config: str | None) -> Iterator[str]:
    if not proposal.strangers:
        return
    config = "" if ssh_config is None else f" --ssh-config {quote(ssh_config)}"
    asked = one_line(" ".join(quote(host.ssh) for host in proposal.hosts))
    yield ""
    yield f"  # Peers of these hosts that were not asked: {len(proposal.strangers)}. Those that are"
    yield "  # yours: ask them with the others, by the names that ssh has for them, as NAME:"
    yield f"  #   remediate inventory discover{config} {asked} NAME…"
    yield "  # What they call themselves proves nothing:"
    for peer in proposal.strangers[:_STRANGERS]:
        where = f"{_one_line(peer.remote_ip) or 'address not told'}, node {_one_line(peer.node_id)}"
        yield f"  # {where}, seen by {_one_line(name_some(peer.seen_by, 3))}"
        if peer.moniker:
            yield f"  #   calls itself {json.dumps(_one_line(peer.moniker))}"
    if len(proposal.strangers) > _STRANGERS:
        yield f"  # … and {len(proposal.strangers) - _STRANGERS} more"


def _uncovered(proposal: InventoryProposal) -> Iterator[str]:
    if not proposal.total_power:
        yield ""
        yield "# No node told the validator set: whose voting power is missing here is not known."
        return
    if not proposal.uncovered:
        return
    missing = sum(validator.power for validator in proposal.uncovered)
    share = percent(missing, proposal.total_power)
    yield ""
    yield f"# No host here covers {missing} of {proposal.total_power} voting power ({share}):"
    for validator in proposal.uncovered[:_STRANGERS]:
        yield f"#   {_one_line(validator.address)} {validator.power}"
    if len(proposal.uncovered) > _STRANGERS:
        yield f"#   … and {len(proposal.uncovered) - _STRANGERS} more"
    if not has_quorum(proposal.total_power - missing, proposal.total_power):
        yield "# The hosts here alone cannot restore a quorum."


def _text(value: str) -> str:
    """A scalar that YAML reads back as this very text."""
    plain = _PLAIN.fullmatch(value) and value.lower() not in _NO_TEXT
    return value if plain else json.dumps(value)


def _one_line(text: str) -> str:
    """Words of a host, which must not leave their comment."""
    return one_line(" ".join(text.split()))[:300]

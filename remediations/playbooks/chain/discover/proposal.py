"""An inventory as it might be, from one look at a few hosts. Pure.

Every guess carries its reason. What cannot be told is left to a person, never filled in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from remediations.playbooks.chain.diagnose.machines import machines_of, names_of
from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.playbooks.chain.diagnose.power import Power, duplicate_keys, read_power
from remediations.playbooks.chain.discover.guess import Guess, guess_role
from remediations.systems.comet.inventory import node_of
from remediations.systems.comet.reading import CometReading
from remediations.systems.comet.values import Peer
from remediations.values.inventory import HostEntry
from remediations.values.reading import Known, Unknown, Why, value_or_none
from remediations.values.record import Record

_PINS = {Why.NO_HOME: "pin `home:` here: ", Why.SEVERAL_UNITS: "pin `unit:` here: "}
"""What has to be written by hand before a host can be read whole."""


class ProposedHost(Record, frozen=True, kw_only=True):
    """A host to be. `notes` are for its reviewer; `danger` is what must be read before anything.

    `role` is None, and the host only a comment, where too little could be read.
    """

    name: str
    ssh: str
    role: Guess | None
    unit: str | None
    address: str
    power: int
    notes: tuple[str, ...]
    danger: str


class Stranger(Record, frozen=True, kw_only=True):
    """A peer that is none of the hosts asked."""

    node_id: str
    moniker: str
    remote_ip: str
    seen_by: tuple[str, ...]


class Uncovered(Record, frozen=True, kw_only=True):
    """A validator whose key is on none of the hosts asked."""

    address: str
    power: int


class InventoryProposal(Record, frozen=True, kw_only=True):
    """The inventory to be. `chain_id` is "" where no node answered; `other_chains` names others."""

    chain_id: str
    other_chains: tuple[str, ...]
    total_power: int
    hosts: tuple[ProposedHost, ...]
    strangers: tuple[Stranger, ...]
    uncovered: tuple[Uncovered, ...]


def propose(observation: CometReading, entries: Sequence[HostEntry]) -> InventoryProposal:
    """What the hosts of `entries`, observed, amount to."""
    views = [NodeView(reading) for reading in observation.hosts]
    chains = Counter(view.status.network for view in views if view.status is not None)
    chain_id = chains.most_common(1)[0][0] if chains else ""
    ours = [view for view in views if view.status is not None and view.status.network == chain_id]
    power = read_power(views, ours)
    same = machines_of(observation)
    copies = duplicate_keys(views, same)
    return InventoryProposal(
        chain_id=chain_id,
        other_chains=tuple(sorted(set(chains) - {chain_id})),
        total_power=power.total,
        hosts=tuple(
            _host(entry, view, views, power, copies, names_of(entry.name, same))
            for entry, view in zip(entries, views, strict=True)
        ),
        strangers=_strangers(ours),
        uncovered=tuple(
            Uncovered(address=address, power=power.of(address))
            for address in power.addresses
            if address not in power.holders
        ),
    )


def _host(
    entry: HostEntry,
    view: NodeView,
    views: Sequence[NodeView],
    power: Power,
    copies: dict[str, tuple[str, ...]],
    names: tuple[str, ...],
) -> ProposedHost:
    key = value_or_none(view.reading.key)
    address = view.address if power.of(view.address) else (key.address if key else "")
    sharing = [host for host in copies.get(key.address if key else "", ()) if host != view.host]
    return ProposedHost(
        name=entry.name,
        ssh=entry.ssh,
        role=guess_role(view, views, power, sharing),
        unit=node_of(entry).unit,
        address=address,
        power=power.of(view.address),
        notes=(
            *(f"the same machine as {name}: keep one name" for name in names),
            *_notes(entry, view),
        ),
        danger=f"its validator key is also on {', '.join(sharing)}: "
        "when both run, the validator is tombstoned within two blocks"
        if sharing
        else "",
    )


def _notes(entry: HostEntry, view: NodeView) -> tuple[str, ...]:
    """What a reviewer has to see: what was not read, is pinned, or is elsewhere."""
    session, unit = view.reading.session, view.reading.unit
    if isinstance(session, Unknown):
        return (f"not read: {session.reason}",)
    notes = []
    if not session.value.sudo:
        notes.append(f"sudo is refused to {session.value.user}: most of it could not be read")
    if node_of(entry).unit is not None:
        notes.append("guessed: of several units that match, the only one with a home that runs")
    if isinstance(unit, Unknown):
        notes.append(f"{_PINS.get(unit.why, '')}{unit.reason}")
    elif unit.value.load_state != "loaded":
        notes.append(f"{unit.value.name} is {unit.value.load_state}")
    else:
        rpc = view.config.rpc_url if view.config is not None else "not known"
        notes.append(
            f"found: {unit.value.name}, user {unit.value.user or 'root'}, "
            f"home {unit.value.home}, RPC {rpc}"
        )
    if isinstance(unit, Known) and not view.node_id and not view.down:
        notes.append("its node id is not known: it may be one of the peers that were not asked")
    if view.config is not None and view.config.remote_signer:
        notes.append(
            f"a remote signer signs ({view.config.remote_signer}): the key file here does not count"
        )
    return tuple(notes)


def _strangers(views: Sequence[NodeView]) -> tuple[Stranger, ...]:
    """Peers that no host asked is, by their node id; what they call themselves is their word."""
    ours = {view.node_id for view in views}
    first: dict[str, Peer] = {}
    seen_by: dict[str, list[str]] = {}
    for view in views:
        for peer in value_or_none(view.reading.chain.peers) or ():
            if peer.node_id not in ours:
                first.setdefault(peer.node_id, peer)
                seen_by.setdefault(peer.node_id, []).append(view.host)
    return tuple(
        Stranger(
            node_id=node_id,
            moniker=peer.moniker,
            remote_ip=peer.remote_ip,
            seen_by=tuple(sorted(seen_by[node_id])),
        )
        for node_id, peer in sorted(first.items())
    )

"""Who held which power in the first block, for a chain of which no node answers.

The genesis file of one host alone proves nothing: two machines have to have the same one. And it is
as old as the chain: its powers are the best that there is only while no node answers, and whatever
counts in them says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec import UNSET

from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.render.formats import name_some, short_digest
from remediations.systems.comet.values import Genesis, GenesisOf
from remediations.values.reading import Known, value_or_none

_SHOWN = 6
_OF: Mapping[GenesisOf, str] = {
    GenesisOf.VALIDATORS: "the validators that it lists",
    GenesisOf.GEN_TXS: "what its gen_txs delegate to themselves",
}


class AgreedGenesis(NamedTuple):
    """The one genesis file that there is, and the machines that have it: two or more."""

    genesis: Genesis
    hosts: tuple[str, ...]


def agreed_genesis(views: Sequence[NodeView], same: Mapping[str, str]) -> AgreedGenesis | str:
    """The genesis file that two machines or more show, and none another one; or why there is no
    such thing, "" if no host was asked. `same` maps a host to the one name of its machine."""
    asked = {v.host: v.reading.genesis for v in views if v.reading.genesis is not UNSET}
    if not asked:
        return ""
    by_file: dict[Genesis, set[str]] = {}
    for host, reading in asked.items():
        genesis = value_or_none(reading)
        if genesis is not None:
            by_file.setdefault(genesis, set()).add(same.get(host, host))
    if not by_file:
        host, reading = next(iter(sorted(asked.items())))
        reason = "" if isinstance(reading, Known) else reading.reason
        return f"no genesis file tells them either ({host}: {reason})"
    if len(by_file) > 1:
        files = [
            f"{name_some(sorted(hosts), 3)} {short_digest(genesis.sha256)}"
            for genesis, hosts in by_file.items()
        ]
        return f"the genesis files differ: {', '.join(sorted(files))}"
    ((genesis, hosts),) = by_file.items()
    if len(hosts) < 2:
        return f"{name_some(sorted(hosts))} alone shows its genesis file, two have to agree"
    return AgreedGenesis(genesis, tuple(sorted(hosts)))


def genesis_powers(views: Sequence[NodeView], same: Mapping[str, str]) -> str:
    """The powers of the first block, in words, or why they cannot be told; "" if no host was asked
    for its genesis file."""
    agreed = agreed_genesis(views, same)
    if isinstance(agreed, str):
        return f"unknown; {agreed}" if agreed else ""
    return _told(agreed.genesis, agreed.hosts, views)


def _told(genesis: Genesis, hosts: Sequence[str], views: Sequence[NodeView]) -> str:
    holders: dict[str, list[str]] = {}
    for view in views:
        if view.address:
            holders.setdefault(view.address, []).append(view.host)
    members = sorted(genesis.validators, key=lambda one: (-one.power, one.address))
    named = [
        f"{' and '.join(holders.get(one.address, [short_digest(one.address)]))} {one.power}"
        for one in members
    ]
    here = sum(one.power for one in members if one.address in holders)
    return (
        f"unknown now; in the first block {here} of {genesis.total} on hosts of the inventory "
        f"({name_some(named, _SHOWN)}), by the genesis file of {name_some(hosts, 4)} "
        f"({short_digest(genesis.sha256)}, {_OF[genesis.of]}). Powers may have changed since: a "
        "plan counts in these only until a node answers"
    )

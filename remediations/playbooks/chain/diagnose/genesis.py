"""Who held which power in the first block, for a chain of which no node answers.

The genesis file of one host alone proves nothing: two machines have to have the same one. And it is
as old as the chain, so its powers are shown, with that said; no guard and no plan counts in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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


def genesis_powers(views: Sequence[NodeView], same: Mapping[str, str]) -> str:
    """The powers of the first block, in words, or why they cannot be told; "" if no host was asked
    for its genesis file. `same` maps a host to the one name of its machine."""
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
        return f"unknown; no genesis file tells them either ({host}: {reason})"
    if len(by_file) > 1:
        files = [
            f"{name_some(sorted(hosts), 3)} {short_digest(genesis.sha256)}"
            for genesis, hosts in by_file.items()
        ]
        return f"unknown; the genesis files differ: {', '.join(sorted(files))}"
    ((genesis, hosts),) = by_file.items()
    if len(hosts) < 2:
        return (
            f"unknown; {name_some(sorted(hosts))} alone shows its genesis file, two have to agree"
        )
    return _told(genesis, sorted(hosts), views)


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
        f"({short_digest(genesis.sha256)}, {_OF[genesis.of]}). Powers have changed since: nothing "
        "is planned with these"
    )

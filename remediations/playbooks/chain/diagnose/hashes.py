"""App hashes: which node computed which state after the same height.

`/status` cannot show a divergence: its hash is that of the state *before* the last block.
`/abci_info` and `/block_results` show what the node itself computed, and the header of block h+1
records what the set agreed on after h (docs/diagnosis.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.playbooks.chain.diagnose.power import Power
from remediations.playbooks.chain.finding import HashCluster
from remediations.render.formats import name_some, short_digest
from remediations.values.reading import value_or_none


@dataclass(frozen=True)
class Hashes:
    """`clusters` at the height that is compared; `diverged`: host → how its hash differs from the
    agreed one."""

    clusters: tuple[HashCluster, ...]
    diverged: dict[str, str]

    @property
    def differ(self) -> bool:
        """Whether two nodes computed different states after the same height."""
        return len(self.clusters) > 1


def read_hashes(witnesses: Sequence[NodeView], power: Power) -> Hashes:
    """What the witnesses computed, compared at the height that tells most."""
    own = {view.host: _computed(view) for view in witnesses}
    by_height: dict[int, dict[str, list[str]]] = {}
    for host, computed in own.items():
        for height, app_hash in computed.items():
            by_height.setdefault(height, {}).setdefault(app_hash, []).append(host)
    address = {view.host: view.address for view in witnesses}
    clusters: tuple[HashCluster, ...] = ()
    if by_height:
        height = max(by_height, key=lambda h: _telling(h, by_height[h]))
        clusters = tuple(
            HashCluster(
                height=height,
                app_hash=app_hash,
                hosts=tuple(sorted(hosts)),
                power=power.sum(address[host] for host in hosts),
            )
            for app_hash, hosts in by_height[height].items()
        )
    clusters = tuple(sorted(clusters, key=lambda c: (-c.power, -len(c.hosts), c.app_hash)))
    return Hashes(clusters, _against_headers(own, _agreed(witnesses)))


def by_program(clusters: Sequence[HashCluster], views: Sequence[NodeView]) -> str:
    """Whether the program explains several states: each is of another one, or all are of one; ""
    where it does neither, or where one was not read."""
    programs = {view.host: value_or_none(view.reading.binary) for view in views}
    ran = [
        {p.running_sha256 or p.sha256 if (p := programs.get(host)) else "" for host in one.hosts}
        for one in clusters
    ]
    every = [sha256 for one in ran for sha256 in one]
    if not every or "" in every:
        return ""
    if len(set(every)) == 1:
        return f"all run one program ({short_digest(every[0])})"
    if len(set(every)) < len(every) or len(every) > len(clusters):
        return ""
    told = (
        f"{short_digest(sha256)} ({name_some(one.hosts)})"
        for one, (sha256,) in zip(clusters, ran, strict=True)
    )
    return f"each is of another program: {', '.join(told)}"


def _telling(height: int, groups: dict[str, list[str]]) -> tuple[bool, int, int]:
    """Preferred is a height at which nodes differ, then one that many nodes have, then the
    newest."""
    return (len(groups) > 1, sum(len(hosts) for hosts in groups.values()), height)


def _computed(view: NodeView) -> dict[int, str]:
    """Height → the app hash that this node computed itself."""
    computed = {app.height: app.app_hash for app in view.apps if app.app_hash}
    result = value_or_none(view.reading.chain.result)
    if result is not None and result.app_hash:
        computed.setdefault(result.height, result.app_hash)
    return computed


def _agreed(witnesses: Sequence[NodeView]) -> dict[int, str]:
    """Height h → the app hash that the header of block h+1 records: the set voted for it."""
    agreed: dict[int, str] = {}
    read: set[int] = set()
    for view in witnesses:
        blocks = value_or_none(view.reading.chain.blocks)
        if blocks is None or id(blocks) in read:
            continue
        read.add(id(blocks))
        for block in blocks:
            agreed.setdefault(block.height - 1, block.app_hash)
    return agreed


def _against_headers(own: dict[str, dict[int, str]], agreed: dict[int, str]) -> dict[str, str]:
    """Host → how the state that it computed differs from what the next header records."""
    diverged = {}
    for host, computed in own.items():
        for height, app_hash in computed.items():
            if agreed.get(height, app_hash) != app_hash:
                diverged[host] = (
                    f"after height {height} it has app hash {app_hash[:12]}, "
                    f"block {height + 1} says {agreed[height][:12]}"
                )
    return diverged

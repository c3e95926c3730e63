"""State sync: what people choose, where a node can sync from, and the facts of its steps. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from msgspec import UNSET

from remediations.engine.domain import Facts, Input, StepData
from remediations.engine.plan.plan import Fact, Rule
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.copies import chain_fact, cured_by_copy, parse_yes
from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.playbooks.chain.facts import UNKNOWN, facts_of, node_data, read_fact
from remediations.playbooks.chain.situation import ChainSituation, latest_status
from remediations.systems.comet.reading import HostReading
from remediations.systems.comet.state_sync import (
    MIN_SERVERS,
    RpcServer,
    StateSync,
    SyncSettings,
    sync_key,
)
from remediations.values.reading import Reading, value_or_none

STATE_SYNC = "state-sync"
STATE_SYNC_INPUT = Input(
    name=STATE_SYNC,
    metavar="yes",
    help="Rebuild the nodes of --limit from a snapshot that their peers offer: no donor is "
    "stopped, and what was before the snapshot is not on the node any more.",
    parse=parse_yes,
)
SETS_ASIDE = "node.set_aside"
"""The step by which checks know a node that was rebuilt so."""
SOUND = (NodeCondition.HEALTHY, NodeCondition.WAITING)
AFTER_SNAPSHOT = 2
"""The light client proves the state of a snapshot by the two blocks after it."""
_WORDS, _WORD_BITS = 4, 64


def asked_for(chain: ChainSituation) -> bool:
    """Whether people chose state sync."""
    return STATE_SYNC in chain.inputs


def sync_of(reading: HostReading) -> StateSync | None:
    """What a host tells of state sync; None in observations of before it was read."""
    return None if reading.sync is UNSET else reading.sync


def settings_of(reading: HostReading) -> SyncSettings | None:
    """What stands below [statesync] on a host."""
    told = sync_of(reading)
    return None if told is None else value_or_none(told.settings)


def servers_of(reading: HostReading) -> tuple[RpcServer, ...] | None:
    """The RPC servers that a host reaches; None if they were not asked, or not read."""
    told = sync_of(reading)
    if told is None or told.servers is UNSET:
        return None
    return value_or_none(told.servers)


@dataclass(frozen=True, kw_only=True)
class Offer:
    """The snapshots that a node which runs well offers: their heights, the newest first. `peer`:
    the node that is rebuilt dials it by itself."""

    host: str
    heights: tuple[int, ...]
    earliest: int
    peer: bool


def offers(chain: ChainSituation, host: str) -> tuple[Offer, ...]:
    """What the others offer to this host."""
    config = value_or_none(chain.observation.host(host).config)
    dialled = {peer.partition("@")[0].lower() for peer in config.persistent_peers} if config else ()
    found = []
    for reading in chain.observation.hosts:
        told, status = sync_of(reading), latest_status(reading)
        if reading.host == host or told is None or status is None:
            continue
        if chain.finding.node(reading.host).condition not in SOUND:
            continue
        usable = (
            snapshot.height
            for snapshot in value_or_none(told.snapshots) or ()
            if snapshot.height + AFTER_SNAPSHOT <= chain.finding.height
        )
        found.append(
            Offer(
                host=reading.host,
                heights=tuple(sorted(set(usable), reverse=True)),
                earliest=status.earliest_height,
                peer=status.node_id in dialled,
            )
        )
    return tuple(found)


def snapshot_height(chain: ChainSituation, host: str) -> int:
    """The newest snapshot that a peer of the host offers; 0 if none does."""
    return max((h for one in offers(chain, host) if one.peer for h in one.heights), default=0)


def snapshot_bytes(chain: ChainSituation, host: str) -> int:
    """The size of the largest snapshot of that height, packed."""
    height = snapshot_height(chain, host)
    peers = {one.host for one in offers(chain, host) if one.peer}
    told = (sync_of(r) for r in chain.observation.hosts if r.host in peers)
    every = (value_or_none(one.snapshots) or () for one in told if one is not None)
    return max((s.bytes for many in every for s in many if s.height == height), default=0)


def usable_servers(chain: ChainSituation, host: str) -> tuple[RpcServer, ...]:
    """The RPC servers that the host can sync with: of this chain, with the blocks from its snapshot
    on, one for each node; those of full nodes of the inventory first."""
    height = snapshot_height(chain, host)
    own = NodeView(chain.observation.host(host)).node_id
    known = {NodeView(r).node_id: r.host for r in chain.observation.hosts}
    found: dict[str, RpcServer] = {}
    for server in servers_of(chain.observation.host(host)) or ():
        at = known.get(server.node_id)
        if (
            server.network == chain.observation.chain_id
            and not server.catching_up
            and server.node_id != own
            and (at is None or chain.finding.node(at).condition in SOUND)
            and server.earliest_height <= max(height, 1)
            and server.height >= height + AFTER_SNAPSHOT
        ):
            found.setdefault(server.node_id, server)

    def order(server: RpcServer) -> tuple[bool, int, str]:
        at = known.get(server.node_id)
        return (at is None, chain.finding.node(at).power if at is not None else 0, server.url)

    return tuple(sorted(found.values(), key=order))


def trusted_text(height: int, block_hash: str) -> str:
    """A trusted block as a fact that may rise: the height, then its hash in four numbers of 64
    bits. A later block is as good as this one; another hash of the same height is not known as such
    here, but by every RPC server and the light client."""
    number = int(block_hash, 16)
    mask = (1 << _WORD_BITS) - 1
    words = [(number >> (_WORD_BITS * at)) & mask for at in reversed(range(_WORDS))]
    return "/".join(map(str, (height, *words)))


def parse_trusted(text: str) -> tuple[int, str]:
    """The height and the hash of `trusted_text`; (0, "") for what is not known."""
    if text == UNKNOWN:
        return 0, ""
    height, *words = map(int, text.split("/"))
    number = 0
    for word in words:
        number = (number << _WORD_BITS) | word
    return height, f"{number:0{_WORDS * _WORD_BITS // 4}X}"


def trusted_block(chain: ChainSituation) -> str:
    """The newest block that more than two thirds of the power of a believed set signed, by the
    signatures themselves (docs/diagnosis.md#what-is-proven)."""
    proof = chain.finding.proof
    if proof is None or not proof.height:
        return UNKNOWN
    return trusted_text(proof.height, proof.block_hash)


def sync_facts(chain: ChainSituation, host: str) -> tuple[Fact, ...]:
    """What decides about rebuilding a node by state sync."""
    reading, at = chain.observation.host(host), chain.observation.began
    node, told, settings = chain.finding.node(host), sync_of(reading), settings_of(reading)
    dead = latest_status(reading) is not None
    urls = [server.url for server in usable_servers(chain, host)]
    return (
        *facts_of(chain, host, dead=dead, down=cured_by_copy(chain, node)),
        chain_fact(chain),
        Fact(
            name="chain.trusted",
            value=trusted_block(chain),
            rule=Rule.AT_LEAST,
            why="the light client starts from it; after the height stands its hash, in decimal "
            "numbers of 64 bits (the step shows it in hex)",
            source="signatures of more than 2/3 of the power",
            at=at,
        ),
        Fact(
            name=f"{host}.snapshot",
            value=str(snapshot_height(chain, host)),
            rule=Rule.AT_LEAST,
            why="without a snapshot there is nothing to sync",
            source="data/snapshots of its peers",
            at=at,
        ),
        _read(
            f"{host}.rpc_servers",
            ",".join(urls[:MIN_SERVERS]) if len(urls) >= MIN_SERVERS else UNKNOWN,
            told.servers if told is not None and told.servers is not UNSET else None,
            "the node asks these for headers, and no other",
            at,
        ),
        _read(
            f"{host}.statesync",
            settings.words if settings is not None else UNKNOWN,
            told.settings if told is not None else None,
            "it is put back afterwards, as it stands",
            at,
        ),
    )


def _read(name: str, value: str, reading: Reading[object] | None, why: str, at: datetime) -> Fact:
    if reading is not None:
        return read_fact(name, value, reading, why)
    return Fact(name=name, value=value, rule=Rule.EQUAL, why=why, source="not read", at=at)


def sync_data(facts: Facts, host: str) -> StepData:
    """What the deploys need to know of a node that is synced."""
    height, block_hash = parse_trusted(facts["chain.trusted"])
    servers, settings = facts[f"{host}.rpc_servers"], facts[f"{host}.statesync"]
    return {
        **node_data(facts, host),
        "chain_id": facts["chain.id"],
        "trust_height": height,
        "trust_hash": block_hash,
        "servers": "" if servers == UNKNOWN else servers,
        "settings": "" if settings == UNKNOWN else settings,
        "on": 1,
    }


def synced_data(facts: Facts, host: str) -> StepData:
    """The same, to let a node go only if its databases were set aside."""
    height, block_hash = parse_trusted(facts["chain.trusted"])
    return {
        **sync_data(facts, host),
        "copy": sync_key(facts["chain.id"], height, block_hash) if height else "",
    }


def sync_off_data(facts: Facts, host: str) -> StepData:
    """The same, to put the settings back."""
    return {**sync_data(facts, host), "on": 0}


def names_of(found: Sequence[Offer]) -> str:
    """Who offers which snapshots, in words."""
    told = [
        f"{one.host}: {', '.join(map(str, one.heights[:3])) or 'none'}"
        + ("" if one.peer else " (not in its persistent_peers)")
        for one in found
    ]
    return "; ".join(told[:6]) or "no other node answers"

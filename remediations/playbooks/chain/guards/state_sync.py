"""Guards on rebuilding a node by state sync (ids: docs/rules/guards.md).

What the light client trusts comes from signatures that were verified here. The RPC servers are
looked at twice: by the reading of the node's host, and right before the settings are written, when
each of them has to show the trusted block to that host (`systems/comet/sync_programs.py`).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import UNSET

from remediations.engine.plan.plan import GuardResult, guard_result
from remediations.playbooks.chain.situation import ChainSituation
from remediations.playbooks.chain.sync_facts import (
    AFTER_SNAPSHOT,
    names_of,
    offers,
    servers_of,
    settings_of,
    snapshot_height,
    sync_of,
    usable_servers,
)
from remediations.render.formats import short_digest
from remediations.systems.comet.reading import HostReading
from remediations.systems.comet.state_sync import MIN_SERVERS
from remediations.values.reading import Known, value_or_none

_AGAIN = "`remediate diagnose` again"
_COPY = "a copy of databases is the other way: `remediate plan node-down --donor HOST`"


def snapshot_offered(chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G105: a node that runs well, and that this one dials by itself, keeps a snapshot that two
    blocks have followed."""
    host, found = reading.host, offers(chain, reading.host)
    height = snapshot_height(chain, host)
    unread = not any(_snapshots_read(one) for one in chain.observation.hosts if one.host != host)
    intervals = [
        store.snapshot_interval
        for one in chain.observation.hosts
        if (store := None if one.store is UNSET else value_or_none(one.store)) is not None
    ]
    made = "no node makes any" if intervals and not any(intervals) else "none is offered yet"
    return guard_result(
        "G105",
        "a peer of the node offers a snapshot",
        subject=host,
        holds=None if unread or value_or_none(reading.config) is None else height > 0,
        got=names_of(found) + ("" if height or unread else f": {made}"),
        expected=f"a snapshot at {max(chain.finding.height - AFTER_SNAPSHOT, 0)} or below, on a "
        "node that is well and is in persistent_peers of this one",
        next_step=_AGAIN
        if unread
        else "set snapshot-interval above 0 below [state-sync] in app.toml of a node that is well, "
        f"restart it, and wait for its next snapshot; or {_COPY}",
        facts=(f"{host}.snapshot",),
    )


def _snapshots_read(reading: HostReading) -> bool:
    told = sync_of(reading)
    return told is not None and isinstance(told.snapshots, Known)


def trusted_block_proven(chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G106: the block that the light client starts from is proven by signatures, and younger than
    the trust period of the node's settings."""
    host, proof, settings = reading.host, chain.finding.proof, settings_of(reading)
    period = settings.trust_period_s if settings is not None else 0
    holds: bool | None = None
    got = "no block could be proven"
    if proof is not None and proof.reason:
        got = f"no block could be proven: {proof.reason}"
    if proof is not None and proof.height and settings is not None:
        age = chain.observation.began - _time(proof.time)
        holds = period > 0 and age < timedelta(seconds=period)
        got = (
            f"block {proof.height} ({short_digest(proof.block_hash)}), which {proof.signed} of "
            f"{proof.total} power signed, {max(0, int(age.total_seconds()))} s old; {proof.trust}"
        )
    return guard_result(
        "G106",
        "the trusted block is proven, and younger than the trust period",
        subject=host,
        holds=holds,
        got=got,
        expected=f"a block that more than 2/3 signed, younger than {period} s (trust_period)"
        if settings is not None
        else "a block that more than 2/3 signed, and a [statesync] that can be read",
        next_step="set trust_period below [statesync] in config.toml to about two thirds of the "
        "unbonding time of the chain"
        if holds is False
        else f"pin a block in the inventory (chain.trust), or {_AGAIN}",
        facts=("chain.trusted", f"{host}.statesync"),
    )


def _time(text: str) -> datetime:
    """RFC 3339 with up to nine decimals."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    return datetime.fromisoformat(f"{whole}.{(fraction + '000000')[:6]}+00:00")


def servers_reached(chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G107: the node's host reaches the RPC of two other nodes of this chain, with the blocks from
    the snapshot on."""
    host, every = reading.host, servers_of(reading)
    usable = usable_servers(chain, host)
    chosen = ", ".join(server.url for server in usable[:MIN_SERVERS])
    others = [
        f"{one.url} ({one.network}, from {one.earliest_height} to {one.height}"
        + (", catching up)" if one.catching_up else ")")
        for one in every or ()
        if one not in usable
    ]
    return guard_result(
        "G107",
        "the node reaches two RPC servers of its chain",
        subject=host,
        holds=None if every is None else len(usable) >= MIN_SERVERS,
        got="they were not asked: the node answers, and blocks come there"
        if every is None
        else (chosen or "none")
        + (f"; not usable: {'; '.join(others[:4])}" if others and not chosen else ""),
        expected=f"{MIN_SERVERS} of {chain.observation.chain_id}, of different nodes that are "
        f"well, with the blocks from {snapshot_height(chain, host)} on",
        next_step=_AGAIN
        if every is None
        else "let the RPC of two nodes that are well listen where this host reaches it (laddr "
        "below [rpc]; port 26657, or that of its own RPC), or name two as rpc_servers below "
        f"[statesync] in config.toml of {host}; then plan again. Or {_COPY}",
        facts=(f"{host}.rpc_servers", "chain.id"),
    )


def settings_settable(_chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G108: [statesync] stands in config.toml, is off, and no flag of the unit decides in its
    place."""
    host, settings = reading.host, settings_of(reading)
    told = sync_of(reading)
    flags = () if settings is None else settings.flags
    got = "config.toml was not read"
    if told is not None and not isinstance(told.settings, Known):
        got = told.settings.reason
    if settings is not None:
        got = (
            f"{', '.join(f'--statesync.{flag}' for flag in flags)} on the command line of its unit"
        )
        got = got if flags else settings.words
    return guard_result(
        "G108",
        "state sync can be set in config.toml, and is off",
        subject=host,
        holds=None if settings is None else not flags and not settings.enabled,
        got=got,
        expected="all of [statesync] there once, enable = false, and no flag in its place",
        next_step="take the flags out of ExecStart (`systemctl edit --full`), `sudo systemctl "
        "daemon-reload`, then plan again"
        if flags
        else "set enable = false below [statesync] in config.toml, then plan again: what is left "
        "of another state sync is not put back by this one"
        if settings is not None
        else "write enable, rpc_servers, trust_height, trust_hash and trust_period below "
        "[statesync] in config.toml, each once and plain, as `init` does; then plan again",
        facts=(f"{host}.statesync", f"{host}.unit"),
    )


def blocks_kept(chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G109: some peer still has the blocks that come after the snapshot: from there on the node
    gets every block."""
    host, height = reading.host, snapshot_height(chain, reading.host)
    peers = [one for one in offers(chain, host) if one.peer]
    kept = [one for one in peers if one.earliest <= height + 1]
    return guard_result(
        "G109",
        "a peer keeps the blocks after the snapshot",
        subject=host,
        holds=None if not height or not peers else bool(kept),
        got="; ".join(f"{one.host}: from {one.earliest}" for one in peers[:6]) or "no peer is well",
        expected=f"blocks from {height + 1} on, on a node that is well and in persistent_peers"
        if height
        else "a snapshot, and the blocks after it",
        next_step="set snapshot-interval lower, or min-retain-blocks higher, in app.toml of a node "
        f"that is well; or {_COPY}",
        facts=(f"{host}.snapshot",),
    )

"""Who is rebuilt by state sync, from what, and what forbids it."""

from __future__ import annotations

from dataclasses import replace as with_
from types import MappingProxyType

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from remediations.engine.plan.build import evaluate_guards
from remediations.engine.plan.plan import GuardResult, Outcome
from remediations.playbooks.chain.domain import DOMAIN
from remediations.playbooks.chain.facts import UNKNOWN
from remediations.playbooks.chain.gates import HostSnapshot, Snapshot, Synced, judge_gate
from remediations.playbooks.chain.node_down import PLAYBOOK
from remediations.playbooks.chain.rebuild import COPY_DATABASES, REBUILD
from remediations.playbooks.chain.situation import ChainSituation, situation
from remediations.playbooks.chain.state_sync import (
    HOLD_FOR_SYNC,
    RELEASE_TO_SYNC,
    SET_ASIDE,
    SYNC_BACK,
    SYNC_ON,
    SYNC_STATE,
)
from remediations.playbooks.chain.sync_facts import parse_trusted, trusted_text
from remediations.systems.comet import state_sync as comet
from remediations.systems.comet.reading import CometReading, HostReading, sealed
from remediations.systems.hosts.values import NodeConfig
from remediations.values.reading import Known, Reading
from tests import worlds
from tests.worlds import HEIGHT, healthy
from tests.worlds.base import node_id_of
from tests.worlds.signed import signed

PASS, BLOCK, UNKNOWN_ = Outcome.PASS, Outcome.BLOCK, Outcome.UNKNOWN
CORRUPT = "panic: leveldb: manifest corrupted (field 'comparer')"
OTHERS = ("val1", "val2", "val3", "full1")
OFF = 'enable=false rpc_servers="" trust_height=0 trust_hash="" trust_period="168h0m0s"'
SNAPSHOT = HEIGHT - 20


def settings(words: str = OFF, *flags: str) -> Known[comet.SyncSettings]:
    return worlds.known(comet.SyncSettings(words=words, flags=flags))


def snapshots(*heights: int) -> Known[tuple[comet.Snapshot, ...]]:
    made = (comet.Snapshot(height=h, format=3, chunks=1, bytes=1 << 28) for h in heights)
    return worlds.known(tuple(made))


def server(host: str, **changes: object) -> comet.RpcServer:
    made = comet.RpcServer(
        url=f"http://{host}:26657", node_id=node_id_of(host), network=healthy().chain_id,
        height=HEIGHT, earliest_height=1, catching_up=False,
    )  # fmt: skip
    return replace(made, **changes)


SERVERS = worlds.known((server("val3"), server("full1")))


def told(world: CometReading, host: str, **changes: Reading[object] | object) -> CometReading:
    """What one host tells of state sync."""

    def change(reading: HostReading) -> HostReading:
        old = reading.sync or comet.StateSync(snapshots=snapshots(), settings=settings())
        return replace(reading, sync=replace(old, **changes))

    return worlds.change(world, host, change)


def dialling(reading: HostReading, *others: str) -> HostReading:
    assert isinstance(reading.config, Known)
    config: NodeConfig = reading.config.value
    peers = tuple(f"{node_id_of(other)}@{other}:26656" for other in others)
    return replace(reading, config=worlds.known(replace(config, persistent_peers=peers)))


def corrupt() -> CometReading:
    """val4 ends with a damaged database; the others offer snapshots, and it reaches two RPCs."""
    world = signed(worlds.crash_looping(healthy(), "val4", CORRUPT))
    for host in OTHERS:
        world = told(world, host, snapshots=snapshots(SNAPSHOT, SNAPSHOT - 50))
    world = worlds.change(world, "val4", lambda reading: dialling(reading, *OTHERS))
    return told(world, "val4", servers=SERVERS)


def chosen(world: CometReading, *only: str, **inputs: str) -> ChainSituation:
    chain = situation(sealed(world), frozenset(only or ("val4",)))
    chosen = inputs or {"state-sync": "yes"}
    return with_(chain, inputs=MappingProxyType(chosen))


def judged(chain: ChainSituation) -> dict[tuple[str, str], GuardResult]:
    assert SYNC_STATE.fits(chain) is None
    results = evaluate_guards(DOMAIN.invariants, chain, SYNC_STATE.propose(chain))
    return {(one.id, one.subject): one for one in results}


def blocking(chain: ChainSituation) -> set[str]:
    return {one.id for one in judged(chain).values() if one.outcome is not PASS}


def test_it_is_asked_for_before_anything_else_fits() -> None:
    assert PLAYBOOK.branches[:3] == (COPY_DATABASES, REBUILD, SYNC_STATE)
    assert "was not asked for" in str(SYNC_STATE.fits(chosen(corrupt(), data="c" * 64)))


def test_a_node_is_rebuilt_from_a_proven_block() -> None:
    """Held, set aside, turned on, let go, turned off; the servers are those of nodes that are well,
    full nodes first."""
    chain = chosen(corrupt())
    assert blocking(chain) == set()
    proposal = SYNC_STATE.propose(chain)
    order = [HOLD_FOR_SYNC, SET_ASIDE, SYNC_ON, RELEASE_TO_SYNC, SYNC_BACK]
    assert [move.action for move in proposal.moves] == order
    assert {move.target for move in proposal.moves} == {"val4"}
    assert proposal.stages[3].gate.timeout_s == 180 + 120  # 256 MiB
    facts = {fact.name: fact.value for fact in SET_ASIDE.facts(chain, "val4")}
    planned = comet.PlannedSync.from_data(SYNC_ON.data(facts, "val4"))
    proof = chain.finding.proof
    assert proof is not None
    assert (planned.trust_height, planned.trust_hash) == (proof.height, proof.block_hash)
    assert planned.servers == "http://full1:26657,http://val3:26657"
    assert (planned.settings, planned.on) == (OFF, 1)
    assert comet.PlannedSync.from_data(SYNC_BACK.data(facts, "val4")).on == 0
    assert RELEASE_TO_SYNC.data(facts, "val4")["copy"] == planned.key
    assert facts["val4.snapshot"] == str(SNAPSHOT)
    warned = " ".join(proposal.warnings)
    for word in ("archive", "evidence.db", "jailing", "--donor", "remediate-replaced-"):
        assert word in warned


def test_a_trusted_block_is_a_fact_that_may_rise() -> None:
    """Nothing of its hash is lost in it."""
    for block in ("AB" * 32, "00" * 31 + "01", "F" * 64):
        assert parse_trusted(trusted_text(7, block)) == (7, block)
    assert parse_trusted(UNKNOWN) == (0, "")
    assert all(len(part) <= 20 for part in trusted_text(7, "F" * 64).split("/"))


def test_what_may_not_be_done_is_no_plan() -> None:
    """A halt makes no new blocks; another trouble has to be named."""
    halted = worlds.crash_looping(healthy(), "val1", CORRUPT)
    halted = worlds.sign_state(halted, "val1", HEIGHT)
    reason = SYNC_STATE.fits(chosen(halted, "val1"))
    assert reason is not None
    assert "needs new blocks" in reason
    assert "--donor" in reason
    assert "no node is ill" in str(SYNC_STATE.fits(chosen(corrupt(), "val3")))


def others_tell(world: CometReading, **changes: object) -> CometReading:
    for host in OTHERS:
        world = told(world, host, **changes)
    return world


def no_peers(world: CometReading) -> CometReading:
    return worlds.change(world, "val4", dialling)


def unread(world: CometReading, *hosts: str) -> CometReading:
    for host in hosts:
        world = worlds.change(world, host, lambda reading: replace(reading, sync=UNSET))
    return world


def no_config(world: CometReading) -> CometReading:
    read = worlds.unknown("not read")
    return worlds.change(world, "val4", lambda reading: replace(reading, config=read))


FUTURE = worlds.known((server("val3", earliest_height=SNAPSHOT + 1), server("full1")))
CASES = [
    ("G105", BLOCK, others_tell(corrupt(), snapshots=snapshots())),
    ("G105", BLOCK, others_tell(corrupt(), snapshots=snapshots(HEIGHT + 9))),
    ("G105", BLOCK, no_peers(corrupt())),
    ("G105", UNKNOWN_, unread(corrupt(), *OTHERS)),
    ("G106", UNKNOWN_, unread(corrupt(), "val4")),
    ("G106", BLOCK, told(corrupt(), "val4", settings=settings(OFF.replace("168h0m0s", "1w")))),
    ("G106", BLOCK, told(corrupt(), "val4", settings=settings(OFF.replace("168h0m0s", "0s")))),
    ("G107", UNKNOWN_, told(corrupt(), "val4", servers=UNSET)),
    ("G107", BLOCK, told(corrupt(), "val4", servers=worlds.known(()))),
    ("G107", BLOCK, told(corrupt(), "val4", servers=worlds.known((server("full1"),) * 2))),
    ("G107", BLOCK, told(corrupt(), "val4", servers=worlds.known(
        (server("full1"), server("val3", network="other-1"))))),
    ("G107", BLOCK, told(corrupt(), "val4", servers=FUTURE)),
    ("G108", UNKNOWN_, unread(corrupt(), "val4")),
    ("G108", UNKNOWN_, told(corrupt(), "val4", settings=worlds.unknown("it is not plain"))),
    ("G108", BLOCK, told(corrupt(), "val4", settings=settings(OFF, "enable"))),
    ("G108", BLOCK, told(corrupt(), "val4", settings=settings(
        OFF.replace("enable=false", "enable=true")))),
    ("G109", UNKNOWN_, others_tell(corrupt(), snapshots=snapshots())),
]  # fmt: skip


@pytest.mark.parametrize(("guard", "outcome", "world"), CASES)
def test_a_guard_says_what_is_missing(guard: str, outcome: Outcome, world: CometReading) -> None:
    """Each with what to do next."""
    found = judged(chosen(world))[guard, "val4"]
    assert found.outcome is outcome, found
    assert found.next_step
    assert found.got


def test_blocks_after_the_snapshot_have_to_be_kept() -> None:
    """G109: by one that the node dials."""
    world = corrupt()
    for host in OTHERS:
        world = worlds.change(world, host, pruned)
    assert judged(chosen(world))["G109", "val4"].outcome is BLOCK


def pruned(reading: HostReading) -> HostReading:
    samples = []
    for sample in reading.samples:
        assert isinstance(sample.status, Known)
        status = replace(sample.status.value, earliest_height=SNAPSHOT + 2)
        samples.append(replace(sample, status=worlds.known(status)))
    return replace(reading, samples=tuple(samples))


def test_an_unsigned_world_has_no_block_to_trust() -> None:
    """G106: never one RPC's word."""
    world = worlds.crash_looping(healthy(), "val4", CORRUPT)
    world = told(world, "val4", servers=SERVERS)
    assert judged(chosen(world))["G106", "val4"].outcome is UNKNOWN_


def test_the_gate_tells_what_the_daemon_says() -> None:
    """It opens as one that follows does."""
    gate = SYNC_STATE.propose(chosen(corrupt())).stages[3].gate
    assert gate.asks.read(Synced).hosts == ("val4",)
    up = HostSnapshot(host="val1", height=130, catching_up=False)

    def seen(height: int | None, *, catching_up: bool | None, says: str = "") -> Snapshot:
        own = HostSnapshot(host="val4", height=height, catching_up=catching_up, says=says)
        return Snapshot(hosts=(up, own), round=0, online_power=90, total_power=100)

    shut = judge_gate(gate, seen(None, catching_up=None, says="ERR no snapshots"))
    assert not shut.open
    assert "val4 silent (it says: ERR no snapshots)" in shut.seen
    assert judge_gate(gate, seen(130, catching_up=False)).open
    assert not judge_gate(gate, seen(130, catching_up=True)).open

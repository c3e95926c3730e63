"""Checks on the chain as a whole, each node asked directly."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest

from remediations.engine.verify.result import NotVerified
from remediations.engine.verify.wait import Wait
from remediations.playbooks.chain.baseline import ChainBaseline
from remediations.playbooks.chain.checks.fleet import Fleet
from remediations.playbooks.chain.checks.planned import PlannedChain
from remediations.playbooks.chain.checks.reading import (
    NEW_BLOCKS,
    NEWEST_COMMITS,
    CheckedChain,
    heights_since,
    known,
)
from remediations.playbooks.chain.checks.titles import TITLES
from remediations.systems.comet.quorum import has_quorum
from remediations.systems.comet.values import Commit, Peer
from remediations.values.reading import Reading, value_or_none

Saw = Callable[[str], None]

GROWTH_LIMIT_S = 180
"""Five blocks of ten seconds each, and time for a node that was down to catch up."""
POWER_LIMIT_S = 30
LINKS_LIMIT_S = 300
"""A link that others replace is dialled again in the time that CometBFT takes (mend.py)."""
CALM_ROUND = 1
CALM_LIMIT_S = 60


def _common(reading: CheckedChain, baseline: ChainBaseline) -> range:
    """The heights that are compared; fails if there are none, and cannot tell if a node did not
    report its own."""
    for node in reading.nodes.values():
        known(node.status)
    assert len(reading.common) > 0, f"no node-wide block above {baseline.height}"
    return reading.common


@pytest.mark.check("P1", TITLES["P1"])
def test_blocks_go_on(fleet: Fleet, baseline: ChainBaseline, wait: Wait, saw: Saw) -> None:
    """The height advances by five on every node."""
    goal = baseline.height + NEW_BLOCKS
    heights = wait.until(
        fleet.heights,
        lambda heights: min(heights.values()) >= goal,
        limit_s=GROWTH_LIMIT_S,
        missing=lambda heights: (
            f"block {goal} on "
            + ", ".join(f"{host} (at {h})" for host, h in heights.items() if h < goal)
        ),
    )
    saw(f"from {baseline.height} to {min(heights.values())} or more")
    assert min(heights.values()) >= goal, f"{dict(heights)}, expected {goal}"


@pytest.mark.check("P2", TITLES["P2"])
def test_one_app_hash(reading: CheckedChain, baseline: ChainBaseline, saw: Saw) -> None:
    """The state after every new height is the same on every node, and the one that the next block
    was decided on."""
    heights = _common(reading, baseline)
    decided: dict[int, str] = {}
    for node in reading.nodes.values():
        decided |= {h - 1: meta.app_hash for h, meta in known(node.headers).items()}
    for height in heights:
        hashes = {
            name: {result.height: result.app_hash for result in known(node.results)}.get(height)
            for name, node in reading.nodes.items()
        }
        assert None not in hashes.values(), f"at {height}: {hashes}"
        assert len(set(hashes.values())) == 1, f"at {height}: {hashes}"
        block = decided.get(height)
        assert block in (None, *hashes.values()), (
            f"at {height}: {hashes}, block {height + 1} {block}"
        )
    compared = sum(height in decided for height in heights)
    if not compared:
        raise NotVerified(f"no block after {heights.start} yet: none says what was decided")
    saw(
        f"{len(reading.nodes)} nodes agree on {heights.start}–{heights.stop - 1}, "
        f"{compared} of them as decided in the next block"
    )


@pytest.mark.check("P3", TITLES["P3"])
def test_one_block_id(reading: CheckedChain, baseline: ChainBaseline, saw: Saw) -> None:
    """No two nodes have different blocks at one height."""
    heights = _common(reading, baseline)
    if len(reading.nodes) < 2:
        raise NotVerified(f"the plan has one node, {reading.first.name}: none to compare it with")
    chains = {}
    for name, node in reading.nodes.items():
        headers = known(node.headers)
        missing = [height for height in heights if height not in headers]
        if missing:
            raise NotVerified(f"{name}: no header of {missing}")
        chains[name] = {height: headers[height].block_hash for height in heights}
    first = next(iter(chains.values()))
    different = [name for name, chain in chains.items() if chain != first]
    saw(f"{len(chains)} nodes agree on {len(first)} blocks")
    assert not different, f"{different} have other blocks"


@pytest.mark.check("P4", TITLES["P4"])
def test_chain_continues(reading: CheckedChain, baseline: ChainBaseline, saw: Saw) -> None:
    """Every node has the block that was read when planning, and the next one is later in time."""
    height = baseline.height
    if not baseline.block_id:
        raise NotVerified(
            f"the plan holds no id of block {height}: none was read, or not one alone"
        )
    seen = {}
    for name, node in reading.nodes.items():
        if known(node.status).earliest_height > height:
            continue  # it got a snapshot of a later height: P3 compares its blocks
        headers = known(node.headers)
        missing = [h for h in (height, height + 1) if h not in headers]
        if missing:
            raise NotVerified(f"{name}: no header of {missing}")
        seen[name] = headers[height].block_hash
        assert headers[height].time < headers[height + 1].time, f"{name}: time went back"
    other = [
        f"{name} has {block[:12]}" for name, block in seen.items() if block != baseline.block_id
    ]
    if not seen:
        raise NotVerified(f"no node has block {height} any more")
    assert not other, (
        f"block {height} was {baseline.block_id[:12]} when planning: {', '.join(other)}"
    )
    saw(f"block {height} is {baseline.block_id[:12]} on {len(seen)} nodes, as when planning")


@pytest.mark.check("P18", TITLES["P18"])
def test_state_as_rehearsed(reading: CheckedChain, baseline: ChainBaseline, saw: Saw) -> None:
    """The header of the next block names the state that the rehearsal came to, on every node."""
    height, expected = baseline.height, baseline.expected_hash
    if not expected:
        raise NotVerified("the plan names no state")
    other = {}
    for name, node in reading.nodes.items():
        headers = known(node.headers)
        if height + 1 not in headers:
            raise NotVerified(f"{name}: no header of {height + 1}")
        if headers[height + 1].app_hash != expected:
            other[name] = headers[height + 1].app_hash[:12]
    assert not other, f"after {height}: {other}, rehearsed {expected[:12]}"
    saw(f"after block {height} it is {expected[:12]} on {len(reading.nodes)} nodes, as rehearsed")


@pytest.mark.check("P5", TITLES["P5"])
def test_no_evidence(reading: CheckedChain, baseline: ChainBaseline, saw: Saw) -> None:
    """No header since shortly before the incident carries evidence, on any node."""
    read: set[int] = set()
    for name, node in reading.nodes.items():
        headers = known(node.headers)
        guilty = [height for height, meta in headers.items() if meta.evidence]
        assert not guilty, f"{name}: evidence in blocks {guilty}"
        read |= set(headers)
    heights = heights_since(baseline, reading.top())
    missing = [height for height in heights if height not in read]
    if missing:
        raise NotVerified(f"no node has the headers of {len(missing)} blocks from {missing[0]} on")
    more = reading.top() - heights[-1]
    saw(
        f"no evidence in blocks {heights[0]}–{heights[-1]}, on {len(reading.nodes)} nodes"
        + (f"; the {more} after them were not looked at" if more else "")
    )


@pytest.mark.check("P8", TITLES["P8"])
def test_signing_power(
    reading: CheckedChain, fleet: Fleet, baseline: ChainBaseline, wait: Wait, saw: Saw
) -> None:
    """A commit is signed by at least as much power as before, and by more than two thirds. A single
    commit may lack a vote that came late, so several are examined."""
    members = known(reading.validators)
    powers = {member.address: member.power for member in members.validators}

    def signed(commits: Sequence[Commit]) -> int:
        """The most power that signed any one block since the incident."""
        new = [commit for commit in commits if commit.height > baseline.height]
        return max(
            (sum(powers.get(s.address, 0) for s in c.signatures if s.for_block) for c in new),
            default=0,
        )

    power = signed(
        wait.until(
            lambda: fleet.commits(reading.first.target, NEWEST_COMMITS),
            lambda commits: signed(commits) >= baseline.online_power,
            limit_s=POWER_LIMIT_S,
            missing=lambda commits: f"{baseline.online_power} of power, {signed(commits)} signed",
            seen=known(reading.first.commits),
        )
    )
    then = f"{baseline.online_power} of {baseline.total_power} when planning"
    saw(f"{power} of {members.total} signed; {then}")
    assert has_quorum(power, members.total), f"{power} of {members.total}"
    assert power >= baseline.online_power, f"{power} signed; {then}"


@pytest.mark.check("P21", TITLES["P21"])
def test_power_rose(
    reading: CheckedChain, plan: PlannedChain, baseline: ChainBaseline, saw: Saw
) -> None:
    """Without the power of those that were unjailed, the set has what it had."""
    members = known(reading.validators)
    own = {
        reading.nodes[host].target.address: members.power_of(reading.nodes[host].target.address)
        for host in plan.freed
    }
    gained = sum(own.values())
    saw(f"from {baseline.total_power} to {members.total}; {gained} of it was unjailed")
    without = [address[:12] for address, power in own.items() if not power]
    assert not without, f"without power: {without}"
    assert members.total > baseline.total_power, f"{members.total}"


@pytest.mark.check("P9", TITLES["P9"])
def test_calm_rounds(
    reading: CheckedChain, fleet: Fleet, baseline: ChainBaseline, wait: Wait, saw: Saw
) -> None:
    """Five consecutive blocks after the incident needed at most two rounds each."""

    def calm(commits: Sequence[Commit]) -> bool:
        rounds = _rounds(commits, baseline)
        return len(rounds) == NEWEST_COMMITS and max(rounds) <= CALM_ROUND

    commits = wait.until(
        lambda: fleet.commits(reading.first.target, NEWEST_COMMITS),
        calm,
        limit_s=CALM_LIMIT_S,
        missing=lambda commits: f"calm rounds, now {_rounds(commits, baseline)}",
        seen=known(reading.first.commits),
    )
    seen = _rounds(commits, baseline)
    saw(f"rounds of the last {len(seen)} blocks: {seen}")
    assert len(seen) == NEWEST_COMMITS, f"{len(seen)} commits above {baseline.height}"
    assert max(seen) <= CALM_ROUND, f"rounds {seen}"


def _rounds(commits: Sequence[Commit], baseline: ChainBaseline) -> list[int]:
    return [commit.round for commit in commits if commit.height > baseline.height]


@pytest.mark.check("P22", TITLES["P22"])
def test_links_are_up(
    plan: PlannedChain, fleet: Fleet, baseline: ChainBaseline, wait: Wait, saw: Saw
) -> None:
    """Of each link that was mended one end lists the other as its peer."""
    if not baseline.links:
        raise NotVerified("no link of the plan is one that a node dials by itself")
    ends = {link.one for link in baseline.links}
    asked = [target for target in plan.targets if target.host in ends]

    def down(told: Mapping[str, Reading[tuple[Peer, ...]]]) -> list[str]:
        ids = {host: {p.node_id for p in value_or_none(told[host]) or ()} for host in told}
        return [
            f"{link.one} and {link.other}"
            for link in baseline.links
            if link.other_id not in ids.get(link.one, ())
        ]

    peers = wait.until(
        lambda: fleet.peers_of(asked),
        lambda peers: not down(peers),
        limit_s=LINKS_LIMIT_S,
        missing=lambda peers: f"links between {', '.join(down(peers)[:4])}",
    )
    for told in peers.values():
        known(told)
    saw(f"{len(baseline.links)} links are up")
    assert not down(peers), f"down: {down(peers)}"

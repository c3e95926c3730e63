"""Checks on the chain as a whole, each node asked directly."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from remediations.playbooks.chain.checks.planned import PlannedChain
from remediations.systems.comet.asked import Node, until
from remediations.systems.comet.quorum import has_quorum

Saw = Callable[[str], None]

NEW_BLOCKS = 5
GROWTH_LIMIT_S = 180
"""Five blocks at ten seconds each, and the catching up of a node that was down."""
EVIDENCE_BACK = 10
EVIDENCE_AHEAD = 2_000
"""Looking further ahead than this, long after the run, would read the chain's whole life."""
POWER_LIMIT_S = 30
CALM_ROUND = 1
CALM_BLOCKS = 5
CALM_LIMIT_S = 60


def _reached(nodes: dict[str, Node], goal: int) -> bool:
    return all(node.status().height >= goal for node in nodes.values())


def _common(nodes: dict[str, Node], plan: PlannedChain) -> range:
    """Heights above the incident that every node has, six at most."""
    lowest = min(node.status().height for node in nodes.values())
    first = plan.baseline.height + 1
    heights = range(first, min(lowest, first + NEW_BLOCKS) + 1)
    assert len(heights) > 0, f"no node-wide block above {plan.baseline.height}"
    return heights


@pytest.mark.check("P1", "five more blocks on every node")
def test_blocks_go_on(nodes: dict[str, Node], plan: PlannedChain, saw: Saw) -> None:
    """Height advances by five on every node."""
    goal = plan.baseline.height + NEW_BLOCKS
    until(lambda: _reached(nodes, goal), GROWTH_LIMIT_S)
    heights = {name: node.status().height for name, node in nodes.items()}
    saw(f"from {plan.baseline.height} to {min(heights.values())} or more")
    assert min(heights.values()) >= goal, f"{heights}, expected {goal}"


@pytest.mark.check("P2", "one app hash at the same heights")
def test_one_app_hash(nodes: dict[str, Node], plan: PlannedChain, saw: Saw) -> None:
    """The state after every new height is the same on every node."""
    heights = _common(nodes, plan)
    for height in heights:
        hashes = {name: node.result(height).app_hash for name, node in nodes.items()}
        assert len(set(hashes.values())) == 1, f"at {height}: {hashes}"
    saw(f"{len(nodes)} nodes agree on {heights.start}–{heights.stop - 1}")


@pytest.mark.check("P3", "one block id at the same heights")
def test_one_block_id(nodes: dict[str, Node], plan: PlannedChain, saw: Saw) -> None:
    """No two nodes have different blocks at one height."""
    heights = _common(nodes, plan)
    chains = {
        name: {h: m.block_hash for h, m in node.blocks(heights.start, heights.stop - 1).items()}
        for name, node in nodes.items()
    }
    first = next(iter(chains.values()))
    different = [name for name, chain in chains.items() if chain != first]
    saw(f"{len(nodes)} nodes agree on {len(first)} blocks")
    assert not different, f"{different} have other blocks"


@pytest.mark.check("P4", "the new blocks continue the old chain")
def test_chain_continues(nodes: dict[str, Node], plan: PlannedChain, saw: Saw) -> None:
    """The block of the incident's height is the same on every node, and times only rise."""
    height = plan.baseline.height
    seen = {}
    for name, node in nodes.items():
        metas = node.blocks(height, height + 1)
        assert metas[height].time < metas[height + 1].time, f"{name}: time went back"
        seen[name] = metas[height].block_hash
    saw(f"block {height} is {next(iter(seen.values()))[:12]} everywhere")
    assert len(set(seen.values())) == 1, f"block {height} differs: {seen}"


@pytest.mark.check("P5", "no evidence of equivocation in any block since")
def test_no_evidence(nodes: dict[str, Node], plan: PlannedChain, saw: Saw) -> None:
    """No header since shortly before the incident carries evidence, on any node."""
    low = max(1, plan.baseline.height - EVIDENCE_BACK)
    total = 0
    for name, node in nodes.items():
        status = node.status()
        first = max(low, status.earliest_height)
        blocks = node.blocks(first, min(status.height, low + EVIDENCE_AHEAD))
        guilty = [height for height, meta in blocks.items() if meta.evidence]
        assert blocks, f"{name}: no headers from {first}"
        assert not guilty, f"{name}: evidence in blocks {guilty}"
        total += len(blocks)
    saw(f"{total} headers on {len(nodes)} nodes from height {low}")


@pytest.mark.check("P8", "signing power is not less than before")
def test_signing_power(nodes: dict[str, Node], plan: PlannedChain, saw: Saw) -> None:
    """A commit carries at least the power of before, and more than two thirds. One alone may miss a
    vote that came late, so several are looked at."""
    node = next(iter(nodes.values()))
    members = node.validators()
    powers = {member.address: member.power for member in members.validators}

    seen = [0]

    def enough() -> bool:
        commit = node.commit(node.status().height - 1)
        seen.append(sum(powers.get(s.address, 0) for s in commit.signatures if s.flag == 2))
        return seen[-1] >= plan.baseline.online_power

    until(enough, POWER_LIMIT_S)
    power = max(seen)
    saw(f"{power} of {members.total} signed")
    assert has_quorum(power, members.total), f"{power} of {members.total}"
    assert power >= plan.baseline.online_power, f"{power}, before {plan.baseline.online_power}"


@pytest.mark.check("P9", "blocks are decided in round 0 or 1")
def test_calm_rounds(nodes: dict[str, Node], saw: Saw) -> None:
    """Five blocks in a row needed no more than two rounds each."""
    node = next(iter(nodes.values()))

    def rounds() -> list[int]:
        tip = node.status().height - 1
        return [node.commit(h).round for h in range(max(1, tip - CALM_BLOCKS + 1), tip + 1)]

    until(lambda: max(rounds()) <= CALM_ROUND, CALM_LIMIT_S)
    seen = rounds()
    saw(f"rounds of the last {len(seen)} blocks: {seen}")
    assert max(seen) <= CALM_ROUND, f"rounds {seen}"

"""Checks on the chain as a whole, each node asked directly."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from remediations.engine.verify.wait import Wait
from remediations.playbooks.chain.baseline import ChainBaseline
from remediations.playbooks.chain.checks.fleet import Fleet
from remediations.playbooks.chain.checks.reading import (
    EVIDENCE_BACK,
    NEW_BLOCKS,
    NEWEST_COMMITS,
    CheckedChain,
    headers_since,
    known,
)
from remediations.playbooks.chain.checks.titles import TITLES
from remediations.systems.comet.quorum import has_quorum
from remediations.systems.comet.values import Commit

Saw = Callable[[str], None]

GROWTH_LIMIT_S = 180
"""Five blocks of ten seconds each, and time for a node that was down to catch up."""
POWER_LIMIT_S = 30
CALM_ROUND = 1
CALM_LIMIT_S = 60


def _common(reading: CheckedChain, baseline: ChainBaseline) -> range:
    """The heights that are compared; fails if a node did not report its own."""
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
    """The state after every new height is the same on every node."""
    heights = _common(reading, baseline)
    results = {
        name: {result.height: result.app_hash for result in known(node.results)}
        for name, node in reading.nodes.items()
    }
    for height in heights:
        hashes = {name: result.get(height) for name, result in results.items()}
        assert None not in hashes.values(), f"at {height}: {hashes}"
        assert len(set(hashes.values())) == 1, f"at {height}: {hashes}"
    saw(f"{len(reading.nodes)} nodes agree on {heights.start}–{heights.stop - 1}")


@pytest.mark.check("P3", TITLES["P3"])
def test_one_block_id(reading: CheckedChain, baseline: ChainBaseline, saw: Saw) -> None:
    """No two nodes have different blocks at one height."""
    heights = _common(reading, baseline)
    chains = {}
    for name, node in reading.nodes.items():
        headers = known(node.headers)
        chains[name] = {h: headers[h].block_hash for h in heights if h in headers}
        assert chains[name], f"{name}: no headers from {heights.start}"
    first = next(iter(chains.values()))
    different = [name for name, chain in chains.items() if chain != first]
    saw(f"{len(chains)} nodes agree on {len(first)} blocks")
    assert not different, f"{different} have other blocks"


@pytest.mark.check("P4", TITLES["P4"])
def test_chain_continues(reading: CheckedChain, baseline: ChainBaseline, saw: Saw) -> None:
    """The block at the height of the incident is the same on every node, and times only rise."""
    height = baseline.height
    seen = {}
    for name, node in reading.nodes.items():
        headers = known(node.headers)
        missing = [h for h in (height, height + 1) if h not in headers]
        assert not missing, f"{name}: no header of {missing}"
        assert headers[height].time < headers[height + 1].time, f"{name}: time went back"
        seen[name] = headers[height].block_hash
    saw(f"block {height} is {next(iter(seen.values()))[:12]} everywhere")
    assert len(set(seen.values())) == 1, f"block {height} differs: {seen}"


@pytest.mark.check("P5", TITLES["P5"])
def test_no_evidence(reading: CheckedChain, baseline: ChainBaseline, saw: Saw) -> None:
    """No header since shortly before the incident carries evidence, on any node."""
    low = max(1, baseline.height - EVIDENCE_BACK)
    total = 0
    for name, node in reading.nodes.items():
        heights = headers_since(baseline, known(node.status))
        assert heights, f"{name}: no headers from {heights.start}"
        headers = known(node.headers)
        guilty = [height for height, meta in headers.items() if meta.evidence]
        assert headers, f"{name}: no headers from {heights.start}"
        assert not guilty, f"{name}: evidence in blocks {guilty}"
        total += len(headers)
    saw(f"{total} headers on {len(reading.nodes)} nodes from height {low}")


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
    saw(f"{power} of {members.total} signed")
    assert has_quorum(power, members.total), f"{power} of {members.total}"
    assert power >= baseline.online_power, f"{power}, before {baseline.online_power}"


@pytest.mark.check("P9", TITLES["P9"])
def test_calm_rounds(reading: CheckedChain, fleet: Fleet, wait: Wait, saw: Saw) -> None:
    """Five consecutive blocks needed at most two rounds each."""
    commits = wait.until(
        lambda: fleet.commits(reading.first.target, NEWEST_COMMITS),
        lambda commits: max(_rounds(commits), default=0) <= CALM_ROUND,
        limit_s=CALM_LIMIT_S,
        missing=lambda commits: f"calm rounds, now {_rounds(commits)}",
        seen=known(reading.first.commits),
    )
    seen = _rounds(commits)
    assert seen, "no commits"
    saw(f"rounds of the last {len(seen)} blocks: {seen}")
    assert max(seen) <= CALM_ROUND, f"rounds {seen}"


def _rounds(commits: Sequence[Commit]) -> list[int]:
    return [commit.round for commit in commits]

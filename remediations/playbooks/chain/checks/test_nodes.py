"""Checks on each node: whether it signs and follows, and whether it is what was planned."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from remediations.engine.verify.result import NotVerified
from remediations.engine.verify.wait import Wait
from remediations.playbooks.chain.baseline import ChainBaseline
from remediations.playbooks.chain.checks.fleet import FAILURES, Fleet
from remediations.playbooks.chain.checks.planned import PlannedChain
from remediations.playbooks.chain.checks.reading import CheckedChain, CheckedNode, known
from remediations.playbooks.chain.checks.titles import TITLES
from remediations.systems.comet.values import Commit, NodeStatus
from remediations.systems.hosts.values import DISK_FLOOR, INODE_FLOOR, OPEN_FILES

Saw = Callable[[str], None]

SIGNED_IN_A_ROW = 3
SIGNING_LIMIT_S = 90
FOLLOW_LIMIT_S = 30


def _signed_in_a_row(address: str, baseline: ChainBaseline) -> Callable[[Sequence[Commit]], bool]:
    """Whether the last commits are of after the incident, and this key signed the block in each."""

    def signed(commits: Sequence[Commit]) -> bool:
        last = commits[-SIGNED_IN_A_ROW:]
        return len(last) == SIGNED_IN_A_ROW and all(
            commit.height > baseline.height
            and any(s.address == address and s.for_block for s in commit.signatures)
            for commit in last
        )

    return signed


@pytest.mark.check("P7", TITLES["P7"])
def test_signs(
    signer: CheckedNode, fleet: Fleet, baseline: ChainBaseline, wait: Wait, saw: Saw
) -> None:
    """It signed the block in three consecutive commits after the incident."""
    signed = _signed_in_a_row(signer.target.address, baseline)
    commits = wait.until(
        lambda: fleet.commits(signer.target, SIGNED_IN_A_ROW),
        signed,
        limit_s=SIGNING_LIMIT_S,
        missing=lambda _: f"{SIGNED_IN_A_ROW} blocks in a row signed by {signer.name}",
        seen=known(signer.commits),
    )
    assert signed(commits), f"not {SIGNED_IN_A_ROW} in a row"
    saw(f"signed {SIGNED_IN_A_ROW} blocks in a row")


@pytest.mark.check("P20", TITLES["P20"])
def test_unjailed_signs(
    freed: CheckedNode, fleet: Fleet, baseline: ChainBaseline, wait: Wait, saw: Saw
) -> None:
    """It has power, under the address of before, and signed three consecutive blocks."""
    address = freed.target.address
    signed = _signed_in_a_row(address, baseline)
    commits = wait.until(
        lambda: fleet.commits(freed.target, SIGNED_IN_A_ROW),
        signed,
        limit_s=SIGNING_LIMIT_S,
        missing=lambda _: f"{SIGNED_IN_A_ROW} blocks in a row signed by {freed.name}",
    )
    status = fleet.status(freed.target)
    saw(f"power {status.power}; signed the blocks to {commits[-1].height if commits else 'none'}")
    assert status.address == address, f"now {status.address}"
    assert status.power > 0, "no power: it is not in the set, or was jailed again"
    assert signed(commits), f"not {SIGNED_IN_A_ROW} in a row"


@pytest.mark.check("P10", TITLES["P10"])
def test_sign_state_never_lower(node: CheckedNode, baseline: ChainBaseline, saw: Saw) -> None:
    """Height, round and step of the sign state are at least what they were."""
    before = {s.host: (s.height, s.round, s.step) for s in baseline.sign_states}
    if node.name not in before:
        if node.target.power:
            raise NotVerified("its sign state was not read when planning")
        saw("none was read when planning, and it has no power")
        return
    now = known(node.sign_state).hrs
    saw(f"from {before[node.name]} to {now}")
    assert now >= before[node.name], f"{now} is below {before[node.name]}"


@pytest.mark.check("P11", TITLES["P11"])
def test_address_kept(node: CheckedNode, saw: Saw) -> None:
    """The node has the key that it had, and has power if and only if it had power."""
    status = known(node.status)
    saw(f"{status.address[:12]}, power {status.power}; {node.target.power} when planning")
    if node.target.address:
        assert status.address == node.target.address, f"now {status.address}"
    elif node.target.power:
        raise NotVerified(f"its address was not read when planning; now {status.address}")
    assert bool(status.power) == bool(node.target.power), f"power {status.power}"


@pytest.mark.check("P12", TITLES["P12"])
def test_follows(
    node: CheckedNode,
    reading: CheckedChain,
    fleet: Fleet,
    baseline: ChainBaseline,
    wait: Wait,
    saw: Saw,
) -> None:
    """Not catching up, at most one block behind the highest, and above where the chain stood: nodes
    that all stand follow each other, too."""
    assert known(node.active), f"{node.target.unit} is not running"
    top = max(reading.top(), baseline.height + 2)

    def follows(status: NodeStatus) -> bool:
        return not status.catching_up and status.height >= top - 1

    status = wait.until(
        lambda: fleet.status(node.target),
        follows,
        limit_s=FOLLOW_LIMIT_S,
        missing=lambda status: f"{node.name} at {status.height}, expected {top - 1} or more",
        seen=known(node.status),
    )
    caught = "catching up" if status.catching_up else "not catching up"
    assert follows(status), f"height {status.height}, {caught}; expected {top - 1} or more"
    saw(f"height {status.height}, not catching up")


@pytest.mark.check("P13", TITLES["P13"])
def test_peers(
    node: CheckedNode, fleet: Fleet, baseline: ChainBaseline, wait: Wait, saw: Saw
) -> None:
    """At most one peer fewer than before, and at least one."""
    before = {p.host: p.peers for p in baseline.peers}.get(node.name)
    wanted = max(1, (before or 0) - 1)
    then = "not read when planning" if before is None else f"{before} when planning"
    peers = wait.until(
        lambda: fleet.peers(node.target),
        lambda peers: len(peers) >= wanted,
        limit_s=FOLLOW_LIMIT_S,
        missing=lambda peers: f"{wanted} peers of {node.name}, now {len(peers)}",
        seen=known(node.peers),
    )
    saw(f"{len(peers)} peers, {then}")
    assert len(peers) >= wanted, f"{len(peers)}, {then}"


@pytest.mark.check("P14", TITLES["P14"])
def test_binary(acted: CheckedNode, baseline: ChainBaseline, saw: Saw) -> None:
    """The running process is of the program that the plan installs, or else of the one that was
    read when planning; below a wrapper it is a process that the wrapper started."""
    planned = baseline.program_of(acted.name)
    programs = known(acted.programs)
    running = ", ".join(program[:16] for program in programs)
    if planned is None:
        raise NotVerified(f"the hash was not read when planning; running {running}")
    saw(f"sha256 {planned[:16]}, as planned")
    assert planned in programs, f"running {running}, planned {planned[:16]}"


@pytest.mark.check("P15", TITLES["P15"])
def test_journal(acted: CheckedNode, saw: Saw) -> None:
    """No line since the start says that consensus failed or that a validator equivocated."""
    found = known(acted.failures)
    saw("none of: " + FAILURES.replace("|", ", ").replace("^", ""))
    assert not found, found[:300]


@pytest.mark.check("P17", TITLES["P17"])
def test_ownership(acted: CheckedNode, saw: Saw) -> None:
    """Nothing below data/ belongs to another user: the service could not write it."""
    owner = acted.target.user or "root"
    foreign = known(acted.foreign_file)
    saw(f"all of data/ belongs to {owner}")
    assert not foreign, f"{foreign} does not belong to {owner}"


@pytest.mark.check("P25", TITLES["P25"])
def test_room_left(acted: CheckedNode, fleet: Fleet, saw: Saw) -> None:
    """The file system of its data has what a start needs (G17), with the node running on it."""
    room = fleet.room_left(acted.target)
    saw(f"{room.available >> 20} MiB and {room.inodes} inodes free")
    assert room.available >= DISK_FLOOR, f"{room.available} bytes, less than {DISK_FLOOR}"
    assert room.inodes >= INODE_FLOOR, f"{room.inodes} inodes, less than {INODE_FLOOR}"


@pytest.mark.check("P26", TITLES["P26"])
def test_open_files(acted: CheckedNode, fleet: Fleet, saw: Saw) -> None:
    """The limit of the running process, not that of a file which it has not read."""
    found = fleet.open_files(acted.target)
    least = min(OPEN_FILES, found.most)
    ceiling = "" if least == OPEN_FILES else f", of {found.most} that its host can give"
    saw(f"{found.limit} files{ceiling}")
    assert found.limit >= least, f"{found.limit} files, less than {least}"


@pytest.mark.check("I13", TITLES["I13"])
def test_healthy_untouched(
    reading: CheckedChain, plan: PlannedChain, baseline: ChainBaseline, saw: Saw
) -> None:
    """The daemons that were healthy before are still the same processes."""
    healthy = set(reading.nodes) - set(plan.acting)
    unread = healthy - {process.host for process in baseline.untouched}
    changed = [
        process.host
        for process in baseline.untouched
        if known(reading.nodes[process.host].process_start) != process.started
    ]
    saw(f"{len(baseline.untouched)} processes are the same")
    assert not changed, f"restarted: {changed}"
    if unread:
        raise NotVerified(f"not read when planning: {sorted(unread)}")

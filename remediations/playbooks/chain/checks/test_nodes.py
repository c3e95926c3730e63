"""Checks on each node: does it sign, follow, and is it what was planned."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from remediations.playbooks.chain.checks.planned import PlannedChain
from remediations.systems.comet.asked import Node, until
from remediations.systems.comet.secrets import CREDENTIALS

Saw = Callable[[str], None]
INVOCATION = re.compile("[0-9a-f]{32}")

SIGNED_IN_A_ROW = 3
SIGNING_LIMIT_S = 90
FOLLOW_LIMIT_S = 30
FAILURES = "CONSENSUS FAILURE|conflicting vote|^panic:"
NOT_SEARCHED = "the journal was not searched"
SEARCH = (
    "ulimit -d 262144; found=$({ journalctl -q --no-pager -o cat _SYSTEMD_INVOCATION_ID=%s || "
    f"echo {NOT_SEARCHED}; }} | grep -aE -m 3 %s || [ $? -eq 1 ]) || exit; "
    '[ -z "$found" ] || printf \'%%s\\n\' "$found" | cut -b -4096 | sed -E %s'
)
"""Fails where grep does (a message too long for it), and finds that journalctl did."""


@pytest.mark.check("P7", "every started validator signs three blocks in a row")
def test_signs(signer: Node, plan: PlannedChain, saw: Saw) -> None:
    """Its own signature is for the block in three consecutive commits after the incident."""

    def signed() -> bool:
        tip = signer.status().height - 1
        if tip - SIGNED_IN_A_ROW < plan.baseline.height:
            return False
        commits = (signer.commit(height) for height in range(tip - SIGNED_IN_A_ROW + 1, tip + 1))
        return all(
            any(s.address == signer.target.address and s.flag == 2 for s in commit.signatures)
            for commit in commits
        )

    assert until(signed, SIGNING_LIMIT_S), f"not {SIGNED_IN_A_ROW} in a row"
    saw(f"signed {SIGNED_IN_A_ROW} blocks in a row")


@pytest.mark.check("P10", "no sign state is lower than before")
def test_sign_state_never_lower(node: Node, plan: PlannedChain, saw: Saw) -> None:
    """Height, round and step of the sign state are at least what they were."""
    before = {s.host: (s.height, s.round, s.step) for s in plan.baseline.sign_states}
    if node.name not in before:
        saw("it had no sign state before")
        assert not node.target.power, "a validator without a sign state before"
        return
    now = node.sign_state().hrs
    saw(f"from {before[node.name]} to {now}")
    assert now >= before[node.name], f"{now} is below {before[node.name]}"


@pytest.mark.check("P11", "every validator kept its address")
def test_address_kept(node: Node, saw: Saw) -> None:
    """The node signs with the key it had, and has power if it had power."""
    status = node.status()
    saw(f"{status.address[:12]}, power {status.power}")
    if node.target.address:
        assert status.address == node.target.address, f"now {status.address}"
    assert bool(status.power) == bool(node.target.power), f"power {status.power}"


@pytest.mark.check("P12", "every node follows the tip")
def test_follows(node: Node, nodes: dict[str, Node], saw: Saw) -> None:
    """Not catching up, and at most one block behind the highest."""
    assert node.host.service(node.target.unit).is_running, f"{node.target.unit} is not running"
    top = max(other.status().height for other in nodes.values())

    def follows() -> bool:
        status = node.status()
        return not status.catching_up and status.height >= top - 1

    assert until(follows, FOLLOW_LIMIT_S), f"{node.status().height}, the others have {top}"
    saw(f"height {node.status().height}, not catching up")


@pytest.mark.check("P13", "peers are back")
def test_peers(node: Node, plan: PlannedChain, saw: Saw) -> None:
    """At most one peer fewer than before, and at least one."""
    before = {p.host: p.peers for p in plan.baseline.peers}.get(node.name, 0)
    wanted = max(1, before - 1)
    until(lambda: len(node.peers()) >= wanted, FOLLOW_LIMIT_S)
    now = len(node.peers())
    saw(f"{now} peers, {before} before")
    assert now >= wanted, f"{now}, before {before}"


@pytest.mark.check("P14", "the program is the one that was planned")
def test_binary(acted: Node, plan: PlannedChain, saw: Saw) -> None:
    """The running process has the program whose hash was read when planning."""
    planned = {p.host: p.sha256 for p in plan.baseline.programs}.get(acted.name)
    pid = acted.root("systemctl show -p MainPID --value %s", acted.target.unit)
    running = acted.root("sha256sum /proc/%s/exe", pid).split()[0]
    saw(f"sha256 {running[:16]}")
    assert planned is not None, "the hash was not read when planning"
    assert running == planned, f"running {running[:16]}, planned {planned[:16]}"


@pytest.mark.check("P15", "no failure in the journal since the start")
def test_journal(acted: Node, saw: Saw) -> None:
    """Nothing since the start says that consensus failed or that somebody equivocated."""
    invocation = acted.root("systemctl show -p InvocationID --value %s", acted.target.unit)
    assert INVOCATION.fullmatch(invocation), "the unit has no invocation: it was not started"
    found = acted.root(SEARCH, invocation, f"{FAILURES}|^{NOT_SEARCHED}", CREDENTIALS)
    saw("none of: " + FAILURES.replace("|", ", ").replace("^", ""))
    assert not found, found[:300]


@pytest.mark.check("P17", "files belong to the service user")
def test_ownership(acted: Node, saw: Saw) -> None:
    """Nothing below data/ belongs to somebody else: the service could not write it."""
    owner = acted.target.user or "root"
    foreign = acted.root("find %s ! -user %s -print -quit", f"{acted.target.home}/data", owner)
    saw(f"all of data/ belongs to {owner}")
    assert not foreign, f"{foreign} does not belong to {owner}"


@pytest.mark.check("I13", "processes that were healthy were not restarted")
def test_healthy_untouched(nodes: dict[str, Node], plan: PlannedChain, saw: Saw) -> None:
    """The daemons that were well before are the same processes now."""
    healthy = {target.host for target in plan.targets} - set(plan.acting_hosts)
    unread = healthy - {process.host for process in plan.baseline.untouched}
    assert not unread, f"not read when planning: {sorted(unread)}"
    changed = []
    for process in plan.baseline.untouched:
        host, pid, started = process.host, process.pid, process.started
        stat = nodes[host].root("cat /proc/%s/stat 2>/dev/null || :", str(pid))
        # The command's name may hold blanks; the 22nd field counts from after its parenthesis.
        ticks = stat.rpartition(")")[2].split()[19:20]
        if ticks != [str(started)]:
            changed.append(host)
    saw(f"{len(plan.baseline.untouched)} processes are the same")
    assert not changed, f"restarted: {changed}"

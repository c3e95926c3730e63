"""The lab is what it claims to be: real hosts, one chain, faults that show and that heal.

Scenario tests rest on what is asserted here; where they say "refused" or "no evidence", the fault
must have been there, and the evidence must have been visible.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab.choice import full_lab
from tests.lab.claims import keeper_of, processes_of, sweep_dead
from tests.lab.lab import CHECKOUT, LABS, Lab
from tests.lab.needs import missing, require
from tests.lab.shell import LabError, run
from tests.lab.spec import NODES, VALIDATORS

GONE_LIMIT_S = 15.0
OWNER = """
import sys, time
from tests.lab.lab import Lab
began = time.monotonic()
lab = Lab.up(sys.argv[1])
lab.wait_height(3, 30)
print(lab.net.number, time.monotonic() - began, flush=True)
time.sleep(600)
"""


def ssh(lab: Lab, host: str, command: str, *options: str) -> subprocess.CompletedProcess[str]:
    """As the operator has it: OpenSSH with the lab's configuration."""
    return subprocess.run(
        [
            "ssh",
            "-F",
            str(lab.access.ssh_config),
            "-o",
            "ConnectTimeout=5",
            *options,
            host,
            command,
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
    )


def wait_for(true: Callable[[], bool], limit_s: float = 30.0) -> None:
    """Wait until it is true; a failure if it does not become so."""
    end = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < end, f"not within {limit_s} s"
        time.sleep(0.1)


def test_a_machine_that_cannot_boot_hosts_is_told_what_it_lacks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One error names everything that is missing, and the packages that have it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert any("apt-get install systemd-container" in lack for lack in missing())
    with pytest.raises(LabError, match=r"systemd-nspawn .* mmdebstrap "):
        require()


def test_hosts_are_plain_servers_reached_over_ssh(lab: Lab) -> None:
    """Every host answers the operator, who has sudo; no jq or Python is there, systemd is whole."""
    command = "id -un; hostname; sudo -n id -u; command -v jq python3; systemctl is-system-running"
    with ThreadPoolExecutor(len(lab.hosts)) as pool:
        said = dict(
            zip(lab.hosts, pool.map(lambda h: ssh(lab, h, command), lab.hosts), strict=True)
        )
    for host, done in said.items():
        assert done.stdout.split() == ["ops", host, "0", "running"], (host, done.stderr)


def test_some_hosts_stand_only_behind_the_bastion(lab: Lab) -> None:
    """val3 and val4 do not answer without the jump, and root is let in nowhere."""
    for host in ("val3", "val4"):
        direct = ssh(lab, host, "true", "-o", "ProxyJump=none", "-o", "ConnectTimeout=2")
        assert direct.returncode == 255
        assert "timed out" in direct.stderr
    assert "Permission denied" in ssh(lab, "val1", "true", "-l", "root").stderr


def test_the_chain_has_the_powers_of_the_specification(lab: Lab) -> None:
    """40/30/20/10, all signing the same blocks with the same state, RPC on loopback only."""
    lab.wait_height(4, 20)
    found = lab.world.rpc("full1", "validators?height=3")["validators"]
    expected = {lab.chain.address(s.name): str(s.node.power) for s in VALIDATORS if s.node}
    assert {v["address"]: v["voting_power"] for v in found} == expected
    assert len({lab.world.app_hash(s.name, 3) for s in NODES if s.node and s.node.started}) == 1
    assert lab.world.signers("full1", 3) <= set(expected)
    curl = f"curl -s -m 2 http://{lab.hosts['val1'].address}:26657/status"
    assert lab.hosts["full1"].sh(curl, check=False) == ""
    assert lab.world.height("standby1") is None


@full_lab
def test_pristine_is_a_new_chain(lab: Lab) -> None:
    """It begins at the first blocks again, and nothing of the chain before is left."""
    lab.wait_height(6, 20)
    old = lab.world.rpc("val1", "block?height=5")["block_id"]["hash"]
    lab.pristine()
    assert lab.world.top() < 6
    lab.wait_height(6, 20)
    assert lab.world.rpc("val1", "block?height=5")["block_id"]["hash"] != old


@full_lab
def test_hosts_reboot_and_lose_their_power(lab: Lab) -> None:
    """After a reboot from inside and after a power cut: another boot, the same machine, the node
    back by itself; a host that was cut off stays off until it is healed."""
    host = lab.hosts["val4"]
    identity = "cat /proc/sys/kernel/random/boot_id /etc/machine-id"
    boot, machine = host.sh(identity).split()
    first = host.init()
    host.sh("systemctl reboot")
    # From outside: a shutdown stops all processes once, nsenter stops with its child and never
    # reaps it, and systemd waits for the dead child, up to ninety seconds.
    wait_for(lambda: host.init() not in (None, first))
    host.wait_booted()
    rebooted, same = host.sh(identity).split()
    assert (rebooted != boot, same) == (True, machine)
    lab.break_power("val4")
    time.sleep(1)
    assert host.init() is None
    assert lab.grows()
    lab.heal()
    assert host.sh(identity).split()[0] != rebooted
    lab.wait_height(lab.world.top() + 2, 30)


@dataclass(frozen=True)
class Fault:
    """A fault of one node of little power, and what shows it."""

    name: str
    breaks: Callable[[Lab], None]
    shows: Callable[[Lab], bool]


def silent(lab: Lab) -> bool:
    """val4's RPC does not answer."""
    return lab.world.height("val4") is None


def behind(lab: Lab) -> bool:
    """val4 has lost touch with the others."""
    mine, others = lab.world.height("val4"), lab.world.height("val1")
    return mine is not None and others is not None and mine + 3 < others


def unsigned(lab: Lab) -> bool:
    """Blocks come without val4's signature."""
    top = lab.world.height("val1") or 0
    return lab.chain.address("val4") not in lab.world.signers("val1", top - 1)


def unit_says(state: str) -> Callable[[Lab], bool]:
    """val4's unit is in this state."""

    def shows(lab: Lab) -> bool:
        said = lab.systemctl("val4", "show", "-p", "SubState", "--value", lab.unit("val4"))
        return said.strip() == state

    return shows


def no_login(lab: Lab) -> bool:
    """Nobody gets in, and the daemon runs."""
    return ssh(lab, "val4", "true").returncode == 255 and lab.world.daemon("val4") is not None


def soon(lab: Lab) -> int:
    """A height that is about to come."""
    return lab.world.top() + 3


FAULTS = (
    Fault("stopped", lambda lab: lab.break_stop("val4"), silent),
    Fault("frozen", lambda lab: lab.break_freeze("val4"), silent),
    Fault("bad configuration", lambda lab: lab.break_config("val4"), unit_says("auto-restart")),
    Fault("crash loop", lambda lab: lab.break_crash_loop("val4"), unit_says("auto-restart")),
    Fault("start limit", lambda lab: lab.break_start_limit("val4"), unit_says("failed")),
    Fault("disabled", lambda lab: lab.break_disable("val4"), unit_says("dead")),
    Fault("masked", lambda lab: lab.break_mask("val4"), silent),
    Fault("disk full", lambda lab: lab.break_disk_full("val4"), behind),
    Fault("database", lambda lab: lab.break_database("val4"), silent),
    Fault("key missing", lambda lab: lab.break_key_missing("val4"), silent),
    Fault("sign state older", lambda lab: lab.break_sign_state_older("val4"), silent),
    Fault("app hash", lambda lab: lab.break_app_hash("val4", at=soon(lab)), behind),
    Fault("isolated", lambda lab: lab.break_isolate("val4"), behind),
    Fault(
        "one way",
        lambda lab: lab.break_one_way("val4", ("val1", "val2", "val3", "full1")),
        behind,
    ),
    Fault("no login", lambda lab: lab.break_ssh("val4"), no_login),
    Fault("slow", lambda lab: lab.break_slow("val4", 4000), unsigned),
)


@full_lab
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.replace(" ", "-"))
def test_a_fault_shows_and_heals(fault: Fault, running_lab: Lab) -> None:
    """It can be seen in the world while 90 of 100 go on, and `heal` brings the node back."""
    lab = running_lab
    if not lab.grows(seconds=8, blocks=2) or silent(lab) or behind(lab):
        lab.pristine()
    fault.breaks(lab)
    wait_for(lambda: fault.shows(lab))
    assert lab.grows(seconds=20), "the others stopped, too"
    lab.heal()
    lab.wait_height(lab.world.top() + 2, 40)
    wait_for(lambda: not fault.shows(lab))


@full_lab
def test_killed_daemon_is_restarted_by_systemd(lab: Lab) -> None:
    """kill -9: another process two seconds later, without anybody's help."""
    before = lab.world.daemon("val4")
    lab.break_kill("val4")
    wait_for(lambda: lab.world.daemon("val4") not in (None, before))
    assert lab.world.daemon("val4") != before


@full_lab
def test_faults_of_the_whole_chain_heal(lab: Lab) -> None:
    """A state machine that does not agree with itself stops the chain; once it is taken back on
    all, the chain goes on with one state."""
    at = soon(lab)
    lab.break_determinism(at=at)
    lab.wait_stalled()
    lab.heal()
    lab.wait_height(at + 3, 40)
    assert len({lab.world.app_hash(spec.name, at + 2) for spec in VALIDATORS}) == 1
    assert lab.world.evidence("val1") == []


@full_lab
def test_an_upgrade_stops_the_chain_until_the_other_release_is_there(lab: Lab) -> None:
    """At the planned height every node stops; release 2 knows the upgrade and goes on."""
    at = lab.world.top() + 8
    lab.break_upgrade(at=at)
    lab.wait_stalled(timeout=60)
    log = lab.hosts["val1"].sh(
        f"journalctl -o cat -u {lab.unit('val1')} | grep -c 'UPGRADE \"v2\"'"
    )
    assert int(log) >= 1
    lab.heal()
    lab.wait_height(at + 2, 40)


@full_lab
def test_lies_and_silence_are_only_the_rpcs(lab: Lab) -> None:
    """Where the configuration says the RPC is, a node lies and another is silent; the world asks
    behind that, and both go on."""
    lab.break_lie("full1", 999_999)
    lab.break_rpc_hangs("val4")
    lie = lab.hosts["full1"].sh(f"curl -s 127.0.0.1:{lab.node('full1').rpc_port}/status")
    assert '"latest_block_height": "999999"' in lie
    hang = f"curl -s -m 1 127.0.0.1:{lab.node('val4').rpc_port}/status || echo $?"
    assert lab.hosts["val4"].sh(hang).strip() == "28"  # curl: timed out
    lab.wait_height(lab.world.top() + 3, 30)
    assert lab.world.top() < 1000


@full_lab
def test_a_clock_that_is_off_is_what_a_login_reads(lab: Lab) -> None:
    """Two hours ahead for whoever logs in, back after healing."""
    lab.break_clock("val3", 7200)
    ahead = float(ssh(lab, "val3", "echo $EPOCHREALTIME").stdout) - time.time()
    lab.heal()
    healed = float(ssh(lab, "val3", "echo $EPOCHREALTIME").stdout) - time.time()
    assert 7190 < ahead < 7210
    assert abs(healed) < 10


def test_the_world_sees_evidence_and_lowered_sign_states(lab: Lab) -> None:
    """Without teeth, "no evidence" and "never lower" would prove nothing."""
    with lab.world.watch_sign_states() as watch:
        time.sleep(1)
        lab.wait_height(6, 20)
        lab.break_sign_state_zeroed("val3")
        time.sleep(0.2)
        lab.heal()
    assert watch.lowered() == ["val3"]
    assert watch.rounds > 15
    lab.break_duplicate_key("val4", started=True)
    wait_for(lambda: lab.world.evidence("val1") != [], 60)


def test_the_world_sees_every_changed_file(lab: Lab) -> None:
    """A byte, an owner, a mode, a new file: each shows in the tree of the host."""
    before = lab.world.tree("bastion", ignore=("var/log/",))
    assert lab.world.tree("bastion", ignore=("var/log/",)) == before
    for change in ("echo x >/etc/motd", "chown ops /etc/hostname", "chmod 600 /etc/hosts"):
        lab.hosts["bastion"].sh(change)
        after = lab.world.tree("bastion", ignore=("var/log/",))
        assert after != before, change
        before = after


@full_lab
@pytest.mark.parametrize("killed", ["owner", "owner and keeper"])
def test_two_labs_and_nothing_left_of_the_one_that_was_killed(lab: Lab, killed: str) -> None:
    """A second lab comes up beside the first, which does not reach it. kill -9 of
    its owner takes it away; if its keeper is killed, too, the next lab clears away what is left."""
    name = f"second-{os.getpid()}"
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, name], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        number = owner.stdout.readline().split()[0]
        second = Lab.attach(name)
        assert second.grows()
        assert lab.grows()
        assert not _reaches(lab, second.hosts["val1"].address)
        assert _reaches(lab, lab.hosts["val2"].address)
        keeper = keeper_of(LABS / name)
        assert keeper is not None
        if killed != "owner":
            os.kill(keeper, signal.SIGKILL)
        owner.kill()
    if killed != "owner":
        sweep_dead(LABS)
    wait_for(lambda: not (LABS / name).exists(), GONE_LIMIT_S)
    assert list(processes_of(LABS / name)) == []
    assert f"remedy{number} " not in run("ip", "netns", "list") + " "
    assert second.net.cable not in run("ip", "-br", "link")
    assert name not in Path("/proc/self/mountinfo").read_text()
    assert lab.grows()


def _reaches(lab: Lab, address: str) -> bool:
    """Whether val1 gets an SSH banner from an address."""
    script = f"timeout 2 bash -c 'read -r line </dev/tcp/{address}/22; echo $line' 2>/dev/null"
    return "SSH" in lab.hosts["val1"].sh(script, check=False)

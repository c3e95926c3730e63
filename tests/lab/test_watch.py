"""`diagnose --watch` on real hosts: it ends when the chain is well, and leaves nothing behind."""

from __future__ import annotations

import re
import signal
import time
from itertools import pairwise

from tests.lab.choice import full_lab
from tests.lab.lab import Lab
from tests.lab.operator import LIMIT_S, Operator

OURS = "pgrep -u ops -c sshd; pgrep -f -c '^(sudo -n )?(timeout -k 1 9 )?bash -s$'; true"
"""Sessions of the operator, and programs of a reading."""


def logins(lab: Lab, host: str) -> int:
    """How often the operator has logged in, by the host's own journal."""
    said = lab.hosts[host].sh(
        "journalctl --quiet -o cat -u ssh | grep -c '^Accepted publickey'; true"
    )
    return int(said)


def left(lab: Lab) -> dict[str, list[str]]:
    """What runs on the hosts for a look, where there is any."""
    counts = {name: machine.sh(OURS).split() for name, machine in lab.hosts.items()}
    return {name: found for name, found in counts.items() if found != ["0", "0"]}


@full_lab
def test_it_ends_when_the_chain_is_well(lab: Lab, operator: Operator) -> None:
    """A lost quorum is told, then each change, then 0; each host was logged in to once."""
    lab.break_stop("val1")
    lab.wait_stalled(seconds=6)
    before = logins(lab, "full1")
    process = operator.start("diagnose", "--watch=1")
    assert process.stdout is not None
    first = process.stdout.readline()
    assert " chain: QUORUM-LOST" in first
    time.sleep(8)  # another look, or two
    lab.heal()
    out, err = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, err) == (0, ""), out
    lines = out.splitlines()
    assert re.search(r"chain: 1 node stopped: val1", lines[0])
    assert re.search(r"→ HEALTHY", out)
    said = [line.partition(" UTC ")[2] for line in lines]
    assert all(one != other for one, other in pairwise(said)), out
    # Where the machine is so busy that a connection is lost, there is another login.
    assert "unreachable" in out or logins(lab, "full1") == before + 1
    assert left(lab) == {}


def test_an_interrupt_leaves_nothing_on_the_hosts(lab: Lab, operator: Operator) -> None:
    """In the middle of a look: 130, and what ran for it ends with the connections."""
    lab.break_rpc_hangs("val1")
    process = operator.start("diagnose", "--watch=1")
    end = time.monotonic() + LIMIT_S
    while "val1" not in left(lab):
        assert time.monotonic() < end
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 130
    assert err.lstrip("\n").startswith("error: interrupted")
    end = time.monotonic() + 5
    while left(lab) and time.monotonic() < end:
        time.sleep(0.2)
    assert left(lab) == {}

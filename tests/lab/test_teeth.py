"""The guards have teeth: with one switched off, in a process of the test, its harm really comes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

from tests.lab.choice import full_lab
from tests.lab.lab import CHECKOUT, Lab
from tests.lab.operator import Operator
from tests.lab.test_lab_itself import wait_for

PLANNED, REFUSED = 3, 4
EVIDENCE_S = 60.0
HALTS = 12
"""Of so many, hardly ever not one has a validator of 40 of 100 as its proposer."""


class Toothless(Operator):
    """The same operator, with a product some of whose guards are off."""

    def __init__(self, operator: Operator, lab: Lab, *guards: str) -> None:
        super().__init__(lab, operator.state)
        self._guards = ",".join(guards)

    def start(
        self, *arguments: str, environment: dict[str, str] | None = None
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.soak.toothless", self._guards, *arguments],
            cwd=CHECKOUT,
            env=environment or self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def test_only_what_is_named_is_off() -> None:
    """In a process of its own: the guard that is off passes, the one beside it still blocks."""
    ask = (
        "from tests.soak.toothless import switch_off; switch_off(['G20'])\n"
        "from remediations.playbooks.chain.guards import signing\n"
        "rest = dict(holds=False, got='', expected='', next_step='n')\n"
        "for id_ in ('G20', 'G45'):\n"
        "    print(signing.guard_result(id_, 't', **rest).outcome)"
    )
    said = subprocess.run(
        [sys.executable, "-c", ask], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    assert said.stdout.split() == ["pass", "block"]


@full_lab
def test_a_copied_key_that_is_started(lab: Lab, operator: Operator) -> None:
    """val4 signs, and its key lies on the standby. Refused (G2); without the guards on keys the
    standby is started, and within a minute a block has evidence against val4, for ever."""
    lab.wait_height(12, 30)
    lab.break_duplicate_key("val4")
    refused = operator.plan("node-down", "--limit", "standby1")
    assert refused.code == REFUSED, refused.document
    assert lab.world.daemon("standby1") is None
    toothless = Toothless(operator, lab, "G2", "G19", "G20")
    toothless.rescue("node-down", "--limit", "standby1")
    wait_for(lambda: lab.world.evidence("val1") != [], EVIDENCE_S)


def proposes(lab: Lab, host: str) -> bool:
    """Whether it is this host's turn at the height and in the round where the chain stands."""
    state = lab.world.rpc("val3", "consensus_state")["round_state"]
    return bool(state["proposer"]["address"] == lab.chain.address(host))


def halted_on(lab: Lab, host: str) -> None:
    """A halt for want of val2 and val4, with a block on the table that `host` proposed and voted
    for."""
    for _ in range(HALTS):
        lab.break_stop("val2", "val4")
        height = lab.wait_stalled() + 1
        state = lab.world.sign_state(host)
        if proposes(lab, host) and state is not None and state[0] == height and state[2] > 1:
            return
        lab.start("val2", "val4")
        lab.wait_height(height + 2, EVIDENCE_S, "val1", "val2", "val3", "val4")
    raise AssertionError(f"{host} proposed at none of {HALTS} halts")


@full_lab
def test_a_sign_state_that_was_reset_and_started(lab: Lab, operator: Operator) -> None:
    """val1 proposed and voted in the round that stands, then lost its disk: the key was put back,
    sign state and log begin anew. Refused, by the name of its sign state; without the guard on that
    (G20) it is started, proposes another block in the same round, votes for it, and a later block
    has the evidence."""
    halted_on(lab, "val1")
    lab.break_sign_state_zeroed("val1")
    shutil.rmtree(lab.hosts["val1"].path(f"{lab.node('val1').home}/data/cs.wal"))
    refused = operator.plan("INC-001")
    assert refused.code == REFUSED, refused.document
    assert "sign-state-lost" in json.dumps(refused.document)
    toothless = Toothless(operator, lab, "G19", "G20")
    toothless.rescue("INC-001")
    wait_for(lambda: lab.world.evidence("val3") != [], EVIDENCE_S)

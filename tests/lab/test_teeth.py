"""The guards have teeth: with one switched off, in a process of the test, its harm really comes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

from tests.lab.choice import full_lab
from tests.lab.lab import CHECKOUT, Lab
from tests.lab.operator import LOOKS, Operator
from tests.lab.test_lab_itself import wait_for

PLANNED, REFUSED, PARTLY = 3, 4, 7
EVIDENCE_S = 60.0
HALTS = 12
"""Of so many, hardly ever not one has a validator of 40 of 100 as its proposer."""


OWN_PRECOMMIT = 1
"""CometBFT's fail point after one's own precommit is in one's log, and before anybody has it."""
DOWN_S = 40.0
SLOW_S = 120.0
"""For a start and what follows it on a busy machine."""
ATTEMPTS = 6
"""On a busy machine not all get so far before the first ones are gone."""
PANIC = "prevoted for an invalid block"


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


def test_on_the_host_nothing_else_is_off() -> None:
    """The text of a step has the function, which does nothing; all others are as they were."""
    ask = (
        "from remediations.systems.comet.rollback_programs import STANDS\n"
        "import msgspec\n"
        "from tests.soak.toothless import _passing_on_host\n"
        "reply = msgspec.json.encode(STANDS)\n"
        "off = _passing_on_host(lambda line, kind: msgspec.json.decode(line, type=kind), "
        "['nothing_precommitted'])(reply, str)\n"
        "head = 'nothing_precommitted() {\\n'\n"
        "assert off.replace(head + '  return 0\\n', head) == STANDS != off\n"
    )
    subprocess.run([sys.executable, "-c", ask], cwd=CHECKOUT, check=True)


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


def precommitted(lab: Lab, *hosts: str) -> int:
    """All validators end where each has precommitted the block above the one that is returned, or
    waits for the votes of those that are gone; one of `hosts` has done it. Nobody's precommit has
    left its host: so the block is not decided, and no other one can be."""
    for _ in range(ATTEMPTS):
        lab.break_at_fail_point(*lab.validators(), index=OWN_PRECOMMIT, seconds=DOWN_S)
        height = lab.world.top()
        states = {host: lab.world.sign_state(host) for host in lab.validators()}
        if any(states[host] == (height + 1, 0, 3) for host in hosts):
            return height
        lab.start(*lab.validators())
        lab.wait_height(height + 2, SLOW_S)
    raise AssertionError(f"nobody precommitted in any of {ATTEMPTS} attempts: {states}")


def patched_by_hand(lab: Lab, host: str, at: int) -> None:
    """Somebody gives a host a program with another result for a block, takes the old result back,
    and removes the log, as the daemon would not get through it."""
    lab.break_app_hash(host, at=at)
    node, machine = lab.node(host), lab.hosts[host]
    machine.sh(f"runuser -u {node.user} -- {node.binary} rollback --home {node.home}")
    shutil.rmtree(machine.path(f"{node.home}/data/cs.wal"))
    lab.start(host)
    wait_for(lambda: lab.world.height(host) == at, SLOW_S)


def panics(lab: Lab, host: str) -> bool:
    """Whether a daemon cannot accept the block that has two thirds of the prevotes."""
    search = f"journalctl -u {lab.unit(host)} -o cat | grep -c '{PANIC}' || true"
    return int(lab.hosts[host].sh(search)) > 0


@full_lab
def test_a_rollback_below_a_block_that_was_precommitted(lab: Lab, operator: Operator) -> None:
    """val2, val3 and val4 precommitted the next block, with real votes; val1 got a patch by hand,
    and its state is another one. The patch lies on the others, too, and a rollback is asked for.
    Refused (G48). Without that guard they are rolled back, come to the patched result, and none of
    them gets through its own log any more: the chain is worse off than before. The program that
    accepts the block brings it back."""
    others = ("val2", "val3", "val4")
    lab.wait_height(6, SLOW_S)
    height = precommitted(lab, *others)
    lab.start(*others)
    vote = height + 1, 0, 3
    wait_for(lambda: {lab.world.sign_state(host) for host in others} == {vote}, SLOW_S)
    patched_by_hand(lab, "val1", height)
    assert set(lab.world.heights(*others).values()) == {height}
    lab.break_app_hash(*others, at=height)
    before = lab.world.daemons()
    voted = {host for host in lab.validators() if lab.world.sign_state(host) == vote}
    assert hindrances(operator) == {("G48", host) for host in voted}
    assert lab.world.daemons() == before
    toothless = Toothless(operator, lab, "G48")
    said = toothless.rescue("INC-001")
    assert said.code == PARTLY, said.document
    assert {host for host in others if panics(lab, host)} == {*others}, said.document
    assert not lab.grows(seconds=10.0, blocks=1)
    lab.heal()
    lab.wait_height(height + 3, SLOW_S)
    assert all(lab.world.evidence(host) == [] for host in lab.validators())


def hindrances(operator: Operator) -> set[tuple[str, str]]:
    """The guards that refuse a rollback of all, each with its host, once all could be read."""
    for _ in range(LOOKS):
        said = operator.plan("INC-001", "--branch", "roll-back-together")
        assert said.code != PLANNED, said.document
        plan = said.result["plan"] if said.result else {"guards": []}
        found = [one for one in plan["guards"] if one["outcome"] != "pass"]
        if found and all(one["outcome"] == "block" for one in found):
            return {(one["id"], one["subject"]) for one in found}
    raise AssertionError(said.document)

"""The checks after a holder of a key was stopped: it is down, and each vote is signed once."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from remediations.engine.verify.result import NotVerified
from remediations.engine.verify.wait import Wait
from remediations.playbooks.chain.checks import test_keys as keys
from remediations.playbooks.chain.checks.fleet import Fleet
from remediations.playbooks.chain.checks.keys import HeldFleet
from remediations.playbooks.chain.checks.planned import PlannedChain
from tests.unit.plan.cases import plan_of
from tests.unit.verify.fakes import FakeNode, FakeReach, recovered
from tests.worlds import duplicated, healthy

COPY, LAST = "standby1", 120
"""The last height that the copy signed."""
Nodes = dict[str, FakeNode]


@dataclass
class Desk:
    """What a check is given, and what it said."""

    nodes: Nodes
    plan: PlannedChain
    saw: list[str] = field(default_factory=list)

    def held(self) -> None:
        """P23."""
        keys.test_held_down(COPY, self.fleet, self.saw.append)

    def once(self) -> None:
        """P24."""
        reach = FakeReach(self.nodes)
        fleet = Fleet(reach, self.plan.targets)
        reading = fleet.read(self.plan.baseline, self.plan.acting)
        wait = Wait("P24", lambda _: None)
        say = self.saw.append
        keys.test_signs_once(reading, fleet, self.fleet, self.plan.baseline, wait, say)

    @property
    def fleet(self) -> HeldFleet:
        return HeldFleet(FakeReach(self.nodes), self.plan)


@pytest.fixture
def desk() -> Desk:
    """The copy of val4's key on the standby was held; val4 goes on."""
    plan = PlannedChain.of(plan_of(duplicated(healthy(), "val4", COPY), "double-sign"))
    assert plan.acting == ()
    nodes = recovered(plan)
    (held,) = plan.held
    nodes[COPY] = FakeNode(target=held, running=False, state=(LAST, 0, 3))
    return Desk(nodes, plan)


def test_both_pass_once_it_is_held(desk: Desk) -> None:
    """Above the last vote of the copy there are three commits with one signature each."""
    desk.held()
    desk.once()
    first, second = desk.saw
    assert first.startswith("down, and held")
    assert second.startswith(f"one signature at most in {LAST + 1}–{LAST + 3} on 5 nodes")


def test_what_runs_again_fails(desk: Desk) -> None:
    """Or is not held any more."""
    desk.nodes[COPY].held = False
    with pytest.raises(AssertionError, match="runs again"):
        desk.held()


def test_evidence_of_before_the_stop_is_told_and_fails_nothing(desk: Desk) -> None:
    """It is in a block after it, and its votes are not."""
    for node in desk.nodes.values():
        node.evidence_at, node.evidence_of = LAST + 2, LAST
    desk.once()
    assert f"evidence of before the stop: in blocks [{LAST + 2}]" in desk.saw[0]


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("another signature", "signed twice after the stop"),
        ("late evidence", "evidence of votes at [121]"),
    ],
)
def test_yet_another_signer_fails(desk: Desk, what: str, says: str) -> None:
    """Two signatures of one vote are two signers, whatever they are for."""
    if what == "another signature":
        desk.nodes["val2"].signature = "BBBB"
    else:
        for node in desk.nodes.values():
            node.evidence_at, node.evidence_of = LAST + 4, LAST + 1
    with pytest.raises(AssertionError) as failed:
        desk.once()
    assert not isinstance(failed.value, NotVerified)
    assert says in str(failed.value)


@pytest.mark.parametrize(("host", "silent"), [(COPY, "sign_state"), ("val2", "commit")])
def test_what_could_not_be_read_is_not_verified(desk: Desk, host: str, silent: str) -> None:
    """Never a default."""
    desk.nodes[host].silent = frozenset({silent})
    with pytest.raises(NotVerified, match=host):
        desk.once()


def test_a_host_that_does_not_answer_is_not_verified(desk: Desk) -> None:
    """Whether it is held is not known then."""
    desk.nodes[COPY].reachable = False
    with pytest.raises(NotVerified):
        desk.held()


def test_a_sign_state_from_above_the_chain_says_nothing(desk: Desk) -> None:
    """It is another chain's: the votes are counted from the height of the plan on."""
    desk.nodes[COPY].state = (9_000, 0, 3)
    desk.once()
    assert "in 117–119" in desk.saw[0]

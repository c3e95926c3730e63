"""Every check passes on a recovered chain, and fails for the one thing that it is there for."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest

from remediations.playbooks.chain.checks import test_chain as chain
from remediations.playbooks.chain.checks import test_nodes as each
from remediations.playbooks.chain.checks.planned import PlannedChain
from remediations.systems.comet.asked import Node
from tests.unit.plan.cases import plan_of, quorum_lost
from tests.unit.verify.fakes import TIP, FakeNode, recovered

Nodes = dict[str, FakeNode]
Break = Callable[[Nodes], None]


def everyone(nodes: Nodes) -> dict[str, Node]:
    return cast("dict[str, Node]", nodes)


def one(nodes: Nodes, host: str = "val1") -> Node:
    return cast("Node", nodes[host])


Check = Callable[[Nodes, PlannedChain, list[str]], None]
CHECKS: dict[str, Check] = {
    "P1": lambda n, p, s: chain.test_blocks_go_on(everyone(n), p, s.append),
    "P2": lambda n, p, s: chain.test_one_app_hash(everyone(n), p, s.append),
    "P3": lambda n, p, s: chain.test_one_block_id(everyone(n), p, s.append),
    "P4": lambda n, p, s: chain.test_chain_continues(everyone(n), p, s.append),
    "P5": lambda n, p, s: chain.test_no_evidence(everyone(n), p, s.append),
    "P7": lambda n, p, s: each.test_signs(one(n), p, s.append),
    "P8": lambda n, p, s: chain.test_signing_power(everyone(n), p, s.append),
    "P9": lambda n, p, s: chain.test_calm_rounds(everyone(n), s.append),
    "P10": lambda n, p, s: each.test_sign_state_never_lower(one(n), p, s.append),
    "P11": lambda n, p, s: each.test_address_kept(one(n), s.append),
    "P12": lambda n, p, s: each.test_follows(one(n), everyone(n), s.append),
    "P13": lambda n, p, s: each.test_peers(one(n, "val2"), p, s.append),
    "P14": lambda n, p, s: each.test_binary(one(n), p, s.append),
    "P15": lambda n, p, s: each.test_journal(one(n), s.append),
    "P17": lambda n, p, s: each.test_ownership(one(n), s.append),
    "I13": lambda n, p, s: each.test_healthy_untouched(everyone(n), p, s.append),
}


def sets(host: str, **fields: object) -> Break:
    """One node has other values."""

    def how(nodes: Nodes) -> None:
        for name, value in fields.items():
            setattr(nodes[host], name, value)

    return how


def all_set(**fields: object) -> Break:
    """All nodes have other values."""

    def how(nodes: Nodes) -> None:
        for host in nodes:
            sets(host, **fields)(nodes)

    return how


def says(host: str, command: str, answer: str) -> Break:
    """One command answers otherwise."""
    return lambda nodes: nodes[host].answers.update({command: answer})


BROKEN: tuple[tuple[str, str, Break], ...] = (
    ("P1", "one node stands", sets("full1", height=117)),
    ("P2", "another state", sets("full1", branch="x")),
    ("P2", "no block since", sets("val3", height=113)),
    ("P3", "another block", sets("val2", branch="x")),
    ("P4", "another past", sets("val2", branch="x")),
    ("P5", "evidence", sets("val4", evidence_at=120)),
    ("P5", "no headers", sets("val4", earliest=200)),
    ("P7", "does not sign", sets("val1", absent=frozenset({"val1"}))),
    ("P7", "no three blocks yet", sets("val1", height=115)),
    ("P8", "two thirds or less sign", all_set(absent=frozenset({"val1"}))),
    ("P9", "two rounds more", all_set(round=2)),
    ("P10", "height is lower", sets("val1", state=(112, 0, 3))),
    ("P10", "step is lower", sets("val1", state=(113, 0, 2))),
    ("P11", "another key", sets("val1", address="F" * 40)),
    ("P11", "lost its power", sets("val1", power=0)),
    ("P12", "catching up", sets("val1", catching_up=True)),
    ("P12", "two blocks behind", sets("val1", height=TIP - 2)),
    ("P12", "the unit is down", sets("val1", running=False)),
    ("P13", "two peers fewer", sets("val2", peer_count=1)),
    ("P14", "another program", says("val1", "sha256sum /proc/400/exe", "b" * 64)),
    ("P15", "it said so", says("val1", "ulimit", "CONSENSUS FAILURE!!!")),
    ("P17", "root wrote there", says("val1", "find", "/var/lib/virtengine/data/x")),
    ("I13", "another process", says("val2", "cat /proc/400/stat", "")),
    (
        "I13",
        "same pid, started anew",
        says("val3", "cat /proc/400/stat", "400 (v) S " + "0 " * 18 + "9001"),
    ),
)


@pytest.fixture(scope="module")
def plan() -> PlannedChain:
    """val1, 40 of 100 power, was started."""
    return PlannedChain.of(plan_of(quorum_lost()))


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A condition that can come true later is looked at once."""
    for module in (chain, each):
        monkeypatch.setattr(module, "until", lambda condition, seconds: condition())


@pytest.mark.parametrize("check", list(CHECKS))
def test_check_passes_on_a_recovered_chain(check: str, plan: PlannedChain) -> None:
    """It passes, and says what was seen."""
    saw: list[str] = []
    CHECKS[check](recovered(plan), plan, saw)
    assert len(saw) == 1
    assert saw[0]


@pytest.mark.parametrize(
    ("check", "how"),
    [pytest.param(c, how, id=f"{c}-{why.replace(' ', '-')}") for c, why, how in BROKEN],
)
def test_check_fails_for_its_reason(check: str, how: Break, plan: PlannedChain) -> None:
    """One thing is wrong, and the check says so."""
    nodes = recovered(plan)
    how(nodes)
    with pytest.raises(AssertionError) as failed:
        CHECKS[check](nodes, plan, [])
    assert str(failed.value).strip()


def test_every_planned_check_exists() -> None:
    """The plan promises exactly the checks that are run, by id and title."""
    marked = {
        (mark.args[0], mark.args[1])
        for module in (chain, each)
        for name, test in vars(module).items()
        if name.startswith("test_")
        for mark in test.pytestmark
        if mark.name == "check"
    }
    promised = plan_of(quorum_lost()).checks
    assert marked == {(check.id, check.title) for check in promised}
    assert set(CHECKS) == {check for check, _ in marked}


def test_every_check_is_shown_to_fail() -> None:
    """No check is without a world in which it fails."""
    assert {check for check, _, _ in BROKEN} == set(CHECKS)

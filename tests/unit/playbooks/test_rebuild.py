"""Who is copied, who gets the copy, and what forbids it."""

from __future__ import annotations

from dataclasses import replace as with_
from types import MappingProxyType

import pytest
from msgspec.structs import replace

from remediations.engine.domain import Branch
from remediations.engine.plan.build import evaluate_guards
from remediations.engine.plan.plan import GuardResult, Outcome, Risk
from remediations.playbooks.chain.baseline import ChainBaseline, ChainNodes, baseline
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.copies import DIFFERS_IN
from remediations.playbooks.chain.domain import DOMAIN
from remediations.playbooks.chain.gates import Advances, Answers, Follows
from remediations.playbooks.chain.halted import PLAYBOOK
from remediations.playbooks.chain.node_down import PLAYBOOK as NODE_DOWN
from remediations.playbooks.chain.rebuild import (
    ADOPT,
    COPY,
    COPY_DATABASES,
    HOLD_FOR_COPY,
    REBUILD,
    RELEASE_COPY,
    REPLACE,
)
from remediations.playbooks.chain.situation import ChainSituation, situation
from remediations.systems.comet.data_copy import DataCopy, PlannedCopy, PlannedReplacement
from remediations.systems.comet.reading import CometReading, HostReading, sealed
from remediations.systems.comet.sign_state import SignState
from remediations.values.reading import Known, Reading
from tests import worlds
from tests.worlds import HEIGHT, healthy

PASS, BLOCK, UNKNOWN = Outcome.PASS, Outcome.BLOCK, Outcome.UNKNOWN
SHA256 = "c" * 64
ALL = ("val1", "val2", "val3", "val4", "full1")
CORRUPT = "panic: leveldb: manifest corrupted (field 'comparer')"
CHAIN = healthy().chain_id


def copy(**changes: object) -> DataCopy:
    """A copy of full1."""
    made = DataCopy(
        sha256=SHA256, chain_id=CHAIN, donor="full1", height=HEIGHT, app_hash="",
        backend="goleveldb", bytes=1000,
    )  # fmt: skip
    return replace(made, **changes)


def keeps(
    world: CometReading, *hosts: str, found: Reading[tuple[DataCopy, ...]] | None = None
) -> CometReading:
    """These hosts keep the copy."""
    told = worlds.known((copy(),)) if found is None else found

    def kept(reading: HostReading) -> HostReading:
        return replace(reading, copies=told)

    for host in hosts:
        world = worlds.change(world, host, kept)
    return world


def corrupt(host: str = "val4") -> CometReading:
    """A node that ends with a damaged database, while blocks go on."""
    return worlds.crash_looping(healthy(), host, CORRUPT)


def chosen(world: CometReading, *only: str, **inputs: str) -> ChainSituation:
    chain = situation(sealed(world), frozenset(only))
    return with_(chain, inputs=MappingProxyType(inputs))


def judged(
    chain: ChainSituation, branch: Branch[ChainSituation]
) -> dict[tuple[str, str], GuardResult]:
    assert branch.fits(chain) is None
    guards = (*DOMAIN.invariants, *branch.invariants)
    results = evaluate_guards(guards, chain, branch.propose(chain))
    return {(one.id, one.subject): one for one in results}


def blocking(chain: ChainSituation, branch: Branch[ChainSituation]) -> set[str]:
    return {one.id for one in judged(chain, branch).values() if one.outcome is not PASS}


def split() -> CometReading:
    """40 | 60, after the newest block."""
    return worlds.split(healthy(), ("val1",), ALL[1:])


def side_of(world: CometReading, host: str) -> str:
    """The app hash of a host's side."""
    finding = situation(sealed(world), frozenset()).finding
    (found,) = (c.app_hash for c in finding.clusters if host in c.hosts)
    return found


def test_both_playbooks_ask_for_it_first() -> None:
    """A choice decides, before what else would fit."""
    assert PLAYBOOK.branches[:3] == (COPY_DATABASES, ADOPT, REBUILD)
    assert NODE_DOWN.branches[:2] == (COPY_DATABASES, REBUILD)


def test_a_donor_is_copied_while_blocks_go_on() -> None:
    """It is stopped and started, and follows; the copy has its height or more, no sure state."""
    chain = chosen(corrupt(), donor="full1")
    proposal = COPY_DATABASES.propose(chain)
    (stage,) = proposal.stages
    assert [(move.action, move.target) for move in stage.moves] == [(COPY, "full1")]
    assert stage.gate.asks.read(Follows).hosts == ("full1",)
    assert proposal.risk is Risk.LOW
    assert blocking(chain, COPY_DATABASES) == set()
    facts = {fact.name: fact.value for fact in COPY.facts(chain, "full1")}
    planned = PlannedCopy.from_data(COPY.data(facts, "full1"))
    assert (planned.chain_id, planned.donor) == (CHAIN, "full1")
    assert planned.height > HEIGHT
    assert (planned.app_hash, planned.backend) == ("", "goleveldb")


def test_a_validator_as_a_donor_keeps_the_quorum() -> None:
    """With 10 of 100 down, 40 more may not be missing."""
    assert "G29" in blocking(chosen(corrupt(), donor="val1"), COPY_DATABASES)
    chain = chosen(corrupt(), donor="val3")
    assert blocking(chain, COPY_DATABASES) == set()
    assert COPY_DATABASES.propose(chain).risk is Risk.MEDIUM


def test_a_donor_in_a_split_has_a_sure_state() -> None:
    """The gate asks that it answers: no block comes of a copy."""
    world = split()
    chain = chosen(world, donor="val2")
    proposal = COPY_DATABASES.propose(chain)
    assert proposal.stages[0].gate.asks.read(Answers).hosts == ("val2",)
    assert {check.id for check in proposal.checks} == {"P10", "P14", "P15", "P17", "I13"}
    assert blocking(chain, COPY_DATABASES) == set()
    facts = {fact.name: fact.value for fact in COPY.facts(chain, "val2")}
    assert PlannedCopy.from_data(COPY.data(facts, "val2")).app_hash == side_of(world, "val2")


@pytest.mark.parametrize(
    "sides",
    [
        (("val1",), ("val2",), ("val3",), ("val4",), ("full1",)),
        (("val1", "val4"), ("val2", "val3", "full1")),
        (("val1",), ALL[1:]),
    ],
    ids=["chance", "halves", "40 of 100"],
)
def test_in_a_split_any_side_may_be_chosen(sides: tuple[tuple[str, ...], ...]) -> None:
    """Where none has more than half, all nodes are called diverged, and one of them has to give."""
    chain = chosen(worlds.split(healthy(), *sides), donor="val1")
    assert blocking(chain, COPY_DATABASES) == set()


def test_a_diverged_node_gives_nothing_while_blocks_go_on() -> None:
    """There the others are right."""
    world = worlds.diverged(healthy(), "val4")
    found = judged(chosen(world, donor="val4"), COPY_DATABASES)["G85", "val4"]
    assert found.outcome is BLOCK


@pytest.mark.parametrize(
    ("donor", "world"),
    [("val4", corrupt()), ("val2", worlds.behind(healthy(), "val2"))],
)
def test_a_donor_that_is_ill_is_refused(donor: str, world: CometReading) -> None:
    """With the name of one that is not."""
    found = judged(chosen(world, donor=donor), COPY_DATABASES)["G85", donor]
    assert found.outcome is BLOCK
    assert "`--donor full1`" in found.next_step


def test_no_donor_or_no_copy_is_no_plan() -> None:
    """The reason says what is missing."""
    world = corrupt()
    assert "no donor was chosen" in str(COPY_DATABASES.fits(chosen(world)))
    assert "has no node" in str(COPY_DATABASES.fits(chosen(world, donor="nobody")))
    assert "no copy was chosen" in str(REBUILD.fits(chosen(world)))
    assert "no host keeps a copy" in str(REBUILD.fits(chosen(world, data=SHA256)))
    well = keeps(healthy(), "val4")
    assert "no node is ill" in str(REBUILD.fits(chosen(well, data=SHA256)))
    assert "not app-hash-split" in str(ADOPT.fits(chosen(well, data=SHA256)))


def test_a_node_is_rebuilt_while_blocks_go_on() -> None:
    """Held, replaced, let go; it follows. The bytes say what the copy says of itself."""
    chain = chosen(keeps(corrupt(), "full1", "val4"), data=SHA256)
    proposal = REBUILD.propose(chain)
    assert [move.action for move in proposal.moves] == [HOLD_FOR_COPY, REPLACE, RELEASE_COPY]
    assert {move.target for move in proposal.moves} == {"val4"}
    assert proposal.stages[2].gate.asks.read(Follows).hosts == ("val4",)
    assert blocking(chain, REBUILD) == set()
    facts = {fact.name: fact.value for fact in REPLACE.facts(chain, "val4")}
    planned = PlannedReplacement.from_data(REPLACE.data(facts, "val4"))
    assert (planned.sha256, planned.donor, planned.bytes) == (SHA256, "full1", 1000)
    assert (planned.node.stands_at, planned.node.copy) == (0, SHA256)


def test_a_missing_validator_is_rebuilt_in_a_halt() -> None:
    """The gate is a block above."""
    world = worlds.sign_state(corrupt("val1"), "val1", HEIGHT)
    assert blocking(chosen(world, donor="full1"), COPY_DATABASES) == set()
    chain = chosen(keeps(world, "full1", "val1"), data=SHA256)
    assert REBUILD.propose(chain).stages[2].gate.asks.read(Advances).height == HEIGHT
    assert blocking(chain, REBUILD) == set()


@pytest.mark.parametrize(
    ("found", "guard", "outcome"),
    [
        (worlds.known((copy(sha256="d" * 64),)), "G87", BLOCK),
        (worlds.unknown("permission denied"), "G87", UNKNOWN),
        (worlds.known((copy(chain_id="other-1"),)), "G88", BLOCK),
        (worlds.known((copy(backend="pebbledb"),)), "G88", BLOCK),
        (worlds.known((copy(height=HEIGHT + 1000),)), "G88", BLOCK),
        (worlds.known((copy(height=HEIGHT - 100),)), "G88", PASS),
    ],
)
def test_a_copy_that_does_not_fit_is_refused(
    found: Reading[tuple[DataCopy, ...]], guard: str, outcome: Outcome
) -> None:
    """By the host that would get it."""
    world = keeps(keeps(corrupt(), "full1"), "val4", found=found)
    result = judged(chosen(world, data=SHA256), REBUILD)[guard, "val4"]
    assert result.outcome is outcome
    assert result.next_step


def test_a_validator_without_its_sign_state_is_not_started() -> None:
    """Other databases do not change what a start needs."""
    world = worlds.sign_state_missing(corrupt(), "val4")
    chain = chosen(keeps(world, "full1", "val4"), "val4", data=SHA256)
    assert chain.finding.node("val4").condition is NodeCondition.SIGN_STATE_LOST
    assert "no node is ill" in str(REBUILD.fits(chain))


def test_a_node_with_another_trouble_has_to_be_named() -> None:
    """Somebody judged that its databases are the cause."""
    world = keeps(worlds.stopped(healthy(), "val4"), "full1", "val4")
    assert REBUILD.fits(chosen(world, data=SHA256)) is not None
    assert REBUILD.fits(chosen(world, "val4", data=SHA256)) is None
    assert REBUILD.fits(chosen(world, "val3", data=SHA256)) is not None


def adopting(world: CometReading, state: str, *only: str, height: int = HEIGHT) -> ChainSituation:
    told = worlds.known((copy(donor="val2", app_hash=state, height=height),))
    return chosen(keeps(world, *ALL, found=told), *only, data=SHA256)


@pytest.mark.parametrize(
    "sides",
    [tuple((host,) for host in ALL), (("val1",), ALL[1:])],
    ids=["chance", "40 of 100"],
)
def test_who_stands_on_the_chosen_side_is_looked_at(sides: tuple[tuple[str, ...], ...]) -> None:
    """The gate waits for its blocks, too, so a look has to show them; its process stays."""
    world = worlds.split(healthy(), *sides)
    chain = adopting(world, side_of(world, "val1"))
    proposal = ADOPT.propose(chain)
    assert "val1" not in proposal.targets
    first, second = baseline(chain, proposal)
    stood, nodes = first.read(ChainBaseline), second.read(ChainNodes)
    asked = proposal.stages[-1].gate.asks.read(Advances).hosts
    assert "val1" in asked
    assert set(asked) <= {node.host for node in nodes.nodes}
    assert {one.host for one in stood.untouched} == {"val1"}


def test_the_others_adopt_the_side_of_the_donor() -> None:
    """Those with another state, and nobody else."""
    world = split()
    chain = adopting(world, side_of(world, "val2"))
    assert REBUILD.fits(chain) is not None
    assert {move.target for move in ADOPT.propose(chain).moves} == {"val1"}
    assert blocking(chain, ADOPT) == set()
    facts = {fact.name: fact.value for fact in REPLACE.facts(chain, "val1")}
    assert PlannedReplacement.from_data(REPLACE.data(facts, "val1")).node.stands_at == HEIGHT
    other = adopting(world, side_of(world, "val1"))
    assert {move.target for move in ADOPT.propose(other).moves} == set(ALL) - {"val1"}
    assert blocking(other, ADOPT) == set()


def test_a_large_copy_says_how_long_it_takes() -> None:
    """By an assumption that is told as one; of a small one nothing is said."""
    world = split()
    told = worlds.known((copy(donor="val2", app_hash=side_of(world, "val2"), bytes=100 << 30),))
    chain = chosen(keeps(world, *ALL, found=told), data=SHA256)
    said = " ".join(ADOPT.propose(chain).warnings)
    assert "the copy has 100 GiB" in said
    assert "on a disk of 200 MB/s (an assumption" in said
    small = " ".join(ADOPT.propose(adopting(world, side_of(world, "val2"))).warnings)
    assert "GiB" not in small


def test_what_the_donor_took_for_its_copy_is_what_others_are_told() -> None:
    """Only the host where the copy was made knows it."""
    world = split()
    brought = copy(donor="val2", app_hash=side_of(world, "val2"), bytes=100 << 30)
    world = keeps(world, *ALL, found=worlds.known((brought,)))
    made = replace(brought, took_s=4000)
    world = keeps(world, "val2", found=worlds.known((made,)))
    said = " ".join(ADOPT.propose(chosen(world, data=SHA256)).warnings)
    assert "1 h 6 min" in said
    assert "like that of val2, which took so long for the same (81 MB/s, measured)" in said
    assert "assumption" not in said


def with_transactions(world: CometReading, number: int | None) -> CometReading:
    """So many are in every block, as all nodes tell."""

    def count(reading: HostReading) -> HostReading:
        blocks = reading.chain.blocks
        if not isinstance(blocks, Known):
            return reading
        told = tuple(replace(block, transactions=number) for block in blocks.value)
        return replace(reading, chain=replace(reading.chain, blocks=worlds.known(told)))

    return replace(world, hosts=tuple(map(count, world.hosts)))


@pytest.mark.parametrize(("number", "says"), [(3, "has 3 trans"), (None, "has an unknown number")])
def test_what_is_lost_with_a_side_is_told(number: int | None, says: str) -> None:
    """How many transactions are in the block, and the store in which the states differ, where a
    rehearsal found it."""
    world = with_transactions(split(), number)
    chain = adopting(world, side_of(world, "val2"))
    told = " ".join(ADOPT.propose(chain).warnings)
    assert f"block {HEIGHT} {says}" in told
    assert "is not known: --rehearse" in told
    found = with_(chain, inputs={**chain.inputs, DIFFERS_IN: "faults"})
    assert "the first store in which the states differ is faults" in " ".join(
        ADOPT.propose(found).warnings
    )


def test_a_side_has_to_be_enough_and_its_state_sure() -> None:
    """Two thirds or less make no block; a copy of another height has another state."""
    world = split()
    assert blocking(adopting(world, side_of(world, "val1"), "val4"), ADOPT) == {"G90"}
    found = judged(adopting(world, side_of(world, "val2"), height=HEIGHT - 1), ADOPT)["G90", ""]
    assert found.outcome is BLOCK
    assert "40: val1" in found.expected
    assert judged(adopting(world, ""), ADOPT)["G90", ""].outcome is BLOCK


def test_who_precommitted_a_later_block_changes_no_side() -> None:
    """Its vote was given to the state that it would give up."""
    state = SignState(height=HEIGHT + 1, round=7, step=3, block="AB" * 32)
    world = worlds.change(
        split(), "val1", lambda reading: replace(reading, sign_state=worlds.known(state))
    )
    chain = adopting(world, side_of(world, "val2"))
    assert "G48" in blocking(chain, ADOPT)

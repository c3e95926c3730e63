"""INC-001 with a chosen program: whom it acts on, what it compares, and what refuses it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace as with_
from types import MappingProxyType

import pytest
from msgspec.structs import replace

from remediations.engine.domain import Branch
from remediations.engine.plan.build import evaluate_guards
from remediations.engine.plan.plan import GuardResult, Outcome
from remediations.playbooks.chain.actions import INSTALL
from remediations.playbooks.chain.baseline import ChainBaseline, baseline
from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.domain import DOMAIN
from remediations.playbooks.chain.gates import Advances
from remediations.playbooks.chain.guards.former import new_has_not_acted
from remediations.playbooks.chain.guards.table import INSTALL_GUARDS, START_GUARDS
from remediations.playbooks.chain.halted import PLAYBOOK
from remediations.playbooks.chain.node_down import PLAYBOOK as NODE_DOWN
from remediations.playbooks.chain.program import INPUT
from remediations.playbooks.chain.situation import ChainSituation, situation
from remediations.systems.comet.former_program import PlannedFormer
from remediations.systems.comet.install import PlannedInstall
from remediations.systems.comet.reading import CometReading, HostReading, sealed
from remediations.systems.comet.values import AppInfo
from remediations.systems.hosts.values import Binary, RecordRoom
from remediations.values.reading import Known
from tests import worlds
from tests.unit.plan.cases import missing

PASS, BLOCK, UNKNOWN = Outcome.PASS, Outcome.BLOCK, Outcome.UNKNOWN
NEW = "e" * 64
ALL = ("val1", "val2", "val3", "val4", "full1")
UPGRADE = 'UPGRADE "v2" NEEDED at height: 114: {}'
NOT_READ = worlds.unknown("permission denied")
Change = Callable[[HostReading], HostReading]


def binary(**fields: str) -> Change:
    """Other fields of the program that was read."""

    def change(reading: HostReading) -> HostReading:
        assert isinstance(reading.binary, Known)
        found: Binary = replace(reading.binary.value, **fields)
        return replace(reading, binary=worlds.known(found))

    return change


def brought(*programs: str) -> Change:
    """Files that the host keeps."""

    def change(reading: HostReading) -> HostReading:
        assert isinstance(reading.records, Known)
        room: RecordRoom = replace(reading.records.value, staged=programs)
        return replace(reading, records=worlds.known(room))

    return change


def everywhere(world: CometReading, change: Change, *hosts: str) -> CometReading:
    for host in hosts or ALL:
        world = worlds.change(world, host, change)
    return world


def panicked(*hosts: str, line: str = "") -> CometReading:
    """These fail at one block; the new program was brought to all."""
    world = worlds.panicked(worlds.healthy(), *(hosts or ALL), lines=(line,) if line else ())
    return everywhere(world, brought(NEW))


def chosen(world: CometReading, program: str = NEW, *only: str) -> ChainSituation:
    """What there is, with the choice of a program."""
    chain = situation(sealed(world), frozenset(only))
    return with_(chain, inputs=MappingProxyType({"program": program} if program else {}))


def branch(chain: ChainSituation) -> Branch[ChainSituation]:
    """The one branch that fits."""
    (found,) = (one for one in PLAYBOOK.branches if one.fits(chain) is None)
    return found


def judged(chain: ChainSituation) -> dict[tuple[str, str], GuardResult]:
    """All guards, by id and subject."""
    fitting = branch(chain)
    guards = (*DOMAIN.invariants, *fitting.invariants)
    results = evaluate_guards(guards, chain, fitting.propose(chain))
    return {(one.id, one.subject): one for one in results}


def blocking(chain: ChainSituation) -> set[str]:
    return {one.id for one in judged(chain).values() if one.outcome is not PASS}


@pytest.mark.parametrize(
    ("line", "chain_class", "name"),
    [
        ("", ChainClass.DETERMINISTIC_PANIC, "install-past-panic"),
        (UPGRADE, ChainClass.UPGRADE_NEEDED, "install-upgrade"),
    ],
)
def test_all_that_fail_get_it_together(line: str, chain_class: ChainClass, name: str) -> None:
    """One stage, the full node with them; the gate is a block above, on those with power."""
    chain = chosen(panicked(line=line))
    assert chain.finding.chain is chain_class
    fitting = branch(chain)
    assert fitting.name == name
    proposal = fitting.propose(chain)
    (stage,) = proposal.stages
    assert {move.target for move in stage.moves} == set(ALL)
    assert {move.action for move in stage.moves} == {INSTALL}
    assert stage.gate.asks.read(Advances).hosts == ("val1", "val2", "val3", "val4")
    assert stage.gate.asks.read(Advances).height == chain.finding.height
    assert ("v2" in proposal.title) == bool(line)
    handler = [one for one in proposal.warnings if "handler for this upgrade is not known" in one]
    assert bool(handler) == bool(line)
    assert blocking(chain) == set()


def test_without_a_program_it_says_how_to_choose_one() -> None:
    """It is the right branch but for the choice."""
    chain = chosen(panicked(), "")
    reasons = [one.fits(chain) for one in PLAYBOOK.branches]
    assert "no program was chosen (--program SHA256)" in reasons
    assert None not in reasons
    assert "remediate stage FILE" in chain.finding.next_step


def test_a_validator_that_is_down_otherwise_gets_it_too() -> None:
    """It would start with the program that fails; a full node that was stopped is not needed."""
    world = missing(worlds.healthy(), "val4", "full1")
    world = worlds.panicked(world, "val1", "val2", "val3")
    chain = chosen(everywhere(world, brought(NEW)))
    assert set(branch(chain).propose(chain).targets) == {"val1", "val2", "val3", "val4"}


def test_only_named_hosts_are_acted_on() -> None:
    """And then they have to be enough."""
    chain = chosen(panicked(), NEW, "val1", "val2")
    assert set(branch(chain).propose(chain).targets) == {"val1", "val2"}
    assert judged(chain)["G64", ""].outcome is PASS
    few = chosen(panicked(), NEW, "val1")
    assert judged(few)["G64", ""].outcome is BLOCK
    assert "val2" in judged(few)["G64", ""].got


@pytest.mark.parametrize(
    ("guard", "outcome", "change"),
    [
        ("G61", BLOCK, brought("a" * 64)),
        ("G61", UNKNOWN, lambda reading: replace(reading, records=NOT_READ)),
        ("G61", PASS, lambda reading: binary(sha256=NEW)(brought()(reading))),
        ("G62", BLOCK, binary(running_sha256=NEW)),
        ("G62", BLOCK, binary(running_sha256="", sha256=NEW)),
        ("G62", PASS, binary(sha256=NEW)),
        ("G62", UNKNOWN, lambda reading: replace(reading, binary=NOT_READ)),
        ("G63", BLOCK, binary(path="/var/lib/ve/cosmovisor/genesis/bin/virtengined")),
        ("G63", UNKNOWN, lambda reading: replace(reading, binary=NOT_READ)),
    ],
)
def test_guard_on_a_host(guard: str, outcome: Outcome, change: Change) -> None:
    """One change of the host gives this outcome, with what was got and what to do."""
    result = judged(chosen(worlds.change(panicked(), "val2", change)))[guard, "val2"]
    assert result.outcome is outcome
    assert result.got
    assert result.expected
    assert result.next_step or outcome is PASS


def test_what_another_program_does_not_cure_is_refused() -> None:
    """Whatever the proposal says."""
    chain = chosen(panicked())
    fitting = branch(chain)
    nodes = tuple(
        replace(node, condition=NodeCondition.DISK_FULL) if node.host == "val2" else node
        for node in chain.finding.nodes
    )
    proposal = fitting.propose(chain)
    other = with_(chain, finding=replace(chain.finding, nodes=nodes))
    results = evaluate_guards((), other, proposal)
    (result,) = (one for one in results if (one.id, one.subject) == ("G60", "val2"))
    assert result.outcome is BLOCK


def test_nothing_that_keeps_a_start_safe_is_left_out() -> None:
    """But that the others run the same program, and that a start alone is the cure."""
    assert len(INSTALL_GUARDS) == len(START_GUARDS) + 3
    chain = chosen(panicked())
    asked = {one.id for one in judged(chain).values() if one.subject == "val1"}
    assert {"G45", "G20", "G26", "G24", "G25", "N3", "G28", "G17", "N2", "G37", "G4"} <= asked
    assert not {"G8", "N1"} & asked


def test_a_node_that_runs_it_already_counts() -> None:
    """It is not acted on, and its power is among the two thirds."""
    world = worlds.change(panicked("val1", "val2", "val4"), "val3", binary(running_sha256=NEW))
    chain = chosen(world)
    result = judged(chain)["G64", ""]
    runs = 20 if "val3" in chain.voting else 0
    assert f"80 get it, {runs} run it" in result.got


def test_the_bytes_follow_from_facts_alone() -> None:
    """What is put where, what it replaces, and whose process is ended."""
    chain = chosen(panicked())
    facts = {fact.name: fact.value for fact in INSTALL.facts(chain, "val2")}
    planned = PlannedInstall.from_data(INSTALL.data(facts, "val2"))
    reading = chain.observation.host("val2")
    assert isinstance(reading.binary, Known)
    assert isinstance(reading.unit, Known)
    assert planned.program.sha256 == NEW
    assert planned.program.replaces == reading.binary.value.sha256
    assert planned.program.path == reading.binary.value.path
    assert planned.node.invocation == reading.unit.value.invocation


def test_the_way_back_is_made_of_the_same_facts() -> None:
    """The former program in the place of the new one; up to the block at which they fail."""
    chain = chosen(panicked())
    facts = {fact.name: fact.value for fact in INSTALL.facts(chain, "val2")}
    back = INSTALL.undone_by
    assert back is not None
    former = PlannedFormer.from_data(back.data(facts, "val2"))
    there = PlannedInstall.from_data(INSTALL.data(facts, "val2"))
    assert former.install.program.path == there.program.path
    assert former.install.program.sha256 == there.program.replaces
    assert former.install.program.replaces == NEW
    assert former.install.node.stands_at == chain.finding.height
    assert former.install.node.invocation == ""


def acted(chain: ChainSituation, host: str = "val2") -> GuardResult:
    """G100 of a node whose install is to be taken back."""
    return new_has_not_acted(chain, chain.observation.host(host))


def test_the_new_program_has_not_acted() -> None:
    """It fails there as well; or its application is below the newest block."""
    assert acted(chosen(panicked())).outcome is PASS
    below = worlds.change(worlds.healthy(), "val2", app_at(worlds.HEIGHT - 1))
    assert acted(chosen(below)).outcome is PASS


def test_a_program_that_executed_the_block_stays() -> None:
    """What it made is the state of the node now."""
    result = acted(chosen(worlds.healthy()))
    assert result.outcome is BLOCK
    assert "its application is at 116, its newest block is 116" in result.got


def test_a_node_that_does_not_tell_how_far_it_is() -> None:
    """It was stopped meanwhile."""
    result = acted(chosen(worlds.stopped(worlds.healthy(), "val2")))
    assert result.outcome is UNKNOWN
    assert result.next_step == "start val2, then `remediate undo` again"


def app_at(height: int) -> Change:
    """An application that is at this height."""

    def change(reading: HostReading) -> HostReading:
        app = worlds.known(AppInfo(height=height, app_hash="AB" * 32))
        samples = tuple(replace(one, app=app) for one in reading.samples)
        return replace(reading, samples=samples)

    return change


def test_the_checks_compare_with_the_chosen_program() -> None:
    """On the hosts that get it; the others keep theirs."""
    chain = chosen(panicked("val1", "val2", "val3"))
    parts = baseline(chain, branch(chain).propose(chain))
    stood = parts[0].read(ChainBaseline)
    reading = chain.observation.host("val4").binary
    assert isinstance(reading, Known)
    assert stood.program_of("val1") == NEW
    assert stood.program_of("val4") == reading.value.sha256
    assert stood.program_of("nobody") is None


def behind(line: str = UPGRADE) -> CometReading:
    """Blocks go on with the new program; val4 and full1 have the old one, and fail."""
    world = everywhere(worlds.healthy(), binary(sha256=NEW, running_sha256=NEW))
    world = everywhere(world, binary(sha256="a" * 64, running_sha256="a" * 64), "val4", "full1")
    for host in ("val4", "full1"):
        world = worlds.logged(worlds.stopped(world, host), host, line)
    return everywhere(world, brought(NEW))


def test_a_node_without_the_program_of_the_others_gets_it() -> None:
    """One at a time while blocks go on, and only that program."""
    chain = chosen(behind())
    assert chain.finding.chain is ChainClass.DEGRADED
    (fitting,) = (one for one in NODE_DOWN.branches if one.fits(chain) is None)
    proposal = fitting.propose(chain)
    assert [[move.target for move in stage.moves] for stage in proposal.stages] == [
        ["full1"],
        ["val4"],
    ]
    assert all(move.action is INSTALL for move in proposal.moves)
    guards = (*DOMAIN.invariants, *fitting.invariants)
    results = evaluate_guards(guards, chain, proposal)
    assert [one.id for one in results if one.outcome is not PASS] == []
    other = evaluate_guards(guards, chosen(behind(), "a" * 64), proposal)
    assert {one.id for one in other if one.outcome is not PASS} == {"G62", "G65"}


def test_programs_that_were_not_read_are_not_other_programs() -> None:
    """With val1's unread it may be the one that more than two thirds run, or not."""
    world = worlds.change(behind(), "val1", lambda one: replace(one, binary=NOT_READ))
    chain = chosen(world)
    (fitting,) = (one for one in NODE_DOWN.branches if one.fits(chain) is None)
    (guard,) = fitting.invariants
    result = guard(chain, fitting.propose(chain))
    assert result is not None
    assert result.outcome is UNKNOWN
    assert "of 40 the program was not read" in result.got


def test_in_a_halt_nobody_gets_it_alone() -> None:
    """That is for more than two thirds, together; and without a choice there is no branch."""
    halted, unchosen = chosen(panicked()), chosen(behind(), "")
    assert all(one.fits(halted) is not None for one in NODE_DOWN.branches)
    assert all(one.fits(unchosen) is not None for one in NODE_DOWN.branches)


@pytest.mark.parametrize("text", [NEW, NEW.upper(), f"sha256:{NEW}", f" {NEW}\n"])
def test_a_choice_has_one_form(text: str) -> None:
    """As the tools that print hashes write them."""
    assert INPUT.parse(text) == NEW


@pytest.mark.parametrize("text", ["", "e" * 63, "e" * 65, "g" * 64, "v2", f"{NEW};reboot"])
def test_what_is_not_a_hash_cannot_be_chosen(text: str) -> None:
    """A name or a version does not say which bytes."""
    with pytest.raises(ValueError, match="64 hex digits"):
        INPUT.parse(text)


def test_a_guard_that_passes_says_the_same_in_another_look() -> None:
    """A node in the middle of an end is a zombie in one look and panicked in the next: both are
    down, and a plan that was approved in between holds."""
    chain = chosen(panicked())
    nodes = tuple(
        replace(node, condition=NodeCondition.ZOMBIE, by_hand="", cause="consensus has ended")
        for node in chain.finding.nodes
    )
    other = with_(chain, finding=replace(chain.finding, nodes=nodes))
    proposal = branch(chain).propose(chain)

    def told(seen: ChainSituation) -> list[tuple[object, ...]]:
        whole = (*DOMAIN.invariants, *branch(chain).invariants)
        guards = evaluate_guards(whole, seen, proposal)
        return [(g.id, g.subject, g.outcome, g.next_step, g.facts) for g in guards]

    assert told(other) == told(chain)
    for host in ALL:
        now = {fact.name: fact.value for fact in INSTALL.facts(other, host)}
        assert now == {fact.name: fact.value for fact in INSTALL.facts(chain, host)}

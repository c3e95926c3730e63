"""A node whose disk is full: what takes the room, what goes, and what is refused."""

from __future__ import annotations

import dataclasses

import pytest
from msgspec.structs import replace

from remediations.engine.plan.plan import GuardResult, Outcome, Risk
from remediations.errors import Refused
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.copies import CURED_BY_COPY
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.playbooks.chain.diagnose.room import NEED_COPIES, room_plan, size_words
from remediations.playbooks.chain.finding import Frees
from remediations.playbooks.chain.free_space import FREE, RESTART_FREED, START_FREED
from remediations.playbooks.chain.gates import Advances, Follows
from remediations.playbooks.chain.situation import situation_of
from remediations.systems.comet.reading import CometReading, HostReading
from remediations.systems.comet.room import JOURNAL_KEPT, Journal, RoomKind
from remediations.values.reading import Known
from tests import worlds
from tests.unit.plan.cases import Case, case_of
from tests.worlds import healthy
from tests.worlds.base import unit_of
from tests.worlds.room import ASIDE, COPY, CORE, SNAPSHOTS, STORE, room_read, use_of

CORE_DUMP = use_of(RoomKind.CORE, 300)
BIG_CORE = use_of(RoomKind.CORE, 900)


def full(*uses: object, host: str = "val4", **options: object) -> CometReading:
    """`host` died of a full disk; this takes the room."""
    return room_read(worlds.disk_full(healthy(), host), host, *uses, **options)  # type: ignore[arg-type]


def judged(case: Case, *guards: str) -> dict[str, GuardResult]:
    return {one.id: one for one in case.judge() if one.id in guards and one.subject}


def test_the_diagnosis_says_what_takes_the_room_and_what_to_type() -> None:
    finding = diagnose(full(BIG_CORE))
    node = finding.node("val4")
    assert node.condition is NodeCondition.DISK_FULL
    assert "of 10.0 GiB: other files there 9.0 GiB, core.400 (core dump) 900 MiB" in node.cause
    assert "application.db 40 MiB" in node.cause
    assert node.frees is Frees.ENOUGH
    assert finding.next_step == "remediate plan node-down"


def test_room_is_made_and_the_node_restarted() -> None:
    """While blocks go on: one stage for the node, the room before the restart."""
    case = case_of(full(BIG_CORE), "node-down")
    assert case.branch.name == "free-space"
    (stage,) = case.proposal.stages
    assert [move.action for move in stage.moves] == [FREE, RESTART_FREED]
    assert stage.gate.asks.read(Follows).hosts == ("val4",)
    assert case.proposal.risk is Risk.MEDIUM
    assert "P25" in {check.id for check in case.proposal.checks}
    assert {one.outcome for one in case.judge()} == {Outcome.PASS}
    found = judged(case, "G92")["G92"]
    assert found.got.startswith("0 KiB free now, 900 MiB to be freed, 900 MiB and ")
    facts = {fact.name: fact.value for fact in FREE.facts(case.chain, "val4")}
    data = FREE.data(facts, "val4")
    assert data["remove"] == f'["core {CORE} 7 9 {900 << 20} 1"]'
    assert data["journal"] == 0


def test_the_room_is_made_before_the_start() -> None:
    """N5: a start that counts on room passes guards which would block any other."""
    case = case_of(full(BIG_CORE), "node-down")
    (found,) = [one for one in case.judge() if one.id == "N5"]
    assert (found.outcome, found.got) == (Outcome.PASS, "1 of 1")
    (stage,) = case.proposal.stages
    turned = dataclasses.replace(stage, moves=tuple(reversed(stage.moves)))
    proposal = dataclasses.replace(case.proposal, stages=(turned,))
    (early,) = [g for g in dataclasses.replace(case, proposal=proposal).judge() if g.id == "N5"]
    assert early.outcome is Outcome.BLOCK


def test_a_unit_that_is_down_is_started() -> None:
    world = room_read(worlds.stopped(healthy(), "val4"), "val4", BIG_CORE)
    world = worlds.change(world, "val4", _no_room)
    case = case_of(world, "node-down")
    assert [move.action for move in case.proposal.moves] == [FREE, START_FREED]
    assert {one.outcome for one in case.judge()} == {Outcome.PASS}


def _no_room(reading: HostReading) -> HostReading:
    assert isinstance(reading.disk, Known)
    return replace(reading, disk=worlds.known(replace(reading.disk.value, available=0)))


def test_in_a_halt_all_that_is_missing_comes_back_together() -> None:
    """val1 (40 of 100) died of its disk, val4 was stopped; those that run are not touched."""
    world = worlds.disk_full(worlds.stopped(healthy(), "val4"), "val1")
    world = worlds.sign_state(room_read(world, "val1", BIG_CORE), "val4", worlds.HEIGHT)
    assert diagnose(world).next_step == "remediate plan INC-001"
    case = case_of(world)
    assert case.branch.name == "free-space"
    (stage,) = case.proposal.stages
    assert [(move.action.name, move.target) for move in stage.moves] == [
        ("node.free", "val1"),
        ("node.restart.freed", "val1"),
        ("node.start", "val4"),
    ]
    assert stage.gate.asks.read(Advances).hosts == ("val1", "val2", "val3", "val4")
    assert case.proposal.risk is Risk.HIGH
    assert {one.outcome for one in case.judge()} == {Outcome.PASS}


def test_the_least_goes_and_what_is_missed_least_first() -> None:
    """The journal, then core dumps, copies, snapshots, databases set aside; enough is enough."""
    journal = Journal(bytes=JOURNAL_KEPT + (400 << 20), archived=1 << 40, here=True)
    uses = [use_of(kind, 200) for kind in (RoomKind.ASIDE, RoomKind.SNAPSHOTS, RoomKind.COPY)]
    world = full(*uses, CORE_DUMP, journal=journal)
    found = room_plan(world.host("val4"), copies_for="")
    assert found is not None
    assert found.journal == 400 << 20
    assert [use.path for use in found.items] == [CORE]
    more = room_plan(full(*uses, CORE_DUMP).host("val4"), copies_for="")
    assert more is not None
    assert [use.path for use in more.items] == [CORE, COPY, SNAPSHOTS]
    assert ASIDE not in [use.path for use in more.items]


def test_what_lies_elsewhere_does_not_count() -> None:
    """It makes no room for the data."""
    world = full(use_of(RoomKind.COPY, 900, here=False), use_of(RoomKind.OTHER, 900))
    with pytest.raises(Refused) as refused:
        case_of(world, "node-down")
    assert "nothing there is of a kind that may be removed" in refused.value.got


def test_snapshots_that_others_may_sync_from_stay() -> None:
    """And those of a node whose settings were not read."""
    snapshots = use_of(RoomKind.SNAPSHOTS, 900)
    serves = full(snapshots, CORE_DUMP, store=replace(STORE, snapshot_interval=1000))
    case = case_of(serves, "node-down")
    guard = judged(case, "G93")["G93"]
    assert guard.outcome is Outcome.PASS
    assert "snapshots (900 MiB): others may sync from it (snapshot-interval = 1000)" in guard.got
    unread = room_plan(full(snapshots, store=None).host("val4"), copies_for="")
    assert unread is not None
    assert unread.nothing
    assert "its app.toml was not read" in unread.kept[0]


def test_copies_stay_while_a_node_may_need_one() -> None:
    """val2 is to be rebuilt: whoever made the copy made it for val2."""
    world = full(use_of(RoomKind.COPY, 900), CORE_DUMP)
    copies = room_plan(world.host("val4"), copies_for="val2")
    assert copies is not None
    assert [use.path for use in copies.items] == [CORE]
    assert "val2 may need it" in copies.kept[0]
    assert set(CURED_BY_COPY) | {NodeCondition.HELD} == NEED_COPIES


def test_too_little_is_refused_with_bytes_and_what_stays() -> None:
    """G92; the diagnosis does not send anybody to a plan that would be refused."""
    world = full(use_of(RoomKind.CORE, 100), use_of(RoomKind.OTHER, 5000))
    finding = diagnose(world)
    assert finding.node("val4").frees is Frees.TOO_LITTLE
    assert finding.next_step != "remediate plan node-down"
    found = judged(case_of(world, "node-down"), "G91", "G92")
    assert found["G91"].outcome is Outcome.PASS
    assert found["G92"].outcome is Outcome.BLOCK
    assert "100 MiB to be freed, 100 MiB" in found["G92"].got
    assert "/backup.tar 4.8 GiB" in found["G92"].next_step


def test_nobody_is_asked_to_decide_about_what_the_node_needs() -> None:
    """A sign state is a file of the data directory, too: it is never named for removal."""
    state = replace(use_of(RoomKind.OTHER, 9), kind=RoomKind.NEEDED, path="/h/data/priv_x.json")
    node = diagnose(full(use_of(RoomKind.OTHER, 5000), state)).node("val4")
    assert "/backup.tar 4.8 GiB" in node.by_hand
    assert "priv_x" not in node.by_hand


def _outcomes(world: CometReading, host: str) -> dict[str, Outcome]:
    chain = situation_of(world, frozenset())
    return {one.id: one.outcome for one in (guard(chain, host) for guard in FREE.guards)}


def test_what_was_not_read_is_unknown() -> None:
    """G91, G92 and G93: the plain deploy finds nothing to remove."""
    found = _outcomes(worlds.disk_full(healthy(), "val4"), "val4")
    assert {found[guard] for guard in ("G91", "G92", "G93")} == {Outcome.UNKNOWN}
    nothing = _outcomes(full(), "val4")
    assert (nothing["G91"], nothing["G92"]) == (Outcome.BLOCK, Outcome.BLOCK)


def test_a_node_that_a_run_holds_is_left_alone() -> None:
    """G93: what was set aside may be needed to go on."""
    world = worlds.change(full(BIG_CORE), "val4", lambda r: replace(r, unit=unit_of(r, held=True)))
    assert _outcomes(world, "val4")["G93"] is Outcome.BLOCK
    assert _outcomes(full(BIG_CORE), "val4")["G93"] is Outcome.PASS


def test_a_node_whose_consensus_may_be_alive_is_not_restarted() -> None:
    """In a halt it may hold the round and its votes: nothing shows that it died."""
    world = worlds.stopped(healthy(), "val1")
    world = worlds.change(room_read(world, "val2", BIG_CORE), "val2", _no_room)
    assert diagnose(world).node("val2").frees is Frees.NOTHING
    with pytest.raises(Refused) as refused:
        case_of(world, branch="free-space")
    assert "nothing shows that its consensus has ended" in refused.value.got


def test_a_file_system_that_is_read_only_is_not_full() -> None:
    world = worlds.change(full(BIG_CORE), "val4", _read_only)
    with pytest.raises(Refused) as refused:
        case_of(world, "node-down", branch="free-space")
    assert "mounted read-only" in refused.value.got


def _read_only(reading: HostReading) -> HostReading:
    assert isinstance(reading.disk, Known)
    return replace(reading, disk=worlds.known(replace(reading.disk.value, writable=False)))


def test_sizes_are_rounded_down() -> None:
    assert [size_words(n) for n in (0, 2047, 3 << 20, (3 << 30) - 1)] == [
        "0 KiB",
        "1 KiB",
        "3 MiB",
        "2.9 GiB",
    ]

"""Everybody down: named with its cause, how far the chain came, and the one next command."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from remediations.engine.find.finding import Health
from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.playbooks.chain.finding import Tristate
from remediations.playbooks.chain.present import present
from remediations.systems.comet.reading import CometReading, HostReading
from remediations.systems.comet.sign_state import SignState
from remediations.systems.comet.values import Genesis, GenesisOf, Validator
from remediations.values.reading import Known, Why
from tests import worlds
from tests.worlds import BEGAN, HEIGHT, crash_looping, healthy, stopped
from tests.worlds.signing import named_twice

FLAG = "Error: unknown flag: --log_colour"
POWERS = ((40, 30, 20, 10), (10,) * 100)


def validators(world: CometReading) -> list[str]:
    return [r.host for r in world.hosts if r.host.startswith("val")]


def all_looping(powers: tuple[int, ...], line: str, *, but: tuple[str, ...] = ()) -> CometReading:
    """All daemons end with `line`, those of `but` with another one."""
    world = healthy(powers)
    return functools.reduce(
        lambda w, host: crash_looping(w, host, f"Error: {host}" if host in but else line),
        (*validators(world), "full1"),
        world,
    )


@pytest.mark.parametrize("powers", POWERS, ids=len)
def test_a_power_cut(powers: tuple[int, ...]) -> None:
    """All stopped: how far the chain came, and the plan, which begins with the full node."""
    world = healthy(powers)
    world = stopped(world, *(r.host for r in world.hosts if worlds.answers(r)))
    state = SignState(height=HEIGHT + 9, round=0, step=3, block="", signed_at=BEGAN)
    world = worlds.change(world, "val2", lambda r: replace(r, sign_state=worlds.known(state)))
    finding = diagnose(world)
    assert (finding.chain, finding.halted) == (ChainClass.ALL_DOWN, Tristate.UNKNOWN)
    assert finding.chain.rule.health is Health.DOWN
    assert f"all {len(powers)} validators of the inventory are down" in finding.explanation
    assert f"{len(powers)} stopped" in finding.explanation
    newest = f"the newest signature is val2's, for height {HEIGHT + 9}, at 2026-11-25 12:00:00 UTC"
    assert newest in finding.explanation
    assert finding.next_step == "remediate plan INC-001"


@pytest.mark.parametrize("powers", POWERS, ids=len)
def test_one_reason_everywhere_is_told_once(powers: tuple[int, ...]) -> None:
    """A flag that was rolled out to all: mend that first, then the diagnosis has a plan."""
    finding = diagnose(all_looping(powers, FLAG))
    assert finding.chain is ChainClass.ALL_DOWN
    assert finding.explanation.count("unknown flag") == 1
    assert f"all {len(powers)} say" in finding.explanation
    assert finding.next_step.startswith("on every validator: Take what this program does not know")
    assert finding.next_step.endswith("; then `remediate diagnose` again")


def test_nearly_all_is_told_as_that() -> None:
    """One of ten ends otherwise."""
    finding = diagnose(all_looping((10,) * 10, FLAG, but=("val3",)))
    assert "9 of 10 say" in finding.explanation
    heights = healthy((10,) * 10)
    for number, host in enumerate(validators(heights)):
        heights = crash_looping(heights, host, f"panic: cannot load version {number}")
    heights = stopped(heights, "full1")
    assert "all 10 say: panic: cannot load version" in diagnose(heights).explanation
    mixed = all_looping((10,) * 4, FLAG, but=("val3", "val4"))
    assert "say:" not in diagnose(mixed).explanation


def test_the_same_advice_for_all_is_given_once() -> None:
    """Every disk is full: space first."""
    world = healthy()
    for host in (*validators(world), "full1"):
        world = worlds.disk_full(world, host)
    down = stopped(world, *validators(world), "full1")
    finding = diagnose(down)
    assert finding.chain is ChainClass.ALL_DOWN
    assert finding.next_step.startswith("on every validator: Free or add space")


def test_with_a_full_node_up_its_powers_are_known() -> None:
    """Then it is a lost quorum with a plan, and the reason is told once as well."""
    world = healthy()
    for host in validators(world):
        world = crash_looping(world, host, FLAG)
    finding = diagnose(world)
    assert finding.chain is ChainClass.QUORUM_LOST
    assert "all 4 say" in finding.explanation
    assert finding.explanation.count("unknown flag") == 1


@pytest.mark.parametrize("powers", POWERS, ids=len)
def test_one_that_may_be_alive_leaves_it_open(powers: tuple[int, ...]) -> None:
    """Not reached, or a process that runs: it may sign."""
    world = healthy(powers)
    down = stopped(world, *(r.host for r in world.hosts if worlds.answers(r)))
    away = worlds.change(down, "val1", lambda r: worlds.unreachable_reading(r, "no route"))
    assert diagnose(away).chain is ChainClass.UNDETERMINED

    def running(reading: HostReading) -> HostReading:
        return replace(reading, processes=world.host("val1").processes)

    assert diagnose(worlds.change(down, "val1", running)).chain is ChainClass.UNDETERMINED


def test_no_node_is_named_that_might_sign() -> None:
    """A full node whose key signed once, or cannot be read, is not to be started for a look; then
    nothing is planned, as nobody tells the powers."""
    down = stopped(healthy(), *validators(healthy()), "full1")
    for world in (
        worlds.sign_state(down, "full1", 9),
        worlds.change(down, "full1", lambda r: replace(r, key=worlds.unknown("denied"))),
        worlds.configured(down, "full1", remote_signer="tcp://127.0.0.1:1"),
    ):
        assert isinstance(world.host("full1").unit, Known)
        assert "start full1" not in diagnose(world).next_step
        assert "start a full node by hand" in diagnose(world).next_step


def all_stopped(powers: tuple[int, ...]) -> CometReading:
    world = healthy(powers)
    return stopped(world, *(r.host for r in world.hosts if worlds.answers(r)))


def with_genesis(world: CometReading, files: Mapping[str, str]) -> CometReading:
    """The genesis files of hosts; of those with one text the validators are the same."""

    def show(reading: HostReading) -> HostReading:
        if reading.host not in files:
            return reading
        text = files[reading.host]
        powers = [validator for validator in validators(world) if validator != text]
        members = tuple(
            Validator(address=worlds.address_of(number), power=100 - number)
            for number, _ in enumerate(powers, 1)
        )
        genesis = Genesis(sha256=text * 8, of=GenesisOf.GEN_TXS, validators=members)
        return replace(reading, genesis=worlds.known(genesis))

    return replace(world, hosts=tuple(map(show, world.hosts)))


def power_row(world: CometReading) -> str:
    (text,) = (row.text for row in present(diagnose(world)).rows if row.title == "power")
    return text


@pytest.mark.parametrize("powers", POWERS, ids=len)
def test_the_genesis_file_tells_the_powers_of_the_first_block(powers: tuple[int, ...]) -> None:
    """Where two hosts agree on it: whose they are, by which file, and that they are old. A plan
    counts in them, and the finding says so."""
    world = with_genesis(all_stopped(powers), {"val1": "abcd1234", "val2": "abcd1234"})
    total = sum(99 - number for number in range(len(powers)))
    row = power_row(world)
    assert row.startswith(f"unknown now; in the first block {total} of {total} on hosts of the")
    assert "(val1 99, val2 98, val3 97, val4 96" in row
    assert "by the genesis file of val1, val2 (abcd1234abcd, what its gen_txs delegate" in row
    assert "a plan counts in these only until a node answers" in row
    finding = diagnose(world)
    assert finding.files is not None
    assert (finding.total_power, finding.files.agreed) == (total, ("val1", "val2"))
    assert {subject.weight for subject in present(finding).subjects} == {None}
    assert finding.next_step == "remediate plan INC-001"


def test_one_genesis_file_alone_proves_nothing() -> None:
    """Nor one machine under two names, nor two that differ; and it is said why."""
    world = all_stopped(worlds.POWERS)
    assert power_row(world) == "unknown"
    alone = with_genesis(world, {"val1": "abcd1234"})
    assert power_row(alone) == "unknown; val1 alone shows its genesis file, two have to agree"
    differ = with_genesis(world, {"val1": "abcd1234", "val2": "abcd1234", "val3": "ffff0000"})
    assert power_row(differ).startswith("unknown; the genesis files differ: val1, val2 abcd1234")
    twice = named_twice(alone, "val1", "validator-one")
    assert "alone shows its genesis file" in power_row(twice)
    large = worlds.unknown("it is larger than 33554432 bytes", Why.REFUSED)
    unread = worlds.change(world, "val1", lambda r: replace(r, genesis=large))
    assert power_row(unread) == (
        "unknown; no genesis file tells them either (val1: it is larger than 33554432 bytes)"
    )


def test_where_a_node_tells_the_powers_the_genesis_file_does_not_count() -> None:
    """A full node answers: its validator set is today's."""
    world = healthy()
    world = stopped(world, *validators(world))
    world = with_genesis(world, {"val1": "abcd1234", "val2": "abcd1234"})
    assert diagnose(world).powers == ""
    assert diagnose(world).total_power == 100

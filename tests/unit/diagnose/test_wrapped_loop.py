"""A daemon that ends again and again below cosmovisor: its own ends are counted, by its own words.

The lines are those of the lab, with the real cosmovisor (v1.5.0), shortened.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.systems.comet.journal_ends import repeated_end, replayed_block
from remediations.systems.comet.reading import CometReading, HostReading
from remediations.systems.hosts.values import JournalLine
from tests import worlds
from tests.worlds import BEGAN, HEIGHT, change, healthy, known
from tests.worlds.base import unit_of

UNIT = "virtengine.service"
BLOCK = HEIGHT + 3
REPLAY = (
    "8:04PM INF ABCI Handshake App Info height={app} module=consensus",
    "8:04PM INF ABCI Replay Blocks appHeight={app} module=consensus stateHeight={app} "
    "storeHeight={store}",
    "8:04PM INF Replay last block using real app module=consensus",
)
PANIC = "panic: release 1 cannot execute height {store} (fault panic-at {store})"
WRAPPER = ("Error: exit status 2", '8:04PM ERR error="exit status 2" module=cosmovisor')
SYSTEMD = (
    f"{UNIT}: Main process exited, code=exited, status=1/FAILURE",
    f"{UNIT}: Failed with result 'exit-code'.",
)


def attempts(
    number: int, *words: str, wrapper_first: bool = True, unit_ends: bool = True
) -> tuple[JournalLine, ...]:
    """So many attempts, five seconds apart, each with the words of the daemon, of cosmovisor and,
    if that ends as well, of systemd, in either order."""
    ends = (*WRAPPER, *SYSTEMD) if wrapper_first else (*SYSTEMD, *WRAPPER)
    lines = (*words, *(ends if unit_ends else WRAPPER))
    return tuple(
        JournalLine(at=BEGAN - timedelta(seconds=5 * back + 2), message=line)
        for back in reversed(range(number))
        for line in lines
    )


def daemon(app: int = BLOCK - 1, store: int = BLOCK) -> tuple[str, ...]:
    return tuple(line.format(app=app, store=store) for line in (*REPLAY, PANIC))


def looping(world: CometReading, host: str, lines: tuple[JournalLine, ...]) -> CometReading:
    """systemd starts cosmovisor again each time."""
    world = worlds.crash_looping(world, host, exit_status=1, restarts=18)

    def log(reading: HostReading) -> HostReading:
        unit = unit_of(reading, active_since=BEGAN - timedelta(seconds=3))
        return replace(reading, journal=known(lines), unit=unit)

    return change(world, host, log)


def staying(world: CometReading, host: str, lines: tuple[JournalLine, ...]) -> CometReading:
    """The wrapper goes on, and its unit is active all the time."""
    world = worlds.frozen(world, host, state="S")

    def log(reading: HostReading) -> HostReading:
        unit = unit_of(reading, active_since=BEGAN - timedelta(minutes=5), restarts=0)
        return replace(reading, journal=known(lines), unit=unit, processes=known(()))

    return worlds.below_cosmovisor(change(world, host, log), host)


@pytest.mark.parametrize("wrapper_first", [True, False])
@pytest.mark.parametrize("unit_ends", [True, False])
def test_the_words_are_those_of_the_daemon(wrapper_first: bool, unit_ends: bool) -> None:
    """Each end counts once, however many tell it."""
    lines = attempts(4, *daemon(), wrapper_first=wrapper_first, unit_ends=unit_ends)
    end = repeated_end(lines, UNIT)
    assert end is not None
    assert (end.words, end.times) == (daemon()[-1], 4)


@pytest.mark.parametrize(
    ("last", "counts"),
    [
        ("Error: exit status 2", True),
        ("Error: signal: killed", True),
        ("Error: signal: aborted (core dumped)", True),
        ("Error: exit status of the signer is 2", False),
        ("an exit status 2", False),
    ],
)
def test_how_a_child_ended(last: str, counts: bool) -> None:
    """Only the words of Go itself."""
    lines = (
        JournalLine(at=BEGAN, message="panic: boom"),
        JournalLine(at=BEGAN, message=last),
    )
    assert (repeated_end(lines, UNIT) is not None) is counts


@pytest.mark.parametrize(
    ("app", "store", "block"), [(9, 10, 10), (10, 10, 0), (7, 10, 8), (0, 0, 0)]
)
def test_the_block_that_is_executed_first(app: int, store: int, block: int) -> None:
    """Where store and application are at one height there is none."""
    assert replayed_block(attempts(1, *daemon(app, store))) == block
    assert replayed_block(attempts(1, "nothing")) == 0


@pytest.mark.parametrize("how", [looping, staying])
@pytest.mark.parametrize("wrapper_first", [True, False])
def test_all_fail_at_the_same_block(how: object, wrapper_first: bool) -> None:
    """It is the application, whatever the units say: no start, no rollback, another program."""
    assert callable(how)
    world = worlds.halted(healthy())
    for host in ("val1", "val2", "val3", "val4"):
        world = how(world, host, attempts(4, *daemon(), wrapper_first=wrapper_first))
    finding = diagnose(world)
    for host in ("val1", "val2", "val3", "val4"):
        node = finding.node(host)
        assert node.condition is NodeCondition.PANICKED
        assert f"cannot execute height {BLOCK}" in node.cause
    assert finding.chain is ChainClass.DETERMINISTIC_PANIC


def test_one_alone_at_a_block_that_others_passed() -> None:
    """It is the node's own store, program or surroundings."""
    world = looping(healthy(), "val4", attempts(4, *daemon(app=HEIGHT - 3, store=HEIGHT - 2)))
    assert diagnose(world).node("val4").condition is NodeCondition.FAILS_ALONE


@pytest.mark.parametrize(
    "lines",
    [
        attempts(1, *daemon()),
        attempts(4, *daemon(app=BLOCK, store=BLOCK)),
        attempts(4, *daemon()[:-1], "Error: a reason that nobody here has seen"),
        attempts(4, PANIC),
    ],
    ids=["once", "no block to execute", "no panic", "no handshake"],
)
def test_what_does_not_prove_it(lines: tuple[JournalLine, ...]) -> None:
    """Then it is what it was called before."""
    node = diagnose(looping(healthy(), "val4", lines)).node("val4")
    assert node.condition not in (NodeCondition.PANICKED, NodeCondition.FAILS_ALONE)


def test_an_upgrade_is_called_by_its_name() -> None:
    """Its panic is one of an application, too; what it asks for comes first."""
    asked = 'panic: UPGRADE "v2" NEEDED at height: 116: {}'
    world = worlds.halted(healthy())
    for host in ("val1", "val2", "val3", "val4"):
        world = looping(world, host, attempts(4, *daemon()[:-1], asked))
    assert diagnose(world).chain is ChainClass.UPGRADE_NEEDED

"""A daemon that keeps ending: refused while nothing changed, one attempt after a change."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.playbooks.chain.finding import NodeFinding
from remediations.playbooks.chain.guards.node import curable_by_start
from remediations.playbooks.chain.situation import situation
from remediations.systems.comet.reading import CometReading, HostReading, sealed
from remediations.systems.hosts.values import FileChange, JournalLine
from remediations.values.reading import Known, Unknown
from tests import worlds
from tests.worlds import BEGAN, change, healthy, known
from tests.worlds.base import unit_of

ODD = "Error: a reason that nobody here has seen"
SETTINGS = f"{worlds.HOME}/config/app.toml"
DROP_IN = "/etc/systemd/system/virtengine.service.d/limits.conf"
EXIT = (
    "virtengine.service: Main process exited, code=exited, status=1/FAILURE",
    "virtengine.service: Failed with result 'exit-code'.",
)


def ending(*words: str, looping: bool = True, ago: int = 20) -> CometReading:
    """val4 ended three times with these words, the last time so many seconds ago; systemd tries
    again, or has given up."""
    world = healthy()
    world = (
        worlds.crash_looping(world, "val4", exit_status=1, restarts=12)
        if looping
        else (worlds.failed(world, "val4", exit_status=1))
    )
    lines = tuple(
        JournalLine(at=BEGAN - timedelta(seconds=ago + 10 * attempt), message=line)
        for attempt in (2, 1, 0)
        for line in (*words, *EXIT)
    )
    since = BEGAN - timedelta(seconds=ago)

    def log(reading: HostReading) -> HostReading:
        return replace(reading, journal=known(lines), unit=unit_of(reading, active_since=since))

    return change(world, "val4", log)


def files(
    world: CometReading, *changed: tuple[str, int], needs_reload: bool = False
) -> CometReading:
    """When files of val4 were changed: seconds before the look."""
    found = tuple(
        FileChange(
            path=path, at=BEGAN - timedelta(seconds=ago), of_unit=path.startswith("/etc/systemd")
        )
        for path, ago in changed
    )

    def touch(reading: HostReading) -> HostReading:
        unit = unit_of(reading, needs_reload=needs_reload)
        return replace(reading, changes=known(found), unit=unit)

    return change(world, "val4", touch)


def val4(world: CometReading) -> NodeFinding:
    return diagnose(world).node("val4")


def may_start(world: CometReading) -> bool:
    """Whether guard N1 lets val4 be started."""
    chain = situation(sealed(world), frozenset())
    result = curable_by_start(chain, chain.observation.host("val4"))
    assert (result.outcome == "pass") is (val4(world).condition.rule.cure is not None)
    return result.outcome == "pass"


@pytest.mark.parametrize("looping", [True, False], ids=["loops", "given up"])
@pytest.mark.parametrize("ago", [20, 3600], ids=["just now", "an hour ago"])
def test_nothing_changed(looping: bool, ago: int) -> None:
    """However long ago, it ends the same way. The words are in the advice; no plan is offered."""
    world = files(ending(ODD, looping=looping, ago=ago), (SETTINGS, ago + 60))
    node = val4(world)
    assert node.condition is NodeCondition.KEEPS_FAILING
    assert "ended 3 times with the same words: Error: a reason" in node.cause
    assert "neither its unit nor its settings, genesis or program changed since" in node.cause
    assert "a reason that nobody here has seen" in node.by_hand
    assert "remediate plan" not in diagnose(world).next_step
    assert not may_start(world)


@pytest.mark.parametrize("looping", [True, False], ids=["loops", "given up"])
def test_a_file_that_changed_since_is_worth_one_attempt(looping: bool) -> None:
    """It is named with its time, and the plan may start the node."""
    world = files(ending(ODD, looping=looping), (SETTINGS, 5), ("/usr/bin/virtengined", 900))
    node = val4(world)
    assert node.condition in (NodeCondition.CRASH_LOOP, NodeCondition.START_FAILS)
    assert f"changed since: {SETTINGS} (2026-11-25 11:59:55 UTC)" in node.cause
    assert "/usr/bin/virtengined" not in node.cause
    assert "a reason that nobody here has seen" in node.cause
    assert diagnose(world).next_step == "remediate plan node-down"
    assert may_start(world)


def test_a_loop_that_somebody_stopped_is_still_one() -> None:
    """Between two attempts: the result is that of the last one, and so would the next one be."""

    def stop(reading: HostReading) -> HostReading:
        return replace(reading, unit=unit_of(reading, active_state="inactive", sub_state="dead"))

    stopped = change(files(ending(ODD), (SETTINGS, 60)), "val4", stop)
    assert val4(stopped).condition is NodeCondition.KEEPS_FAILING
    assert may_start(files(stopped, (SETTINGS, 5)))
    well = change(
        stopped, "val4", lambda r: replace(r, unit=unit_of(r, result="success", restarts=0))
    )
    assert val4(well).condition is NodeCondition.STOPPED


def test_an_attempt_after_the_change_settles_it() -> None:
    """It ended the same way after the file was changed: that was not it."""
    assert not may_start(files(ending(ODD, ago=3), (SETTINGS, 5)))


@pytest.mark.parametrize(
    "words",
    [
        "Error: set min gas price in app.toml or flag or env variable: error in app.toml",
        "Error: While parsing config: toml: line 3",
        "Error: genesis doc hash in db does not match loaded genesis doc",
    ],
)
def test_a_setting_that_was_mended_is_tried(words: str) -> None:
    """The same for a reason that has a name: what it asks for may have been done."""
    before = files(ending(words, looping=False), (SETTINGS, 60))
    assert val4(before).condition is NodeCondition.OBSTRUCTED
    assert not may_start(before)
    assert may_start(files(ending(words, looping=False), (SETTINGS, 5)))


def test_a_store_is_not_mended_by_a_setting() -> None:
    """No file of the start says anything about a database."""
    world = files(ending("panic: version does not exist"), (SETTINGS, 5))
    assert val4(world).condition is NodeCondition.DATABASE_CORRUPT


def test_what_systemd_has_not_read_changes_nothing() -> None:
    """A drop-in without a daemon-reload: that first."""
    world = ending(ODD)
    node = val4(files(world, (DROP_IN, 5), needs_reload=True))
    assert node.condition is NodeCondition.KEEPS_FAILING
    assert f"{DROP_IN} changed since, and systemd has not read it" in node.cause
    assert node.by_hand.startswith("`sudo systemctl daemon-reload`")
    assert may_start(files(world, (DROP_IN, 5)))
    assert may_start(files(world, (DROP_IN, 5), (SETTINGS, 5), needs_reload=True))


def test_unknown_does_not_count_as_changed() -> None:
    """The files could not be looked at, or this is an older observation."""
    world = ending(ODD)
    assert world.host("val4").changes is UNSET
    assert "was not read" in val4(world).cause
    assert not may_start(world)
    silent = worlds.unknown("no answer within the time limit")
    assert isinstance(silent, Unknown)
    blind = change(world, "val4", lambda r: replace(r, changes=silent))
    assert "is not known (no answer within the time limit)" in val4(blind).cause
    assert not may_start(blind)


def test_both_times_are_of_one_clock() -> None:
    """The host is an hour ahead of us: its lines and its files are, too."""
    ahead = 3_600_000

    def turn(reading: HostReading) -> HostReading:
        assert isinstance(reading.session, Known)
        session = replace(reading.session.value, clock_offset_ms=ahead)
        return replace(reading, session=known(session))

    for changed, starts in ((5, True), (60, False)):
        world = change(files(ending(ODD, ago=20), (SETTINGS, changed)), "val4", turn)
        assert (val4(world).condition.rule.cure is not None) is starts


def test_evidence_shows_what_was_compared() -> None:
    """The reading that the verdict rests on, either way."""
    for changed, file in ((5, SETTINGS), (60, SETTINGS)):
        node = val4(files(ending(ODD), (file, changed)))
        assert [e.says for e in node.evidence if e.reading == "val4.changes"] == [
            f"{file} changed 2026-11-25 {'11:59:55' if changed == 5 else '11:59:00'} UTC"
        ]

"""One command: launched at most once, followed to its end, settled where in doubt."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from remediations.engine.apply import carry_out as module
from remediations.engine.apply.carry_out import Ending, carry_out
from remediations.engine.apply.driver import (
    AlreadyClaimed,
    DriverError,
    FencedOut,
    LaunchFailed,
    NotLaunched,
    ProbeResult,
    StepId,
)
from remediations.engine.runs.records import StepEnd
from tests.unit.run.fakes import (
    DONE,
    FENCED,
    NOT_STARTED,
    RUNNING,
    UNKNOWN,
    VOIDED,
    FakeDriver,
    Scene,
    failed,
    lost,
)
from tests.unit.run.plans import command

STEP = StepId(plan="a" * 64, step="1-0")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_LOOK_S", 0.001)


def ending(driver: FakeDriver, timeout_s: int = 5, *, may_start: bool = True) -> Ending:
    wanted = command("val1", timeout_s=timeout_s)
    return asyncio.run(carry_out(driver, STEP, wanted, fences=(), may_start=lambda: may_start))


def refusal(kind: type[DriverError]) -> DriverError:
    return kind("it did not start", got="exit 1")


def test_success_is_exit_0_and_its_last_words() -> None:
    """The step is followed until it is done."""
    driver = FakeDriver({"val1": [RUNNING, RUNNING, DONE]})
    done = ending(driver)
    assert (done.state, done.message) == ("done", "started: it runs")
    assert driver.calls == ["launch val1", *["probe val1"] * 3]


def test_failure_is_any_other_exit_and_its_last_error() -> None:
    """Nothing is asked any more: the host has said how it ended."""
    driver = FakeDriver({"val1": [failed(64, "a\nrefused: b\n")]})
    done = ending(driver)
    assert (done.state, done.message) == ("failed", "refused: b")
    assert driver.calls == ["launch val1", "probe val1"]


def test_a_failure_says_what_the_daemon_said_last() -> None:
    """The last line is that of another program; the reason is the daemon's own."""
    status = "failed: no\n   Main PID: 5938 (code=exited, status=1/FAILURE)\n"
    told = replace(failed(1, status), words="Error: While parsing config")
    done = ending(FakeDriver({"val1": [told]}))
    assert done.message == (
        "Main PID: 5938 (code=exited, status=1/FAILURE); its last words: Error: While parsing "
        "config"
    )
    fine = replace(DONE, words="Error: of before")
    assert "last words" not in ending(FakeDriver({"val1": [fine]})).message


def test_a_silent_failure_says_its_exit() -> None:
    """No words, a message all the same."""
    assert ending(FakeDriver({"val1": [failed(3, "")]})).message == "exit 3"


def test_a_step_claimed_by_somebody_else_is_not_followed() -> None:
    """Another application of this plan did or does it: unknown to us, and we do not go on."""
    for said in (DONE, RUNNING, UNKNOWN, lost()):
        driver = FakeDriver({"val1": [said]}, launches={"val1": refusal(AlreadyClaimed)})
        assert ending(driver).state == "unknown"
        assert driver.calls == ["launch val1", "probe val1"]


def test_a_step_that_somebody_voided_has_failed() -> None:
    """Its target says that it can never start: that is known, and said."""
    driver = FakeDriver({"val1": [VOIDED]}, launches={"val1": refusal(AlreadyClaimed)})
    ended = ending(driver)
    assert ended.state == "failed"
    assert "told to start it no more" in ended.message


@pytest.mark.parametrize(
    ("driver", "calls"),
    [
        (FakeDriver(launches={"val1": refusal(FencedOut)}), ["launch"]),
        (FakeDriver({"val1": [FENCED]}), ["launch", "probe"]),
        (
            FakeDriver({"val1": [NOT_STARTED]}, voids={"val1": refusal(FencedOut)}),
            ["launch", "probe", "void"],
        ),
        (
            FakeDriver(
                {"val1": [NOT_STARTED, FENCED]}, launches={"val1": [lost(), refusal(FencedOut)]}
            ),
            ["launch", "probe", "launch", "probe"],
        ),
    ],
    ids=["at once", "in the unit", "when voided", "at the second launch"],
)
def test_a_step_that_is_fenced_out_fails_and_is_not_voided(
    driver: FakeDriver, calls: list[str]
) -> None:
    """It is said who has the fence. Whoever goes on with the same plan may still start it."""
    done = ending(driver)
    assert done.state == "failed"
    assert "fenced out, it never started: " in done.message
    assert [call.split()[0] for call in driver.calls] == calls


def test_a_step_that_ran_before_it_was_fenced_out_is_done() -> None:
    """The first launch came through; only the second one was refused."""
    driver = FakeDriver(
        {"val1": [NOT_STARTED, RUNNING, DONE]}, launches={"val1": [lost(), refusal(FencedOut)]}
    )
    assert ending(driver).state == "done"


@pytest.mark.parametrize(
    ("void", "holds", "state"),
    [
        (VOIDED, True, "failed"),
        (DONE, False, "done"),
        (failed(1, "no"), True, "failed"),
        (UNKNOWN, True, "done"),
        (UNKNOWN, False, "failed"),
        (UNKNOWN, lost(), "done"),
        (RUNNING, False, "done"),
        (lost(), True, "done"),
    ],
)
@pytest.mark.parametrize("doubt", ["refused", "not started", "unknown"])
def test_doubt_is_settled_on_the_host(
    doubt: str, void: Scene, holds: bool | Exception, state: StepEnd
) -> None:
    """Void first, so that "not started" is final; then the effect; never a second launch. A host
    that is lost meanwhile is asked again."""
    driver = FakeDriver(
        {"val1": [UNKNOWN if doubt == "unknown" else NOT_STARTED, DONE]},
        launches={"val1": refusal(LaunchFailed)} if doubt == "refused" else {},
        voids={"val1": void},
        holds=holds,
    )
    assert ending(driver).state == state
    assert driver.launched() == ["val1"]
    asks = [call.split()[0] for call in driver.calls]
    assert asks.index("void") < (asks.index("holds") if "holds" in asks else len(asks))


def test_an_unconfirmed_launch_is_looked_for() -> None:
    """The connection was lost while launching, and the host says that it was done."""
    driver = FakeDriver({"val1": [lost(), RUNNING, DONE]}, launches={"val1": lost()})
    done = ending(driver)
    assert done.state == "done"
    assert done.message == "the launch was not confirmed (no route); started: it runs"
    assert driver.launched() == ["val1"]


@pytest.mark.parametrize("launches", [1, 2])
def test_a_launch_that_did_not_come_through_is_repeated(launches: int) -> None:
    """The host, once it is back, says that nothing started; then it is done."""
    driver = FakeDriver(
        {"val1": [lost(), *[NOT_STARTED] * launches, RUNNING, DONE]},
        launches={"val1": [lost()] * launches},
    )
    done = ending(driver)
    assert done.state == "done"
    assert done.message == "the launch was not confirmed (no route); started: it runs"
    assert driver.launched() == ["val1"] * (launches + 1)


def test_a_repeated_launch_may_find_that_the_first_one_came_through() -> None:
    """It was late: claimed by ourselves, so it is followed."""
    driver = FakeDriver(
        {"val1": [NOT_STARTED, RUNNING, DONE]}, launches={"val1": [lost(), refusal(AlreadyClaimed)]}
    )
    assert ending(driver).state == "done"


def test_launches_have_a_number() -> None:
    """Then it is voided, and never starts."""
    driver = FakeDriver({"val1": [NOT_STARTED]}, launches={"val1": [lost()] * 9})
    assert ending(driver).state == "failed"
    assert driver.launched() == ["val1"] * module.LAUNCHES
    assert driver.calls[-1] == "void val1"


def test_after_a_stop_no_launch_is_repeated() -> None:
    """Nothing more is started: it is voided."""
    driver = FakeDriver({"val1": [NOT_STARTED]}, launches={"val1": lost()})
    assert ending(driver, may_start=False).state == "failed"
    assert driver.launched() == ["val1"]
    assert driver.calls[-1] == "void val1"


def test_long_after_the_first_no_launch_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read again before the run would be too old."""
    monkeypatch.setattr(module, "RELAUNCH_S", 0.0)
    driver = FakeDriver({"val1": [NOT_STARTED]}, launches={"val1": lost()})
    assert ending(driver).state == "failed"
    assert driver.launched() == ["val1"]


def test_a_target_that_refuses_has_started_nothing() -> None:
    """Said at once, and not asked any more; a repeated launch proves less."""
    driver = FakeDriver(launches={"val1": refusal(NotLaunched)})
    done = ending(driver)
    assert (done.state, done.message) == (
        "failed",
        "it never started: it did not start (exit 1)",
    )
    assert driver.calls == ["launch val1"]
    driver = FakeDriver(
        {"val1": [NOT_STARTED, RUNNING, DONE]}, launches={"val1": [lost(), refusal(NotLaunched)]}
    )
    assert ending(driver).state == "done"


def test_a_host_that_is_away_for_a_while_is_waited_for() -> None:
    """A lost connection loses nothing."""
    driver = FakeDriver({"val1": [RUNNING, lost(), lost(), DONE]})
    assert ending(driver).state == "done"


@pytest.mark.parametrize(
    ("scene", "said"),
    [
        (RUNNING, "it still runs"),
        (lost(), "val1: cannot connect: no route"),
        (UNKNOWN, "val1: cannot connect: no route"),
    ],
)
def test_beyond_all_time_it_is_unknown(
    monkeypatch: pytest.MonkeyPatch, scene: Scene, said: str
) -> None:
    """Never done, never failed: nobody has seen its end."""
    monkeypatch.setattr(module, "GRACE_S", 0.02)
    driver = FakeDriver({"val1": [scene]}, voids={"val1": UNKNOWN}, holds=lost())
    done = ending(driver, timeout_s=0)
    assert (done.state, done.sighting) == ("unknown", None)
    assert done.message == f"no end was seen in time; {said}"


@pytest.mark.parametrize("sighting", [replace(DONE, output="x" * 65536), failed(1, "x" * 65536)])
def test_what_is_told_of_a_command_is_bounded(sighting: ProbeResult) -> None:
    """A line of 64 KiB is kept as output; the message has its beginning, and that it goes on."""
    done = ending(FakeDriver({"val1": [sighting]}))
    assert len(done.message) == module.MESSAGE_CHARACTERS
    assert done.message.endswith("x…")
    refused = LaunchFailed("no", got="y" * 9000)
    done = ending(FakeDriver({"val1": [sighting]}, launches={"val1": refused}))
    assert len(done.message) == module.MESSAGE_CHARACTERS
    assert done.message.startswith("no (yyy")
    assert done.message.endswith("x…")

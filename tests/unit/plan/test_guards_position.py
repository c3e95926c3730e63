"""G46: whether more than two thirds can sign where the chain stands."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from remediations.engine.plan.plan import GuardResult, Outcome
from remediations.systems.comet.reading import CometReading, HostReading
from remediations.systems.comet.sign_state import SignState
from remediations.systems.hosts.values import WriteAheadLog
from tests import worlds
from tests.unit.plan.cases import Case, case_of, minority_down, missing, quorum_lost
from tests.worlds import healthy

PASS, BLOCK, UNKNOWN = Outcome.PASS, Outcome.BLOCK, Outcome.UNKNOWN
NEXT = worlds.HEIGHT + 1


def read(world: CometReading, host: str, **fields: Any) -> CometReading:  # noqa: ANN401 - readings
    def how(reading: HostReading) -> HostReading:
        return replace(reading, **fields)

    return worlds.change(world, host, how)


def signed(height: int, round_: int, step: int, *, log: int = 1000) -> dict[str, Any]:
    return {
        "sign_state": worlds.known(
            SignState(height=height, round=round_, step=step, block="", signed_at=worlds.BEGAN)
        ),
        "wal": worlds.known(WriteAheadLog(size=log)),
    }


def judged(case: Case) -> GuardResult:
    (found,) = [guard for guard in case.judge() if guard.id == "G46"]
    return found


@pytest.mark.parametrize(
    ("fields", "outcome", "says"),
    [
        (signed(worlds.HEIGHT, 0, 3), PASS, "100 of 100 can sign at 114/0"),
        (signed(worlds.HEIGHT, 0, 3, log=0), PASS, "100 of 100 can sign at 114/0"),
        (signed(NEXT, 0, 3), PASS, "100 of 100 can sign at 114/0"),
        (signed(NEXT, 7, 3), PASS, "100 of 100 can sign at 114/7"),
        (
            signed(NEXT, 7, 3, log=0),
            BLOCK,
            "60 of 100 can sign at 114/0; 40 would refuse until round 8",
        ),
        (signed(NEXT, 0, 2, log=0), UNKNOWN, "40 unknown (val1: whether it would sign the same"),
        (signed(NEXT + 9, 0, 3), BLOCK, "40 never at this height (val1 signed 123)"),
        (
            {"sign_state": worlds.unknown("no answer")},
            UNKNOWN,
            "40 unknown (val1: its sign state)",
        ),
        (
            signed(NEXT, 2, 3) | {"wal": worlds.unknown("no answer")},
            BLOCK,
            "40 would refuse until round 3",
        ),
        (
            signed(NEXT, 0, 3) | {"wal": worlds.unknown("no answer")},
            UNKNOWN,
            "40 unknown (val1: whether its write-ahead log is there)",
        ),
    ],
)
def test_outcome_by_what_the_missing_validator_signed(
    fields: dict[str, Any], outcome: Outcome, says: str
) -> None:
    """60 of 100 run and vote in round 0; val1 with 40 is started."""
    found = judged(case_of(read(quorum_lost(), "val1", **fields)))
    assert says in found.got
    assert found.outcome is outcome
    assert bool(found.next_step) is (outcome is not PASS)


def test_settings_that_could_not_be_read_may_hide_a_remote_signer() -> None:
    found = judged(case_of(read(quorum_lost(), "val1", config=worlds.unknown("no answer"))))
    assert found.outcome is UNKNOWN
    assert "val1: whether a remote signer signs for it" in found.got


def test_a_minority_that_cannot_sign_does_not_block() -> None:
    """The guard asks for two thirds, not for everybody."""
    world = missing(healthy(), "val1", "val4")
    found = judged(case_of(read(world, "val4", **signed(NEXT, 7, 3, log=0))))
    assert found.outcome is PASS
    assert "90 of 100 can sign at 114/0; 10 would refuse until round 8" in found.got


def test_it_is_not_asked_while_blocks_go_on() -> None:
    assert "G46" not in {guard.id for guard in case_of(minority_down()).judge()}


def test_it_is_not_asked_where_too_little_is_started() -> None:
    """G1b says that already."""
    case = case_of(missing(healthy(), "val1", "val4"), only=["val4"])
    outcomes = {guard.id: guard.outcome for guard in case.judge()}
    assert outcomes["G1b"] is BLOCK
    assert "G46" not in outcomes

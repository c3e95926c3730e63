"""How often a block is executed again, by what the hosts keep a record of."""

from __future__ import annotations

from dataclasses import replace as with_
from types import MappingProxyType

import pytest
from msgspec.structs import replace

from remediations.engine.plan.plan import GuardResult, Outcome
from remediations.playbooks.chain.baseline import EXPECT_HASH
from remediations.playbooks.chain.guards.rollback import not_drawn_too_often
from remediations.playbooks.chain.rollback import ROLL_BACK_TOGETHER
from remediations.playbooks.chain.situation import latest_status, situation
from remediations.systems.comet.reading import CometReading, HostReading, sealed
from remediations.systems.comet.rounds import Rollback, parse_rollbacks
from remediations.values.lines import TextError
from tests import worlds
from tests.worlds.base import known, unknown

ALL = ("val1", "val2", "val3", "val4", "full1")


def world(rounds: int, *hosts: str, off: int = 0, app_hash: str = "") -> CometReading:
    """A split, and so many rounds before on these hosts, at another height with `off`."""
    found = worlds.split(worlds.healthy())

    def told(reading: HostReading) -> HostReading:
        status = latest_status(reading)
        assert status is not None
        records = tuple(
            Rollback(
                plan=f"{n:x}" * 64,
                height=status.height - 1 - off,
                app_hash=app_hash or status.app_hash,
            )
            for n in range(1, rounds + 1)
        )
        return replace(reading, rollbacks=known(records))

    for host in hosts or ALL:
        found = worlds.change(found, host, told)
    return found


def judged(found: CometReading, **inputs: str) -> GuardResult:
    chain = situation(sealed(found), frozenset())
    named = MappingProxyType({name.replace("_", "-"): value for name, value in inputs.items()})
    chain = with_(chain, inputs=named)
    return not_drawn_too_often(chain, ROLL_BACK_TOGETHER.propose(chain))


@pytest.mark.parametrize(
    ("found", "outcome", "got"),
    [
        (world(0), Outcome.PASS, "0 rounds"),
        (world(1), Outcome.PASS, "1 round of"),
        (world(2), Outcome.BLOCK, "2 rounds of this block"),
        (world(2, off=1), Outcome.PASS, "0 rounds"),
        (world(2, app_hash="AB" * 32), Outcome.PASS, "0 rounds"),
        (world(2, "val4", "full1"), Outcome.PASS, "0 rounds"),
    ],
    ids=["none", "one", "two", "another block", "another chain", "a few hosts"],
)
def test_after_two_rounds_a_side_is_chosen(found: CometReading, outcome: Outcome, got: str) -> None:
    """Rounds of this block, of this chain, of most of those that would be rolled back."""
    result = judged(found)
    assert result.outcome is outcome
    assert got in result.got
    assert "--donor " in result.next_step


def test_who_names_the_state_draws_nothing() -> None:
    """The gate asks for it."""
    assert EXPECT_HASH == "expect-hash"
    assert judged(world(5), expect_hash="AB" * 32).outcome is Outcome.PASS


def test_records_that_cannot_be_read_are_unknown() -> None:
    """But where the others show two rounds already it is refused."""

    def unread(reading: HostReading) -> HostReading:
        return replace(reading, rollbacks=unknown("permission denied"))

    result = judged(worlds.change(world(1), "val4", unread))
    assert result.outcome is Outcome.UNKNOWN
    assert "not read on val4" in result.got
    assert judged(worlds.change(world(2), "val4", unread)).outcome is Outcome.BLOCK


def test_what_the_records_say() -> None:
    """Line by line; what is malformed is not believed."""
    line = f"{'a' * 64} 7 {'AB' * 32}\n"
    assert parse_rollbacks(line) == (Rollback(plan="a" * 64, height=7, app_hash="AB" * 32),)
    assert parse_rollbacks("") == ()
    for text in ("x\n", line.replace(" 7 ", " x "), line.replace("AB", "ab"), f" {line}"):
        with pytest.raises(TextError):
            parse_rollbacks(text)

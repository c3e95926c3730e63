"""The programs that take back a hold and a replacement of databases, run for real."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from remediations.systems.comet.copy_programs import aside_of, replace_text
from remediations.systems.comet.put_back import put_back_note, put_back_text
from remediations.systems.comet.rollback_programs import hold_text, release_text, unhold_text
from remediations.systems.hosts.probe import unit_active, unit_held
from tests.unit.operations.keeper import (
    DATABASES,
    Keeper,
    breaks_at_move,
    held_with_copy,
    moves_again,
)

REPLACING_MOVES = 6
"""Of databases: three aside, three of the copy."""
BACK_MOVES = 6


@pytest.fixture
def donor(tmp_path: Path) -> Keeper:
    return Keeper(tmp_path / "donor", "the donor")


@pytest.fixture
def other(tmp_path: Path, donor: Keeper) -> Keeper:
    """A held node that keeps the donor's copy."""
    return held_with_copy(tmp_path / "other", donor)


def is_as_before(host: Keeper, state: str) -> None:
    """Its own databases, sign state and write-ahead log, and nothing beside them."""
    assert host.written() == {"table of the other"}
    assert host.sign_file.read_text() == state
    kept = {path.name for path in host.data.iterdir()}
    assert kept == {*DATABASES, "cs.wal", host.sign_file.name}


def test_a_held_node_is_let_go_and_started(other: Keeper) -> None:
    """Once; of what is not held there is nothing to take back."""
    node = other.node()
    code, out, err = other.does(unhold_text(node))
    assert (code, out, err) == (0, "started: ve.service is active\n", "")
    assert not other.drop_in.exists()
    assert other.holds(unit_active(node.unit))
    acts = other.acts
    assert other.does(unhold_text(node))[1].startswith("already so: nobody holds ve.service")
    assert other.acts == acts


def test_of_one_that_was_not_stopped_the_hold_alone_is_taken_away(other: Keeper) -> None:
    """A stop that failed leaves such a one."""
    other.show(ActiveState="active")
    acts = other.acts
    code, out, _ = other.does(unhold_text(other.node()))
    assert (code, out) == (0, "let go: ve.service, which is active\n")
    assert not other.drop_in.exists()
    assert other.acts == acts


@pytest.mark.parametrize(
    ("breaks", "got"),
    [
        (lambda host: host.sign_state(39, 0, 1), "sign state 39/0/1"),
        (lambda host: host.key("F" * 40), "key FFFF"),
        (lambda host: host.disk(free_kib=10), "10 KiB free"),
    ],
)
def test_what_must_not_start_stays_held(
    other: Keeper, breaks: Callable[[Keeper], object], got: str
) -> None:
    breaks(other)
    code, _, err = other.does(unhold_text(other.node()))
    assert code == 64
    assert got in err
    assert other.drop_in.exists()
    assert "start ve.service" not in other.acts


def test_the_databases_of_before_come_back(other: Keeper, donor: Keeper) -> None:
    """With nothing left of the copy beside them; then it is let go."""
    state = other.sign_file.read_text()
    replacement = other.replacement(donor.kept())
    assert other.does(replace_text(replacement))[0] == 0
    code, out, err = other.does(put_back_text(replacement))
    assert (code, err) == (0, "")
    assert out == "put back: the databases that were there before\n"
    is_as_before(other, state)
    assert other.holds(unit_held("ve.service", put_back_note(replacement.sha256)))
    assert other.does(put_back_text(replacement))[1].startswith("already so")
    assert other.does(unhold_text(other.node()))[0] == 0


@pytest.mark.parametrize("moves", range(1, REPLACING_MOVES + 1))
def test_half_a_replacement_is_taken_back(other: Keeper, donor: Keeper, moves: int) -> None:
    """Wherever it was cut off. With half of them it is not let go."""
    state = other.sign_file.read_text()
    replacement = other.replacement(donor.kept())
    breaks_at_move(other, moves)
    assert other.does(replace_text(replacement))[0] == 1
    moves_again(other)
    code, _, err = other.does(unhold_text(other.node()))
    assert code == 64
    assert "half of the databases" in err
    assert other.does(put_back_text(replacement))[0] == 0
    is_as_before(other, state)
    assert other.does(unhold_text(other.node()))[0] == 0


@pytest.mark.parametrize("moves", range(1, BACK_MOVES + 1))
def test_cut_off_it_is_finished_by_the_next_one(other: Keeper, donor: Keeper, moves: int) -> None:
    """Nor is it let go in between."""
    state = other.sign_file.read_text()
    replacement = other.replacement(donor.kept())
    assert other.does(replace_text(replacement))[0] == 0
    breaks_at_move(other, moves)
    assert other.does(put_back_text(replacement))[0] == 1
    moves_again(other)
    code, _, err = other.does(unhold_text(other.node()))
    assert code == 64
    assert "half of the databases" in err
    assert other.does(put_back_text(replacement))[0] == 0
    is_as_before(other, state)


def test_the_same_copy_can_be_put_in_place_again(other: Keeper, donor: Keeper) -> None:
    replacement = other.replacement(donor.kept())
    for _ in range(2):
        assert other.does(replace_text(replacement))[0] == 0
        assert other.written() == {"table of the donor"}
        assert other.does(put_back_text(replacement))[0] == 0
        assert other.written() == {"table of the other"}
    assert not Path(aside_of(replacement)).exists()


def test_what_is_not_held_is_not_touched(other: Keeper, donor: Keeper) -> None:
    """Nobody moves the databases of a node that may run."""
    replacement = other.replacement(donor.kept())
    assert other.does(replace_text(replacement))[0] == 0
    assert other.does(release_text(replacement.node))[0] == 0
    code, _, err = other.does(put_back_text(replacement))
    assert code == 64
    assert "which is not held" in err
    assert other.written() == {"table of the donor"}
    assert other.does(hold_text(other.node()))[0] == 0

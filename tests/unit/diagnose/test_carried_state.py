"""Which copy of a lost sign state is proven, which is not, and the command for the one that is."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from remediations.engine.plan.plan import GuardResult, Outcome
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.playbooks.chain.guards.signing import sign_state_sound
from remediations.playbooks.chain.situation import situation
from remediations.systems.comet.reading import CometReading, sealed
from remediations.systems.comet.state_copies import StateCopy
from tests import worlds
from tests.worlds.base import unit_of
from tests.worlds.state_copies import (
    BESIDE,
    OTHER,
    copied,
    copy_at,
    with_real_key,
)

TIP = 116
"""Of the world in which val4 is gone and the others go on; val4 signed 110 or a later block."""
EVIDENCE = "/var/lib/remediate/evidence/20261125T115500Z.abcdef/sign-state-after"


def lost(world: CometReading | None = None) -> CometReading:
    """val4 is stopped, its sign state is missing, and blocks go on."""
    gone = worlds.stopped(world or worlds.healthy(), "val4")
    return with_real_key(worlds.sign_state_missing(gone, "val4"), "val4")


def advice(world: CometReading) -> str:
    """What the diagnosis says to do about val4."""
    node = diagnose(world).node("val4")
    assert node.condition is NodeCondition.SIGN_STATE_LOST
    return node.by_hand


def guard(world: CometReading) -> GuardResult:
    return sign_state_sound(situation(sealed(world), frozenset()), world.host("val4"))


def kept(world: CometReading, height: int, *, of: str = "") -> StateCopy:
    """What our own step kept five minutes ago, when the unit was down."""
    return replace(
        copy_at(height, ""),
        path=EVIDENCE,
        modified=worlds.BEGAN - timedelta(minutes=5),
        signature="",
        kept_for=of or worlds.key_of(world.host("val4")),
    )


def test_the_newest_that_is_proven_is_named_with_its_command() -> None:
    """And what else lies there, each with the reason why it is not the one."""
    garbage = StateCopy(path=f"{BESIDE}.swp", modified=worlds.BEGAN, odd="it is not what …")
    copies = (copy_at(90, ".old"), copy_at(112, ".bak"), copy_at(1116, ".future"), garbage)
    world = copied(lost(), "val4", copies)
    said = advice(world)
    assert f"Carry {BESIDE}.bak (112/0/3) forward" in said
    assert "its signature is this key's; no commit and no vote up to 116" in said
    assert "a signature of it above 112; and its unit was down" in said
    assert "| sudo -u " in said
    assert f"Not these: {BESIDE}.old (older, 90/0/3), {BESIDE}.future (1116/0/3 is above" in said
    assert f"{BESIDE}.swp (it is not what …)" in said
    result = guard(world)
    assert result.outcome is Outcome.UNKNOWN
    assert result.next_step == said


def test_a_zero_or_older_one_in_place_gets_the_same_words() -> None:
    """Whichever way it was lost, the copy is named by the diagnosis and by the guard."""
    for height in (0, 109):
        world = worlds.sign_state(lost(), "val4", height)
        world = copied(world, "val4", (copy_at(112, ".bak"),))
        result = guard(world)
        assert result.outcome is Outcome.BLOCK
        assert f"Carry {BESIDE}.bak (112/0/3) forward" in result.next_step
        assert result.next_step == advice(world)


UNPROVEN: dict[str, tuple[Callable[[CometReading], CometReading], str]] = {
    "older than the chain shows": (
        lambda w: copied(w, "val4", (copy_at(109, ".bak"),)),
        "the chain saw it sign 110, so a newer copy must have been there",
    ),
    "another key": (
        lambda w: copied(w, "val4", (copy_at(112, ".bak", key=OTHER),)),
        "its signature is not this key's",
    ),
    "another chain": (
        lambda w: copied(w, "val4", (copy_at(112, ".bak", chain_id="other-1"),)),
        "it is of the chain other-1",
    ),
    "unsigned": (
        lambda w: copied(
            w,
            "val4",
            (replace(kept(w, 112), kept_for=""),),
        ),
        "its signature is not this key's",
    ),
    "kept for another key": (
        lambda w: copied(w, "val4", (kept(w, 112, of="A" * 40),)),
        "which is another one",
    ),
    "nothing": (lambda w: copied(w, "val4", ()), "its host has no copy"),
    "went down just now": (
        lambda w: copied(w, "val4", (copy_at(112, ".bak"),), down=worlds.BEGAN),
        "at which it may have voted unseen, is past",
    ),
    "booted just now": (
        lambda w: copied(w, "val4", (copy_at(112, ".bak"),), down=None, booted=worlds.BEGAN),
        "at which it may have voted unseen, is past",
    ),
}


@pytest.mark.parametrize("case", UNPROVEN)
def test_what_is_not_proven_is_not_proposed(case: str) -> None:
    """It says which proof is missing, and what a person can do."""
    change, missing = UNPROVEN[case]
    said = advice(change(lost()))
    assert "No copy is proven" in said
    assert missing in said
    assert "sudo" not in said
    assert "a new validator with a new key" in said


def test_in_a_halt_only_what_our_own_step_kept_is_proven() -> None:
    """It went down with the last block, so at the next height it may have voted, and nobody shows
    it: a copy in the home proves nothing. What was kept after that is the last it ever signed."""
    world = lost(worlds.stopped(worlds.healthy((40, 30, 10, 20)), "val1"))
    tip, down = diagnose(world).height, worlds.BEGAN
    beside, own = copy_at(tip, ".bak"), replace(kept(world, tip + 1), modified=down)
    said = advice(copied(world, "val4", (beside,), down=down))
    assert "No copy is proven" in said
    assert f"the height {tip + 1}, at which it may have voted unseen" in said
    said = advice(copied(world, "val4", (beside, own), down=down))
    assert f"Carry {EVIDENCE} ({tip + 1}/0/3) forward" in said
    assert "nothing newer was signed here" in said
    early = replace(own, modified=down - timedelta(minutes=1))
    assert "No copy is proven" in advice(copied(world, "val4", (early,), down=down))


def test_copies_that_could_not_be_read_are_not_passed_over() -> None:
    """It says so; without any reading of copies the words are those of before."""
    unread = worlds.unknown("no answer within the time limit")
    world = worlds.change(lost(), "val4", lambda r: replace(r, state_copies=unread))
    said = advice(world)
    assert "could not be read (no answer within the time limit), so none is proven" in said
    assert guard(world).next_step == said
    assert "Find the newest copy" in advice(lost())


def test_while_no_node_answers_nothing_is_proven() -> None:
    """The copies are listed; the others come back first."""
    world = worlds.stopped(worlds.healthy(), "val1", "val2", "val3", "full1", "standby1")
    said = advice(copied(lost(world), "val4", (copy_at(112, ".bak"),)))
    assert f"while no node answers (on its host: {BESIDE}.bak (112/0/3))" in said
    assert "sudo" not in said


@pytest.mark.parametrize("own", [False, True])
def test_the_command_does_what_it_says(own: bool, tmp_path: Path) -> None:
    """Run as it stands: the former file stays, and the numbers are put in place as CometBFT reads
    them. The copy is not read again."""
    world = lost()
    home = tmp_path / "data"
    home.mkdir()
    state, bak = home / "priv_validator_state.json", home / "copy.bak"
    state.write_text("garbage")
    bak.write_text("the copy")
    copy = kept(world, 112) if own else replace(copy_at(112, ".bak"), path=str(bak))
    world = copied(world, "val4", (copy,))
    world = worlds.change(
        world,
        "val4",
        lambda r: replace(
            r, sign_state=replace(r.sign_state, source=str(state)), unit=unit_of(r, user="root")
        ),
    )
    command = re.search(r"`(echo[^`]*)`", advice(world))
    assert command is not None
    subprocess.run(["sh", "-c", command[1].replace("sudo -u root ", "")], check=True)
    assert (home / "priv_validator_state.json.lost").read_text() == "garbage"
    assert state.stat().st_mode & 0o777 == 0o600
    assert json.loads(state.read_text()) == {"height": "112", "round": 0, "step": 3}

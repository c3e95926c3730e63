"""What clones that were started with another program came to, and what follows from it."""

from __future__ import annotations

import asyncio
from dataclasses import replace as with_
from types import MappingProxyType

import pytest

from remediations.engine.plan.plan import ChosenInput
from remediations.playbooks.chain.baseline import EXPECT_HASH
from remediations.playbooks.chain.gates import Advances
from remediations.playbooks.chain.program_facts import block_that_waits
from remediations.playbooks.chain.rehearse import Trial, executed_by
from remediations.playbooks.chain.rehearse_install import judge_installs, rehearse_install
from tests.unit.playbooks.test_install import ALL, NEW, UPGRADE, branch, chosen, panicked
from tests.unit.playbooks.test_rehearse import OTHER, STATE, Clones, app

NEEDED = 'panic: UPGRADE "v2" NEEDED at height: 114: {}'


def trials(**states: str) -> list[Trial]:
    return [
        Trial(host=host, app_hash=states.get(host, STATE), says=f"says {states.get(host, STATE)}")
        for host in ALL
    ]


def told(**lines: str) -> str:
    return "".join(f"rehearsal: {word} {rest}\n" for word, rest in lines.items())


def test_a_clone_that_gets_past_the_block() -> None:
    """Its application stands at the block, and tells the state."""
    trial = executed_by("val1", 114, told(app=app(114), took="3 s, 188 KiB"))
    assert (trial.app_hash, trial.says) == (STATE, f"{STATE[:12]}… (3 s, 188 KiB)")


@pytest.mark.parametrize(
    ("printed", "says"),
    [
        (told(app="", why=NEEDED, ended="goroutine 1 [running]:"), NEEDED),
        (told(app=app(113), took="11 s"), "(it stands at 113)"),
        (told(app="", ended="cannot open shared object"), "cannot open shared object"),
        (told(failed="no memory for a clone"), "no memory for a clone"),
        ("", "it said nothing"),
    ],
)
def test_one_that_does_not(printed: str, says: str) -> None:
    """With the line that says why, not the last one of a stack."""
    trial = executed_by("val1", 114, printed)
    assert trial.app_hash == ""
    assert trial.says.startswith("block 114 was not executed")
    assert says in trial.says


def test_one_state_goes_into_the_plan() -> None:
    """It is signed, the gate asks for it, and nobody is told that the handler is not known."""
    chain = chosen(panicked(line=UPGRADE))
    found = judge_installs(chain, trials())
    assert found.passed
    assert found.inputs == (ChosenInput(name=EXPECT_HASH, value=STATE),)
    before = branch(chain).propose(chain)
    assert any("handler" in warning for warning in before.warnings)
    inputs = MappingProxyType({**chain.inputs, EXPECT_HASH: STATE})
    with_state = with_(chain, inputs=inputs)
    proposal = branch(with_state).propose(with_state)
    asks = proposal.stages[0].gate.asks.read(Advances)
    assert (asks.app_hash, asks.height) == (STATE, block_that_waits(chain))
    assert not any("handler" in warning for warning in proposal.warnings)
    assert "P18" in {check.id for check in proposal.checks}


def test_a_program_that_fails_again_is_refused_with_its_words() -> None:
    """On one node is enough."""
    failed = Trial(host="val3", app_hash="", says=f"block 114 was not executed: {NEEDED}")
    found = judge_installs(chosen(panicked(line=UPGRADE)), [*trials()[:2], failed])
    assert not found.passed
    assert found.inputs == ()
    assert found.says == f"val3: {failed.says}"
    assert "handler" in found.next_step


def test_several_states_are_refused() -> None:
    """Execution is a matter of the host, then."""
    found = judge_installs(chosen(panicked()), trials(val1=OTHER))
    assert not found.passed
    assert "several states after block" in found.says
    assert "val1: CDCDCDCDCDCD…" in found.says


@pytest.mark.parametrize("gone", ["", "val2"])
def test_every_target_is_tried(gone: str) -> None:
    """With the staged program of the chosen hash; one that is not reached does not agree."""
    chain, clones = chosen(panicked()), Clones(gone, height=114)
    found = asyncio.run(rehearse_install(chain, branch(chain).propose(chain), clones))
    assert found.passed is (not gone)
    assert len(clones.commands) == len(ALL) - bool(gone)
    assert all(NEW in command for command in clones.commands)

"""App hashes differ, and people have a program that mends it: that executes the block again."""

from __future__ import annotations

from dataclasses import replace as with_

import pytest

from remediations.engine.plan.plan import Outcome
from remediations.playbooks.chain.actions import (
    EXCHANGE,
    EXCHANGE_BACK,
    EXCHANGE_BELOW,
    HOLD,
    REEXECUTE,
    ROLL_BACK,
)
from remediations.playbooks.chain.baseline import ChainBaseline, baseline
from remediations.playbooks.chain.rollback import ROLL_BACK_ALONE, ROLL_BACK_TOGETHER
from remediations.playbooks.chain.situation import ChainSituation
from remediations.systems.comet.exchange import exchange_text
from remediations.systems.comet.install import PlannedInstall
from remediations.systems.comet.install_below import PlannedBelow
from remediations.systems.comet.planned import PlannedNode
from remediations.systems.comet.reading import CometReading
from remediations.systems.comet.rehearsal_program import rehearsal_text
from tests import worlds
from tests.unit.playbooks.test_install import (
    ALL,
    NEW,
    binary,
    branch,
    brought,
    chosen,
    everywhere,
    judged,
)

RPC = "http://127.0.0.1:26657"


def split(*has: str) -> CometReading:
    """40 | 60; the program was brought to all, and these have it in place."""
    world = everywhere(worlds.split(worlds.healthy(), ("val1",), ALL[1:]), brought(NEW))
    return everywhere(world, binary(sha256=NEW), *has) if has else world


def stages(chain: ChainSituation) -> list[tuple[object, set[str]]]:
    """Each stage: what is done, and to whom."""
    found = ROLL_BACK_TOGETHER.propose(chain).stages
    return [(stage.moves[0].action, {move.target for move in stage.moves}) for stage in found]


def test_it_is_put_in_place_between_the_hold_and_the_rollback() -> None:
    """On all that execute the block; every guard passes, and it is what the checks look for."""
    chain = chosen(split())
    assert branch(chain) is ROLL_BACK_TOGETHER
    assert stages(chain) == [
        (HOLD, set(ALL)),
        (EXCHANGE, set(ALL)),
        (ROLL_BACK, set(ALL)),
        (REEXECUTE, set(ALL)),
    ]
    shut = [one for one in judged(chain).values() if one.outcome is not Outcome.PASS]
    assert shut == []
    (stood, *_) = baseline(chain, ROLL_BACK_TOGETHER.propose(chain))
    installed = {one.host: one.sha256 for one in stood.read(ChainBaseline).installed}
    assert installed == dict.fromkeys(ALL, NEW)
    assert "one state on all" in ROLL_BACK_TOGETHER.propose(chain).warnings[0]


def test_who_has_it_already_gets_nothing() -> None:
    """Half of the validators were patched, which is why the states differ."""
    chain = chosen(split("val1", "full1"))
    assert stages(chain)[1] == (EXCHANGE, {"val2", "val3", "val4"})
    everybody = chosen(split(*ALL))
    reason = ROLL_BACK_TOGETHER.fits(everybody)
    assert reason is not None
    assert "already" in reason


def test_without_a_program_nothing_is_exchanged() -> None:
    """And what differs between programs is refused, as ever (G8)."""
    chain = chosen(split(), "")
    assert [action for action, _ in stages(chain)] == [HOLD, ROLL_BACK, REEXECUTE]
    mixed = chosen(everywhere(split(), binary(sha256="d" * 64), "val1"), "")
    assert judged_rollback(mixed, "G8", "val1") is Outcome.BLOCK
    patched = chosen(everywhere(split(), binary(sha256="d" * 64), "val1"))
    assert judged_rollback(patched, "G8", "val1") is Outcome.PASS


def judged_rollback(chain: ChainSituation, guard: str, host: str) -> Outcome:
    """What a guard of the rollback itself says."""
    (found,) = [one for judge in ROLL_BACK.guards if (one := judge(chain, host)).id == guard]
    return found.outcome


@pytest.mark.parametrize(
    ("world", "guard"),
    [
        (everywhere(split(), brought(), "val3"), "G61"),
        (everywhere(split(), binary(path="/usr/bin/other"), "val3"), "G63"),
    ],
    ids=["not brought", "a wrapper"],
)
def test_what_cannot_be_put_in_place_is_refused_before_anybody_is_stopped(
    world: CometReading, guard: str
) -> None:
    chain = chosen(world)
    results = {one.id: one for judge in EXCHANGE.guards if (one := judge(chain, "val3"))}
    assert results[guard].outcome is Outcome.BLOCK
    assert results[guard].next_step


def test_the_way_back_changes_the_hashes_round() -> None:
    """By the same program text, from the same facts."""
    chain = chosen(split())
    facts = {one.name: one.value for one in EXCHANGE.facts(chain, "val1")}
    there = PlannedInstall.from_data(EXCHANGE.data(facts, "val1"))
    back = PlannedInstall.from_data(EXCHANGE_BACK.data(facts, "val1"))
    assert EXCHANGE.undone_by is EXCHANGE_BACK
    assert (there.program.sha256, there.program.replaces) == (NEW, back.program.sha256)
    assert back.program.replaces == NEW
    assert f"sha256={back.program.sha256}" in exchange_text(back)


def test_below_cosmovisor_it_goes_where_that_looks() -> None:
    """Nodes with and without it are in one plan; the way back names the same place."""
    chain = chosen(worlds.below_cosmovisor(split(), "val2", "val3"))
    moves = {m.target: m.action for m in ROLL_BACK_TOGETHER.propose(chain).stages[1].moves}
    assert moves == dict.fromkeys(ALL, EXCHANGE) | dict.fromkeys(("val2", "val3"), EXCHANGE_BELOW)
    shut = [one for one in judged(chain).values() if one.outcome is not Outcome.PASS]
    assert shut == []
    facts = {one.name: one.value for one in EXCHANGE_BELOW.facts(chain, "val2")}
    there = PlannedBelow.from_data(EXCHANGE_BELOW.data(facts, "val2")).place
    assert (there.place, there.sha256, there.upgrade) == (there.current, NEW, "")
    assert EXCHANGE_BELOW.undone_by is not None
    back = PlannedBelow.from_data(EXCHANGE_BELOW.undone_by.data(facts, "val2")).place
    assert (back.place, back.sha256) == (there.place, there.replaces)
    assert (back.replaces, back.current_sha256) == (NEW, NEW)


def test_a_rehearsal_executes_the_block_with_it() -> None:
    """The staged file, compared with its hash; without one the program that is in place."""
    facts = {one.name: one.value for one in ROLL_BACK.facts(chosen(split()), "val1")}
    node = PlannedNode.from_data(ROLL_BACK.data(facts, "val1"))
    with_it, without = rehearsal_text(node, RPC, NEW), rehearsal_text(node, RPC)
    assert f"sha256={NEW}" in with_it
    assert "the program cannot be bound" in with_it
    assert "the program cannot be bound" not in without
    assert "module-hash-by-height" in with_it


def alone(running: str) -> ChainSituation:
    """val4 failed alone, while the others go on with a program of this hash, which was brought."""
    world = everywhere(worlds.diverged(worlds.healthy(), "val4"), brought(NEW))
    others = tuple(host for host in ALL if host != "val4")
    return chosen(everywhere(world, binary(sha256=running, running_sha256=running), *others))


def test_one_that_failed_alone_gets_the_program_of_the_others() -> None:
    """Held, exchanged, rolled back, let go; only with the very program that makes the blocks."""
    chain = alone(NEW)
    assert ROLL_BACK_ALONE.fits(chain) is None
    proposal = ROLL_BACK_ALONE.propose(chain)
    assert [move.action for move in proposal.moves] == [HOLD, EXCHANGE, ROLL_BACK, REEXECUTE]
    assert set(proposal.targets) == {"val4"}
    (judge,) = ROLL_BACK_ALONE.invariants
    right = judge(chain, proposal)
    assert right is not None
    assert (right.id, right.outcome) == ("G65", Outcome.PASS)
    another = judge(alone("f" * 64), proposal)
    assert another is not None
    assert another.outcome is Outcome.BLOCK
    assert not any("nothing here mends" in one for one in proposal.warnings)
    plain = with_(chain, inputs={})
    assert judge(plain, proposal) is None
    assert any("--program" in one for one in ROLL_BACK_ALONE.propose(plain).warnings)

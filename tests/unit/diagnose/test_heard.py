"""A silent RPC is not a dead validator: what counts are its votes, as the others have them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.playbooks.chain.finding import Tristate
from remediations.systems.comet.reading import ChainSample, CometReading
from remediations.systems.hosts.values import Process
from remediations.values.reading import Known
from tests import worlds
from tests.worlds import HEIGHT, healthy
from tests.worlds.base import silenced

POWERS = ((40, 30, 20, 10), (30,) + (1,) * 99)


def hung(world: CometReading, host: str, *, state: str = "S", signed: int = 0) -> CometReading:
    """The RPC of `host` answers nothing; all else goes on as it is."""
    process = Process(pid=400, state=state, started=9000, command="virtengined start")
    quiet = worlds.change(
        world,
        host,
        lambda r: replace(silenced(r, "timed out"), processes=worlds.known((process,))),
    )
    return worlds.sign_state(quiet, host, signed) if signed else quiet


def each_sample(world: CometReading, how: Callable[[ChainSample], ChainSample]) -> CometReading:
    """`how` applied to every sample of the nodes that answer."""
    hosts = tuple(
        replace(r, samples=tuple(map(how, r.samples))) if worlds.answers(r) else r
        for r in world.hosts
    )
    return replace(world, hosts=hosts)


@pytest.mark.parametrize("powers", POWERS, ids=len)
@pytest.mark.parametrize("state", ["S", "R", "D"])
def test_a_validator_whose_votes_are_there_signs(powers: tuple[int, ...], state: str) -> None:
    """It is neither frozen nor restarted, and its newer sign state is not called wrong."""
    finding = diagnose(hung(healthy(powers), "val1", state=state, signed=HEIGHT + 9))
    node = finding.node("val1")
    assert node.condition is NodeCondition.RPC_SILENT
    assert node.condition.rule.cure is None
    assert "it signs" in node.cause
    assert "sign state alone" in node.by_hand
    assert finding.chain is ChainClass.DEGRADED
    assert finding.online_power == sum(powers)
    assert not finding.next_step.startswith("remediate plan")


@pytest.mark.parametrize("powers", POWERS, ids=len)
def test_a_validator_without_votes_is_frozen(powers: tuple[int, ...]) -> None:
    """The newest commit lacks it: then its silence is that of a dead process."""
    world = worlds.frozen(healthy(powers), f"val{len(powers)}", state="S")
    assert diagnose(world).node(f"val{len(powers)}").condition is NodeCondition.FROZEN


def test_a_stopped_process_is_frozen_whatever_it_signed() -> None:
    """SIGSTOP: it signed the last commit and signs no other."""
    finding = diagnose(hung(healthy(), "val1", state="T"))
    assert finding.node("val1").condition is NodeCondition.FROZEN


def test_in_a_halt_only_the_vote_that_is_waited_for_counts() -> None:
    """An old commit shows that it signed then. Its prevote of this round shows that it votes now,
    until precommits are waited for."""
    world = worlds.halted(healthy(), votes=("", "nil", "nil", ""))
    assert diagnose(hung(world, "val1")).node("val1").condition is NodeCondition.FROZEN
    silent = diagnose(hung(world, "val2"))
    assert silent.node("val2").condition is NodeCondition.RPC_SILENT
    assert "val2 (30)" not in silent.explanation


def test_in_a_halt_a_prevote_is_not_a_precommit() -> None:
    """All prevoted, and the precommit of the silent one is what is missing."""
    world = worlds.halted(healthy())
    waiting = ("", "nil", "nil", "nil")

    def precommitting(sample: ChainSample) -> ChainSample:
        assert isinstance(sample.round, Known)
        state = replace(sample.round.value, step=6, precommits=waiting)
        return replace(sample, round=worlds.known(state, sample.at))

    finding = diagnose(hung(each_sample(world, precommitting), "val1"))
    assert finding.node("val1").condition is NodeCondition.FROZEN


def test_blocks_that_have_just_stopped_prove_no_vote_of_now() -> None:
    """Within the limit of a halt: the last commit has its signature, and no block came since."""
    world = worlds.halted(healthy(), votes=("", "nil", "nil", "nil"))

    def young(sample: ChainSample) -> ChainSample:
        assert isinstance(sample.status, Known)
        status = replace(sample.status.value, block_time=sample.at - worlds.GAP * 8)
        return replace(sample, status=worlds.known(status, sample.at))

    finding = diagnose(hung(each_sample(world, young), "val1"))
    assert finding.halted is Tristate.NO
    assert finding.node("val1").condition is NodeCondition.FROZEN

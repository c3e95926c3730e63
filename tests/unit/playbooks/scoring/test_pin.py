"""A pin as the measure where no answer has two thirds: whom it makes right, and when not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from remediations.engine.domain import Move, Proposal
from remediations.engine.find.finding import Health
from remediations.engine.plan.plan import Outcome, Risk
from remediations.errors import Refused
from remediations.playbooks.chain.finding import Tristate
from remediations.playbooks.scoring.finding import Basis
from remediations.playbooks.scoring.guards.model import model_agreed
from remediations.playbooks.scoring.guards.whole import agreeing_stay, answer_agreed
from remediations.playbooks.scoring.model_skew import KEEP
from remediations.playbooks.scoring.present import present
from remediations.playbooks.scoring.situation import ScoringSituation, situation
from remediations.systems.comet.reading import CometReading
from remediations.systems.scorer.values import ModelLoaded, ModelOnDisk
from tests import worlds
from tests.unit.playbooks.scoring.cases import Case, case_of, keeping, observed
from tests.unit.playbooks.scoring.test_model_skew import SKEW, blocked
from tests.worlds import scoring as world
from tests.worlds.base import known, unknown
from tests.worlds.containers import with_containers

PINNED = world.declared(model=world.MODEL)
EMPTY: Proposal[ScoringSituation] = Proposal(
    title="", stages=(), checks=(), risk=Risk.LOW, worst_case=""
)
LESS = ("val2", "val3", "val4")
"""60 of 100. With another model, val1 alone has the pinned one: 40."""
DOWN: dict[str, Any] = {
    "asks": known(world.REFUSED),
    "unit": known(world.unit(active="failed", sub="failed", result="exit-code")),
    "process": unknown("nothing listens"),
    "loaded": unknown("no line"),
}
THIRD: dict[str, Any] = {
    "loaded": known(ModelLoaded(version="v3", sha256="ab" * 32)),
    "disk": known(ModelOnDisk(sha256="ab" * 32, files=world.FILES)),
    "asks": known(world.answered(*["[0x3e800002]"] * 4)),
}
ODD: dict[str, Any] = {"asks": known(world.OTHERWISE)}


def halted() -> CometReading:
    return worlds.split(worlds.healthy(), LESS)


def reading(others: tuple[str, ...] = LESS, **more: dict[str, Any]) -> Any:  # noqa: ANN401
    changed: dict[str, Any] = {**dict.fromkeys(others, SKEW), **more}
    return world.scorers(changed, scoring=PINNED)


def case(
    read: Any = None,  # noqa: ANN401 - a reading
    chain: CometReading | None = None,
    branch: str | None = None,
    staged: bool = True,
) -> Case:
    chain = chain or halted()
    if staged:
        chain = keeping("val1", *LESS, sha256=world.MODEL, chain=chain)
    observation = observed(read or reading(), chain)
    return case_of(with_containers(observation, "val4"), branch=branch)


def test_the_pinned_model_is_brought_to_the_majority_of_a_chain_that_stands() -> None:
    found = case()
    assert found.branch.name == "model-skew"
    assert found.proposal.targets == ("val4", "val3", "val2")
    assert blocked(found) == set()
    finding = found.situation.finding
    assert (finding.agreed_basis, finding.model_basis) == (Basis.PIN, Basis.PIN)
    assert present(finding).health is Health.DOWN  # no two thirds score alike
    assert found.proposal.risk is Risk.HIGH
    told = found.proposal.warnings[0]
    assert "Services with 60 of 100 (60.0 %) get another model" in told
    assert "val1 has it already, with 40 (40.0 %)" in told
    assert any("query veid model-hashes" in one for one in found.proposal.warnings)
    assert "the chain stands, and the pin decides" in found.judge()["V3", ""].got


def test_first_the_one_that_has_it_keeps_it() -> None:
    """Which stops nothing, so the chain may make blocks meanwhile."""
    for chain in (halted(), worlds.healthy()):
        found = case(chain=chain, staged=False)
        assert found.proposal.moves == (Move(KEEP, "val1"),)
        assert blocked(found) == set()


def test_while_the_chain_makes_blocks_nothing_is_exchanged() -> None:
    found = case(chain=worlds.healthy()).judge()["V3", ""]
    assert found.outcome is Outcome.BLOCK
    assert "the chain makes blocks" in found.got
    assert "its operators decide" in found.next_step


def test_whether_it_stands_has_to_be_known() -> None:
    found = case()
    chain = found.situation.chain
    assert chain is not None
    dark = msgspec.structs.replace(chain.finding, halted=Tristate.UNKNOWN)
    scoring = replace(found.situation, chain=replace(chain, finding=dark))
    judged = agreeing_stay(scoring, found.proposal)
    assert judged is not None
    assert judged.outcome is Outcome.UNKNOWN


def test_a_pin_that_nobody_has() -> None:
    """It is named, and so is who decides: the operators."""
    nobody = reading(("val1", "val4"), val2=THIRD, val3=THIRD)  # 50 against 50
    with pytest.raises(Refused, match="INC-002 has no branch") as refused:
        case(nobody, staged=False)
    assert f"no service has the pinned model {world.MODEL[:12]}" in refused.value.got
    asked = situation(observed(nobody, halted()), frozenset())
    found = {"V8": model_agreed(asked, "val4"), "V1": answer_agreed(asked, EMPTY)}
    assert all(one is not None and one.outcome is Outcome.BLOCK for one in found.values())
    assert "no service has it" in str(found["V8"])
    assert "nobody has the pinned model" in str(found["V1"])
    assert "people agree on another pin" in str(found["V1"])


@pytest.mark.parametrize(
    ("read", "why"),
    [
        (reading(val1=DOWN), "nobody has the pinned model and gives the answers"),
        (reading(("val2", "val3"), val4=ODD), "services with the pinned model itself give other"),
        (reading(("val2",), val3=DOWN, val4=DOWN), ""),
        (reading(("val2", "val3"), val4=DOWN), ""),
    ],
    ids=["down", "contradicted", "most are down", "one is down"],
)
def test_what_the_pin_means_somebody_has_to_show(read: Any, why: str) -> None:  # noqa: ANN401
    scoring = situation(observed(read, halted()), frozenset())
    assert why in scoring.why_not_pinned
    assert (scoring.finding.agreed_basis is Basis.PIN) is (not why)


def test_who_is_silent_may_have_answered_as_the_others() -> None:
    """30 of 100 give other answers, and 40 none: together they would be two thirds."""
    read = reading(("val2",), val1=DOWN)
    found = case(read, branch="model-skew").judge()["V1", ""]
    assert found.outcome is not Outcome.PASS
    assert "another one may have two thirds" in found.got
    assert "docs/scoring.md#a-pin" in found.next_step


def test_two_thirds_of_the_power_are_right_without_a_pin() -> None:
    """And against one: what the chain holds is what its majority writes (V8)."""
    against = world.declared(model=world.OTHER)
    scoring = situation(observed(world.scorers({"val4": SKEW}, scoring=against)), frozenset())
    assert scoring.finding.agreed_basis is Basis.POWER
    assert scoring.finding.model == world.MODEL

"""A validator out of the set is called by what the chain says of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from remediations.engine.find.finding import Health
from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.systems.comet.staking import BondStatus
from tests import worlds
from tests.worlds import healthy, jail
from tests.worlds.base import BEGAN
from tests.worlds.signing import evidence_in, of_others, said

LATER = BEGAN + timedelta(seconds=34)


def test_jailed_until_a_time_to_come() -> None:
    """Since when, why, how much stake, until when; and what to do then."""
    finding = diagnose(jail.jailed(healthy(), "val4", until=LATER))
    node = finding.node("val4")
    assert finding.chain is ChainClass.DEGRADED
    assert node.condition is NodeCondition.JAILED
    assert node.condition.rule.health is Health.DEGRADED
    for words in (
        "missed too many blocks",
        "last signed",
        "from 2026-11-25 12:00:34 UTC on",
        f"{jail.TOKENS} tokens",
        jail.OPERATOR,
    ):
        assert words in node.cause
    assert "2026-11-25 12:00:34 UTC" in node.by_hand
    assert {e.reading for e in node.evidence} == {
        "val4.standing.signing",
        "val4.standing.validator",
    }


def test_jailed_for_a_time_that_is_over() -> None:
    """The next step is the playbook."""
    finding = diagnose(jail.jailed(healthy(), "val4"))
    assert "may be unjailed since 2026-11-25 11:55:00 UTC" in finding.node("val4").cause
    assert "remediate plan low-validators" in finding.next_step


def test_tombstoned_never_comes_back() -> None:
    """Whatever else is jailed looks the same to the chain's own refusal."""
    node = diagnose(jail.tombstoned(healthy(), "val4")).node("val4")
    assert node.condition is NodeCondition.TOMBSTONED
    assert "never comes back" in node.cause
    assert "new key and a new validator" in node.by_hand
    assert "low-validators" not in node.by_hand


def test_tombstoned_is_said_although_its_key_signed_twice() -> None:
    """The reason and its consequence do not hide each other."""
    world = said(
        jail.tombstoned(healthy(), "val4"),
        "val1",
        of_others(worlds.address_of(4)),
        ago=timedelta(seconds=5),
    )
    assert diagnose(world).node("val4").condition is NodeCondition.TOMBSTONED


def test_a_key_that_signed_twice_is_not_called_jailed() -> None:
    """Its evidence may come yet: nobody is told to unjail it."""
    world = said(
        jail.jailed(healthy(), "val4"),
        "val1",
        of_others(worlds.address_of(4)),
        ago=timedelta(seconds=5),
    )
    node = diagnose(world).node("val4")
    assert node.condition is NodeCondition.NO_POWER
    assert "Do not unjail it" in node.by_hand


def test_evidence_against_another_one_does_not_hide_that_it_is_jailed() -> None:
    """Its signing info says whose it is not."""
    world = evidence_in(jail.jailed(healthy(), "val4"), worlds.HEIGHT)
    assert diagnose(world).node("val4").condition is NodeCondition.JAILED


@pytest.mark.parametrize(
    ("status", "says"),
    [(BondStatus.UNBONDED, "is not bonded"), (BondStatus.UNBONDING, "leaving the bonded")],
)
def test_not_bonded(status: BondStatus, says: str) -> None:
    """Nothing is wrong on its host: others have more stake."""
    node = diagnose(jail.jailed(healthy(), "val4", jailed=False, status=status)).node("val4")
    assert node.condition is NodeCondition.UNBONDED
    assert says in node.cause
    assert "stake" in node.by_hand


def test_no_validator_has_its_key() -> None:
    """It was never bonded, or has another key than its operator thinks."""
    node = diagnose(jail.unlisted(healthy(), "val4")).node("val4")
    assert node.condition is NodeCondition.UNBONDED
    assert "no validator of the chain has its key" in node.cause


@pytest.mark.parametrize("names", [("validator",), ("signing",), ("signing", "validator")])
def test_what_the_chain_did_not_tell_is_not_guessed(names: tuple[str, ...]) -> None:
    """It is out of the set, and nobody knows why."""
    node = diagnose(jail.told(jail.jailed(healthy(), "val4"), "val4", *names)).node("val4")
    assert node.condition is NodeCondition.NO_POWER


def test_bonded_and_not_yet_in_the_set() -> None:
    """The set changes two blocks later: for so long it is neither."""
    world = jail.jailed(healthy(), "val4", jailed=False, status=BondStatus.BONDED)
    assert diagnose(world).node("val4").condition is NodeCondition.NO_POWER


def test_what_is_down_is_first_brought_back() -> None:
    """Whether it is jailed is asked of its own node."""
    node = diagnose(worlds.stopped(jail.jailed(healthy(), "val4"), "val4")).node("val4")
    assert node.condition is NodeCondition.STOPPED

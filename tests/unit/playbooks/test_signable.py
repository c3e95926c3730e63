"""Where a key can sign, rule by rule, and how much power that makes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from remediations.playbooks.chain.signable.ability import Ability, Answer, Position, Signer
from remediations.playbooks.chain.signable.signers import OUTSIDE, signable_after, signers_with
from remediations.playbooks.chain.signable.whole import Signable, lock_sentences, signable
from remediations.playbooks.chain.situation import ChainSituation, situation_of
from remediations.systems.comet.reading import CometReading, HostReading
from remediations.systems.comet.sign_state import SignState
from remediations.values.reading import Why
from tests import worlds
from tests.unit.plan.cases import missing, quorum_lost

YES, NO, UNKNOWN = Answer.YES, Answer.NO, Answer.UNKNOWN
BLOCK = "8BBB" * 16


def state(height: int, round_: int, step: int, block: str = "") -> SignState:
    return SignState(height=height, round=round_, step=step, block=block, signed_at=worlds.BEGAN)


def by_hand(height: int, round_: int, step: int) -> SignState:
    """Without signed bytes."""
    return SignState(height=height, round=round_, step=step, block="")


def signer(power: int, signed: SignState | None, **more: Any) -> Signer:  # noqa: ANN401 - its fields
    return Signer(name=f"val{power}", power=power, state=signed, **more)


def judged(*signers: Signer, at: tuple[int, int] = (114, 0), total: int = 100) -> Signable:
    return signable(signers, Position(*at), total)


@pytest.mark.parametrize(
    ("signed", "has_log", "ability"),
    [
        (state(113, 9, 3), False, Ability(0, 0)),  # an earlier height forbids nothing
        (state(115, 0, 1), True, Ability(None, None)),  # height regression
        (state(154, 0, 3), None, Ability(None, None)),
        (state(114, 11, 3), True, Ability(11, 11)),  # the log brings it back to its round
        (state(114, 11, 2), True, Ability(11, 11)),
        (state(114, 11, 3), False, Ability(12, 12)),  # round regression, then step regression
        (state(114, 11, 2), False, Ability(12, 11)),  # there only the same prevote again
        (state(114, 11, 1), False, Ability(11, 11)),  # a proposal forbids no vote
        (by_hand(114, 11, 0), True, Ability(11, 11)),
        (by_hand(114, 11, 3), True, Ability(12, 12)),  # written by hand: in no log
        (by_hand(114, 11, 2), True, Ability(12, 12)),  # and no bytes to repeat
        (by_hand(114, 11, 2), None, Ability(12, 12)),
        (state(114, 11, 3), None, Ability(12, 11)),  # whether the log is there decides
        (state(114, 0, 3), False, Ability(1, 1)),
        (state(0, 0, 0), False, Ability(0, 0)),
        (None, True, Ability(None, 0)),  # what was not read may allow everything, or nothing
    ],
)
def test_from_which_round_a_key_can_sign(
    signed: SignState | None, has_log: bool | None, ability: Ability
) -> None:
    assert signer(1, signed, has_log=has_log).at(114) == ability


def test_who_votes_now_can_sign_whatever_its_files_say() -> None:
    """The file may be older than the votes that were seen, or unreadable."""
    assert signer(1, state(114, 3, 3), votes=True).at(114).in_round(0) is YES
    assert signer(1, None, votes=True).at(114).in_round(0) is YES


def test_answers_around_the_round_of_a_sign_state() -> None:
    ability = signer(1, state(114, 11, 2), has_log=False).at(114)
    assert [ability.in_round(round_) for round_ in (0, 10, 11, 12, 13)] == [
        NO,
        NO,
        UNKNOWN,
        YES,
        YES,
    ]


def test_sentence_of_a_plan() -> None:
    """What an approver reads, in power."""
    found = judged(signer(70, state(113, 0, 3)), signer(30, state(114, 11, 3), has_log=False))
    assert found.sentence == (
        "70 of 100 can sign at 114/0; 30 would refuse until round 12; more than two thirds is "
        "reached"
    )
    assert found.reached is True
    assert found.means == ""


def test_exactly_two_thirds_is_not_enough() -> None:
    refuses = signer(1, state(114, 4, 3), has_log=False)
    found = judged(signer(2, state(113, 0, 3)), refuses, total=3)
    assert (found.can, found.refuse, found.reached, found.first_round) == (2, 1, False, 5)
    assert "more than two thirds could from round 5 on, which is never reached" in found.verdict
    assert "write-ahead log of val1" in found.means


def test_everybody_without_log_never_gets_past_the_round_it_begins_in() -> None:
    """Measured: all logs deleted in round 11, and the set stood in round 0 for good."""
    found = judged(*(signer(n, state(114, 11, 3), has_log=False) for n in (40, 30, 20, 10)))
    assert (found.can, found.first_round, found.reached) == (0, 12, False)


def test_a_height_that_was_signed_already_names_the_first_that_can_be() -> None:
    """A restart height that everybody who was online had signed."""
    signers = [
        signer(40, state(114, 2, 3), has_log=True),
        signer(30, state(120, 0, 3)),
        signer(30, state(150, 1, 2)),
    ]
    found = judged(*signers)
    assert (found.reached, found.first_round, found.first_height) == (False, None, 121)
    assert "60 never at this height (val30 signed 120, val30 signed 150)" in found.sentence
    assert found.means.startswith("121 is the first height that more than two thirds can sign")


def test_unknown_is_neither() -> None:
    """It decides only where the rest does not."""
    unread = signer(40, None, lacks="val1: its sign state")
    open_ = judged(signer(60, state(113, 0, 3)), unread)
    assert open_.reached is None
    assert "40 unknown (val1: its sign state)" in open_.sentence
    assert "val1: its sign state" in open_.means
    assert judged(signer(70, state(113, 0, 3)), unread).reached is True
    assert judged(signer(20, state(113, 0, 3)), unread).reached is False


def test_power_that_is_not_there_is_told() -> None:
    found = judged(signer(60, state(113, 0, 3)))
    assert "40 not there" in found.sentence
    assert found.reached is False


def test_many_rounds_are_summed_up() -> None:
    """Each round is named up to three, then the last one."""
    signers = [signer(1, state(114, r, 3), has_log=False) for r in (1, 2, 3, 4, 9)]
    found = judged(*signers, total=5)
    assert "1 until round 4" not in found.sentence
    assert "2 until later ones, the last round 10" in found.sentence


def test_a_block_that_a_third_precommitted_is_named() -> None:
    """Nil and prevotes lock nothing; less than a third keeps no other block from being decided."""
    voted = [
        signer(34, state(114, 3, 3, BLOCK), has_log=True),
        signer(36, state(114, 3, 3), has_log=True),
        signer(30, state(114, 3, 2, "A" * 64), has_log=True),
    ]
    (told,) = lock_sentences(judged(*voted, at=(114, 3)))
    assert told.startswith("34 of 100 precommitted block 8BBB8BBB8BBB… at 114")
    assert "a program that refuses it cannot be started on them" in told
    assert lock_sentences(judged(signer(33, state(114, 3, 3, BLOCK)))) == ()


def test_a_block_that_more_than_two_thirds_precommitted_is_decided() -> None:
    (told,) = lock_sentences(judged(signer(67, state(114, 0, 3, BLOCK), has_log=True)))
    assert "it is decided" in told


def seen(world: CometReading) -> ChainSituation:
    return situation_of(world, frozenset())


def test_only_those_that_run_or_are_started_are_there() -> None:
    chain = seen(quorum_lost())
    assert {one.name for one in signers_with(chain, ())} == {"val2", "val3", "val4"}
    assert signable_after(chain, ()).there == 60
    assert signable_after(chain, ("val1",)).there == 100


def test_a_key_on_two_hosts_counts_once() -> None:
    """Also where both are started: then the more restricted one."""
    world = worlds.duplicated(quorum_lost(), "val1", "standby1")
    ahead = worlds.sign_state(world, "standby1", 200)
    found = signable_after(seen(ahead), ("val1", "standby1"))
    assert (found.can, found.refuse, found.there) == (60, 40, 100)
    assert [one.name for one, _ in found.refusals] == ["standby1"]


def test_votes_of_hosts_that_the_inventory_lacks_count() -> None:
    """Their power was seen to vote; whose it is does not matter."""
    world = missing(worlds.healthy((40, 30, 20, 10), hosts=2), "val1")
    chain = seen(world)
    assert chain.finding.online_power == 60
    found = {one.name: one.power for one in signers_with(chain, ("val1",))}
    assert found == {"val1": 40, "val2": 30, OUTSIDE: 30}


def test_power_of_a_key_that_was_not_read_may_be_there() -> None:
    """On a busy host no section may have come to its end: that is no validator less."""
    world = worlds.change(quorum_lost(), "val1", without_key)
    found = signable_after(seen(world), ("val1",))
    assert (found.can, found.unknown, found.reached) == (60, 40, None)
    assert "40 unknown (val1: whose key it has)" in found.sentence
    assert signable_after(seen(world), ()).there == 60


def without_key(reading: HostReading) -> HostReading:
    unread = worlds.unknown("not printed in time", Why.TIME_LIMIT)
    return replace(reading, key=unread, config=unread, sign_state=unread)


def test_the_set_comes_back_to_the_highest_round_that_a_log_brings() -> None:
    """Whoever has less follows by the old votes."""
    every = ("val1", "val2", "val3", "val4")
    world = worlds.stopped(worlds.healthy(), *every)
    for host, round_ in zip(every, (11, 9, 11, 4), strict=True):
        world = worlds.change(world, host, having_signed(state(114, round_, 3)))
    chain = with_height(seen(world), 113)
    assert signable_after(chain, every).at == Position(114, 11)
    assert signable_after(chain, every).can == 100
    assert signable_after(chain, ("val2", "val4")).at == Position(114, 9)


def having_signed(signed: SignState) -> Callable[[HostReading], HostReading]:
    return lambda reading: replace(reading, sign_state=worlds.known(signed))


def test_a_state_that_was_set_ahead_by_hand_brings_no_round() -> None:
    """The set begins where the logs are, and that key waits."""
    world = worlds.change(quorum_lost(), "val1", having_signed(by_hand(114, 9, 3)))
    found = signable_after(seen(world), ("val1",))
    assert found.at == Position(114, 0)
    assert (found.refuse, found.reached, found.first_round) == (40, False, 10)
    assert found.means.startswith("bring back enough power without val1: no log has the votes")


def with_height(chain: ChainSituation, height: int) -> ChainSituation:
    """The same where the height is known."""
    finding = replace(chain.finding, height=height, round=0)
    return ChainSituation(observation=chain.observation, finding=finding, only=chain.only)

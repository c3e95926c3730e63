"""What is predicted of a set is what a small model of CometBFT does, round by round.

The model knows `CheckHRS` and that a round ends with the votes of more than two thirds; it knows
nothing of abilities. Each signer is asked for both votes of a round, as a node would ask it.
"""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from remediations.playbooks.chain.signable.ability import Answer, Position, Signer
from remediations.playbooks.chain.signable.whole import signable
from remediations.systems.comet.sign_state import SignState
from tests.worlds import BEGAN

HEIGHT = 10
ROUNDS = 20
OLD, NEW = "old", "new"
"""What was signed at the step of the sign state, and another message."""


@dataclass
class Model:
    """One private validator with its file, and the node that asks it."""

    power: int
    last: tuple[int, int, int]
    has_log: bool
    by_hand: bool

    def sign(self, height: int, round_: int, step: int, message: str) -> bool:
        """`FilePV.signVote`; what it signed last was `OLD`, or nothing, if its state was written by
        hand."""
        last_height, last_round, last_step = self.last
        if last_height > height:
            return False
        if last_height == height:
            if last_round > round_:
                return False
            if last_round == round_:
                if last_step > step:
                    return False
                if last_step == step:
                    return message == OLD and not self.by_hand
        return True

    def votes(self, round_: int, message: str) -> bool:
        """Whether the set gets its prevote and its precommit of this round. What its log holds is
        there without being signed again."""
        logged = self.has_log and not self.by_hand and self.last[:2] == (HEIGHT, round_)
        return all(
            (logged and self.last[2] >= step) or self.sign(HEIGHT, round_, step, message)
            for step in (2, 3)
        )


def ends_in_a_block(models: list[Model], begin: int, message: str) -> bool:
    """Whether a block comes, round by round.

    A round ends once more than two thirds have voted in it, with a block if its proposer could
    propose one. The proposers take turns, and here there are more rounds than they need.
    """
    total = sum(model.power for model in models)
    for round_ in range(begin, begin + ROUNDS):
        voted = sum(model.power for model in models if model.votes(round_, message))
        if not 3 * voted > 2 * total:
            return False
        proposer = models[round_ % len(models)]
        if proposer.sign(HEIGHT, round_, 1, message):
            return True
    raise AssertionError("it ends neither way")


@st.composite
def sets(draw: st.DrawFn) -> list[Model]:
    one = st.builds(
        Model,
        power=st.integers(1, 40),
        last=st.tuples(st.integers(HEIGHT - 1, HEIGHT + 1), st.integers(0, 4), st.integers(0, 3)),
        has_log=st.booleans(),
        by_hand=st.booleans(),
    )
    return draw(st.lists(one, min_size=1, max_size=7))


def signers_of(models: list[Model]) -> list[Signer]:
    return [
        Signer(
            name=f"val{n}",
            power=model.power,
            state=SignState(
                height=model.last[0],
                round=model.last[1],
                step=model.last[2],
                block="",
                signed_at=None if model.by_hand else BEGAN,
            ),
            has_log=model.has_log,
        )
        for n, model in enumerate(models)
    ]


@given(sets(), st.integers(0, 6))
def test_prediction_is_what_the_model_does(models: list[Model], begin: int) -> None:
    """Where it depends on whether the same votes come again, the prediction is unknown or what both
    cases have in common."""
    total = sum(model.power for model in models)
    found = signable(signers_of(models), Position(HEIGHT, begin), total)
    outcomes = {ends_in_a_block(models, begin, message) for message in (OLD, NEW)}
    if found.reached is None:
        assert outcomes == {True, False}
    else:
        assert outcomes == {found.reached}


@given(sets(), st.integers(0, 6))
def test_each_answer_is_what_the_model_signs(models: list[Model], round_: int) -> None:
    for model, signer in zip(models, signers_of(models), strict=True):
        answers = {model.votes(round_, message) for message in (OLD, NEW)}
        expected = {
            frozenset({True}): Answer.YES,
            frozenset({False}): Answer.NO,
            frozenset({True, False}): Answer.UNKNOWN,
        }
        assert signer.at(HEIGHT).in_round(round_) is expected[frozenset(answers)]


@given(sets(), st.integers(0, 6))
def test_all_power_is_counted_once(models: list[Model], round_: int) -> None:
    total = sum(model.power for model in models)
    found = signable(signers_of(models), Position(HEIGHT, round_), total)
    assert found.can + found.refuse + found.unknown == total
    assert found.refuse == sum(signer.power for signer, _ in found.refusals)
    assert found.unknown == sum(signer.power for signer in found.unclear)


@given(sets(), st.integers(0, 6))
def test_more_can_sign_in_a_later_round(models: list[Model], round_: int) -> None:
    """Never less; and the first round of two thirds is the first one."""
    total = sum(model.power for model in models)
    now, later = (
        signable(signers_of(models), Position(HEIGHT, r), total) for r in (round_, round_ + 1)
    )
    assert now.can <= later.can
    assert now.refuse >= later.refuse
    first = now.first_round
    if first is not None:
        assert signable(signers_of(models), Position(HEIGHT, first), total).reached is True
        if first:
            before = signable(signers_of(models), Position(HEIGHT, first - 1), total)
            assert before.reached is not True


@given(sets())
def test_the_first_height_is_the_first(models: list[Model]) -> None:
    """From its round 0 on more than two thirds can sign."""
    total = sum(model.power for model in models)
    found = signable(signers_of(models), Position(HEIGHT, 0), total)
    assert found.first_height is not None
    assert signable(signers_of(models), Position(found.first_height, 0), total).reached is True

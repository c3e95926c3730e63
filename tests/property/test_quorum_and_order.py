"""Quorum arithmetic and rolling order hold for any powers."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from remediations.playbooks.chain.impact import Move, keeps_quorum, smallest_first, swings
from remediations.render.words import percent
from remediations.systems.comet.quorum import can_halt, has_quorum

POWERS = st.integers(min_value=0, max_value=2**63)
MOVES = st.lists(
    st.builds(Move, st.text("abcdef", min_size=1), st.integers(0, 10**12), st.booleans()),
    max_size=30,
    unique_by=lambda move: move.host,
)


@given(POWERS, POWERS)
def test_quorum_is_strictly_more_than_two_thirds(power: int, total: int) -> None:
    """Exact, where floating point would not be."""
    total = max(total, power, 1)
    assert has_quorum(power, total) is (Fraction(power, total) > Fraction(2, 3))
    assert can_halt(total - power, total) is not has_quorum(power, total)


@given(POWERS, POWERS)
def test_a_share_is_never_shown_too_large(power: int, total: int) -> None:
    """The printed percentage is at most the true one, and off by less than a tenth."""
    total = max(total, power, 1)
    shown = Fraction(percent(power, total).removesuffix(" %"))
    true = Fraction(power * 100, total)
    assert 0 <= true - shown < Fraction(1, 10)


@given(MOVES)
def test_rolling_order_is_by_power_and_total(moves: list[Move]) -> None:
    """Smallest first, each node once, and the same whatever the order of the input."""
    order = smallest_first(moves)
    assert sorted(order) == sorted(moves)
    assert [m.power for m in order] == sorted(m.power for m in moves)
    assert smallest_first(reversed(moves)) == order


@given(MOVES, st.integers(0, 10**13))
def test_swings_add_up(moves: list[Move], others: int) -> None:
    """After all stages exactly the nodes that were off have been added; none is lost."""
    online = others + sum(move.power for move in moves if move.online)
    path = swings(online, [[move] for move in moves])
    gained = sum(move.power for move in moves if not move.online)
    assert (path[-1].after if path else online) == online + gained
    assert all(swing.worst <= swing.before <= swing.after for swing in path)


@given(MOVES, st.integers(0, 10**13))
def test_starting_what_is_off_never_endangers_quorum(moves: list[Move], others: int) -> None:
    """G29 passes for every plan that only starts nodes which do not vote."""
    off = [move._replace(online=False) for move in moves]
    total = others + sum(move.power for move in off)
    assert all(keeps_quorum(swing, total) for swing in swings(others, [off]))

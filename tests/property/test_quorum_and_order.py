"""Quorum arithmetic and rolling order hold for any powers."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from remediations.engine.plan.impact import Effect, Level, compute_impacts
from remediations.engine.plan.plan import Impact
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.finding import NodeFinding
from remediations.playbooks.chain.guards.power import keeps_quorum
from remediations.playbooks.chain.impact import smallest_first
from remediations.render.formats import percent
from remediations.systems.comet.quorum import can_halt, has_quorum

POWERS = st.integers(min_value=0, max_value=2**63)
POWER = "power"
AMOUNTS = st.integers(0, 10**12)
EFFECTS = st.lists(st.builds(Effect, st.just(POWER), AMOUNTS, AMOUNTS, AMOUNTS), max_size=30)
NODES = st.lists(
    st.builds(
        NodeFinding,
        host=st.text("abcdef", min_size=1),
        condition=st.just(NodeCondition.STOPPED),
        address=st.just(""),
        power=AMOUNTS,
        cause=st.just(""),
        by_hand=st.just(""),
        evidence=st.just(()),
    ),
    max_size=30,
    unique_by=lambda node: node.host,
)


def path(now: int, stages: list[list[Effect]]) -> list[Impact]:
    """What stages do to one measure."""
    level = Level(measure=POWER, now=now, total=now, floor=0)
    return [impact for (impact,) in compute_impacts([level], stages)]


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


@given(NODES)
def test_rolling_order_is_by_power_and_total(nodes: list[NodeFinding]) -> None:
    """Smallest first, each node once, and the same whatever the order of the input."""
    order = smallest_first(nodes)
    assert {node.host for node in order} == {node.host for node in nodes}
    assert len(order) == len(nodes)
    assert [node.power for node in order] == sorted(node.power for node in nodes)
    assert smallest_first(reversed(nodes)) == order


@given(EFFECTS, AMOUNTS)
def test_impacts_add_up(effects: list[Effect], others: int) -> None:
    """Each stage begins where the one before has ended; at the end there is what all give
    afterwards; and at worst it is never more than before or after."""
    now = others + sum(effect.now for effect in effects)
    stages = path(now, [[effect] for effect in effects])
    after = others + sum(effect.after for effect in effects)
    assert (stages[-1].after if stages else now) == after
    assert [s.before for s in stages] == [now, *(s.after for s in stages)][: len(stages)]
    assert all(stage.worst <= min(stage.before, stage.after) for stage in stages)


@given(EFFECTS, AMOUNTS)
def test_worst_is_what_is_left_while_all_are_acted_on(effects: list[Effect], others: int) -> None:
    """The targets of a stage are acted on at once, and may come back in any order."""
    now = others + sum(effect.now for effect in effects)
    (stage,) = path(now, [effects])
    gone = sum(effect.now - min(effect.now, effect.during, effect.after) for effect in effects)
    assert stage.worst == now - gone


@given(st.lists(AMOUNTS, max_size=30), st.integers(0, 10**13))
def test_starting_what_is_off_never_endangers_quorum(powers: list[int], others: int) -> None:
    """G29 passes for every plan that only starts nodes which do not vote."""
    (stage,) = path(others, [[Effect(POWER, 0, 0, power) for power in powers]])
    assert keeps_quorum(stage)

"""A plan on a terminal: golden at 80 columns, inside any width, readable for 100 validators."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from remediations.engine.plan.plan import Plan
from remediations.engine.plan.render_text import plan_text
from remediations.playbooks.chain.baseline import ChainNodes
from remediations.values.login import Login
from tests import worlds
from tests.unit.plan.cases import DIGEST, minority_down, missing, plan_of, quorum_lost, wrong_clock
from tests.unit.render.golden import same_as_golden
from tests.worlds import healthy

GOLDEN = Path(__file__).parent / "golden"


def at_once() -> Plan:
    """40 of 100 validators are started together."""
    return plan_of(missing(healthy((10,) * 100), *(f"val{i}" for i in range(1, 41))))


def in_a_row() -> Plan:
    """12 of 100 validators are started one after the other."""
    return plan_of(missing(healthy((10,) * 100), *(f"val{i}" for i in range(1, 13))))


def many_blocked() -> Plan:
    """40 are to be started, and the clocks of most are wrong."""
    world = missing(healthy((10,) * 100), *(f"val{i}" for i in range(1, 41)))
    for i in range(1, 31):
        world = wrong_clock(world, f"val{i}", 10_000 + i)
    return plan_of(world)


PLANS: dict[str, Callable[[], Plan]] = {
    "quorum-lost": lambda: plan_of(quorum_lost()),
    "minority-down": lambda: plan_of(minority_down()),
    "disabled": lambda: plan_of(worlds.disabled(healthy(), "val4")),
    "blocked": lambda: plan_of(wrong_clock(quorum_lost(), "val1")),
    "standby": lambda: plan_of(healthy(), "node-down", only=["standby1"]),
    "hundred-at-once": at_once,
    "hundred-in-a-row": in_a_row,
    "hundred-blocked": many_blocked,
}


def text_of(plan: Plan, width: int = 80, *, verbose: bool = False) -> str:
    return plan_text(plan, DIGEST, width=width, colour=False, verbose=verbose)


@pytest.mark.parametrize("name", list(PLANS))
def test_plan_is_golden(name: str) -> None:
    """The plan reads as it did when somebody last looked at it."""
    same_as_golden(GOLDEN / f"{name}.txt", text_of(PLANS[name]()) + "\n")


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("name", list(PLANS))
def test_no_line_leaves_the_width(name: str, width: int) -> None:
    """Long values wrap, digests are whole at any width."""
    text = text_of(PLANS[name](), width)
    assert max(len(line) for line in text.splitlines()) <= width
    assert DIGEST in "".join(text.split())


def test_four_validators_fit_on_two_screens() -> None:
    """What an operator reads at night is short."""
    assert len(text_of(plan_of(quorum_lost())).splitlines()) <= 48


@pytest.mark.parametrize(
    ("make", "lines"),
    [(at_once, 80), (in_a_row, 60), (many_blocked, 40)],
    ids=["at once", "in a row", "many blocked"],
)
def test_hundred_validators_stay_readable(make: Callable[[], Plan], lines: int) -> None:
    """What hosts have in common is said once; every host and its own values are still there."""
    plan = make()
    text = text_of(plan)
    assert len(text.splitlines()) <= lines
    words = set(text.replace(",", " ").replace(":", " ").split())
    assert set(plan.targets) | {guard.subject for guard in plan.blocked} - {""} <= words
    flat = "".join(text.split())
    addresses = {node.host: node.address for node in plan.part(ChainNodes).nodes}
    for host in plan.targets:
        assert f"address={addresses[host]}" in flat


def test_verbose_hides_nothing() -> None:
    """--verbose shows every command whole, with its probe, and every guard by itself."""
    plan = in_a_row()
    text = text_of(plan, 120, verbose=True)
    assert text.count('systemctl start "$unit"') == len(plan.targets)
    assert text.count("unit-active virtengine.service") == len(plan.targets)
    rows = [line.split()[:3] for line in text.splitlines()]
    assert [row for row in rows if row[:1] == ["G45"] and row[2:] == ["PASS"]] == [
        ["G45", host, "PASS"] for host in plan.targets
    ]
    blocked = many_blocked()
    assert sum(
        line.split()[:1] == ["G37"] and "BLOCK" in line
        for line in text_of(blocked, 120, verbose=True).splitlines()
    ) == len(blocked.blocked)


def test_a_long_row_of_a_program_is_distinguished_from_two() -> None:
    """A row that does not fit goes on below a mark of its own; numbers count the true rows."""
    plan = plan_of(quorum_lost())
    (stage,) = plan.stages
    command = replace(stage.steps[0], payload=f"echo {'a' * 100}\n\ttrue \necho b")
    plan = replace(plan, stages=(replace(stage, steps=(command,)),))
    rows = text_of(plan, 60, verbose=True).splitlines()
    start = next(n for n, row in enumerate(rows) if row.startswith("  1  echo"))
    assert rows[start : start + 5] == [
        f"  1  echo {'a' * 50}",
        f"  ↳  {'a' * 50}",
        r"  2  \u{9}true\u{20}",
        "  3  echo b",
        "     (no line break at the end)",
    ]


def test_failing_guard_is_not_listed_as_passing() -> None:
    """A guard that passes on some hosts and not on others does not pass."""
    text = " ".join(text_of(many_blocked()).split())
    passing = text.partition("pass: ")[2].partition(" (each one")[0].split()
    assert "G37" not in passing
    assert "G45" in passing


def test_different_programs_are_not_shown_as_one() -> None:
    """Started and restarted nodes in one stage are listed by what is done to them."""
    world = healthy((10,) * 12)
    for i in range(1, 5):
        world = worlds.frozen(world, f"val{i}")
        world = worlds.sign_state(world, f"val{i}", worlds.HEIGHT)
    plan = plan_of(missing(world, *(f"val{i}" for i in range(5, 9))))
    assert {c.operation for c in plan.stages[0].steps} == {"node.start", "node.restart"}
    text = text_of(plan)
    assert "on 4 targets: node.start, all with" in text
    assert "on 4 targets: node.restart, all with" in text


def test_way_to_a_host_is_shown_hop_by_hop() -> None:
    """Each machine exactly, with arrows of ours between; a name that leads nowhere says why."""
    plan = plan_of(quorum_lost())
    past = replace(plan, logins=(worlds.login_of("val1", jump="bastion"),))
    assert "reaches     val1: ops@bastion:22 → ops@val1.example:22\n" in text_of(past, 80)
    unknown = Login(host="val1", hops=(), trouble="ssh_config: line 3")
    lost = replace(plan, logins=(unknown,))
    assert "reaches     val1: unknown: ssh_config: line 3\n" in text_of(lost, 80)

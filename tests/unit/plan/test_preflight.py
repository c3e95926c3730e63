"""What the plain path is told: the same guards and the same data as a plan's."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from remediations.engine.plan.plan import Plan, guard_result
from remediations.engine.plan.preflight import Preflight, find_action, judge_action
from remediations.errors import Refused, UsageError
from remediations.playbooks.chain.domain import DOMAIN
from remediations.systems.comet.planned import PlannedNode
from remediations.systems.comet.reading import CometReading, sealed
from remediations.values.wire import as_tree
from tests import worlds
from tests.unit.plan.cases import case_of, minority_down, missing, plan_of, quorum_lost, wrong_clock
from tests.worlds.many import many_worlds

Change = Callable[[CometReading], CometReading]


def asked(observation: CometReading, action: str, *targets: str) -> Preflight:
    return judge_action([DOMAIN], DOMAIN.action(action), targets, sealed(observation))


def ids(observation: CometReading, action: str, *targets: str) -> list[str]:
    return [guard.id for guard in asked(observation, action, *targets).blocked]


def payloads(plan: Plan) -> dict[str, str]:
    return {step.target: step.payload for step in plan.steps}


@pytest.mark.parametrize(
    ("observation", "playbook", "targets"),
    [
        (minority_down(), "node-down", ("val4",)),
        (quorum_lost(), "INC-001", ("val1",)),
        (missing(worlds.healthy(), "val2", "val3"), "INC-001", ("val3", "val2")),
        (wrong_clock(minority_down(), "val4"), "node-down", ("val4",)),
        (worlds.stopped(worlds.healthy(), "full1"), "node-down", ("full1",)),
    ],
)
def test_it_judges_what_a_plan_judges(
    observation: CometReading, playbook: str, targets: tuple[str, ...]
) -> None:
    """Guard by guard, with the same values and next steps."""
    plan = plan_of(observation, playbook, only=targets)
    assert asked(observation, "node.start", *targets).guards == plan.guards


def test_it_judges_so_in_every_world() -> None:
    """Wherever a branch proposes one action on all its targets at once."""
    compared = 0
    for name, world in many_worlds():
        for playbook in ("INC-001", "node-down"):
            with suppress(Refused):
                case = case_of(world, playbook)
                actions = {move.action.name for move in case.proposal.moves}
                if len(case.proposal.stages) == len(actions) == 1:
                    found = asked(world, *actions, *case.proposal.targets)
                    assert found.guards == case.judge(), name
                    compared += 1
    assert compared > 50


def test_its_data_give_the_bytes_of_the_plan() -> None:
    """What an operation is given under plain pyinfra is what a plan is compiled from."""
    for world in (minority_down(), quorum_lost()):
        (target,) = plan_of(world).targets
        data = asked(world, "node.start", target).data[target]
        head = "".join(f"{name}={value}\n" for name, value in sorted(data.items()))
        assert payloads(plan_of(world))[target] == f'set -u\n{head}systemctl start "$unit"\n'


def test_its_data_are_a_node_also_as_a_document_has_them() -> None:
    """Numbers are decimal strings on the way."""
    data = asked(minority_down(), "node.start", "val4").data["val4"]
    node = PlannedNode.from_words(as_tree(data))
    assert node == PlannedNode.from_data(data)
    assert node.sign_height > 0


def test_what_decides_is_enough() -> None:
    """It is asked with a reading that leaves out what only describes."""
    for world in (minority_down(), worlds.key_missing(worlds.healthy(), "val4")):
        full = asked(world, "node.start", "val4")
        assert asked(worlds.deciding(world), "node.start", "val4") == full


HAZARDS: dict[str, tuple[Change, str]] = {
    "no key": (lambda o: worlds.key_missing(o, "val4"), "G45"),
    "no sign state": (lambda o: worlds.sign_state_missing(o, "val4"), "G19"),
    "a sign state of zero": (lambda o: worlds.sign_state(o, "val4", 0), "G20"),
    "a sign state from the future": (
        lambda o: worlds.sign_state(o, "val4", worlds.HEIGHT + 9),
        "G20",
    ),
    "a full disk": (lambda _: worlds.disk_full(worlds.healthy(), "val4"), "G17"),
    "masked": (lambda o: worlds.disabled(o, "val4", enabled="masked"), "G6"),
    "a remote signer": (
        lambda o: worlds.configured(o, "val4", remote_signer="tcp://signer:1"),
        "G24",
    ),
    "a double sign check": (
        lambda o: worlds.configured(o, "val4", double_sign_check_height=2),
        "G25",
    ),
    "adaptive sync": (lambda o: worlds.configured(o, "val4", adaptive_sync=True), "N3"),
    "a halt height": (lambda o: worlds.configured(o, "val4", halt_height=99), "G28"),
    "another clock": (lambda o: wrong_clock(o, "val4"), "G37"),
    "its key elsewhere": (lambda o: worlds.duplicated(o, "val4", "standby1"), "G2"),
    "unreachable": (lambda o: worlds.unreachable(o, "val4"), "G41"),
}


@pytest.mark.parametrize("action", ["node.start", "node.restart"])
@pytest.mark.parametrize("hazard", HAZARDS)
def test_each_hazard_blocks_by_its_guard(action: str, hazard: str) -> None:
    """And where one guard blocks there are no data: what must not run cannot be made."""
    change, guard = HAZARDS[hazard]
    found = asked(change(minority_down()), action, "val4")
    assert guard in {blocked.id for blocked in found.blocked}
    assert found.data == {}


def test_all_targets_go_at_the_same_time() -> None:
    """In voting power, not in nodes; and what is well is never touched."""
    assert ids(worlds.healthy(), "node.restart", "val1") == ["G29", "N1"]
    assert ids(worlds.healthy(), "node.restart", "val3", "val4") == ["N1", "N1"]
    assert ids(worlds.healthy(), "node.restart", "val2", "val4") == ["G29", "N1", "N1"]


def test_in_a_halt_what_is_started_brings_the_quorum_back() -> None:
    """A part of what is missing, by itself, does not."""
    lost = missing(worlds.healthy(), "val1", "val3")
    assert ids(lost, "node.start", "val1", "val3") == []
    assert ids(lost, "node.start", "val3") == ["G1b"]


def test_enabling_asks_for_no_power_and_no_fault() -> None:
    """It starts nothing: of a node that runs, of one that is down, and in a halt."""
    for world in (worlds.healthy(), minority_down(), quorum_lost()):
        for host in ("val1", "val4"):
            assert ids(world, "node.enable", host) == []


@pytest.mark.parametrize(
    ("change", "guard"),
    [
        (lambda o: worlds.key_missing(o, "val4"), "G45"),
        (lambda o: worlds.disabled(o, "val4", enabled="masked"), "G6"),
        (lambda o: worlds.duplicated(o, "val4", "standby1"), "G2"),
        (lambda o: worlds.unreachable(o, "val4"), "G41"),
    ],
)
def test_what_the_next_boot_must_not_start_is_not_enabled(change: Change, guard: str) -> None:
    """Nobody watches then."""
    assert guard in ids(change(worlds.healthy()), "node.enable", "val4")


@pytest.mark.parametrize("targets", [(), ("val9",), ("val4", "val9")])
def test_targets_are_hosts_that_were_observed(targets: tuple[str, ...]) -> None:
    """None at all is an error, too."""
    with pytest.raises(UsageError) as caught:
        asked(minority_down(), "node.start", *targets)
    assert caught.value.guard == "--limit"


def test_an_action_is_never_guessed() -> None:
    """Two domains with different ones of the same name: which one is meant, nobody says."""
    start = DOMAIN.action("node.start")
    other = replace(DOMAIN, name="other", actions=(replace(start, deploy="run"),))
    assert find_action("node.start", (DOMAIN,)) == ((DOMAIN,), start)
    with pytest.raises(UsageError, match="several domains have a different action") as caught:
        find_action("node.start", (DOMAIN, other))
    assert caught.value.got == "chain, other"
    with pytest.raises(UsageError, match=r"no action 'node\.delete'") as caught:
        find_action("node.delete", (DOMAIN, other))
    assert "node.enable" in caught.value.expected


def test_domains_that_share_an_action_judge_it_all() -> None:
    """A package brings playbooks, and an invariant, for the same chain: nobody evades it by the
    plain path, and what passes in both has the same data."""
    start = DOMAIN.action("node.start")
    never = guard_result(
        "X1", "not on a Friday", holds=False, got="Friday", expected="another", next_step="wait"
    )
    strict = replace(DOMAIN, name="strict", invariants=(lambda *_: never,))
    alike = replace(DOMAIN, name="alike")
    world = sealed(minority_down())
    both, action = find_action("node.start", (DOMAIN, alike, strict))
    assert [domain.name for domain in both] == ["chain", "alike", "strict"]
    refused = judge_action(both, action, ("val4",), world)
    assert (refused.blocked, refused.data) == ((never,), {})
    alone, together = (judge_action(some, start, ("val4",), world) for some in ([DOMAIN], both[:2]))
    assert (together.guards, together.data) == (alone.guards, alone.data)
    assert together.data

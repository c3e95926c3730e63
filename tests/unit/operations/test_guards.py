"""The guards of the plain path, on values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from remediations.systems.comet.plain.facts import NodeState, RpcState
from remediations.systems.comet.plain.guards import Action, Subject, judge

POWERS = (40, 30, 20, 10)


def rpc(power: int, height: int = 100) -> RpcState:
    return RpcState(
        network="lab-1", height=height, catching_up=False, address="", power=power, total=100
    )


def subject(
    number: int, target: bool = False, role: str = "validator", **changes: object
) -> Subject:
    state = NodeState(
        unit="ve.service", home="/ve", load_state="loaded", active_state="active",
        user="ve", stop_timeout_s=20,
        address=str(number) * 40, sign=(100, 0, 3), free_kib=10**7, remote_signer="",
        double_sign_check_height=0, adaptive_sync=False, halt="0/0", rpc=rpc(POWERS[number]),
    )  # fmt: skip
    return Subject(
        host=f"val{number + 1}",
        role=role,
        target=target,
        state=replace(state, **changes),  # type: ignore[arg-type]  # names and values by the tests
    )


def ids(action: Action, *subjects: Subject) -> list[str]:
    return [block.id for block in judge(action, subjects, "lab-1")]


def others(*numbers: int) -> tuple[Subject, ...]:
    return tuple(subject(number) for number in numbers)


def test_a_sound_node_may_be_started_and_restarted() -> None:
    """No guard blocks where everything is as it should be."""
    assert ids("start", subject(3, target=True, rpc=None), *others(0, 1, 2)) == []
    assert ids("restart", subject(3, target=True), *others(0, 1, 2)) == []
    assert ids("enable", subject(3, target=True), *others(0, 1, 2)) == []


@pytest.mark.parametrize(
    ("change", "guard"),
    [
        ({"address": ""}, "G45"),
        ({"sign": None}, "G19"),
        ({"sign": (0, 0, 0)}, "G20"),
        ({"sign": (102, 0, 1)}, "G21"),
        ({"free_kib": 1000}, "G17"),
        ({"load_state": "masked"}, "G6"),
        ({"remote_signer": "tcp://signer:1"}, "G24"),
        ({"double_sign_check_height": 10}, "G25"),
        ({"double_sign_check_height": 1}, "G25"),
        ({"adaptive_sync": True}, "N3"),
        ({"halt": "99/0"}, "G28"),
    ],
)
@pytest.mark.parametrize("action", ["start", "restart"])
def test_each_hazard_blocks_by_its_own_guard(
    action: Action, change: dict[str, Any], guard: str
) -> None:
    """One thing wrong with the target, one guard; the same thing elsewhere is not judged."""
    assert ids(action, subject(3, True, **change), *others(0, 1, 2)) == [guard]
    assert ids(action, subject(3, False, **change), subject(2, target=True), *others(0, 1)) == []


def test_a_standby_that_never_had_a_key_may_start() -> None:
    """No key and no sign state is what a keyless standby looks like."""
    standby = subject(3, target=True, address="", sign=None, rpc=None, role="standby")
    assert ids("start", standby, *others(0, 1, 2)) == []


def test_a_standby_that_lost_its_key_may_not() -> None:
    """With a sign state it had one."""
    standby = subject(3, target=True, address="", role="standby")
    assert ids("start", standby, *others(0, 1, 2)) == ["G45"]


def test_one_key_on_two_hosts_blocks() -> None:
    """Wherever they are, running or not."""
    twice = subject(2, address="0" * 40, rpc=None)
    assert ids("start", subject(3, target=True), twice, *others(0, 1)) == ["G2"]


def test_another_chain_blocks_and_so_does_silence() -> None:
    """Every answer is of this chain, and there is one."""
    strange = subject(2, rpc=replace(rpc(20), network="other-1"))
    assert ids("start", subject(3, target=True), strange) == ["G3"]
    assert ids("start", subject(3, target=True, rpc=None)) == ["G3"]


def test_an_unreadable_host_blocks_before_anything_else() -> None:
    """Whether a key lies twice cannot be known without reading every host."""
    unread = Subject(host="val1", role="validator", target=False, state=None)
    assert ids("start", unread, subject(3, target=True, address="")) == ["G41"]


def test_no_target_is_no_success() -> None:
    """Empty is an error."""
    assert ids("start", *others(0, 1)) == ["G41"]


@pytest.mark.parametrize(
    ("down", "targets", "blocked"),
    [
        ((), (3,), False),
        ((), (1,), False),
        ((), (0,), True),
        ((), (2, 3), False),
        ((), (1, 3), True),
        ((3,), (2,), False),
        ((3,), (1,), True),
        ((0,), (0,), False),
        ((0,), (1,), True),
        ((0, 1), (0, 1), False),
    ],
)
def test_a_restart_never_takes_quorum_away(
    down: tuple[int, ...], targets: tuple[int, ...], blocked: bool
) -> None:
    """All targets at once, in power, not in nodes. In a halt what lives is left alone."""
    subjects = [
        subject(n, n in targets, rpc=None, active_state="failed")
        if n in down
        else subject(n, n in targets)
        for n in range(4)
    ]
    assert ids("restart", *subjects) == (["G29"] if blocked else [])


def test_a_stuck_node_does_not_count_as_signing() -> None:
    """A zombie answers but stands still: restarting it takes nothing away."""
    stuck = rpc(40, height=50)
    assert ids("restart", subject(0, target=True, rpc=stuck), *others(1, 2, 3)) == []
    assert ids("restart", subject(0, rpc=stuck), subject(1, target=True), *others(2, 3)) == ["G29"]


def test_hosts_read_a_moment_apart_do_not_switch_the_guard_off() -> None:
    """Blocks that came in between make the others look behind, never the target look idle."""
    late = [subject(n, rpc=rpc(POWERS[n], height=95)) for n in (1, 2, 3)]
    assert ids("restart", subject(0, target=True), *late) == ["G29"]
    assert ids("restart", subject(0, target=True, rpc=rpc(40, height=95)), *others(1)) == ["G29"]


def test_an_active_node_that_answers_nothing_may_be_signing() -> None:
    """A frozen RPC is no proof that the node does not vote."""
    silent = subject(3, target=True, rpc=None)
    assert ids("restart", silent, *others(0, 1, 2)) == ["G29"]
    assert ids("start", silent, *others(0, 1, 2)) == []

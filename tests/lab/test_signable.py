"""Whether a set can sign is predicted from its files, and then tried: it is as predicted.

A chain is halted and stopped, in round 0 or later; sign states are set ahead by some rounds
or to a later height, write-ahead logs are taken away, and perhaps one validator is not started
again, all by seed. Nothing is lowered, so nobody signs twice.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import time
from dataclasses import dataclass

import pytest

from tests.lab.choice import only_some
from tests.lab.faults import Faults
from tests.lab.lab import Lab
from tests.lab.operator import Operator

SEEDS = range(200) if os.environ.get("REMEDIATE_SOAK") else (1, 4, 8)
ROUNDS_S = 12.0
"""More than the rounds by which a sign state is set ahead take here, from round 0 on."""
LATER_ROUNDS_S = 30.0
"""The same from a later round on, whose time limits are longer."""
LATER = 3
"""A round that comes when all vote and cannot agree."""
ROUND_LIMIT_S = 60.0


@dataclass(frozen=True)
class Tampered:
    """What is done to one validator: its sign state set ahead by `rounds` (None: it stays) of this
    height, or with `above` of the next one; and its log taken away."""

    rounds: int | None
    without_log: bool
    above: bool = False


@dataclass(frozen=True)
class Standing:
    """Where a seed lets the chain stand: in a `later` round than 0, or not; and who is stopped for
    good before all are started together, "" for nobody."""

    later: bool
    left_out: str


def drawn(seed: int) -> dict[str, Tampered]:
    """What a seed does to each validator. A log is taken away only with a sign state that certainly
    refuses without it: of another one it depends on the votes of the others."""
    draw = random.Random(seed)
    found = {}
    for host in Faults.validators():
        rounds = draw.choice((None, None, 0, 2, 5))
        without_log = rounds is not None and draw.random() < 0.5
        found[host] = Tampered(rounds, without_log, rounds == 0 and draw.random() < 0.3)
    return found


def standing(seed: int) -> Standing:
    """Where it stands under a seed."""
    draw = random.Random(f"standing {seed}")
    return Standing(draw.random() < 0.5, draw.choice(("", "", "val4", "val3")))


def tamper(lab: Lab, host: str, how: Tampered, height: int, round_: int) -> None:
    """On a stopped validator; the chain stands at this height, in this round."""
    data = lab.hosts[host].path(f"{lab.node(host).home}/data")
    if how.rounds is not None:
        ahead = {"height": str(height + how.above), "round": round_ + how.rounds, "step": 3}
        (data / "priv_validator_state.json").write_text(json.dumps(ahead))
    if how.without_log:
        shutil.rmtree(data / "cs.wal")


def halt(lab: Lab, *, later: bool) -> tuple[int, int]:
    """All validators stopped after a halt; the height that is to be signed next, and the round."""
    if not later:
        lab.break_stop("val1")
        height = lab.wait_stalled() + 1
        lab.stop(*Faults.validators())
        return height, 0
    lab.break_app_hash("val1", at=lab.world.top() + 5)
    height = lab.wait_stalled() + 1
    end = time.monotonic() + ROUND_LIMIT_S
    while round_of(lab, "val2") < LATER:
        assert time.monotonic() < end, "the round does not rise"
        time.sleep(0.1)
    lab.stop(*Faults.validators())
    lab.mend_cause("val1")
    node = lab.node("val1")
    # All agree on the state from now on, so that nothing but signing can stand in the way.
    rollback = f"runuser -u {node.user} -- {node.binary} rollback --home {node.home}"
    lab.hosts["val1"].sh(rollback)
    states = [lab.world.sign_state(host) for host in Faults.validators()]
    return height, max(state[1] for state in states if state is not None and state[0] == height)


def round_of(lab: Lab, host: str) -> int:
    """The round in which a node is."""
    at = lab.world.rpc(host, "consensus_state")["round_state"]["height/round/step"]
    return int(at.split("/")[1])


@pytest.mark.parametrize("seed", only_some(SEEDS, (4).__eq__))
def test_prediction_is_what_happens(lab: Lab, operator: Operator, seed: int) -> None:
    """By `whatif` on the stopped hosts; then all are started, but for one that is left out."""
    where, tampered = standing(seed), drawn(seed)
    height, round_ = halt(lab, later=where.later)
    for host, how in tampered.items():
        tamper(lab, host, how, height, round_)
    started = [host for host in Faults.validators() if host != where.left_out]
    without = ("--stop", where.left_out) if where.left_out else ()
    said = operator.says("whatif", *without, "--height", str(height))
    assert said.document["error"] is None, said.why
    asked = said.document["result"][0]["stages"][-1]
    assert asked["health"] != "unknown", asked
    lab.start(*started)
    goes_on = lab.grows(LATER_ROUNDS_S if where.later else ROUNDS_S)
    told = (asked["verdict"], asked["notes"], where, round_, tampered)
    assert (asked["health"] != "down") is goes_on, told
    assert lab.world.evidence("full1") == []


def test_the_seeds_are_of_both_kinds() -> None:
    """Some leave more than two thirds that can sign at once, others do not."""
    powers = dict(zip(Faults.validators(), (40, 30, 20, 10), strict=True))
    left = [
        sum(power for host, power in powers.items() if drawn(seed)[host].rounds is None)
        for seed in SEEDS
    ]
    assert {3 * power > 200 for power in left} == {True, False}
    assert any(how.without_log for seed in SEEDS for how in drawn(seed).values())
    assert {standing(seed).later for seed in SEEDS} == {True, False}

"""Whether a set can sign is predicted from its files, and then tried: it is as predicted.

A chain is halted and stopped; by seed, sign states are set ahead by some rounds and write-ahead
logs are taken away. Nothing is lowered, so nobody signs twice.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from dataclasses import dataclass

import pytest

from tests.lab.choice import only_some
from tests.lab.faults import Faults
from tests.lab.lab import Lab
from tests.lab.operator import Operator

SEEDS = range(40) if os.environ.get("REMEDIATE_SOAK") else (2, 4, 8)
ROUNDS_S = 12.0
"""More than the rounds by which a sign state is set ahead take here."""


@dataclass(frozen=True)
class Tampered:
    """What is done to one validator: its sign state set ahead by `rounds` (None: it stays), and its
    log taken away."""

    rounds: int | None
    without_log: bool


def drawn(seed: int) -> dict[str, Tampered]:
    """What a seed does to each validator. A log is taken away only with a sign state that certainly
    refuses without it: of another one it depends on the votes of the others."""
    draw = random.Random(seed)
    found = {}
    for host in Faults.validators():
        rounds = draw.choice((None, None, 0, 2, 5))
        found[host] = Tampered(rounds, rounds is not None and draw.random() < 0.5)
    return found


def tamper(lab: Lab, host: str, how: Tampered, height: int) -> None:
    """On a stopped validator."""
    data = lab.hosts[host].path(f"{lab.node(host).home}/data")
    if how.rounds is not None:
        ahead = {"height": str(height), "round": how.rounds, "step": 3}
        (data / "priv_validator_state.json").write_text(json.dumps(ahead))
    if how.without_log:
        shutil.rmtree(data / "cs.wal")


@pytest.mark.parametrize("seed", only_some(SEEDS, (4).__eq__))
def test_prediction_is_what_happens(lab: Lab, operator: Operator, seed: int) -> None:
    """By `whatif` on the stopped hosts; then all are started."""
    lab.break_stop("val1")
    height = lab.wait_stalled() + 1
    lab.stop(*Faults.validators())
    tampered = drawn(seed)
    for host, how in tampered.items():
        tamper(lab, host, how, height)
    said = operator.says("whatif", "--height", str(height))
    assert said.document["error"] is None, said.why
    asked = said.document["result"][0]["stages"][-1]
    assert asked["health"] != "unknown", asked
    lab.start(*Faults.validators())
    goes_on = lab.grows(ROUNDS_S)
    assert (asked["health"] != "down") is goes_on, (asked["verdict"], tampered)
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

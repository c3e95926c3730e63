"""Every fault of an inference service that no other file rescues: rescued by command line on real
containers, or refused with nothing touched."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import pytest

from tests.lab.choice import full_lab
from tests.lab.lab import Lab
from tests.lab.operator import Operator
from tests.lab.scoring import MODEL, loader_hash
from tests.lab.shell import LabError
from tests.lab.test_scoring import (
    BUSY_S,
    REFUSED,
    SOUND,
    all_ids,
    assert_alike,
    bring_model,
    containers,
    operator,
    scoring,
)
from tests.lab.truth import one_chain
from tests.lab.world_scoring import bits, predict

__all__ = ["operator"]
pytestmark = full_lab


def found(operator: Operator, condition: str) -> Mapping[str, Any]:
    """What is found of val4, once it has this condition: a busy machine may take some looks."""
    end = time.monotonic() + BUSY_S
    while time.monotonic() < end:
        (one,) = [one for one in scoring(operator)["scorers"] if one["host"] == "val4"]
        if one["condition"] == condition:
            return dict(one)
    raise AssertionError(one)


@pytest.mark.parametrize(
    ("fault", "condition"),
    [
        # It runs whenever nobody asks, and then no line of it leaves its host.
        ("break_scorer_memory", "scorer-looping"),
        ("break_gpu_gone", "start-refused"),
        ("break_scorer_crash_loop", "start-refused"),
        ("break_two_scorers", "two-scorers"),
        ("break_other_digest", "other-build"),
        ("break_stub", "stub"),
    ],
)
def test_what_no_step_cures_is_refused_with_what_people_do(
    scorers: Lab, operator: Operator, fault: str, condition: str
) -> None:
    """Named, and no plan: no container and no daemon is touched."""
    getattr(scorers, fault)("val4")
    if fault == "break_scorer_memory":
        with pytest.raises(LabError):
            predict(scorers, "val4", "alice")  # it ends at a request
    one = found(operator, condition)
    assert one["by_hand"]
    others = [host for host in scorers.validators() if host != "val4"]
    before, daemons = containers(scorers), scorers.world.daemons()
    refused = operator.plan("INC-002")
    assert refused.code == REFUSED, refused.document
    after = containers(scorers)
    assert {host: after[host] for host in others} == {host: before[host] for host in others}
    assert scorers.world.daemons() == daemons


def test_one_that_somebody_started_by_hand_is_left_to_them(
    scorers: Lab, operator: Operator
) -> None:
    """It answers as agreed, so nothing is planned. When it freezes nothing of ours ends it either:
    no unit would bring it back (V21)."""
    scorers.break_scorer_by_hand("val4")
    before = all_ids(scorers, "val4")
    assert operator.plan("INC-002").result["plan"] is None
    assert bits(predict(scorers, "val4", "alice")) == bits(predict(scorers, "val1", "alice"))
    scorers.break_scorer_hangs("val4")
    found(operator, "frozen-engine")
    refused = operator.plan("INC-002")
    assert refused.code == REFUSED, refused.document
    assert "V21" in json.dumps(refused.document)
    assert all_ids(scorers, "val4") == before


@pytest.mark.parametrize("fault", ["break_half_copied_model", "break_half_copied_unnoticed"])
def test_half_a_model_is_replaced_by_a_whole_one(
    scorers: Lab, operator: Operator, fault: str
) -> None:
    """Whether its scorer refuses it or runs with it: brought by content, verified, and alike."""
    getattr(scorers, fault)("val4")
    found(operator, "half-copy")
    before, daemons = containers(scorers), scorers.world.daemons()

    bring_model(operator, "val4")

    after = containers(scorers)
    assert {host for host in after if after[host] != before[host]} == {"val4"}
    assert scorers.world.daemons() == daemons
    here = scorers.hosts["val4"].path(MODEL)
    held = {str(p.relative_to(here)): p.read_bytes() for p in here.rglob("*") if p.is_file()}
    assert loader_hash(held) == loader_hash(SOUND)
    assert_alike(scorers, "after")
    one_chain(scorers, scorers.world.top())

"""The right model is brought to who has another one: from this machine, past units that need the
service, and by a pin. On real containers and a real chain, by command line, and the world
asserted."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.lab.choice import full_lab
from tests.lab.faults_scoring import GATEWAY
from tests.lab.lab import Lab
from tests.lab.operator import Operator
from tests.lab.scoring import MODEL, expected_score, features, loader_hash, model_files
from tests.lab.scoring_inventory import pinned, with_model_directory
from tests.lab.test_scoring import (
    BUSY_S,
    FILES,
    PLANNED,
    REFUSED,
    SOUND,
    assert_alike,
    bring_model,
    containers,
    rescued_in_looks,
    scoring,
)
from tests.lab.test_scoring_lab import wait_for
from tests.lab.world_scoring import bits, predict

STANDS_S = 8


@pytest.fixture
def operator(scorers: Lab, tmp_path: Path) -> Operator:
    """Somebody whose inventory has the scorers."""
    return Operator(scorers, tmp_path)


@full_lab
def test_model_of_this_machine_is_brought(scorers: Lab, operator: Operator) -> None:
    """The pinned model lies beside the inventory: it is brought from there, by its hash, and no
    other host gives its copy. With another model there nothing is offered."""
    sha256 = loader_hash(SOUND)
    for host in scorers.validators():
        scorers.hosts[host].sh(f"rm -f {FILES}/{sha256}")
    scorers.break_wrong_model("val4")
    before = containers(scorers)
    with with_model_directory(scorers, model_files("other")):
        offered = operator.plan("INC-002")
        assert offered.code == PLANNED, offered.document
        shown = operator.says("show", offered.result["run"]).result["plan"]
        assert shown["branch"] == "keep-model"
    with with_model_directory(scorers, SOUND) as directory:
        refused = operator.plan("INC-002")
        assert refused.code == REFUSED, refused.document
        words = ("stage", str(directory), "--without", "export_metadata.json", "--limit", "val4")
        assert f"`remediate {' '.join(words)}` first" in refused.error["got"]
        staged = operator.says(*words)
        assert staged.code == 0, staged.document
        assert staged.result["digest"] == sha256
        swapped = operator.rescue("INC-002")
        assert swapped.code == 0, swapped.why
    after = containers(scorers)
    assert {host for host in after if after[host] != before[host]} == {"val4"}
    kept = {h: scorers.hosts[h].sh(f"ls {FILES} || true") for h in scorers.validators()}
    assert [host for host, listed in kept.items() if sha256 in listed] == ["val4"]
    here = scorers.hosts["val4"].path(MODEL)
    held = {str(p.relative_to(here)): p.read_bytes() for p in here.rglob("*") if p.is_file()}
    assert loader_hash(held) == sha256
    assert_alike(scorers, "after")
    assert scoring(operator)["verdict"] == "scores-agree"


@full_lab
def test_what_needs_the_service_comes_back_and_a_node_is_not_stopped(
    scorers: Lab, operator: Operator
) -> None:
    """systemd stops what requires the scorer with it, and starts it for nobody. A gateway comes
    back; where it is the node itself, nothing is exchanged."""
    scorers.need_scorer("val4")
    scorers.break_wrong_model("val4")
    scorers.systemctl("val4", "start", GATEWAY)
    started = scorers.systemctl("val4", "show", "--property=InvocationID", GATEWAY)

    bring_model(operator, "val4")

    assert scorers.systemctl("val4", "is-active", GATEWAY).strip() == "active"
    assert scorers.systemctl("val4", "show", "--property=InvocationID", GATEWAY) != started
    assert_alike(scorers, "after")

    scorers.break_node_needs_scorer("val4")
    scorers.break_wrong_model("val4")
    scorers.start("val4")
    before, daemons = containers(scorers), scorers.world.daemons()
    refused = operator.plan("INC-002")
    assert refused.code == REFUSED, refused.document
    assert "V24" in str(refused.document)
    assert containers(scorers) == before
    assert scorers.world.daemons() == daemons


def stands(lab: Lab) -> bool:
    """Whether it makes no block for some seconds."""
    height = lab.world.top()
    time.sleep(STANDS_S)
    return lab.world.top() == height


@full_lab
def test_a_pin_decides_when_the_chain_stands(scorers: Lab, operator: Operator) -> None:
    """The same 60 | 40, with the pin of the 60, who keep the model. While there are blocks nothing
    is exchanged; a score stops the chain, and then val1 gets what people pinned. Nobody else is
    touched, and all answer alike."""
    for host in scorers.validators():
        scorers.hosts[host].sh(f"rm -f {FILES}/{loader_hash(SOUND)}")
    scorers.break_wrong_model("val1")
    with pinned(scorers):
        kept = operator.rescue("INC-002")
        assert kept.code == 0, kept.why
        staged = operator.says("stage", loader_hash(SOUND), "--donor", "val4", "--limit", "val1")
        assert staged.code == 0, staged.document
        before = containers(scorers)
        refused = operator.plan("INC-002")
        assert refused.code == REFUSED, refused.document
        assert "the chain makes blocks" in str(refused.document)
        assert containers(scorers) == before

        scorers.ask_score("split")
        wait_for(lambda: stands(scorers), BUSY_S)
        swapped = rescued_in_looks(operator, "INC-002")
        assert swapped.code == 0, swapped.why
        after = containers(scorers)
        assert {host for host in after if after[host] != before[host]} == {"val1"}
        wanted = bits(expected_score(features("after"), SOUND))
        assert {bits(predict(scorers, host, "after")) for host in after} == {wanted}
        wait_for(lambda: scoring(operator)["verdict"] == "scores-agree", BUSY_S)

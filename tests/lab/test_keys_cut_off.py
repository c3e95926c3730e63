"""The controller of each branch of INC-005 is lost at every record of its journal, and so is who
resumes it: what acts acts once, and in the end everything is proven.

The stores and the service are real. The chain is real where transactions and hosts are.
"""

from __future__ import annotations

import json
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.lab import vaults
from tests.lab.choice import full_lab
from tests.lab.key_owners import Keys, keys
from tests.lab.lab import Lab
from tests.lab.losing import Bastion, Losses, lose_every_controller
from tests.lab.readers import HOSTS, Readers
from tests.lab.resealing import NEW, OLD, OTHER, Stores
from tests.lab.sealing_desk import sealing_desk
from tests.lab.session_desk import Desk, rotated
from tests.lab.test_key_files import planned, readers, stores
from tests.lab.test_sessions import desk, service
from tests.lab.truth import rescued
from tests.lab.vaults import read_with

__all__ = ["desk", "keys", "readers", "service", "stores"]


BEGAN, SAW = (1, "StepStarting"), (5, "StepEnded")
"""After how many records the first one is lost, and a record after which one has to be."""
FIRST = pytest.mark.parametrize("lost", [BEGAN, SAW], ids=["began", "saw-it-end"])


def was_lost_everywhere(losses: Losses, kind: str = "StepStarting") -> None:
    """At each kind of record that every run has; a gate that is open at once is not waited for."""
    assert {kind, "GateEnded", "RunEnded"} <= set(losses.records), losses.records


@full_lab
@FIRST
def test_ending_sessions(desk: Desk, tmp_path: Path, lost: tuple[int, str]) -> None:
    """The service got one request, and the program was run once."""
    bastion = Bastion(desk.home / "state", desk.environment)
    there = tmp_path / "bastions"
    losses = lose_every_controller(bastion, desk.planned(), there, first=lost[0])
    was_lost_everywhere(losses, lost[1])
    assert desk.service.open_sessions == 0
    assert len(desk.service.requests("POST")) == 1
    assert rotated(desk.home) == ["application"]


@full_lab
@pytest.mark.parametrize("kind", ["tree", "bucket", "table"])
def test_sealing_anew(tmp_path: Path, kind: str) -> None:
    """Every object was sealed anew once, and opens with the new key alone."""
    (tmp_path / "desk").mkdir()
    with ExitStack() as stack:
        if kind == "tree":
            vault = vaults.files(tmp_path / "tree")
        elif kind == "bucket":
            vault = stack.enter_context(vaults.bucket(tmp_path / "secret", versions=True))
        else:
            vault = stack.enter_context(vaults.table(tmp_path / "secret"))
        vault.fill(60, 15, OLD, OTHER)
        at = stack.enter_context(sealing_desk(tmp_path / "desk", [vault]))
        losses = lose_every_controller(at.bastion, at.planned(), tmp_path / "bastions")
        was_lost_everywhere(losses)
        objects = vault.objects()
        assert len(objects) == 63
        for name, content in vault.contents.items():
            assert read_with(objects[name], NEW) == content, name
            assert read_with(objects[name], OLD) is None, name
        (ledger,) = at.home.glob("reencrypt/jobs/*/objects.jsonl")
        told = [json.loads(line) for line in ledger.read_text().split("\n") if line]
        assert Counter(one["outcome"] for one in told) == {"done": 60}
        assert len({one["key"] for one in told}) == 60


@full_lab
@pytest.mark.parametrize("writer", [False, True], ids=["nobody-wrote", "a-stranger-wrote"])
def test_the_machine_is_lost_in_the_middle(tmp_path: Path, writer: bool) -> None:
    """The job, who keeps it, and the controller at once. Whoever resumes goes on under the approval
    that there is, unless something names the key that nobody has approved."""
    (tmp_path / "desk").mkdir()
    vault = vaults.files(tmp_path / "tree")
    vault.fill(120, 16, OLD, OTHER)
    with sealing_desk(tmp_path / "desk", [vault], rate=10) as at:
        run = at.planned()
        with at.bastion.typed("apply", run) as apply:
            at.sealed(20)
            apply.kill()
            at.lose_the_job()
        if writer:
            vault.put("stranger", vaults.sealed(b"by a writer who does not know", OLD))
        said = at.bastion.says("resume", run)
        objects = vault.objects()
        if writer:
            assert said["exit_code"] == "7", said
            assert "were not approved (stranger)" in json.dumps(at.bastion.says("status", run))
            assert read_with(objects["stranger"], OLD)
            return
        assert said["exit_code"] == "0", said
        whole = {name: data for name, data in objects.items() if ".remediate-new-" not in name}
        assert len(whole) == 123
        for name, content in vault.contents.items():
            assert read_with(whole[name], NEW) == content, name
        assert [one.name for one in (at.home / "state/runs").iterdir()] == [run]


@full_lab
def test_containing(lab: Lab, keys: Keys, tmp_path: Path) -> None:
    """Each of the two transactions was sent once, and the key is revoked on nodes that nobody
    asked."""
    run = keys.planned(1, new=2)
    keys.sign(run)
    with rescued(lab):
        bastion = Bastion(keys.operator.state, keys.operator.environment)
        losses = lose_every_controller(bastion, run, tmp_path / "bastions")
    was_lost_everywhere(losses)
    assert keys.is_revoked(1)
    assert not keys.is_revoked(2)
    assert len(set(keys.broadcasts)) == len(keys.broadcasts) == 2


@full_lab
@pytest.mark.timeout(900)
def test_key_files(stores: Stores, readers: Readers, tmp_path: Path) -> None:
    """Each reader has the new key, and was told once."""
    assert readers.deliver(*HOSTS).returncode == 0
    started = [readers.starts(host) for host in HOSTS]
    operator = stores.keys.operator
    run = planned(stores, "install-key")
    bastion = Bastion(operator.state, operator.environment)
    losses = lose_every_controller(bastion, run, tmp_path / "bastions", fenced=True)
    was_lost_everywhere(losses)
    for host, before in zip(HOSTS, started, strict=True):
        assert (readers.key(host), readers.opened(host)) == (NEW.secret.reveal(), "new")
        assert readers.starts(host) == before + 1
    assert readers.left() == []

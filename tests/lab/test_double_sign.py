"""A key on two hosts: the second holder is stopped and held, the other one goes on.

What two signers cost is never taken back, so where nobody is proven to be the right one, none of
them goes on.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.lab.choice import full_lab
from tests.lab.holds import EVIDENCE, hold_of, let_go
from tests.lab.lab import Lab
from tests.lab.operator import Operator, Said
from tests.lab.spec import NODES, VALIDATORS
from tests.lab.test_lab_itself import wait_for
from tests.lab.test_rollback import BOOTED_S
from tests.lab.truth import rescued

OWNER, COPY, POWER = "val4", "standby1", 10
OTHERS = tuple(spec.name for spec in NODES if spec.name != COPY)
TOMBSTONED_S = 60.0
BLOCKS_AFTER = 8
"""More than evidence needs to get into a block: it is there within two."""
ANSWERS_S = 30.0
"""From the start of a daemon to its first answer, and more."""


def kept_evidence(lab: Lab, host: str) -> dict[str, str]:
    """The files of the one directory with evidence on a host, read by root; the hashes fit."""
    machine = lab.hosts[host]
    directory = machine.sh(f"cd {EVIDENCE}/* && sha256sum -c --quiet SHA256SUMS && pwd").strip()
    assert machine.sh(f"stat -c %a:%u {EVIDENCE} {directory}").split() == ["700:0", "700:0"]
    names = machine.sh(f"ls {directory}").split()
    files = {name: machine.sh(f"cat {directory}/{name}") for name in names}
    secret = json.loads(lab.world.file(host, key_of(lab, host)))["priv_key"]["value"]
    assert not any(secret in text for text in files.values())
    return files


def key_of(lab: Lab, host: str) -> str:
    """Where a host's validator key lies."""
    return f"{lab.node(host).home}/config/priv_validator_key.json"


def power_of(lab: Lab, asked: str, host: str) -> int:
    """The voting power of a host's key, as another node tells it."""
    address = json.loads(lab.world.file(host, key_of(lab, host)))["address"]
    members = lab.world.rpc(asked, "validators?per_page=100")["validators"]
    return sum(int(one["voting_power"]) for one in members if one["address"] == address)


def grows_without_evidence(lab: Lab) -> None:
    """Blocks go on, and carry no evidence, on any node that runs."""
    top = lab.world.top()
    running = [host for host, seen in lab.world.heights().items() if seen is not None]
    lab.wait_height(top + BLOCKS_AFTER, 40, *running)
    assert all(lab.world.evidence(host) == [] for host in running)


@contextmanager
def one_process(lab: Lab, host: str) -> Iterator[None]:
    """The daemon of this host is the same all the while."""
    before = lab.world.daemon(host)
    yield
    assert before is not None
    assert lab.world.daemon(host) == before


def stays_down_over_a_reboot(lab: Lab, host: str) -> None:
    """An enabled unit, and a host that boots again."""
    lab.systemctl(host, "enable", lab.unit(host))
    lab.mend_host(lambda: lab.systemctl(host, "disable", lab.unit(host)))
    lab.break_power(host, back=True)
    time.sleep(BOOTED_S)
    assert lab.world.daemon(host) is None
    assert lab.hosts[host].path(hold_of(lab, host)).exists()


def test_a_copy_that_is_stopped_is_held(lab: Lab, operator: Operator) -> None:
    """Before anybody starts it: the validator goes on untouched, nothing is signed twice, and no
    reboot starts the copy. Then the key is moved away, and the hold may end."""
    lab.break_duplicate_key(OWNER, COPY)
    assert operator.conditions()[COPY] == "duplicate-key"
    with rescued(lab, goes_on=True):
        said = operator.rescue("double-sign")
        assert said.code == 0, said.why
        stays_down_over_a_reboot(lab, COPY)
    assert {"P5", "P11", "P23", "P24"} <= {check["id"] for check in said.result["checks"]}
    files = kept_evidence(lab, COPY)
    assert {"sign-state-before", "sign-state-after", "unit", "journal"} <= set(files)
    assert power_of(lab, "val1", OWNER) == POWER
    finding = operator.says("diagnose").chain
    assert finding["chain"] == "degraded"
    conditions = {node["host"]: node["condition"] for node in finding["nodes"]}
    assert (conditions[COPY], conditions[OWNER]) == ("held", "healthy")
    refused = operator.plan("node-down", "--limit", COPY)
    assert refused.code == 4, refused.document
    assert "G2" in {g["id"] for g in refused.result["plan"]["guards"] if g["outcome"] != "pass"}
    lab.break_stop("val3")
    with rescued(lab, "val3", goes_on=True):
        again = operator.rescue("node-down")
        assert again.code == 0, again.why
    assert lab.world.daemon(COPY) is None


@full_lab
def test_a_second_signer_is_stopped_before_it_signs(lab: Lab, operator: Operator) -> None:
    """It runs, and is not at the tip yet: nobody has seen two signatures, and nobody ever does."""
    lab.break_partition((COPY,), OTHERS)
    lab.break_duplicate_key(OWNER, COPY, started=True)
    assert operator.diagnose()["chain"] == "double-signing"
    with one_process(lab, OWNER):
        said = operator.rescue("double-sign")
        assert said.code == 0, said.why
    assert lab.world.daemon(COPY) is None
    grows_without_evidence(lab)
    assert power_of(lab, "val1", OWNER) == POWER


@full_lab
def test_two_signers_that_were_caught(lab: Lab, operator: Operator) -> None:
    """Evidence is in a block and the validator is out: the copy is stopped, the chain goes on, no
    further evidence comes, and the diagnosis says what is lost."""
    lab.break_duplicate_key(OWNER, COPY, started=True)
    end = time.monotonic() + TOMBSTONED_S
    while power_of(lab, "val1", OWNER):
        assert time.monotonic() < end, "the validator was not punished"
        time.sleep(0.5)
    with one_process(lab, OWNER):
        said = operator.rescue("double-sign")
        assert said.code == 0, said.why
    stopped_at = lab.world.top()
    assert lab.world.daemon(COPY) is None
    lab.wait_height(stopped_at + BLOCKS_AFTER, 40, *[v.name for v in VALIDATORS])
    assert all(height <= stopped_at for height in lab.world.evidence("val1"))
    finding = operator.diagnose()
    node = next(n for n in finding["nodes"] if n["host"] == OWNER)
    assert node["condition"] == "tombstoned", finding["explanation"]
    assert "tombstoned" in finding["explanation"]
    assert any("height" in text for text in kept_evidence(lab, COPY).values())


@full_lab
def test_where_nobody_is_proven_both_are_held(lab: Lab, operator: Operator) -> None:
    """The copy runs, and its sign state is gone: whatever it signed may be newer. Both are held;
    the chain goes on with 90. Once the key is moved away from the copy, the validator is let go."""
    lab.break_partition((COPY,), OTHERS)
    lab.break_duplicate_key(OWNER, COPY, started=True)
    state = lab.hosts[COPY].path(f"{lab.node(COPY).home}/data/priv_validator_state.json")
    wait_for(lambda: lab.world.height(COPY) is not None, ANSWERS_S)  # without one it does not start
    state.unlink(missing_ok=True)
    said: Said = operator.rescue("double-sign")
    assert said.code == 0, said.why
    assert (lab.world.daemon(OWNER), lab.world.daemon(COPY)) == (None, None)
    before = lab.world.sign_state(OWNER)
    grows_without_evidence(lab)
    assert lab.world.sign_state(OWNER) == before
    assert {"held"} == {operator.conditions()[host] for host in (OWNER, COPY)}
    refused = operator.plan("node-down", "--limit", OWNER)
    assert refused.code == 4, refused.document
    lab.hosts[COPY].path(key_of(lab, COPY)).rename(lab.hosts[COPY].path("/root/moved-key"))
    back = operator.rescue("node-down", "--limit", OWNER)
    assert back.code == 0, back.why
    grows_without_evidence(lab)
    assert power_of(lab, "val1", OWNER) == POWER
    lab.hosts[COPY].path("/root/moved-key").rename(lab.hosts[COPY].path(key_of(lab, COPY)))


@pytest.fixture(autouse=True)
def no_hold_is_left(lab: Lab) -> Iterator[None]:
    """Neither a hold nor the evidence outlives its scenario."""
    yield
    let_go(lab)

"""A validator that the chain took out of its set: called by its kind, and freed if that is allowed.

The world decides: the set as another node tells it, and the transactions that the chain has.
"""

from __future__ import annotations

import re
import shutil
import time
from datetime import UTC, datetime

from remediations.engine.runs.records import StepStarting
from tests.lab.choice import full_lab
from tests.lab.faults_jail import QUICK
from tests.lab.lab import Lab
from tests.lab.operator import Operator
from tests.lab.test_goes_on import until
from tests.lab.truth import rescued

REFUSED = 4
UNJAIL = "/cosmos.slashing.v1beta1.MsgUnjail"
ELSEWHERE = "/var/lib/somebody"
TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}) UTC")


def address_of(lab: Lab, host: str) -> str:
    """The consensus address of a host's key."""
    return lab.chain.address(host)


def node_of(operator: Operator, host: str) -> dict[str, str]:
    """What is found of one node."""
    nodes: list[dict[str, str]] = operator.diagnose()["nodes"]
    (node,) = [node for node in nodes if node["host"] == host]
    return node


def jailed_and_back(lab: Lab, operator: Operator) -> datetime:
    """val4 was down too long, is jailed, and runs again by a rescue of its own; until when."""
    lab.pristine(QUICK)
    lab.break_jailed("val4")
    said = operator.plan("low-validators")
    assert said.code == REFUSED, said.document
    assert "bring it back first" in said.error["got"]
    back = operator.rescue("node-down")
    assert back.code == 0, back.why
    node = node_of(operator, "val4")
    assert node["condition"] == "jailed", node
    found = TIME.search(node["cause"])
    assert found is not None, node
    return datetime.fromisoformat(found[1]).replace(tzinfo=UTC)


def wait_until(moment: datetime) -> None:
    """Until the chain's clock is past it."""
    time.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds() + 2))


@full_lab
def test_jailed_refused_too_early_and_freed_in_time(lab: Lab, operator: Operator) -> None:
    """Its power is back in the set that another node tells, by exactly one transaction."""
    moment = jailed_and_back(lab, operator)
    address = address_of(lab, "val4")
    early = operator.plan("low-validators")
    assert early.code == REFUSED, early.document
    (guard,) = [g for g in early.result["plan"]["guards"] if g["outcome"] != "pass"]
    assert (guard["id"], guard["subject"]) == ("G75", "val4")
    assert f"{moment:%H:%M:%S}" in guard["next_step"]
    wait_until(moment)
    with rescued(lab):
        said = operator.rescue("low-validators")
        assert said.code == 0, said.why
        assert lab.world.powers("val1")[address] == 9
    (transaction,) = lab.world.transactions("val1", UNJAIL)
    assert transaction["tx_result"]["code"] == 0
    assert address in lab.world.signers("val1", lab.world.top() - 1)
    assert node_of(operator, "val4")["condition"] == "healthy"


@full_lab
def test_a_controller_that_dies_sends_nothing_twice(lab: Lab, operator: Operator) -> None:
    """Killed while the host signs and sends: resumed, verified, one transaction."""
    wait_until(jailed_and_back(lab, operator))
    planned = operator.plan("low-validators")
    assert planned.code == 3, planned.document
    run = str(planned.result["run"])
    assert operator.approve(run).code == 0
    with rescued(lab):
        with operator.start("apply", run) as process:
            until(process, operator, run, StepStarting)
            process.kill()
        said = operator.says("resume", run)
        assert said.code == 0, said.why
    assert len(lab.world.transactions("val1", UNJAIL)) == 1
    assert lab.world.powers("val1")[address_of(lab, "val4")] == 9


@full_lab
def test_a_key_that_lies_elsewhere_signs_what_is_handed_out(lab: Lab, operator: Operator) -> None:
    """Refused with the transaction and the commands; what these print is planned, approved, sent
    once, and frees it. The host has no key, and signs nothing."""
    wait_until(jailed_and_back(lab, operator))
    node, machine = lab.node("val4"), lab.hosts["val4"]
    home = machine.path(ELSEWHERE)
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    lab.mend_host(lambda: shutil.rmtree(home))
    shutil.move(machine.path(f"{node.home}/keyring-test"), home)
    refused = operator.plan("low-validators")
    assert refused.code == REFUSED, refused.document
    (guard,) = [g for g in refused.result["plan"]["guards"] if g["outcome"] != "pass"]
    assert guard["id"] == "G79"
    assert lab.world.transactions("val1", UNJAIL) == []
    commands = "printf" + guard["next_step"].partition("printf")[2].partition("; then,")[0]
    for word, meant in (
        ("virtengined", node.binary),
        ("--home HOME", f"--home {ELSEWHERE}"),
        ("KEYRING", "test"),
    ):
        commands = commands.replace(word, meant)
    printed = machine.sh(f"cd {ELSEWHERE} && {commands}").split()[-1]
    options = guard["next_step"].rpartition("`remediate plan low-validators ")[2].rstrip("`")
    words = [printed if word == "BASE64" else word for word in options.split()]
    odd = operator.says("plan", "low-validators", *(*words, "--fees", "1uve"))
    assert odd.code == REFUSED, odd.document
    planned = operator.says("plan", "low-validators", *words)
    assert planned.code == 3, planned.document
    run = str(planned.result["run"])
    assert operator.approve(run).code == 0
    with rescued(lab):
        applied = operator.says("apply", run)
        assert applied.code == 0, applied.why
    assert lab.world.powers("val1")[address_of(lab, "val4")] == 9
    (transaction,) = lab.world.transactions("val1", UNJAIL)
    assert transaction["tx_result"]["code"] == 0
    assert node_of(operator, "val4")["condition"] == "healthy"


def test_a_tombstoned_validator_is_never_freed(lab: Lab, operator: Operator) -> None:
    """The chain's own refusal would not tell it from one that is only too early."""
    lab.break_duplicate_key("val4", started=True)
    lab.wait_for_power(address_of(lab, "val4"), 0, "val1")
    lab.heal()
    lab.wait_height(lab.world.top() + 3, 30, "val1", "val4")
    node = node_of(operator, "val4")
    assert node["condition"] == "tombstoned", node
    said = operator.plan("low-validators")
    assert said.code == REFUSED, said.document
    assert "val4 is tombstoned" in said.error["got"]
    assert lab.world.transactions("val1", UNJAIL) == []

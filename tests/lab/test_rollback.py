"""App hashes that differ: executed again together, or alone; and what goes wrong on the way."""

from __future__ import annotations

import base64
import time

from remediations.engine.runs.records import GateWaiting
from remediations.systems.comet.planned import PlannedNode
from remediations.systems.comet.rehearsal_program import rehearsal_text
from tests.lab.choice import full_lab
from tests.lab.holds import hold_of
from tests.lab.homes import edit
from tests.lab.lab import Lab
from tests.lab.operator import LOOKS, Operator, Said
from tests.lab.spec import NODES
from tests.lab.test_resume import killed
from tests.lab.truth import rescued

STARTED = tuple(spec.name for spec in NODES if spec.node is not None and spec.node.started)
PARTLY = 7
REFUSED = 4
STORE = "store faults"
"""The fault of the lab writes there (chain/faults.go): a store with a hash like any other."""
BOOTED_S = 5.0
"""From the start of systemd to that of its enabled units, and more."""


def split(lab: Lab, *hosts: str) -> int:
    """These hosts compute another state, each its own, of the block that is returned; the chain
    halts there."""
    at = lab.world.top() + 5
    lab.break_app_hash(*hosts, at=at)
    lab.wait_stalled()
    assert lab.world.top() == at
    return at


def databases(lab: Lab) -> dict[str, str]:
    """Hashes of all that a started node keeps of blocks and states."""
    hash_all = "cd {}/data && find *.db -type f ! -name LOG -exec sha256sum {{}} + | sort"
    return {h: lab.hosts[h].sh(hash_all.format(lab.node(h).home)) for h in STARTED}


def rehearsed(operator: Operator) -> Said:
    """What came of a rehearsal that took place: a reading of a busy machine may lack something, and
    then nothing is tried."""
    for _ in range(LOOKS):
        said = operator.plan("INC-001", "--rehearse")
        if said.code == 3 or (said.document["error"] or {}).get("guard") == "rehearsal":
            break
    return said


@full_lab
def test_split_in_halves_is_rolled_back_together(lab: Lab, operator: Operator) -> None:
    """50 | 40 | 10: nobody can tell who was right. With the cause mended all execute the block
    again, and have one state."""
    at = split(lab, "val1", "val4")
    finding = operator.diagnose()
    assert (finding["chain"], finding["height"]) == ("app-hash-split", str(at))
    assert [cluster["power"] for cluster in finding["clusters"]] == ["50", "40", "10"]
    lab.mend_cause("val1", "val4")
    with rescued(lab, *STARTED):
        said = operator.rescue("INC-001")
        assert said.code == 0, said.why
    assert {lab.world.app_hash(host, at) for host in STARTED} == {lab.world.app_hash("val2", at)}
    for host in STARTED:
        assert not lab.hosts[host].path(hold_of(lab, host)).exists()


def test_rehearsed_on_clones_first(lab: Lab, operator: Operator) -> None:
    """With the cause still there the clones disagree, and there is no plan, but the name of the
    store that differs. With it mended they come to one state, which stands in the plan, and which
    the chain then has. Nothing in use changed."""
    at = split(lab, "val1")
    before, daemons = databases(lab), lab.world.daemons()
    refused = rehearsed(operator)
    assert (refused.code, refused.error["guard"]) == (4, "rehearsal"), refused.document
    assert "val1 (40 of 100 power)" in refused.error["got"]
    for moment in ("stores before", "stores after executing again"):
        assert f"{moment}: {STORE}: " in refused.error["got"]
    assert " 40 of 100 (val1)" in refused.error["got"]
    lab.mend_cause("val1")
    plan = rehearsed(operator)
    assert plan.code == 3, plan.document
    assert (databases(lab), lab.world.daemons()) == (before, daemons)
    assert all(target["tried"] for target in plan.result["rehearsal"]["targets"])
    before_it, after_it, changed = plan.result["rehearsal"]["compared"]
    assert [one["agreement"] for one in (before_it, after_it, changed)] == [
        "different", "same", "different",
    ]  # fmt: skip
    for compared in (before_it, changed):
        assert [one["subject"] for one in compared["differences"]] == [STORE]
    powers = {side["weight"]: side["targets"] for side in before_it["differences"][0]["sides"]}
    assert powers["40"] == ["val1"]
    assert set(powers["60"]) == {"val2", "val3", "val4", "full1"}
    assert changed["says"] == f"other than before: {STORE} on val1"
    (chosen,) = plan.result["plan"]["inputs"]
    assert operator.approve(plan.result["run"]).code == 0
    with rescued(lab, *STARTED):
        said = operator.says("apply", plan.result["run"])
        assert said.code == 0, said.why
    assert {check["id"] for check in said.result["checks"]} >= {"P18"}
    hashes = {base64.b64decode(str(lab.world.app_hash(host, at))).hex().upper() for host in STARTED}
    assert hashes == {chosen["value"]}


@full_lab
def test_a_rehearsal_touches_nothing_but_its_clone(lab: Lab) -> None:
    """Of a node that is down, so that nothing else moves: every byte of the home, every packet of
    the host; also where a setting leads to databases elsewhere, which nobody locks then."""
    at = split(lab, "val1")
    lab.stop(*STARTED)
    host, node = lab.hosts["val2"], lab.node("val2")
    planned = PlannedNode(
        unit=node.unit, home=node.home, user=node.user, address="", sign_height=0, sign_round=0,
        sign_step=0, stands_at=at, header_hash="AB",
    )  # fmt: skip
    text = rehearsal_text(planned, f"http://127.0.0.1:{node.rpc_port}")
    sent = "cat /sys/class/net/host0/statistics/tx_packets"
    every_byte = "cd {} && find . -type f -exec sha256sum {{}} + | sort"
    before = host.sh(sent), host.sh(every_byte.format(node.home))
    assert f'"last_block_height":"{at}"' in host.sh(text)
    assert (host.sh(sent), host.sh(every_byte.format(node.home))) == before
    host.sh(f"cp -a {node.home}/data /srv/elsewhere")
    edit(host.path(f"{node.home}/config/config.toml"), {"db_dir": '"/srv/elsewhere"'})
    elsewhere = host.sh(every_byte.format("/srv/elsewhere"))
    assert "read-only file system" in host.sh(text)
    assert host.sh(every_byte.format("/srv/elsewhere")) == elsewhere
    assert host.sh("ls -d /run/remediate-rehearsal.* 2>/dev/null || true") == ""
    host.sh("rm -rf /srv/elsewhere")


@full_lab
def test_only_those_that_people_judge_wrong(lab: Lab, operator: Operator) -> None:
    """The majority keeps its processes and its state; the others come to it."""
    at = split(lab, "val1")
    agreed = lab.world.app_hash("val2", at)
    lab.mend_cause("val1")
    with rescued(lab, "val1"):
        said = operator.rescue("INC-001", "--limit", "val1")
        assert said.code == 0, said.why
    assert {lab.world.app_hash(host, at) for host in STARTED} == {agreed}


@full_lab
def test_minority_is_rolled_back_while_the_chain_goes_on(lab: Lab, operator: Operator) -> None:
    """10 of 100 failed on their own state: the others make blocks, before and meanwhile."""
    at = lab.world.top() + 4
    lab.break_app_hash("val4", at=at)
    lab.wait_height(at + 4, 30, "val1", "val2", "val3")
    assert operator.diagnose()["chain"] == "local-divergence"
    lab.mend_cause("val4")
    with rescued(lab, "val4", goes_on=True):
        said = operator.rescue("INC-001")
        assert said.code == 0, said.why


@full_lab
def test_states_that_differ_again_do_no_harm(lab: Lab, operator: Operator) -> None:
    """With the cause still there the gate stays shut: partly applied, halted as before, nothing
    signed twice. Mended, the next plan brings the chain back."""
    split(lab, "val1")
    run = operator.approved("INC-001")
    with rescued(lab, *STARTED):
        said = operator.says("apply", run)
        assert said.code == PARTLY, said.document
        assert operator.diagnose()["chain"] == "app-hash-split"
        lab.mend_cause("val1")
        again = operator.rescue("INC-001")
        assert again.code == 0, again.why


@full_lab
def test_killed_while_all_are_held(lab: Lab, operator: Operator) -> None:
    """The controller dies after everybody was stopped; resumed, the run ends as planned."""
    split(lab, "val1")
    lab.mend_cause("val1")
    run = operator.approved("INC-001")
    with rescued(lab, *STARTED):
        killed(operator, run, GateWaiting)
        assert set(lab.world.heights().values()) == {None}
        said = operator.says("resume", run)
        assert said.code == 0, said.why


@full_lab
def test_a_daemon_that_cannot_roll_back_leaves_all_held(lab: Lab, operator: Operator) -> None:
    """One rollback fails: nobody is started, neither by hand nor by a reboot, until a plan lets
    them go; those that were rolled back execute the block again."""
    split(lab, "val1")
    lab.mend_cause("val1")
    lab.break_rollback("val3")
    run = operator.approved("INC-001")
    with rescued(lab, *STARTED):
        said = operator.says("apply", run)
        assert said.code == PARTLY, said.document
        assert "val3" in said.error["what"] + said.error["got"]
        assert set(lab.world.heights().values()) == {None}
        unit = lab.unit("val2")
        by_hand = f"systemctl start {unit} 2>&1 || journalctl -n 3 -o cat -u {unit}"
        assert "ssert" in lab.hosts["val2"].sh(by_hand)
        lab.break_power("val4", back=True)
        time.sleep(BOOTED_S)  # an enabled unit would have been started by then
        assert lab.world.daemon("val4") is None
        assert {"full1", "val1", "val2", "val3", "val4"} == {
            host for host, condition in operator.conditions().items() if condition == "held"
        }
        lab.mend_rollback("val3")
        let_go: Said = operator.rescue("INC-001")
        assert let_go.code == 0, let_go.why


@full_lab
def test_what_a_host_starts_by_the_clock(lab: Lab, operator: Operator) -> None:
    """A job that puts an old sign state back is refused with its line. A timer that starts the unit
    every second is named, left as it is, and starts nothing while the unit is held."""
    split(lab, "val1")
    lab.mend_cause("val1")
    host, unit, home = lab.hosts["val2"], lab.unit("val2"), lab.node("val2").home
    table = "/etc/cron.d/restore-state"
    line = f"0 0 1 1 * root cp /root/s.json {home}/data/priv_validator_state.json"
    host.sh(f"mkdir -p /etc/cron.d && echo '{line}' >{table}")
    for _ in range(LOOKS):
        refused = operator.plan("INC-001")
        plan = (refused.result or {"plan": {"guards": []}})["plan"]
        guards = [guard for guard in plan["guards"] if guard["outcome"] != "pass"]
        if [guard["id"] for guard in guards] == ["G110"]:
            break
    assert refused.code == REFUSED, refused.document
    assert guards[0]["outcome"] == "block"
    assert f"val2: {table} line 1" in guards[0]["got"]
    host.sh(f"rm {table}")
    host.sh(f"systemd-run --unit=watchdog --on-calendar='*:*:0/1' systemctl start {unit}")
    run = operator.approved("INC-001")
    warnings = operator.says("show", run).result["plan"]["warnings"]
    assert any("watchdog.timer" in warning for warning in warnings)
    with rescued(lab, *STARTED):
        said = operator.says("apply", run)
        assert said.code == 0, said.why
    assert "ssertion" in host.sh("journalctl -o cat -u watchdog.service")
    assert host.sh("systemctl is-active watchdog.timer").strip() == "active"
    host.sh("systemctl stop watchdog.timer")

"""A node is rebuilt by state sync, for real: nobody else is stopped for it."""

from __future__ import annotations

from pathlib import Path

from remediations.engine.runs.records import GateWaiting
from tests.lab.choice import full_lab
from tests.lab.holds import hold_of
from tests.lab.homes import edit
from tests.lab.lab import Lab
from tests.lab.operator import LOOKS, Operator
from tests.lab.test_rebuild import PARTLY, REFUSED
from tests.lab.test_resume import killed
from tests.lab.test_undo import killed_after, undone
from tests.lab.truth import rescued

SYNC = ("--limit", "val4", "--state-sync", "yes")
SERVERS = ("full1", "val3")
BLOCKS = 25
"""So many, and there are snapshots on every node."""


def config(lab: Lab, host: str) -> Path:
    return lab.hosts[host].path(f"{lab.node(host).home}/config/config.toml")


def served(lab: Lab) -> None:
    """The RPC of two nodes listens where others reach it, and their snapshots stay for a while, as
    on a chain whose blocks take seconds."""
    for host in SERVERS:
        address = f'"tcp://0.0.0.0:{lab.node(host).rpc_port}"'
        edit(config(lab, host), {"laddr": address}, "rpc")
        app = lab.hosts[host].path(f"{lab.node(host).home}/config/app.toml")
        edit(app, {"snapshot-keep-recent": "20"})
    lab.restart(*SERVERS)
    lab.wait_height(BLOCKS, 60)


def without_snapshots(lab: Lab) -> None:
    """Nobody has any, or makes one."""
    hosts, height = ("val1", "val2", *SERVERS), lab.world.top()
    lab.stop(*hosts)
    for host in hosts:
        home = lab.node(host).home
        edit(lab.hosts[host].path(f"{home}/config/app.toml"), {"snapshot-interval": "0"})
        lab.hosts[host].sh(f"rm -rf {home}/data/snapshots/*")
    lab.start(*hosts)
    lab.wait_height(height + 2, 60, *hosts)


def corrupted(lab: Lab, operator: Operator) -> None:
    """val4 ends with a damaged database, as the product sees it."""
    lab.break_database("val4")
    for _ in range(LOOKS):
        if operator.conditions()["val4"] == "database-corrupt":
            return
    raise AssertionError(operator.conditions())


def kept(lab: Lab) -> list[str]:
    """What lies in val4's data/ of ours."""
    data = lab.hosts["val4"].path(f"{lab.node('val4').home}/data")
    return sorted(one.name for one in data.iterdir() if one.name.startswith("remediate-"))


@full_lab
def test_a_corrupt_database_is_rebuilt_by_state_sync(lab: Lab, operator: Operator) -> None:
    """It signs again, with the sign state that it had; its settings are as before, byte for byte;
    its former databases are kept."""
    served(lab)
    corrupted(lab, operator)
    before = config(lab, "val4").read_bytes()
    with rescued(lab, "val4", goes_on=True):
        said = operator.rescue("node-down", *SYNC)
        assert said.code == 0, said.why
    assert config(lab, "val4").read_bytes() == before
    (aside,) = kept(lab)
    databases = lab.hosts["val4"].sh(f"ls {lab.node('val4').home}/data/{aside}").split()
    assert {"application.db", "blockstore.db", "state.db"} <= set(databases)
    assert not lab.hosts["val4"].path(hold_of(lab, "val4")).exists()
    status = lab.world.rpc("val4", "status")["sync_info"]
    assert int(status["earliest_block_height"]) > 1
    assert {check["id"] for check in said.result["checks"]} >= {"P2", "P10", "P33", "P34"}


def test_without_a_snapshot_it_is_refused(lab: Lab, operator: Operator) -> None:
    """With the setting that makes them, and the other way; nothing is touched."""
    served(lab)
    without_snapshots(lab)
    corrupted(lab, operator)
    said = operator.plan("node-down", *SYNC)
    assert said.code == REFUSED, said.document
    refused = {g["id"]: g for g in said.result["plan"]["guards"] if g["outcome"] != "pass"}
    assert "G105" in refused
    assert "snapshot-interval" in refused["G105"]["next_step"]
    assert "--donor" in refused["G105"]["next_step"]
    assert kept(lab) == []


@full_lab
def test_killed_while_it_syncs_it_goes_on(lab: Lab, operator: Operator) -> None:
    """The controller dies once the node was let go; resumed, it puts the settings back."""
    served(lab)
    corrupted(lab, operator)
    before = config(lab, "val4").read_bytes()
    with rescued(lab, "val4", goes_on=True):
        run = operator.approved("node-down", *SYNC)
        killed_after(operator, run, "4-0")
        said = operator.says("resume", run)
        assert said.code == 0, said.why
    assert config(lab, "val4").read_bytes() == before


@full_lab
def test_a_sync_that_finds_no_snapshot_is_taken_back(lab: Lab, operator: Operator) -> None:
    """They are gone once the plan is made: the gate shuts and says what the daemon says; the undo
    stops the node, and brings databases and settings back."""
    served(lab)
    corrupted(lab, operator)
    before = config(lab, "val4").read_bytes()
    run = operator.approved("node-down", *SYNC)
    killed(operator, run, GateWaiting)
    without_snapshots(lab)
    said = operator.says("resume", run)
    assert said.code == PARTLY, said.document
    assert "it says" in said.error["what"] + said.error["got"], said.error
    back = undone(operator, run)
    assert back.code == 0, back.document
    assert config(lab, "val4").read_bytes() == before
    assert kept(lab) == []
    assert not lab.hosts["val4"].path(hold_of(lab, "val4")).exists()

"""Ways between nodes are shut: on hosts of ours they are opened, elsewhere they are only named."""

from __future__ import annotations

import pytest

from tests.lab.choice import full_lab
from tests.lab.lab import Lab
from tests.lab.operator import Json, Operator
from tests.lab.test_refuse import quiet_files, restless_nodes
from tests.lab.truth import rescued

STANDS_S = 12.0
"""From ten seconds without a block on the hosts are asked for what shuts their ways."""
ONE, OTHER = ("val1", "val4", "full1"), ("val2", "val3")
DIFFERS = 6
REFUSED = 4
PLANNED = 3


def routes(lab: Lab, *hosts: str) -> dict[str, str]:
    """What leads nowhere, by host."""
    return {host: lab.hosts[host].sh("ip route show table all type blackhole") for host in hosts}


def rules(lab: Lab, host: str) -> str:
    return lab.hosts[host].sh("nft -s -a list ruleset")


def removed(plan: Json) -> dict[str, str]:
    """Host → how what is removed there is put back."""
    return {step["target"]: step["undo"] for stage in plan["stages"] for step in stage["steps"]}


def test_two_halves_by_routes_on_hosts(lab: Lab, operator: Operator) -> None:
    """50 against 50: every route is named and removed, blocks come, and no daemon is another."""
    lab.break_partition(ONE, OTHER)
    lab.wait_stalled(STANDS_S)
    finding = operator.diagnose()
    assert finding["chain"] == "partition", finding["explanation"]
    assert finding["next_step"] == "remediate plan INC-001"
    pairs = {frozenset((link["one"], link["other"])) for link in finding["links"]}
    assert pairs == {frozenset((one, other)) for one in ONE for other in OTHER}
    with rescued(lab):
        said = operator.rescue("INC-001")
        assert said.code == 0, said.why
    assert set(routes(lab, *ONE, *OTHER).values()) == {""}
    plan = operator.says("show", said.result["run"]).result["plan"]
    assert plan["branch"] == "mend-links"
    undo = removed(plan)
    assert set(undo) == {*ONE, *OTHER}
    assert undo["val2"].count("ip -4 route add blackhole 10.") == len(ONE)


@full_lab
def test_a_node_that_a_firewall_rule_cuts_off(lab: Lab, operator: Operator) -> None:
    """Blocks go on without val4; exactly the rules that name its peers go, and it follows again
    without a restart. The others in the chain stay, and the undo puts them back in their place."""
    lab.break_by_rule("val4", ("val1", "val2", "val3", "full1"))
    before = rules(lab, "val4")
    lab.wait_height(lab.world.top() + 30, 60, "val1", "val2", "val3")
    finding = operator.diagnose()
    (node,) = (node for node in finding["nodes"] if node["host"] == "val4")
    assert node["condition"] == "isolated", node
    assert finding["next_step"] == "remediate plan node-down"
    with rescued(lab):
        said = operator.rescue("node-down")
        assert said.code == 0, said.why
        lab.wait_height(lab.world.top(), 60, "val4")
    after = rules(lab, "val4")
    assert [line for line in before.splitlines() if "saddr" not in line] == after.splitlines()
    undo = removed(operator.says("show", said.result["run"]).result["plan"])
    lab.hosts["val4"].sh(undo["val4"])
    back = rules(lab, "val4")
    assert [line.partition(" #")[0] for line in back.splitlines()] == [
        line.partition(" #")[0] for line in before.splitlines()
    ]


@full_lab
def test_a_way_that_is_shut_in_one_direction(lab: Lab, operator: Operator) -> None:
    """Two halves, by routes on the hosts of one of them: what the others send arrives, and is not
    answered. Only what shuts the way is removed."""
    for host in ONE:
        lab.break_one_way(host, OTHER)
    lab.wait_stalled(STANDS_S)
    finding = operator.diagnose()
    assert finding["chain"] == "partition", finding["explanation"]
    assert finding["next_step"] == "remediate plan INC-001"
    with rescued(lab):
        said = operator.rescue("INC-001")
        assert said.code == 0, said.why
    assert set(routes(lab, *ONE).values()) == {""}
    assert set(removed(operator.says("show", said.result["run"]).result["plan"])) == set(ONE)


@full_lab
def test_what_is_between_the_hosts_is_only_named(lab: Lab, operator: Operator) -> None:
    """The switch passes nothing: no host shuts a way, so no plan is made and nothing is done."""
    lab.break_switch(*ONE, *OTHER)
    lab.wait_stalled(STANDS_S)
    finding = operator.diagnose()
    assert finding["chain"] == "partition", finding["explanation"]
    assert "no host of the inventory shuts the way between" in finding["next_step"]
    assert all(not link.get("obstacles") for link in finding["links"])
    restless = restless_nodes(lab)
    files, daemons = quiet_files(lab, restless), lab.world.daemons()
    said = operator.plan("INC-001")
    assert said.code == REFUSED, said.document
    assert "it is between the hosts" in said.error["got"]
    assert quiet_files(lab, restless) == files
    assert lab.world.daemons() == daemons


@full_lab
@pytest.mark.parametrize("when", ["before apply", "on the host"])
def test_what_was_changed_since_the_plan_stays(lab: Lab, operator: Operator, when: str) -> None:
    """Somebody gives a route a metric after it was approved: nothing is removed anywhere, whether
    it is seen when all is read again, or by the host itself."""
    lab.break_partition(ONE, OTHER)
    lab.wait_stalled(STANDS_S)
    planned = operator.plan("INC-001")
    assert planned.code == PLANNED, planned.document
    run = planned.result["run"]
    assert operator.approve(run).code == 0
    address = lab.hosts["val2"].address
    change = f"ip route delete blackhole {address}/32\nip route add blackhole {address}/32 metric 5"
    if when == "before apply":
        lab.hosts["val1"].sh(change)
        before = routes(lab, *ONE, *OTHER)
        said = operator.says("apply", run)
        assert said.code == DIFFERS, said.document
        assert routes(lab, *ONE, *OTHER) == before
        return
    plan = operator.says("show", run).result["plan"]
    (text,) = (
        step["payload"]
        for stage in plan["stages"]
        for step in stage["steps"]
        if step["target"] == "val1"
    )
    lab.hosts["val1"].sh(change)
    before = routes(lab, "val1")
    said_there = lab.hosts["val1"].sh(f"sh -c '{quoted(text)}' 2>&1; echo ended with $?")
    assert "nothing was removed" in said_there
    assert said_there.rstrip().endswith("ended with 64")
    assert routes(lab, "val1") == before


def quoted(text: str) -> str:
    return text.replace("'", "'\\''")

"""What the first screen tells a person to do is done, word by word, and leads out: to a chain that
is well, or to a plan that is applied."""

from __future__ import annotations

import re

from tests.lab.choice import full_lab
from tests.lab.homes import edit
from tests.lab.lab import Lab
from tests.lab.operator import Json, Operator
from tests.lab.spec import NODES
from tests.lab.test_diagnose import node
from tests.lab.truth import one_chain, rescued

STARTED = tuple(s.name for s in NODES if s.node is not None and s.node.started)


def do(lab: Lab, host: str, advice: str) -> tuple[str, ...]:
    """Run on the host, as root, every command for root that the advice shows; these commands."""
    commands = tuple(re.findall(r"`sudo ([^`]+)`", advice))
    for command in commands:
        lab.hosts[host].sh(command)
    return commands


def well(lab: Lab, operator: Operator) -> None:
    """The chain goes on, and every node is well."""
    lab.wait_height(lab.world.top() + 3, 60)
    said = operator.says("diagnose")
    assert (said.code, said.chain["chain"]) == (0, "healthy"), said.chain["explanation"]


def advised(operator: Operator, host: str) -> tuple[Json, str]:
    """The finding, and what it tells to do on a host. No plan is offered before."""
    finding = operator.diagnose()
    advice = str(node(finding, host)["by_hand"])
    assert advice, node(finding, host)
    assert not str(finding["next_step"]).startswith("remediate plan"), finding["next_step"]
    return finding, advice


@full_lab
def test_a_masked_unit(lab: Lab, operator: Operator) -> None:
    """Its key cannot be read before, so no plan is offered; unmasked, the plan starts it."""
    lab.break_mask("val4")
    finding, advice = advised(operator, "val4")
    assert "10 of 100" not in finding["next_step"]
    assert do(lab, "val4", advice) == (f"systemctl unmask {lab.unit('val4')}",)
    with rescued(lab, "val4"):
        said = operator.rescue("INC-001")
        assert said.code == 0, said.why


@full_lab
def test_sudo_that_was_lost(lab: Lab, operator: Operator) -> None:
    """`remediate doctor` shows the line for sudoers; with it the plan starts the node."""
    lab.break_stop("val4")
    lab.break_sudo("val4")
    _, advice = advised(operator, "val4")
    assert "`remediate doctor` says how" in advice
    lines = operator.says("doctor").result["lines"]
    (lack,) = (line for line in lines if (line["topic"], line["state"]) == ("sudo", "lack"))
    (rule,) = re.findall(r"`(ops ALL[^`]+)`", lack["mend"])
    (file,) = re.findall(r"visudo -f (\S+?),", lack["mend"])
    lab.hosts["val4"].sh(f"echo '{rule}' >{file}; chmod 440 {file}; visudo -cq")
    with rescued(lab, "val4"):
        said = operator.rescue("INC-001")
        assert said.code == 0, said.why


@full_lab
def test_a_halt_height(lab: Lab, operator: Operator) -> None:
    """Both settings are set to 0, and the unit restarted, on each host with its own words."""
    at = lab.world.top() + 12
    lab.break_halt_height(*STARTED, at=at)
    for host in STARTED:
        lab.systemctl(host, "restart", lab.unit(host))
    lab.wait_stalled(seconds=6)
    finding = operator.diagnose()
    assert finding["chain"] == "halt-height"
    for host in STARTED:
        advice = node(finding, host)["by_hand"]
        assert advice.startswith("Set halt-height = 0 and halt-time = 0 in app.toml")
        app = lab.hosts[host].path(f"{lab.node(host).home}/config/app.toml")
        edit(app, {"halt-height": "0", "halt-time": "0"})
        assert do(lab, host, advice) == (f"systemctl restart {lab.unit(host)}",)
    well(lab, operator)
    one_chain(lab, at)


@full_lab
def test_a_configuration_that_cannot_be_read(lab: Lab, operator: Operator) -> None:
    """The file is mended as the other nodes have it, and the unit started: it is well at once."""
    lab.break_config("val4")
    lab.wait_height(lab.world.top() + 6, 60, "val1")
    _, advice = advised(operator, "val4")
    assert "compare with another node" in advice
    config = lab.hosts["val4"].path(f"{lab.node('val4').home}/config/config.toml")
    broken, other = config.read_text(), lab.hosts["val3"].path(f"{lab.node('val3').home}/config")
    kept = set((other / "config.toml").read_text().splitlines())
    wrong = broken.splitlines()[0]
    assert wrong not in kept
    config.write_text(broken.removeprefix(f"{wrong}\n"))
    assert do(lab, "val4", advice) == (f"systemctl restart {lab.unit('val4')}",)
    well(lab, operator)


@full_lab
def test_two_sides_of_a_network(lab: Lab, operator: Operator) -> None:
    """The switch passes all again, nothing is restarted, and after a while blocks come by
    themselves."""
    lab.break_switch("val1", "val2", "val3", "val4", "full1")
    height = lab.wait_stalled(seconds=12)
    finding = operator.diagnose()
    assert finding["chain"] == "partition"
    assert "restart nothing" in finding["next_step"]
    daemons = lab.world.daemons()
    lab.heal()
    lab.wait_height(height + 6, 120)
    assert lab.world.daemons() == daemons
    well(lab, operator)
    one_chain(lab, height)


def test_a_key_on_two_hosts_in_a_halt(lab: Lab, operator: Operator) -> None:
    """By hand instead of by the plan that is offered: the copy with the older sign state loses its
    key; then another plan starts the right one."""
    lab.break_stop("val1")
    lab.break_duplicate_key("val1")
    lab.wait_stalled(seconds=6)
    finding = operator.diagnose()
    assert finding["next_step"] == "remediate plan double-sign"
    advice = str(node(finding, "val1")["by_hand"])
    assert "Decide whether this host or standby1 is to sign" in advice
    assert (lab.world.sign_state("standby1") or (0, 0, 0)) < (lab.world.sign_state("val1") or ())
    standby = lab.node("standby1")
    lab.systemctl("standby1", "disable", "--quiet", standby.unit)
    key = lab.hosts["standby1"].path(f"{standby.home}/config/priv_validator_key.json")
    key.rename(lab.hosts["standby1"].path("/root/priv_validator_key.json"))
    with rescued(lab, "val1"):
        said = operator.rescue("INC-001")
        assert said.code == 0, said.why
    key.touch()  # what heals the fault removes it


@full_lab
def test_a_flag_that_was_pushed_everywhere(lab: Lab, operator: Operator) -> None:
    """All are down for one reason, said once; it is taken out, the full node first, and all come
    back by themselves."""
    everywhere = (*lab.validators(), "full1")
    lab.break_flag(*everywhere)
    lab.wait_stalled(seconds=8)
    finding = operator.diagnose()
    assert finding["chain"] == "all-down", finding["explanation"]
    assert finding["explanation"].count("unknown flag: --consensus-engine") == 1
    assert operator.plan("INC-001").code == 4
    for host in ("full1", *lab.validators()):
        advice = node(finding, host)["by_hand"]
        assert advice.startswith("Take what this program does not know out of ExecStart")
        drop_in = lab.hosts[host].path(f"/run/systemd/system/{lab.unit(host)}.d/fault.conf")
        drop_in.unlink()
        restart = f"systemctl restart {lab.unit(host)}"
        assert do(lab, host, advice) == ("systemctl daemon-reload", restart)
    well(lab, operator)

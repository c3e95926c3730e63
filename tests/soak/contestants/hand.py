"""The runbooks as they stand, typed out by somebody who is called at night (INC-001).

Less than a third of the validators offline: restart the affected. A third or more: restart
everybody at the same time. State corrupted: stop all, roll back, start all from the same height.
"""

from __future__ import annotations

import json
import time

from tests.soak.contestant import Told
from tests.soak.scene import NODES, Scene

WAIT_S = 20
VALIDATORS = [host for host, node in NODES.items() if node.power]
STATUS = "curl -sm 5 http://localhost:{rpc_port}/status"
CORRUPTED = "sudo -n journalctl -u {unit} -n 100 --no-pager | grep -m 1 AppHash"
RESTART = ("sudo -n systemctl restart {unit}",)
ROLL_BACK = (
    "sudo -n systemctl stop {unit}",
    "sudo -n -u {user} {binary} rollback --home {home}",
    "sudo -n systemctl start {unit}",
)


class Hand:
    """A script of the runbook's own commands, over SSH."""

    name = "hand"

    def rescue(self, scene: Scene) -> Told:
        """As described above."""
        offline = [host for host, height in heights(scene).items() if not height]
        few = 3 * len([host for host in offline if host in VALIDATORS]) < len(VALIDATORS)
        if offline:
            carry_out(scene, RESTART, offline if few else list(NODES))
        if grows(scene):
            return Told(acted=bool(offline), refused=False)
        corrupted = any(scene.look_on(on(CORRUPTED, list(NODES))).values())
        carry_out(scene, ROLL_BACK if corrupted else RESTART, list(NODES))
        back = grows(scene)
        return Told(True, refused=not back, reason="" if back else "INC-001 brings no block")


def on(command: str, hosts: list[str]) -> dict[str, str]:
    return {host: command.format(**vars(NODES[host])) for host in hosts}


def carry_out(scene: Scene, steps: tuple[str, ...], hosts: list[str]) -> None:
    """Each step everywhere, before the next one; what was killed is typed again."""
    for step in steps:
        while scene.act_on(on(step, hosts)).killed:
            pass


def heights(scene: Scene) -> dict[str, int]:
    said = scene.look_on(on(STATUS, list(NODES)))
    return {host: height(status) for host, status in said.items()}


def height(status: str) -> int:
    try:
        return int(json.loads(status)["result"]["sync_info"]["latest_block_height"])
    except (ValueError, KeyError):
        return 0


def grows(scene: Scene) -> bool:
    """Whether blocks come within twenty seconds."""
    before = max(heights(scene).values())
    time.sleep(WAIT_S)
    return max(heights(scene).values()) > before + 1

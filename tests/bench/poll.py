"""`python -m tests.bench.poll ESTATE URL`: asks the services of all hosts their golden vectors, as
a gate does (remediations/systems/scorer/poll.py). Exit 1: one did not answer as declared.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from remediations.engine.observe.inventory import load_inventory
from remediations.machine.config import MachineConfig
from remediations.reach.resolver import resolver_for
from remediations.reach.ssh import SshReach
from remediations.systems.scorer.poll import ScorerTarget, poll_scorers
from tests.bench.vectors import GOLDEN, TIMEOUT_MS


async def poll(estate: Path, url: str) -> str:
    """Why a service did not answer as it should; "" where all did."""
    inventory = load_inventory(estate / "inventory.yaml")
    targets = [
        ScorerTarget(host=host.name, unit="scorer", url=url, power=1) for host in inventory.hosts
    ]
    async with SshReach(inventory, resolver_for(MachineConfig(), inventory)) as reach:
        polls = await poll_scorers(reach, targets, GOLDEN, TIMEOUT_MS)
    expected = {vector.name: vector.answer for vector in GOLDEN.vectors}
    wrong = (f"{host}: {one}" for host, one in polls.items() if dict(one.answers) != expected)
    return next(wrong, "")


if __name__ == "__main__":
    if trouble := asyncio.run(poll(Path(sys.argv[1]), sys.argv[2])):
        sys.exit(trouble)

"""What the checks are given: a plan, and who the machines are. Both were verified before."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from remediations.engine.apply.look import Sight
from remediations.engine.observe.inventory import load_inventory
from remediations.engine.plan.plan import Plan
from remediations.engine.plan.plan_file import PLAN_FILE, read_plan
from remediations.machine.config import load_machine_config
from remediations.reach.resolver import SshResolver, resolver_for
from remediations.values.inventory import Inventory


def to_stderr(line: str) -> None:
    """Tell it to whoever started pytest."""
    sys.stderr.write(f"{line}\n")


def to_nobody(_look: Callable[[], Sight]) -> None:
    """Checks that are run by hand keep nothing of what they see."""


@dataclass(frozen=True, eq=False)
class Given:
    """The plan that was applied, the live inventory, and what says where its names lead.

    `tell` takes a line about what a check waits for, while it does; `seen` a look that a check has
    made, for plot and report.

    `remediate` hands it to pytest as a plugin, which is how pytest takes values.
    """

    plan: Plan
    inventory: Inventory
    resolver: SshResolver
    tell: Callable[[str], None] = to_stderr
    seen: Callable[[Callable[[], Sight]], None] = to_nobody

    @classmethod
    def from_files(cls, run: Path, inventory: Path) -> Self:
        """For people who start pytest themselves.

        Raises:
            UsageError: one of the files cannot be used.
            MachineError: ssh is missing, or could have been replaced.
        """
        hosts = load_inventory(inventory)
        resolver = resolver_for(load_machine_config(), hosts)
        return cls(read_plan(run / PLAN_FILE), hosts, resolver)

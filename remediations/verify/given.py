"""What the checks are given: a plan, and who the machines are. Both were verified before."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from remediations.errors import UsageError
from remediations.files.trusted import MEGABYTE, read_trusted
from remediations.machine.config import load_machine_config
from remediations.model.inventory import Inventory
from remediations.model.wire import WireError, decode
from remediations.observe.inventory import load_inventory
from remediations.plan.plan import Plan
from remediations.reach.resolver import SshResolver, resolver_for

PLAN_LIMIT = 64 * MEGABYTE


@dataclass(frozen=True, eq=False)
class Given:
    """The plan that was applied, the live inventory, and what says where its names lead.

    `remediate` hands it to pytest as a plugin, which is how pytest takes values.
    """

    plan: Plan
    inventory: Inventory
    resolver: SshResolver

    @classmethod
    def from_files(cls, run: Path, inventory: Path) -> Self:
        """For people who start pytest themselves.

        Raises:
            UsageError: one of the files cannot be used.
            MachineError: ssh is missing, or could have been replaced.
        """
        path = run / "plan.json"
        try:
            plan = decode(read_trusted(path, limit=PLAN_LIMIT).data, Plan)
        except (OSError, WireError) as error:
            raise UsageError(
                f"{path} cannot be used",
                guard="file",
                got=str(error),
                expected="the plan of a run",
                next_step="`remediate status` lists the runs",
            ) from error
        hosts = load_inventory(inventory)
        return cls(plan, hosts, resolver_for(load_machine_config(), hosts))

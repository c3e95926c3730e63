"""What is installed here for a plan that was made before, or elsewhere: its playbook, its branch.

Both are looked up before any host is contacted: a plan whose branch is not here can be shown and
verified, and never be made again to be compared.
"""

from __future__ import annotations

import shlex
from typing import Any

from remediations.engine.catalogue import Installed, catalogue, find_playbook
from remediations.engine.domain import AnyDomain, Branch, Playbook
from remediations.engine.plan.plan import Plan
from remediations.errors import UsageError
from remediations.machine.config import MachineConfig


def installed_for(plan: Plan, config: MachineConfig) -> Installed:
    """The playbook of a plan, which has the plan's branch.

    Raises:
        UsageError: the playbook, or that branch of it, is not installed here.
        Refused: the playbook is installed, and broken, ambiguous or not allowed here.
    """
    installed = find_playbook(plan.playbook, config)
    if installed is None or installed.domain.name != plan.domain:
        of = f" of the domain {plan.domain}" if installed is not None else ""
        raise _not_here(plan, "playbook", f"no playbook {plan.playbook}{of}")
    branch_of(plan, installed.playbook)
    return installed


def domain_for(plan: Plan, config: MachineConfig) -> AnyDomain:
    """The domain of a plan.

    Raises:
        UsageError: it is not installed here, or not used.
    """
    for domain in catalogue(config).domains:
        if domain.name == plan.domain:
            return domain
    raise _not_here(plan, "domain", f"no domain {plan.domain}")


def branch_of(plan: Plan, playbook: Playbook[Any]) -> Branch[Any]:
    """The plan's branch.

    Raises:
        UsageError: the playbook that is installed here does not have it.
    """
    for branch in playbook.branches:
        if branch.name == plan.branch:
            return branch
    there = ", ".join(branch.name for branch in playbook.branches)
    raise _not_here(plan, "branch", f"{playbook.id} with {there or 'no branch'}")


def _not_here(plan: Plan, guard: str, got: str) -> UsageError:
    made_by = f"{plan.origin.distribution} {plan.origin.version}"
    package = shlex.quote(f"{plan.origin.distribution}=={plan.origin.version}")
    return UsageError(
        f"{plan.playbook} / {plan.branch}, which made the plan, is not installed here. Nothing was "
        "changed",
        guard=guard,
        got=got,
        expected=f"{plan.playbook} / {plan.branch} of {made_by} ({plan.origin.digest[:12]})",
        next_step=f"install {made_by} from where the planner has it (`pip install {package}`), "
        f"then repeat this; or `remediate plan {plan.playbook}` again",
    )

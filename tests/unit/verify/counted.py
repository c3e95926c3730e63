"""`python -m tests.unit.verify.counted HOSTS`: all checks over so many fake hosts; prints, as JSON,
how many rounds they took and what came of each.

A process of its own, because the checks are run by a pytest of their own.
"""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import cast

import msgspec
from msgspec.structs import replace

from remediations.engine.plan.plan import Plan
from remediations.engine.verify.given import Given
from remediations.engine.verify.result import CheckResult
from remediations.engine.verify.runner import run_checks
from remediations.reach import blocking
from remediations.reach.resolver import SshResolver
from remediations.values.inventory import Inventory
from tests.unit.plan.cases import plan_of, quorum_lost
from tests.unit.verify.fakes import TICKS, FakeReach, recovered


class Counted(msgspec.Struct, frozen=True):
    """`rounds` in which all hosts, or one, were asked at once; `hosts` of the plan."""

    hosts: int
    rounds: int
    results: tuple[CheckResult, ...]


def plan_with(hosts: int) -> Plan:
    """Validators as ever, one of which was started, and full nodes until there are so many."""
    plan = plan_of(quorum_lost())
    full = next(target for target in plan.targets if target.host == "full1")
    more = tuple(
        replace(full, host=f"full{number}") for number in range(2, 2 + hosts - len(plan.targets))
    )
    untouched = tuple((target.host, 400, TICKS) for target in more)
    baseline = replace(plan.baseline, untouched=(*plan.baseline.untouched, *untouched))
    return replace(plan, targets=(*plan.targets, *more), baseline=baseline, logins=())


def counted(hosts: int) -> Counted:
    """Run them. Replaces what opens connections, for the rest of this process."""
    plan = plan_with(hosts)
    reach = FakeReach(recovered(plan))
    blocking.BlockingReach = lambda *_: reach  # type: ignore[assignment, misc]
    nobody = cast("Inventory", SimpleNamespace(hosts=()))
    given = Given(plan, nobody, cast("SshResolver", None))
    results = run_checks(given, heard=lambda _: None)
    return Counted(hosts=len(plan.targets), rounds=len(reach.rounds), results=results)


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(counted(int(sys.argv[1]))))

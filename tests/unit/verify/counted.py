"""`python -m tests.unit.verify.counted HOSTS`: all checks over so many fake hosts; prints, as JSON,
how many rounds they took and what came of each.

A process of its own, because the checks are run by a pytest of their own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import cast

import msgspec
from msgspec.structs import replace

from remediations.engine.apply.look import Sample
from remediations.engine.plan.plan import Plan
from remediations.engine.verify.course import Course
from remediations.engine.verify.given import Given
from remediations.engine.verify.result import CheckResult
from remediations.engine.verify.runner import run_checks
from remediations.engine.verify.suite import suite_of
from remediations.playbooks.chain.baseline import ChainBaseline, ChainNodes, MainProcess
from remediations.playbooks.chain.checks.planned import PlannedChain
from remediations.playbooks.chain.domain import DOMAIN
from remediations.reach import blocking
from remediations.reach.resolver import SshResolver
from remediations.values.inventory import Inventory
from remediations.values.part import Part
from tests.unit.plan.cases import plan_of, quorum_lost
from tests.unit.verify.fakes import TICKS, TIP, FakeReach, recovered


class Counted(msgspec.Struct, frozen=True):
    """`rounds` in which all hosts, or one, were asked at once; `hosts` of the plan; `samples` of
    what the checks saw. Nobody waits for those `beside`."""

    hosts: int
    rounds: int
    beside: int
    samples: tuple[Sample, ...]
    results: tuple[CheckResult, ...]


def plan_with(hosts: int) -> Plan:
    """Validators as ever, one of which was started, and full nodes until there are so many."""
    plan = plan_of(quorum_lost())
    stood, nodes = plan.part(ChainBaseline), plan.part(ChainNodes).nodes
    full = next(node for node in nodes if node.host == "full1")
    more = tuple(replace(full, host=f"full{n}") for n in range(2, 2 + hosts - len(nodes)))
    untouched = tuple(MainProcess(host=node.host, pid=400, started=TICKS) for node in more)
    parts = (
        Part.of(replace(stood, untouched=(*stood.untouched, *untouched))),
        Part.of(ChainNodes(nodes=(*nodes, *more))),
    )
    return replace(plan, baseline=parts, logins=())


def counted(hosts: int, *, height: int = TIP, tell: Callable[[str], None] = print) -> Counted:
    """Run them; the last full node begins at `height` and grows by a block with each look.
    Replaces what opens connections, for the rest of this process."""
    plan = plan_with(hosts)
    chain = PlannedChain.of(plan)
    nodes = recovered(chain)
    last = nodes[chain.targets[-1].host]
    last.height, last.grows = height, int(height < TIP)
    reach = FakeReach(nodes)
    blocking.BlockingReach = lambda *_: reach  # type: ignore[assignment, misc]
    nobody = cast("Inventory", SimpleNamespace(hosts=()))
    course = Course()
    given = Given(plan, nobody, cast("SshResolver", None), tell, course.seen)
    results = run_checks(given, suite_of(DOMAIN), heard=course.heard)
    return Counted(
        hosts=hosts,
        rounds=len(reach.rounds),
        beside=len(reach.beside),
        samples=course.samples,
        results=results,
    )


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(counted(int(sys.argv[1]))))

"""`python -m tests.bench.many_stages VALIDATORS HOSTS`: CPU of diagnose and plan, as JSON."""

from __future__ import annotations

import json
import resource
import sys

import msgspec

from remediations.engine.catalogue import require_playbook
from remediations.engine.installed_systems import installed_systems
from remediations.engine.plan.build import PlanBuilder
from remediations.engine.plan.planning import make_plan
from remediations.machine.config import MachineConfig
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.systems.comet.reading import CometReading, HostReading, sealed
from remediations.values.origin import Origin
from tests import worlds

HEAVY = 1_000_000
"""The power of a validator on a host, beside which the others' (1 each) decides nothing."""
KIB_PER_MIB = 1024


def world_of(validators: int, hosts: int) -> CometReading:
    """A chain without a quorum: a third of the hosts is stopped, at the height of the halt."""
    powers = (HEAVY,) * hosts + (1,) * (validators - hosts)
    down = [f"val{number}" for number in range(1, (hosts + 2) // 3 + 1)]
    world = worlds.healthy(powers, hosts=hosts, full=0, standby=0)
    for host in down:
        world = worlds.stopped(world, host)
    for host in down:
        world = worlds.sign_state(world, host, worlds.HEIGHT)
    return _apart(world)


def _apart(world: CometReading) -> CometReading:
    """The same world, of which no two hosts share an object: each was read by itself."""
    return msgspec.structs.replace(world, hosts=tuple(_copied(r) for r in world.hosts))


def _copied(reading: HostReading) -> HostReading:
    return msgspec.convert(msgspec.to_builtins(reading, str_keys=True), HostReading, strict=False)


ORIGIN = Origin(distribution="remediations", version="0", digest="0" * 64)


def _cpu_s() -> float:
    """Of this process and the children that it waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def main() -> None:
    """The program."""
    world = world_of(int(sys.argv[1]), int(sys.argv[2]))
    installed = require_playbook("INC-001", MachineConfig())
    began = _cpu_s()
    finding = diagnose(world)
    diagnosed = _cpu_s()
    with installed_systems(MachineConfig()).step_compilers() as made:
        maker = PlanBuilder(
            domain=installed.domain,
            playbook=installed.playbook,
            origin=ORIGIN,
            tool="bench",
            compilers=made,
        )
        plan = make_plan(maker, None, sealed(world), frozenset())
    planned = _cpu_s()
    assert finding.chain.value == "quorum-lost", finding.chain
    assert not plan.blocked, plan.blocked[0]
    said = {
        "diagnose": diagnosed - began,
        "plan": planned - diagnosed,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB_PER_MIB,
    }
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main()

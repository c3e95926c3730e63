"""Plans made from worlds, with a compiler that needs no child process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from remediations.engine.catalogue import named
from remediations.engine.plan.build import build_plan
from remediations.engine.plan.plan import Plan
from remediations.engine.plan.planning import make_plan, propose
from remediations.engine.plan.proposal import HostData
from remediations.engine.plan.recheck import Maker
from remediations.machine.config import MachineConfig
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.playbooks.chain.guards.case import Case
from remediations.systems.comet.reading import CometReading, HostReading, sealed
from remediations.systems.hosts.compile.command import CompiledCommand
from remediations.systems.hosts.compile.compiler import Compiler
from remediations.systems.hosts.probe import unit_active
from remediations.values.inventory import Role
from remediations.values.origin import Origin
from remediations.values.reading import Known
from tests import worlds

TOOL = "remediate 0"
ORIGIN = Origin(distribution="remediations", version="0", digest="2" * 64)
DIGEST = "e9fcfc741d108d3ff89d93a7be2c71bf387928e9d5ceae085c98a6da42d95d7b"
"""Stands for the digest where a rendering is compared: the true one moves with every word."""


def missing(observation: CometReading, *hosts: str) -> CometReading:
    """Validators stopped so that the chain halts, their sign states at its last height."""
    observation = worlds.stopped(observation, *hosts)
    if worlds.moves(observation):
        return observation
    for host in hosts:
        if observation.host(host).role is Role.VALIDATOR:
            observation = worlds.sign_state(observation, host, worlds.HEIGHT)
    return observation


def quorum_lost() -> CometReading:
    """40 of 100 power is down."""
    return missing(worlds.healthy(), "val1")


def minority_down() -> CometReading:
    """10 of 100 power is down."""
    return missing(worlds.healthy(), "val4")


def wrong_clock(observation: CometReading, host: str, ms: int = 10_000) -> CometReading:
    """The clock of `host` is off, which its guard blocks and the diagnosis leaves alone."""

    def wrong(reading: HostReading) -> HostReading:
        assert isinstance(reading.session, Known)
        session = replace(reading.session.value, clock_offset_ms=ms)
        return replace(reading, session=worlds.known(session))

    return worlds.change(observation, host, wrong)


def case_of(
    observation: CometReading,
    playbook: str = "INC-001",
    branch: str | None = None,
    only: Sequence[str] = (),
) -> Case:
    """What the playbook proposes for a world."""
    return propose(
        named(playbook, MachineConfig()).playbook,
        branch,
        observation,
        diagnose(observation),
        frozenset(only),
    )


def compile_plainly(
    deploy: str, hosts: Mapping[str, HostData]
) -> Mapping[str, tuple[CompiledCommand, ...]]:
    """One short command for each host, from its data alone, in the form that deploys give them."""
    return {
        host: (
            CompiledCommand(
                operation=f"node.{deploy.removesuffix('_node')}",
                text="set -u\n"
                + "".join(f"{name}={value}\n" for name, value in sorted(data.items()))
                + f'systemctl {deploy.removesuffix("_node")} "$unit"\n',
                timeout_s=30,
                fidelity="conditional",
                probe=unit_active(str(data["unit"])),
                undo=f"systemctl stop {data['unit']}: safe at any time",
            ),
        )
        for host, data in hosts.items()
    }


def plan_of(
    observation: CometReading,
    playbook: str = "INC-001",
    branch: str | None = None,
    only: Sequence[str] = (),
) -> Plan:
    """The plan for a world, compiled plainly."""
    case = case_of(observation, playbook, branch, only)
    return build_plan(case, compile_deploy=compile_plainly, tool=TOOL, origin=ORIGIN)


def compiled(observation: CometReading, *, tool: str = TOOL, origin: Origin = ORIGIN) -> Plan:
    """The plan for a world, as the compiler makes it."""
    return make_plan(
        named("INC-001", MachineConfig()).playbook,
        None,
        sealed(observation),
        diagnose(observation),
        frozenset(),
        tool=tool,
        origin=origin,
    )


def maker_of(compiler: Compiler) -> Maker:
    """What is installed where plans are made again."""
    return Maker(
        playbook=named("INC-001", MachineConfig()).playbook,
        origin=ORIGIN,
        tool=TOOL,
        compile_deploy=compiler.compile_deploy,
    )

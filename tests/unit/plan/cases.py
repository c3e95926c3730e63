"""Plans made from worlds, with a workshop that needs no child process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from msgspec.structs import replace

from remediations.engine.catalogue import Installed, require_playbook
from remediations.engine.domain import Branch, Proposal, StepData, pick_branch
from remediations.engine.plan.build import CompiledStep, PlanBuilder, StepCompiler, evaluate_guards
from remediations.engine.plan.plan import Fidelity, GuardResult, Plan
from remediations.engine.plan.planning import make_plan
from remediations.engine.plan.recheck import recheck
from remediations.machine.config import MachineConfig
from remediations.playbooks.chain.domain import DOMAIN
from remediations.playbooks.chain.finding import ChainFinding
from remediations.playbooks.chain.situation import ChainSituation, situation_of
from remediations.systems.comet.inventory import Role
from remediations.systems.comet.reading import CometReading, HostReading, sealed
from remediations.systems.hosts.compile.compiler import Compiler
from remediations.systems.hosts.probe import unit_active
from remediations.systems.hosts.workshop import HOST, made_by
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


@dataclass(frozen=True, kw_only=True)
class Case:
    """What a playbook proposes for a world, to be changed in one of its parts."""

    observation: CometReading
    finding: ChainFinding
    branch: Branch[ChainSituation]
    proposal: Proposal[ChainSituation]
    only: frozenset[str]

    @property
    def chain(self) -> ChainSituation:
        """The situation, with nothing found yet that is found once."""
        return ChainSituation(observation=self.observation, finding=self.finding, only=self.only)

    def judge(self) -> tuple[GuardResult, ...]:
        """Every guard on it."""
        whole = (*DOMAIN.invariants, *self.branch.invariants)
        return evaluate_guards(whole, self.chain, self.proposal)


def case_of(
    observation: CometReading,
    playbook: str = "INC-001",
    branch: str | None = None,
    only: Sequence[str] = (),
) -> Case:
    """What the playbook proposes for a world."""
    chain = situation_of(observation, frozenset(only))
    picked = pick_branch(installed(playbook).playbook, chain, DOMAIN.finding(chain), branch)
    return Case(
        observation=observation,
        finding=chain.finding,
        branch=picked,
        proposal=picked.propose(chain),
        only=chain.only,
    )


def made_plainly(
    deploy: str, data: Mapping[str, StepData]
) -> Mapping[str, tuple[CompiledStep, ...]]:
    """One short program for each host, from its data alone, in the form that deploys give them."""
    act = deploy.rpartition("/")[2].removesuffix("_node")
    return {
        host: (
            CompiledStep(
                operation=f"node.{act}",
                payload="set -u\n"
                + "".join(f"{name}={value}\n" for name, value in sorted(values.items()))
                + f'systemctl {act} "$unit"\n',
                timeout_s=30,
                fidelity=Fidelity.CONDITIONAL,
                probe=unit_active(str(values["unit"])).words,
                undo=f"systemctl stop {values['unit']}",
            ),
        )
        for host, values in data.items()
    }


PLAINLY: Mapping[str, StepCompiler] = {HOST: made_plainly}


@cache
def installed(playbook: str) -> Installed:
    """What is installed here. Searched once: it reads the metadata of every package."""
    return require_playbook(playbook, MachineConfig())


def maker(
    compilers: Mapping[str, StepCompiler] = PLAINLY,
    playbook: str = "INC-001",
    *,
    tool: str = TOOL,
    origin: Origin = ORIGIN,
) -> PlanBuilder:
    """What makes plans; without a child process where nothing else is said."""
    found = installed(playbook)
    return PlanBuilder(
        domain=found.domain,
        playbook=found.playbook,
        origin=origin,
        tool=tool,
        compilers=compilers,
    )


def plan_of(
    observation: CometReading,
    playbook: str = "INC-001",
    branch: str | None = None,
    only: Sequence[str] = (),
) -> Plan:
    """The plan for a world, its bytes made plainly."""
    return make_plan(maker(playbook=playbook), branch, sealed(observation), frozenset(only))


def compiled_of(observation: CometReading, playbook: str) -> Plan:
    """The plan of a playbook for a world, as the compiler makes it."""
    with Compiler() as compiler:
        whole = maker({HOST: made_by(compiler)}, playbook)
        return make_plan(whole, None, sealed(observation), frozenset())


def compiled(observation: CometReading, *, tool: str = TOOL, origin: Origin = ORIGIN) -> Plan:
    """The plan for a world, as the compiler makes it."""
    with Compiler() as compiler:
        whole = maker({HOST: made_by(compiler)}, tool=tool, origin=origin)
        return make_plan(whole, None, sealed(observation), frozenset())


def maker_of(compiler: Compiler) -> PlanBuilder:
    """What is installed where plans are made again."""
    return maker({HOST: made_by(compiler)})


def still_holds(plan: Plan, now: CometReading, maker: PlanBuilder) -> bool:
    """True if the plan may be applied to this world; else WorldChanged says what differs."""
    recheck(plan, sealed(now), maker)
    return True

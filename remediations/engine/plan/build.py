"""From a proposal to a Plan: compile, judge, freeze. Pure but for the compiling child process."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from remediations.engine.plan.plan import (
    PLAN_FORMAT,
    VALID_FOR,
    Baseline,
    Command,
    Fidelity,
    Outcome,
    Plan,
    PowerEffect,
    Stage,
    Target,
)
from remediations.engine.plan.proposal import HostData, StageDraft
from remediations.playbooks.chain.facts import facts_of
from remediations.playbooks.chain.guards.case import Case, latest_status
from remediations.playbooks.chain.guards.power import UP
from remediations.playbooks.chain.guards.table import judge
from remediations.playbooks.chain.impact import Swing, swings
from remediations.systems.comet.reading import HostReading, sealed
from remediations.systems.hosts.compile.command import CompiledCommand
from remediations.values.origin import Origin
from remediations.values.reading import value_or_none
from remediations.values.wire import digest

Compile = Callable[[str, Mapping[str, HostData]], Mapping[str, tuple[CompiledCommand, ...]]]
"""`Compiler.compile_deploy`: a deploy's name and its hosts' data in, commands per host out."""


def build_plan(case: Case, *, compile_deploy: Compile, tool: str, origin: Origin) -> Plan:
    """The plan of `case`. Where a guard blocks it has no stages: what must not run has no bytes,
    and what is unknown cannot be compiled.

    Raises:
        RemediationError: a deploy of the proposal does not compile.
    """
    proposal, finding, observation = case.proposal, case.finding, case.observation
    guards = judge(case)
    blocked = any(guard.outcome is not Outcome.PASS for guard in guards)
    return Plan(
        format=PLAN_FORMAT,
        tool=tool,
        playbook=proposal.playbook,
        branch=proposal.branch,
        origin=origin,
        title=proposal.title,
        chain_id=observation.chain_id,
        inventory_digest=observation.inventory_digest,
        observation_digest=digest(sealed(observation)),
        observed_at=observation.ended,
        expires_at=observation.ended + VALID_FOR,
        finding=finding,
        facts=facts_of(observation, finding, [move.host for move in proposal.acting]),
        guards=guards,
        warnings=proposal.warnings,
        stages=() if blocked else build_stages(case, compile_deploy),
        checks=proposal.checks,
        baseline=baseline_of(case),
        targets=targets_of(case),
        logins=observation.logins,
        risk=proposal.risk,
        worst_case=proposal.worst_case,
        approvals_needed=1,
    )


def build_stages(case: Case, compile_deploy: Compile) -> tuple[Stage, ...]:
    """The stages with the exact commands per host."""
    drafts = case.proposal.stages
    path = swings(case.finding.online_power, [draft.moves for draft in drafts])
    return tuple(
        _stage(number, draft, swing, case.finding.total_power, compile_deploy)
        for number, (draft, swing) in enumerate(zip(drafts, path, strict=True), 1)
    )


def _stage(
    number: int, draft: StageDraft, swing: Swing, total: int, compile_deploy: Compile
) -> Stage:
    names = tuple(sorted(set(draft.deploys.values())))
    compiled: dict[str, tuple[CompiledCommand, ...]] = {}
    for name in names:
        data = {host: draft.data[host] for host, deploy in draft.deploys.items() if deploy == name}
        compiled.update(compile_deploy(name, data))
    commands = [
        Command(
            host=move.host,
            operation=command.operation,
            text=command.text,
            timeout_s=command.timeout_s,
            fidelity=Fidelity(command.fidelity),
            probe=command.probe,
            undo=command.undo,
        )
        for move in draft.moves
        for command in compiled[move.host]
    ]
    return Stage(
        number=number,
        title=draft.title,
        why=draft.why,
        deploys=names,
        commands=tuple(commands),
        power=PowerEffect(before=swing.before, worst=swing.worst, after=swing.after, total=total),
        gate=draft.gate,
    )


def baseline_of(case: Case) -> Baseline:
    """How things stand before anything is done, for the checks to compare with."""
    signs, peers, binaries, untouched = [], [], [], []
    acting = {move.host for move in case.proposal.acting}
    for reading in case.observation.hosts:
        state = value_or_none(reading.sign_state)
        if state is not None:
            signs.append((reading.host, state.height, state.round, state.step))
        known_peers = value_or_none(reading.chain.peers)
        if known_peers is not None:
            peers.append((reading.host, len(known_peers)))
        binary = value_or_none(reading.binary)
        if binary is not None:
            binaries.append((reading.host, binary.sha256))
        if reading.host not in acting and case.finding.node(reading.host).condition in UP:
            untouched.extend(_main_process(reading))
    return Baseline(
        height=case.finding.height,
        online_power=case.finding.online_power,
        total_power=case.finding.total_power,
        sign_states=tuple(signs),
        peers=tuple(peers),
        binaries=tuple(binaries),
        untouched=tuple(untouched),
    )


def _main_process(reading: HostReading) -> list[tuple[str, int, int]]:
    unit = value_or_none(reading.unit)
    for process in value_or_none(reading.processes) or ():
        if unit is not None and process.pid == unit.main_pid:
            return [(reading.host, process.pid, process.started)]
    return []


def targets_of(case: Case) -> tuple[Target, ...]:
    """Every host with a daemon that is, or is to be, up: gates and checks look at these."""
    acting = {move.host for move in case.proposal.acting}
    targets = []
    for reading in case.observation.hosts:
        finding = case.finding.node(reading.host)
        unit, config = value_or_none(reading.unit), value_or_none(reading.config)
        if unit is None or config is None:
            continue
        if reading.host in acting or finding.condition in UP:
            status = latest_status(reading)
            targets.append(
                Target(
                    host=reading.host,
                    unit=unit.name,
                    home=unit.home,
                    user=unit.user,
                    rpc_url=config.rpc_url,
                    address=finding.address or (status.address if status else ""),
                    power=finding.power,
                )
            )
    return tuple(targets)

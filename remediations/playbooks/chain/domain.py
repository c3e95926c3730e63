"""The chain as a domain: what the engine is told of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from remediations.engine.domain import Domain
from remediations.playbooks.chain import (
    database_issues,
    double_sign,
    halted,
    jailed,
    node_down,
    slow_blocks,
)
from remediations.playbooks.chain.actions import (
    CONFIGURE,
    ENABLE,
    HOLD,
    HOLD_DUPLICATE,
    PROGRAM_ACTIONS,
    REEXECUTE,
    RELEASE,
    RESTART,
    RESTART_CONFIGURED,
    RESTORE,
    ROLL_BACK,
    START,
    START_CONFIGURED,
    UNCONFIGURE,
    UNHOLD,
    UNJAIL,
)
from remediations.playbooks.chain.baseline import (
    MOVABLE,
    ChainBaseline,
    ChainNodes,
    HeldNodes,
    baseline,
)
from remediations.playbooks.chain.facts import chain_facts
from remediations.playbooks.chain.finding import ChainFinding
from remediations.playbooks.chain.free_space import ACTIONS as ROOM_ACTIONS
from remediations.playbooks.chain.gates import (
    Advances,
    Answers,
    Bonded,
    Follows,
    GoesOnWithout,
    Stopped,
    Synced,
)
from remediations.playbooks.chain.guards.table import INVARIANTS
from remediations.playbooks.chain.impact import levels
from remediations.playbooks.chain.look import watch_chain
from remediations.playbooks.chain.mend import MEND
from remediations.playbooks.chain.open_files import ACTIONS as LIMIT_ACTIONS
from remediations.playbooks.chain.present import DOMAIN as NAME
from remediations.playbooks.chain.present import present
from remediations.playbooks.chain.rebuild import ACTIONS as COPY_ACTIONS
from remediations.playbooks.chain.runbooks import PLAYBOOKS as RUNBOOKS
from remediations.playbooks.chain.situation import situation
from remediations.playbooks.chain.state_sync import ACTIONS as SYNC_ACTIONS
from remediations.systems.comet.reading import has_nodes
from remediations.values.part import Part

if TYPE_CHECKING:
    from remediations.engine.discovery import Discovery
    from remediations.engine.doctor.examination import Doctor
    from remediations.engine.whatif.projection import Projector


def _doctor() -> Doctor:
    from remediations.playbooks.chain.doctor.world import DOCTOR

    return DOCTOR


def _discovery() -> Discovery:
    from remediations.playbooks.chain.discover.found import DISCOVERY

    return DISCOVERY


def _whatif() -> Projector:
    from remediations.playbooks.chain.whatif.project import PROJECTOR

    return PROJECTOR


DOMAIN = Domain(
    name=NAME,
    title="a CometBFT chain that has halted, or lost a node",
    concerns=has_nodes,
    situation=situation,
    finding=lambda chain: present(chain.finding),
    detail=lambda chain: Part.of(chain.finding),
    facts=chain_facts,
    invariants=INVARIANTS,
    levels=levels,
    baseline=baseline,
    resources=lambda chain: (f"chain/{chain.observation.chain_id}",),
    actions=(
        START,
        RESTART,
        ENABLE,
        CONFIGURE,
        UNCONFIGURE,
        UNHOLD,
        START_CONFIGURED,
        RESTART_CONFIGURED,
        RESTORE,
        *PROGRAM_ACTIONS,
        RELEASE,
        HOLD,
        HOLD_DUPLICATE,
        ROLL_BACK,
        REEXECUTE,
        *COPY_ACTIONS,
        *ROOM_ACTIONS,
        *LIMIT_ACTIONS,
        *SYNC_ACTIONS,
        UNJAIL,
        MEND,
    ),
    playbooks=(
        halted.PLAYBOOK,
        node_down.PLAYBOOK,
        jailed.PLAYBOOK,
        double_sign.PLAYBOOK,
        database_issues.PLAYBOOK,
        slow_blocks.PLAYBOOK,
        *RUNBOOKS,
    ),
    watch=watch_chain,
    checks="remediations.playbooks.chain.checks",
    alerts="remediations.playbooks.chain",
    movable=MOVABLE,
    kinds=(
        ChainFinding,
        ChainBaseline,
        ChainNodes,
        HeldNodes,
        Advances,
        Answers,
        Follows,
        GoesOnWithout,
        Stopped,
        Synced,
        Bonded,
    ),
    doctor=_doctor,
    discovery=_discovery,
    whatif=_whatif,
    with_inputs=lambda chain, inputs: replace(chain, inputs=inputs),
)

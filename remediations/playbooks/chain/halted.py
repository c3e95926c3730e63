"""INC-001, chain halted: the playbook, and its branches that start or restart validators.

They differ from the runbook in two points. It counts validators; voting power is counted here. It
restarts healthy validators; nothing that runs well is touched here, because running nodes hold the
round (docs/rules/hazards.md#restart-in-a-halt).
"""

from __future__ import annotations

from remediations.engine.domain import Branch, Playbook, Proposal, StageDraft
from remediations.engine.plan.measured import Measured
from remediations.engine.plan.plan import Gate, Risk
from remediations.playbooks.chain import everybody
from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.conditions import Cure
from remediations.playbooks.chain.finding import NodeFinding
from remediations.playbooks.chain.free_space import FREE_SPACE
from remediations.playbooks.chain.gates import Advances
from remediations.playbooks.chain.guards.jobs import jobs_warnings
from remediations.playbooks.chain.install import BRANCHES as INSTALL_BRANCHES
from remediations.playbooks.chain.mend import MEND_HALTED
from remediations.playbooks.chain.open_files import RAISE_OPEN_FILES
from remediations.playbooks.chain.rebuild import ADOPT, COPY_DATABASES, REBUILD
from remediations.playbooks.chain.restart import (
    CHECKS,
    disabled_warnings,
    restartable,
    rolling_stages,
)
from remediations.playbooks.chain.rollback import ROLL_BACK_ALONE, ROLL_BACK_TOGETHER
from remediations.playbooks.chain.rounds import round_timeout_s
from remediations.playbooks.chain.settings import (
    bring_back,
    more_blocks_s,
    restoring_stages,
    settings_warnings,
)
from remediations.playbooks.chain.situation import ChainSituation
from remediations.render.formats import count_of, name_some, percent
from remediations.systems.comet.quorum import can_halt, has_quorum
from remediations.values.part import Part


def _minority_fits(chain: ChainSituation) -> str | None:
    finding = chain.finding
    if finding.chain is not ChainClass.DEGRADED:
        return f"the chain is {finding.chain}, not degraded"
    absent = finding.total_power - finding.online_power
    if can_halt(absent, finding.total_power):
        return f"{percent(absent, finding.total_power)} of the power is offline, one third or more"
    if not restartable(chain, validators_only=True):
        return "no validator is down in a way that a restart cures"
    return None


def _minority(chain: ChainSituation) -> Proposal[ChainSituation]:
    order = restartable(chain, validators_only=True)
    return Proposal(
        title=f"restart {count_of(len(order), 'validator')} while the chain goes on",
        stages=rolling_stages(order),
        checks=CHECKS,
        risk=Risk.MEDIUM,
        worst_case="a validator does not come back and its power stays missing, as it is now",
        warnings=disabled_warnings(order),
    )


def _quorum_fits(chain: ChainSituation) -> str | None:
    finding = chain.finding
    if finding.chain is not ChainClass.QUORUM_LOST:
        return f"the chain is {finding.chain}, not quorum-lost"
    if not restartable(chain, validators_only=True, lifted=True):
        return "no missing validator is down in a way that a start cures"
    return None


def _quorum(chain: ChainSituation) -> Proposal[ChainSituation]:
    finding = chain.finding
    missing = restartable(chain, validators_only=True, lifted=True)
    after = finding.online_power + sum(n.power for n in missing if n.host not in chain.voting)
    more, seconds = more_blocks_s(chain, missing)
    above, timeout = finding.height + more, round_timeout_s(finding.round) + seconds
    return Proposal(
        title=f"{_verb(missing)} {count_of(len(missing), 'missing validator')}"
        f"{' at once' if len(missing) > 1 else ''}",
        stages=(
            StageDraft(
                title=f"{_verb(missing)} {name_some([node.host for node in missing])}"
                f"{' together' if len(missing) > 1 else ''}",
                why=f"{percent(finding.online_power, finding.total_power)} of the power is not"
                f" enough; with these it is {percent(after, finding.total_power)}"
                f"{'' if has_quorum(after, finding.total_power) else ', still not enough'}."
                " Order does not matter for safety; fewer than two thirds just wait",
                moves=tuple(move for node in missing for move in bring_back(chain, node)),
                gate=Gate(
                    title=f"a block above {above} within {timeout} s",
                    timeout_s=timeout,
                    asks=Part.of(Advances(hosts=_live_and(missing, chain), height=above)),
                ),
            ),
            *restoring_stages(chain, missing),
        ),
        checks=CHECKS,
        risk=Risk.HIGH,
        worst_case=f"the chain stays halted as it is now; {_touched(missing)}, no sign state and no"
        " WAL is changed by us",
        warnings=(
            *settings_warnings(chain, missing),
            *disabled_warnings(missing),
            *jobs_warnings(chain, missing, held=False),
        ),
    )


def _restarted(missing: tuple[NodeFinding, ...]) -> list[str]:
    return [node.host for node in missing if node.condition.rule.cure is not Cure.START]


def _verb(missing: tuple[NodeFinding, ...]) -> str:
    restarted = len(_restarted(missing))
    return (
        "start" if not restarted else "start or restart" if restarted < len(missing) else "restart"
    )


def _touched(missing: tuple[NodeFinding, ...]) -> str:
    """Which processes end: one that is dead to the chain still exists."""
    hosts = _restarted(missing)
    if not hosts:
        return "nothing running is touched"
    return f"of what runs only the process on {name_some(hosts)} is ended, which does no work"


def _live_and(missing: tuple[NodeFinding, ...], chain: ChainSituation) -> tuple[str, ...]:
    meant = {node.host for node in missing} | chain.voting
    return tuple(node.host for node in chain.finding.nodes if node.power and node.host in meant)


PLAYBOOK = Playbook(
    id="INC-001",
    title="Chain halted",
    alerts=("ChainHalted", "BlockProductionStalled"),
    branches=(
        COPY_DATABASES,
        ADOPT,
        REBUILD,
        FREE_SPACE,
        RAISE_OPEN_FILES,
        Branch(
            name="start-missing-together",
            title="One third or more of the power is offline: start the missing at once",
            condition="halted, the round stands, and less than two thirds of the power votes",
            fits=_quorum_fits,
            propose=_quorum,
            measured=Measured(gate_s=4, verified_s=9),
        ),
        Branch(
            name="restart-minority",
            title="Less than one third of the power is offline: restart it one at a time",
            condition="blocks go on, and a validator is down",
            fits=_minority_fits,
            propose=_minority,
            measured=Measured(gate_s=6, verified_s=10),
        ),
        MEND_HALTED,
        ROLL_BACK_TOGETHER,
        ROLL_BACK_ALONE,
        *INSTALL_BRANCHES,
        *everybody.BRANCHES,
    ),
)

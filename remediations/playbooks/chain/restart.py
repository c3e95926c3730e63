"""What INC-001 and node-down share: which nodes to start or restart, and with which stages.

A node that is down is *started*; one whose process is there but dead (frozen, zombie) or loops is
*restarted*. A running, healthy node is never touched.
"""

from __future__ import annotations

from collections.abc import Sequence

from remediations.engine.domain import Situation
from remediations.engine.find.finding import Finding, NodeCondition, NodeFinding
from remediations.engine.plan.plan import Gate, GateKind, PlannedCheck
from remediations.engine.plan.proposal import HostData, StageDraft
from remediations.playbooks.chain.guards.node import RESTARTABLE
from remediations.playbooks.chain.impact import Move, smallest_first
from remediations.systems.comet.reading import CometReading, HostReading
from remediations.values.reading import value_or_none

STARTED = frozenset(
    {
        NodeCondition.STOPPED,
        NodeCondition.DISABLED,
        NodeCondition.STANDBY,
        NodeCondition.START_FAILS,
    }
)
"""No process is there: a start is enough."""

DEAD_PROCESS = frozenset({NodeCondition.FROZEN, NodeCondition.ZOMBIE})
"""One process stands there: it is exactly this invocation that a restart is to end. A unit in a
crash loop has a new invocation every few seconds, so none is named."""

FOLLOW_TIMEOUT_S = 120
"""A restarted node replays its WAL and catches up a few minutes of blocks within this."""

CHECKS = (
    PlannedCheck(id="P1", title="five more blocks on every node"),
    PlannedCheck(id="P2", title="one app hash at the same heights"),
    PlannedCheck(id="P3", title="one block id at the same heights"),
    PlannedCheck(id="P4", title="the new blocks continue the old chain"),
    PlannedCheck(id="P5", title="no evidence of equivocation in any block since"),
    PlannedCheck(id="P7", title="every started validator signs three blocks in a row"),
    PlannedCheck(id="P8", title="signing power is not less than before"),
    PlannedCheck(id="P9", title="blocks are decided in round 0 or 1"),
    PlannedCheck(id="P10", title="no sign state is lower than before"),
    PlannedCheck(id="P11", title="every validator kept its address"),
    PlannedCheck(id="P12", title="every node follows the tip"),
    PlannedCheck(id="P13", title="peers are back"),
    PlannedCheck(id="P14", title="the program is the one that was planned"),
    PlannedCheck(id="P15", title="no failure in the journal since the start"),
    PlannedCheck(id="P17", title="files belong to the service user"),
    PlannedCheck(id="I13", title="processes that were healthy were not restarted"),
)
_WITHOUT_SIGNERS = tuple(check for check in CHECKS if check.id != "P7")


def checks_for(order: Sequence[Move]) -> tuple[PlannedCheck, ...]:
    """What is promised of a restart: P7 only where a validator is among what is started."""
    return CHECKS if any(move.power for move in order) else _WITHOUT_SIGNERS


def restartable(situation: Situation, *, validators_only: bool) -> tuple[NodeFinding, ...]:
    """The nodes that a start or a restart may cure, of those that were asked for.

    A keyless standby is stopped on purpose: it counts only when it was named.
    """
    return tuple(
        node
        for node in situation.finding.nodes
        if node.condition in RESTARTABLE
        and (node.power > 0 or not validators_only)
        and (node.host in situation.only or not situation.only)
        and (node.condition is not NodeCondition.STANDBY or node.host in situation.only)
    )


def moves(nodes: Sequence[NodeFinding], finding: Finding) -> tuple[Move, ...]:
    """The nodes as moves in rolling order. A node whose votes are seen although it answers nothing
    counts as online: restarting it costs its power."""
    voting = frozenset(finding.voting)
    return smallest_first(Move(node.host, node.power, online=node.host in voting) for node in nodes)


def stage(
    observation: CometReading,
    finding: Finding,
    batch: Sequence[Move],
    *,
    title: str,
    why: str,
    gate: Gate,
) -> StageDraft:
    """One stage in which every node of the batch is started or restarted, as its state asks."""
    return StageDraft(
        title=title,
        why=why,
        moves=tuple(batch),
        deploys={move.host: _deploy(finding.node(move.host).condition) for move in batch},
        data={
            move.host: host_data(observation.host(move.host), finding.node(move.host).condition)
            for move in batch
        },
        gate=gate,
    )


def one_at_a_time(situation: Situation, order: Sequence[Move]) -> tuple[StageDraft, ...]:
    """A rolling restart: each node is back and follows before the next is touched (G30)."""
    return tuple(
        stage(
            situation.observation,
            situation.finding,
            (move,),
            title=f"bring back {move.host} (power {move.power})",
            why="one at a time, smallest power first: the chain goes on meanwhile",
            gate=Gate(
                kind=GateKind.NODE_FOLLOWS,
                title=f"{move.host} follows the chain",
                hosts=(move.host,),
                height=0,
                timeout_s=FOLLOW_TIMEOUT_S,
            ),
        )
        for move in order
    )


def left_disabled(situation: Situation, order: Sequence[Move]) -> tuple[str, ...]:
    """A warning for each unit that is started but would not come back after a reboot."""
    return tuple(
        f"{move.host}: its unit is disabled and stays so; `sudo systemctl enable` it by hand if it "
        "should come back after a reboot"
        for move in order
        if situation.finding.node(move.host).condition is NodeCondition.DISABLED
    )


def _deploy(condition: NodeCondition) -> str:
    return "start_node" if condition in STARTED else "restart_node"


def host_data(reading: HostReading, condition: NodeCondition) -> HostData:
    """What the deploys need of one host. Unknown readings become "": the guards block then."""
    unit, key = value_or_none(reading.unit), value_or_none(reading.key)
    state = value_or_none(reading.sign_state)
    return {
        "unit": unit.name if unit else "",
        "home": unit.home if unit else "",
        "user": unit.user if unit else "",
        "address": key.address if key else "",
        "sign_height": state.height if state else 0,
        "sign_round": state.round if state else 0,
        "sign_step": state.step if state else 0,
        "stop_timeout_s": unit.stop_timeout_s if unit else 0,
        "invocation": unit.invocation if unit and condition in DEAD_PROCESS else "",
    }

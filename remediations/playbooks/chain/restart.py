"""What INC-001 and node-down share: which nodes to start or restart, and with which stages.

A node that is down is *started*. A node whose process exists but is dead (frozen, zombie), or keeps
dying, is *restarted*. A healthy node that runs is never touched.
"""

from __future__ import annotations

from collections.abc import Sequence

from remediations.engine.domain import Move, StageDraft
from remediations.engine.plan.plan import Gate, PlannedCheck
from remediations.playbooks.chain.actions import RELEASE, RESTART, START
from remediations.playbooks.chain.checks.titles import TITLES
from remediations.playbooks.chain.conditions import ConditionRule, Cure, NodeCondition
from remediations.playbooks.chain.finding import NodeFinding
from remediations.playbooks.chain.gates import Advances, Follows, Stopped
from remediations.playbooks.chain.impact import smallest_first
from remediations.playbooks.chain.rounds import round_timeout_s
from remediations.playbooks.chain.situation import ChainSituation
from remediations.render.formats import name_some
from remediations.values.part import Part
from remediations.values.reading import value_or_none

STOPPED_TIMEOUT_S = 30
"""For one look at nodes that are down already."""
FOLLOW_TIMEOUT_S = 120
"""Enough for a restarted node to replay its WAL and to catch up on a few minutes of blocks."""

EXPECTED_STATE = PlannedCheck(id="P18", title=TITLES["P18"])
"""Promised where somebody named the state that is expected."""
HELD_DOWN = PlannedCheck(id="P23", title=TITLES["P23"])
SIGNS_ONCE = PlannedCheck(id="P24", title=TITLES["P24"])
"""Promised where holders of a key are stopped."""
CHECKS_BELOW_COSMOVISOR = tuple(PlannedCheck(id=id_, title=TITLES[id_]) for id_ in ("P27", "P28"))
"""Promised where a program is put where cosmovisor looks for it."""
_OF_OTHERS = frozenset(
    {
        EXPECTED_STATE.id,
        "P20",
        "P21",
        "P22",
        "P25",
        "P26",
        "P33",
        "P34",
        HELD_DOWN.id,
        SIGNS_ONCE.id,
    }
    | {check.id for check in CHECKS_BELOW_COSMOVISOR}
)
CHECKS = tuple(
    PlannedCheck(id=id_, title=title) for id_, title in TITLES.items() if id_ not in _OF_OTHERS
)
_NO_BLOCK_NEEDED = frozenset({"P10", "P14", "P15", "P17", "I13"})
CHECKS_WITHOUT_BLOCKS = tuple(check for check in CHECKS if check.id in _NO_BLOCK_NEEDED)
"""Those that can pass where no block comes of what is done."""
_WITHOUT_SIGNERS = tuple(check for check in CHECKS if check.id != "P7")


def checks_for(order: Sequence[NodeFinding]) -> tuple[PlannedCheck, ...]:
    """The checks that a restart promises. P7 is among them only if a validator is started."""
    return CHECKS if any(node.power for node in order) else _WITHOUT_SIGNERS


def checks_known_before(
    chain: ChainSituation, nodes: Sequence[NodeFinding]
) -> tuple[PlannedCheck, ...]:
    """All checks, but what compares with a block or a power that nobody could tell."""
    left: set[str] = set()
    if chain.finding.files is not None:
        left.add("P4")
        if not all(node.power for node in nodes):
            left.add("P11")
    return tuple(check for check in CHECKS if check.id not in left)


def took_part(chain: ChainSituation, host: str) -> bool:
    """Whether the sign state of a node took part in the last block, as far as files tell."""
    files = chain.finding.files
    state = value_or_none(chain.observation.host(host).sign_state)
    return files is None or (state is not None and files.took_part(state.height))


def powers_warnings(chain: ChainSituation) -> tuple[str, ...]:
    """What is not known where no node answers; nothing where one does."""
    files = chain.finding.files
    if files is None:
        return ()
    return (
        "nobody tells the validator set of today: powers are those of the first block "
        f"(genesis.json of {name_some(list(files.agreed), 4)}). That the new blocks continue the "
        "old chain is not checked (P4), because no block could be read before",
    )


def restartable(
    chain: ChainSituation, *, validators_only: bool, lifted: bool = False
) -> tuple[NodeFinding, ...]:
    """The nodes that were asked for and that a start or a restart may cure, in rolling order; with
    `lifted` those, too, that a setting forbids to run.

    A keyless standby is stopped on purpose: it is included only if it was named. So is a holder
    of a key that is held because another one has it, or had.
    """
    return smallest_first(
        node
        for node in chain.finding.nodes
        if _startable(node.condition.rule, lifted=lifted)
        and (node.power > 0 or not validators_only)
        and (node.host in chain.only or not chain.only)
        and (node.host in chain.only or not stopped_on_purpose(chain, node))
    )


def stopped_on_purpose(chain: ChainSituation, node: NodeFinding) -> bool:
    """Whether it is stopped for a reason of which only people can say that it is gone."""
    return node.condition is NodeCondition.STANDBY or node.host in chain.held_seconds


def _startable(rule: ConditionRule, *, lifted: bool) -> bool:
    return rule.cure is not None or (lifted and rule.setting_forbids)


def start_or_restart(node: NodeFinding) -> Move[ChainSituation]:
    """A start, a restart, or the release of what a run holds, depending on the node's condition."""
    if node.condition is NodeCondition.HELD or node.held:
        return Move(RELEASE, node.host)
    return Move(RESTART if node.condition.rule.cure is Cure.RESTART else START, node.host)


def rolling_stages(order: Sequence[NodeFinding]) -> tuple[StageDraft[ChainSituation], ...]:
    """A rolling restart: each node follows the chain again before the next is touched (G30)."""
    return tuple(
        StageDraft(
            title=f"bring back {node.host} (power {node.power})",
            why="one at a time, smallest power first: the chain goes on meanwhile",
            moves=(start_or_restart(node),),
            gate=follows_gate(node.host),
        )
        for node in order
    )


def follows_gate(host: str) -> Gate:
    """Opens when a node that was started while the chain goes on has caught up."""
    return Gate(
        title=f"{host} follows the chain",
        timeout_s=FOLLOW_TIMEOUT_S,
        asks=Part.of(Follows(hosts=(host,))),
    )


def stopped_gate(hosts: Sequence[str]) -> Gate:
    """Opens when none of these nodes answers."""
    return Gate(
        title="none of them answers",
        timeout_s=STOPPED_TIMEOUT_S,
        asks=Part.of(Stopped(hosts=tuple(hosts))),
    )


def block_above_gate(
    chain: ChainSituation, nodes: Sequence[NodeFinding], app_hash: str = ""
) -> Gate:
    """Opens in a halt when a block comes above the newest one, on all these nodes and on all that
    vote; with `app_hash` only on top of that state."""
    height, timeout = chain.finding.height, round_timeout_s(chain.finding.round)
    acting = {node.host for node in nodes}
    hosts = tuple(
        node.host
        for node in chain.finding.nodes
        if node.host in acting or (node.power and node.host in chain.voting)
    )
    state = f" on the state {app_hash}" if app_hash else ""
    return Gate(
        title=f"a block above {height}{state} within {timeout} s",
        timeout_s=timeout,
        asks=Part.of(Advances(hosts=hosts, height=height, app_hash=app_hash)),
    )


def disabled_warnings(order: Sequence[NodeFinding]) -> tuple[str, ...]:
    """A warning for each unit that is started now, but would not be after a reboot."""
    return tuple(
        f"{node.host}: its unit is disabled and stays so; `sudo systemctl enable` it by hand if it "
        "should come back after a reboot"
        for node in order
        if node.condition is NodeCondition.DISABLED
    )

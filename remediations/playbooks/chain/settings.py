"""Settings that forbid a start, and the starts that come after a step that lifts them. Pure.

A start that counts on a setting is another action than one that does not: its guards on settings
pass because a step of the same plan comes first, and on the host it looks at the files again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from remediations.engine.domain import Move, StageDraft
from remediations.engine.plan.plan import Gate
from remediations.playbooks.chain.actions import (
    CONFIGURE,
    RELEASE,
    RESTART,
    RESTART_CONFIGURED,
    RESTORE,
    START,
    START_CONFIGURED,
)
from remediations.playbooks.chain.conditions import Cure, NodeCondition
from remediations.playbooks.chain.finding import NodeFinding
from remediations.playbooks.chain.forbidding import double_sign_check, forbidding
from remediations.playbooks.chain.gates import Follows
from remediations.playbooks.chain.situation import ChainSituation
from remediations.render.formats import name_some
from remediations.values.part import Part

RESTORED_AFTER = 20
"""So many blocks after the start `double_sign_check_height` is put back: a node that has to be
started once more within them is not kept out by what it signed meanwhile."""
BLOCK_LIMIT_S = 15
"""What a block may take while these are waited for."""
RESTORE_TIMEOUT_S = 60


def bring_back(chain: ChainSituation, node: NodeFinding) -> Iterator[Move[ChainSituation]]:
    """What brings the node back: a start or a restart, depending on its condition, after its
    settings where these forbid it."""
    starts = node.condition.rule.cure is Cure.START
    if node.condition is NodeCondition.HELD or node.held:
        yield Move(RELEASE, node.host)
    elif forbidding(chain, node.host):
        yield Move(CONFIGURE, node.host)
        yield Move(START_CONFIGURED if starts else RESTART_CONFIGURED, node.host)
    else:
        yield Move(START if starts else RESTART, node.host)


def to_be_restored(chain: ChainSituation, nodes: Iterable[NodeFinding]) -> tuple[str, ...]:
    """The hosts whose `double_sign_check_height` is set to 0 for the start."""
    return tuple(
        node.host
        for node in nodes
        if forbidding(chain, node.host) and double_sign_check(chain, node.host)
    )


def more_blocks_s(chain: ChainSituation, nodes: Iterable[NodeFinding]) -> tuple[int, int]:
    """How many more blocks the gate after the start waits for, and for how many seconds more."""
    if not to_be_restored(chain, nodes):
        return 0, 0
    return RESTORED_AFTER, RESTORED_AFTER * BLOCK_LIMIT_S


def restoring_stages(
    chain: ChainSituation, nodes: Sequence[NodeFinding]
) -> tuple[StageDraft[ChainSituation], ...]:
    """The last stage: `double_sign_check_height` as it was; none where nothing of it was set."""
    hosts = to_be_restored(chain, nodes)
    if not hosts:
        return ()
    return (
        StageDraft(
            title=f"put double_sign_check_height back on {name_some(hosts)}",
            why=f"{RESTORED_AFTER} blocks were made since the start. The setting is read at the"
            " next start only, so nothing is restarted for it",
            moves=tuple(Move(RESTORE, host) for host in hosts),
            gate=Gate(
                title=f"{name_some(hosts)} still follow the chain",
                timeout_s=RESTORE_TIMEOUT_S,
                asks=Part.of(Follows(hosts=hosts)),
            ),
        ),
    )


def settings_warnings(chain: ChainSituation, nodes: Sequence[NodeFinding]) -> tuple[str, ...]:
    """What the approver has to know of settings that are changed."""
    lifted = [node.host for node in nodes if forbidding(chain, node.host)]
    halted = [host for host in lifted if {*forbidding(chain, host)} & {"halt-height", "halt-time"}]
    restored = to_be_restored(chain, nodes)
    found = []
    if halted:
        found.append(
            f"{name_some(halted)}: halt-height and halt-time are set to 0 and stay so; somebody set"
            " them on purpose, so ask whether the reason is gone"
        )
    if restored:
        found.append(
            f"{name_some(restored)}: double_sign_check_height is 0 until the last stage; if the run"
            " ends before it, `remediate abandon` shows what is to be put back"
        )
    return tuple(found)

"""The branches of INC-001 for a chain of which nobody runs: all are down, or halt-height stopped
them.

Who is down cannot sign twice, and who is started with its own sign state cannot either. So the
question of safety is the same as for one validator: whether key and sign state are its own and the
newest. The commits that would tell are behind nodes that do not answer; what tells instead are the
sign states of all, read side by side (`diagnose/by_files.py`). Who took no part in the last block
is not started with the others.
"""

from __future__ import annotations

from collections.abc import Sequence

from remediations.engine.domain import Branch, Proposal, StageDraft
from remediations.engine.plan.measured import Measured
from remediations.engine.plan.plan import Gate, Risk
from remediations.playbooks.chain import restart
from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.all_down import full_nodes
from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.playbooks.chain.finding import NodeFinding
from remediations.playbooks.chain.gates import Advances, Answers
from remediations.playbooks.chain.guards.jobs import jobs_warnings
from remediations.playbooks.chain.impact import smallest_first
from remediations.playbooks.chain.restart import (
    CHECKS_WITHOUT_BLOCKS,
    checks_known_before,
    disabled_warnings,
    powers_warnings,
    stopped_on_purpose,
    took_part,
)
from remediations.playbooks.chain.rounds import round_timeout_s
from remediations.playbooks.chain.settings import (
    bring_back,
    more_blocks_s,
    restoring_stages,
    settings_warnings,
)
from remediations.playbooks.chain.situation import ChainSituation
from remediations.render.formats import count_of, name_some
from remediations.systems.comet.inventory import Role
from remediations.systems.comet.quorum import has_quorum
from remediations.values.part import Part
from remediations.values.reading import value_or_none

ANSWER_TIMEOUT_S = 120
"""A full node replays what it has, and opens its RPC."""


def _starts(chain: ChainSituation) -> tuple[NodeFinding, ...]:
    """Those that may sign and can be brought back, smallest power first. One that took no part in
    the last block is there only if it was named: its guard says why it is not started."""
    return smallest_first(
        node
        for node in chain.finding.nodes
        if _curable(chain, node)
        and chain.may_sign(node.host)
        and (node.host in chain.only or (not chain.only and took_part(chain, node.host)))
    )


def _startable(node: NodeFinding) -> bool:
    rule = node.condition.rule
    return rule.cure is not None or rule.setting_forbids


def _curable(chain: ChainSituation, node: NodeFinding) -> bool:
    """Whether it may be acted on; who is stopped on purpose may be if it is named."""
    if chain.only:
        return _startable(node) and node.host in chain.only
    return _startable(node) and not stopped_on_purpose(chain, node)


def _full_nodes(chain: ChainSituation) -> tuple[NodeFinding, ...]:
    views = [NodeView(reading) for reading in chain.observation.hosts]
    hosts = {view.host for view in full_nodes(chain.finding.nodes, views)}
    return smallest_first(
        node for node in chain.finding.nodes if node.host in hosts and _curable(chain, node)
    )


def _covered(chain: ChainSituation) -> bool:
    """Whether the powers of the first block are known, and mostly held by these hosts."""
    finding = chain.finding
    covered = finding.total_power - finding.uncovered_power
    return finding.files is not None and has_quorum(covered, finding.total_power)


def _all_fits(chain: ChainSituation) -> str | None:
    finding = chain.finding
    if finding.chain is not ChainClass.ALL_DOWN:
        return f"the chain is {finding.chain}, not all-down"
    if not _covered(chain):
        return finding.powers or "no genesis file tells the powers"
    if finding.files is None or not finding.files.newest:
        return "the sign states do not tell how far the chain came"
    if not _starts(chain):
        return "no validator is down in a way that a start cures"
    return None


def _all(chain: ChainSituation) -> Proposal[ChainSituation]:
    first, then = _full_nodes(chain), _starts(chain)
    return Proposal(
        title=f"bring back {count_of(len(then), 'validator')} together"
        + (f", after {count_of(len(first), 'full node')}" if first else ""),
        stages=(
            *_full_stages(first),
            _together(chain, then),
            *restoring_stages(chain, then),
        ),
        checks=checks_known_before(chain, then),
        risk=Risk.HIGH,
        worst_case="the chain stays down as it is now; nothing runs that could be touched, no sign "
        "state and no WAL is changed by us",
        warnings=(
            *_by_files_warnings(chain, then),
            *settings_warnings(chain, then),
            *disabled_warnings((*first, *then)),
            *jobs_warnings(chain, (*first, *then), held=False),
        ),
    )


def _full_stages(nodes: Sequence[NodeFinding]) -> tuple[StageDraft[ChainSituation], ...]:
    if not nodes:
        return ()
    hosts = tuple(node.host for node in nodes)
    return (
        StageDraft(
            title=f"start {name_some(hosts)}",
            why="full nodes first: their keys sign nothing, and they tell whether the program runs"
            " and where the chain stands before anybody signs",
            moves=tuple(map(restart.start_or_restart, nodes)),
            gate=Gate(
                title=f"{name_some(hosts)} answer within {ANSWER_TIMEOUT_S} s",
                timeout_s=ANSWER_TIMEOUT_S,
                asks=Part.of(Answers(hosts=hosts)),
            ),
        ),
    )


def _together(chain: ChainSituation, nodes: Sequence[NodeFinding]) -> StageDraft[ChainSituation]:
    """All at once. The gate cannot open on a block that was there before."""
    more, seconds = more_blocks_s(chain, nodes)
    above = _highest_known(chain) + more
    timeout = round_timeout_s(_round(chain)) + seconds
    hosts = [node.host for node in nodes]
    return StageDraft(
        title=f"bring back {name_some(hosts)}{' together' if len(hosts) > 1 else ''}",
        why=f"{_power(chain, nodes)}. Order does not matter for safety; fewer than two thirds just"
        " wait" + (f". {more} blocks more, because settings are put back then" if more else ""),
        moves=tuple(move for node in nodes for move in bring_back(chain, node)),
        gate=Gate(
            title=f"a block above {above} within {timeout} s",
            timeout_s=timeout,
            asks=Part.of(
                Advances(
                    hosts=tuple(node.host for node in nodes if chain.may_sign(node.host)),
                    height=above,
                )
            ),
        ),
    )


def _highest_known(chain: ChainSituation) -> int:
    """No block above it was there when the plan was made."""
    files = chain.finding.files
    return chain.tip if files is None else files.newest


def _power(chain: ChainSituation, nodes: Sequence[NodeFinding]) -> str:
    finding = chain.finding
    after = finding.online_power + sum(n.power for n in nodes if n.host not in chain.voting)
    return f"{after} of {finding.total_power} power is there then{chain.by_files}"


def _round(chain: ChainSituation) -> int:
    """The highest round that anybody is in, or signed last."""
    files = chain.finding.files
    if files is None:
        return chain.finding.round
    states = (value_or_none(reading.sign_state) for reading in chain.observation.hosts)
    return max((s.round for s in states if s is not None and files.took_part(s.height)), default=0)


def _by_files_warnings(chain: ChainSituation, nodes: Sequence[NodeFinding]) -> tuple[str, ...]:
    files = chain.finding.files
    if files is None:
        return ()
    found = list(powers_warnings(chain))
    chosen = {node.host for node in nodes}
    found += [
        f"{node.host} is not started: its sign state took no part in the last block, so it was down"
        " before, or has an older copy; `remediate plan INC-001` again once blocks come"
        for node in chain.finding.nodes
        if node.host not in chosen
        and chain.may_sign(node.host)
        and _startable(node)
        and not took_part(chain, node.host)
    ]
    return tuple(found)


def _full_fits(chain: ChainSituation) -> str | None:
    finding = chain.finding
    if finding.chain is not ChainClass.ALL_DOWN:
        return f"the chain is {finding.chain}, not all-down"
    if _all_fits(chain) is None:
        return "files tell enough to start everybody"
    if not _full_nodes(chain):
        return "no full node is down in a way that a start cures"
    return None


def _full(chain: ChainSituation) -> Proposal[ChainSituation]:
    nodes = _full_nodes(chain)
    return Proposal(
        title=f"start {count_of(len(nodes), 'full node')}, so that the powers can be told",
        stages=_full_stages(nodes),
        checks=CHECKS_WITHOUT_BLOCKS,
        risk=Risk.LOW,
        worst_case="a full node does not come back; nobody signs",
        warnings=(
            "this brings no block: `remediate plan INC-001` again once they answer",
            *disabled_warnings(nodes),
            *jobs_warnings(chain, nodes, held=False),
        ),
    )


def _halt_fits(chain: ChainSituation) -> str | None:
    if chain.finding.chain is not ChainClass.HALT_HEIGHT:
        return f"the chain is {chain.finding.chain}, not halt-height"
    if chain.finding.files is not None and not chain.finding.files.newest:
        return "the sign states do not tell how far the chain came"
    if not chain.finding.total_power:
        return chain.finding.powers or "no genesis file tells the powers"
    if not _halted(chain):
        return "no node was stopped by halt-height, or is down in a way that a start cures"
    return None


def _halted(chain: ChainSituation) -> tuple[NodeFinding, ...]:
    """The validators that can be brought back, and the full nodes that were halted with them."""
    also = [
        node
        for node in chain.finding.nodes
        if node.condition is NodeCondition.HALT_HEIGHT
        and chain.observation.host(node.host).role is Role.FULL
        and _curable(chain, node)
    ]
    return smallest_first({node.host: node for node in (*_starts(chain), *also)}.values())


def _halt(chain: ChainSituation) -> Proposal[ChainSituation]:
    nodes = _halted(chain)
    return Proposal(
        title=f"lift halt-height on {count_of(len(nodes), 'node')}, and restart them together",
        stages=(_together(chain, nodes), *restoring_stages(chain, nodes)),
        checks=checks_known_before(chain, nodes),
        risk=Risk.HIGH,
        worst_case="the chain stays halted as it is now; only processes are ended whose consensus "
        "has ended, no sign state and no WAL is changed by us",
        warnings=(
            *_by_files_warnings(chain, nodes),
            *settings_warnings(chain, nodes),
            *disabled_warnings(nodes),
            *jobs_warnings(chain, nodes, held=False),
        ),
    )


BRANCHES = (
    Branch(
        name="start-everybody",
        title="Everybody is down: full nodes first, then all validators at once",
        condition="no node answers, all validators are down, and files tell powers and height",
        fits=_all_fits,
        propose=_all,
        measured=Measured(gate_s=7, verified_s=12),
    ),
    Branch(
        name="start-full-nodes",
        title="Everybody is down, and nobody can tell the powers: full nodes only",
        condition="no node answers, all validators are down, and a full node can be started",
        fits=_full_fits,
        propose=_full,
    ),
    Branch(
        name="lift-halt-height",
        title="halt-height stopped the chain: set it to 0 and restart together",
        condition="a third or more of the power reached its halt-height or halt-time",
        fits=_halt_fits,
        propose=_halt,
        measured=Measured(gate_s=6, verified_s=12),
    ),
)

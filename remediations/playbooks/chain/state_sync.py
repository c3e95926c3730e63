"""A node whose databases are lost or wrong, rebuilt by state sync: nobody else is stopped.

A donor of a copy must stop for as long as its files are linked. Where none may, or where people
say so, the node takes a snapshot of the state from its peers, and the blocks after it. Its
databases are set aside before, and its settings below [statesync] are put back afterwards; key,
sign state, write-ahead log, node key and address book stay (docs/rebuild.md#state-sync).
"""

from __future__ import annotations

from remediations.engine.domain import Action, Branch, Move, Proposal, StageDraft
from remediations.engine.plan.plan import Gate, PlannedCheck, Risk
from remediations.playbooks.chain.actions import UNHOLD
from remediations.playbooks.chain.checks.titles import TITLES
from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.copies import DONOR, DONOR_INPUT, cured_by_copy
from remediations.playbooks.chain.finding import NodeFinding
from remediations.playbooks.chain.gates import Synced
from remediations.playbooks.chain.guards.jobs import jobs_warnings
from remediations.playbooks.chain.guards.table import (
    BRING_BACK_GUARDS,
    HOLD_FOR_COPY_GUARDS,
    SET_ASIDE_GUARDS,
    SYNC_OFF_GUARDS,
    SYNC_ON_GUARDS,
)
from remediations.playbooks.chain.impact import (
    no_effect,
    restart_effect,
    smallest_first,
    start_effect,
    stop_cost,
    stop_effect,
)
from remediations.playbooks.chain.restart import checks_for, follows_gate, stopped_gate
from remediations.playbooks.chain.situation import ChainSituation
from remediations.playbooks.chain.sync_facts import (
    SETS_ASIDE,
    STATE_SYNC,
    STATE_SYNC_INPUT,
    asked_for,
    snapshot_bytes,
    sync_data,
    sync_facts,
    sync_off_data,
    synced_data,
)
from remediations.render.formats import name_some
from remediations.values.part import Part

SYNC_BASE_S = 180
"""To find a snapshot (CometBFT listens 15 s for offers), to open what it gives, and to get the
blocks after it."""
MINUTE_FOR = 27
"""One more minute for each 2**27 bytes (128 MiB) of the snapshot."""
SYNC_CHECKS = tuple(PlannedCheck(id=id_, title=TITLES[id_]) for id_ in ("P33", "P34"))

HOLD_FOR_SYNC = Action(
    name="node.hold.sync",
    driver="host",
    deploy="chain/hold_node",
    facts=sync_facts,
    data=sync_data,
    guards=HOLD_FOR_COPY_GUARDS,
    effects=stop_effect,
    undone_by=UNHOLD,
)
"""Before its databases are set aside: stopped, and nobody starts it."""

BRING_BACK = Action(
    name=f"{SETS_ASIDE}.undo",
    driver="host",
    deploy="chain/bring_back_databases",
    facts=sync_facts,
    data=sync_data,
    guards=BRING_BACK_GUARDS,
    effects=restart_effect,
)
"""What `SET_ASIDE` moved, back in its place, whether the node was let go since or not."""

SET_ASIDE = Action(
    name=SETS_ASIDE,
    driver="host",
    deploy="chain/set_aside_databases",
    facts=sync_facts,
    data=sync_data,
    guards=SET_ASIDE_GUARDS,
    effects=no_effect,
    undone_by=BRING_BACK,
)
"""Its databases moved aside, and nothing in their place: a node with a state skips state sync."""

SYNC_OFF_AGAIN = Action(
    name="node.sync_settings.undo",
    driver="host",
    deploy="chain/configure_state_sync",
    facts=sync_facts,
    data=sync_off_data,
    guards=SYNC_OFF_GUARDS,
    effects=no_effect,
)
"""What `SYNC_ON` set, as it was before, where the run does not come to its goal."""

SYNC_ON = Action(
    name="node.sync_settings",
    driver="host",
    deploy="chain/configure_state_sync",
    facts=sync_facts,
    data=sync_data,
    guards=SYNC_ON_GUARDS,
    effects=no_effect,
    undone_by=SYNC_OFF_AGAIN,
)
"""State sync on, with the trusted block, once every RPC server has shown that to the host."""

RELEASE_TO_SYNC = Action(
    name="node.release.sync",
    driver="host",
    deploy="chain/release_node",
    facts=sync_facts,
    data=synced_data,
    guards=SET_ASIDE_GUARDS,
    effects=start_effect,
    undo_cost=stop_cost,
)
"""After both: let go, and started. `BRING_BACK` stops it again, if that has to be."""

SYNC_BACK = Action(
    name="node.sync_settings.back",
    driver="host",
    deploy="chain/configure_state_sync",
    facts=sync_facts,
    data=sync_off_data,
    guards=SYNC_OFF_GUARDS,
    effects=no_effect,
)
"""After the sync: what stands below [statesync] as it was. It is read at the next start."""

ACTIONS = (
    HOLD_FOR_SYNC,
    SET_ASIDE,
    BRING_BACK,
    SYNC_ON,
    SYNC_OFF_AGAIN,
    RELEASE_TO_SYNC,
    SYNC_BACK,
)


def _synced(chain: ChainSituation) -> tuple[NodeFinding, ...]:
    return smallest_first(
        node
        for node in chain.finding.nodes
        if cured_by_copy(chain, node) and (node.host in chain.only or not chain.only)
    )


def _fits(chain: ChainSituation) -> str | None:
    found = chain.finding.chain
    if not asked_for(chain):
        return f"state sync was not asked for (--{STATE_SYNC} {STATE_SYNC_INPUT.metavar})"
    if found is ChainClass.DOUBLE_SIGNING:
        return "a key signs twice now: `remediate plan double-sign` first"
    if not found.rule.goes_on:
        return (
            f"the chain does not go on ({found}), and state sync needs new blocks: a copy does not "
            f"(`remediate plan INC-001 --{DONOR} {DONOR_INPUT.metavar}`)"
        )
    if not _synced(chain):
        return (
            "no node is ill in a way that other databases cure; one that may be is named in --limit"
        )
    return None


def _propose(chain: ChainSituation) -> Proposal[ChainSituation]:
    nodes = _synced(chain)
    return Proposal(
        title=f"rebuild {name_some([node.host for node in nodes])} by state sync",
        stages=tuple(stage for node in nodes for stage in _stages(chain, node)),
        checks=(*checks_for(nodes), *SYNC_CHECKS),
        risk=Risk.MEDIUM if any(node.power for node in nodes) else Risk.LOW,
        worst_case="no snapshot is accepted, and the node stays without a state; its databases are "
        "beside that, and `remediate undo` brings them and its settings back",
        warnings=(
            *_costs(nodes),
            *jobs_warnings(chain, nodes, held=True),
            f"a copy keeps the history, and stops a donor for seconds: `remediate plan node-down "
            f"--{DONOR} {DONOR_INPUT.metavar}` says which one, and what that costs",
        ),
    )


def _costs(nodes: tuple[NodeFinding, ...]) -> tuple[str, ...]:
    """What the node does not have afterwards, and what it cannot do meanwhile."""
    names = name_some([node.host for node in nodes])
    found = [
        f"{names}: what was before the snapshot is not there any more: blocks, their results, "
        "indexes of transactions, evidence.db and own snapshots. What asks this node for old "
        "blocks or states (explorers, indexers, relayers, audits) needs another one, an archive",
        "the former databases stay in data/remediate-replaced-… until somebody removes them (a "
        "full disk: `remediate plan node-down` offers it), so their room is needed twice",
    ]
    signing = [node.host for node in nodes if node.power]
    if signing:
        found.append(
            f"{name_some(signing)}: signs again only after it has caught up; until then the blocks "
            "that it misses count towards its jailing"
        )
    return tuple(found)


def _synced_gate(chain: ChainSituation, host: str) -> Gate:
    seconds = SYNC_BASE_S + 60 * (snapshot_bytes(chain, host) >> MINUTE_FOR)
    return Gate(
        title=f"{host} has a snapshot, and follows the chain within {seconds} s",
        timeout_s=seconds,
        asks=Part.of(Synced(hosts=(host,))),
    )


def _stages(chain: ChainSituation, node: NodeFinding) -> tuple[StageDraft[ChainSituation], ...]:
    host = node.host
    stopped = stopped_gate((host,))
    return (
        StageDraft(
            title=f"stop and hold {host} (power {node.power})",
            why="nobody starts a node with half of its databases",
            moves=(Move(HOLD_FOR_SYNC, host),),
            gate=stopped,
        ),
        StageDraft(
            title=f"set the databases of {host} aside",
            why="with a state of its own a node skips state sync; key, sign state, write-ahead "
            "log, node key and address book stay",
            moves=(Move(SET_ASIDE, host),),
            gate=stopped,
        ),
        StageDraft(
            title=f"turn state sync of {host} on, from a proven block",
            why=f"{_trusts(chain)}; each RPC server has to show the same block to this host first",
            moves=(Move(SYNC_ON, host),),
            gate=stopped,
        ),
        StageDraft(
            title=f"let {host} go, to sync",
            why="what it signed before it still refuses to sign again",
            moves=(Move(RELEASE_TO_SYNC, host),),
            gate=_synced_gate(chain, host),
        ),
        StageDraft(
            title=f"put the settings of {host} back",
            why="they are read at the next start only, so nothing is restarted for it",
            moves=(Move(SYNC_BACK, host),),
            gate=follows_gate(host),
        ),
    )


def _trusts(chain: ChainSituation) -> str:
    proof = chain.finding.proof
    if proof is None or not proof.height:
        return "no block is proven"
    return (
        f"it trusts block {proof.height}, {proof.block_hash}, which {proof.signed} of "
        f"{proof.total} power signed"
    )


SYNC_STATE = Branch(
    name="state-sync",
    title="A node's databases are lost or wrong, and no donor may stop: sync the state from peers",
    condition="state sync is asked for, blocks go on, and a node is ill in a way that other "
    "databases cure",
    fits=_fits,
    propose=_propose,
    inputs=(STATE_SYNC_INPUT,),
)

"""Databases that are lost or wrong: copied from a node that is well, and put in their place.

Two plans, because only the hash of a copy that exists can be approved. The first makes the copy:
its donor is stopped for as long as files are linked. `remediate stage` brings the copy to those who
need it. The second plan puts it in place: while blocks go on for one node (or several, one at a
time), in a halt for those that are missing, and in a split for all that change to the side of the
donor.

A node keeps its own key, sign state, write-ahead log and address book. What it signed it goes on
refusing to sign again, whatever its databases say (docs/rebuild.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from remediations.engine.domain import Action, Branch, Move, Proposal, StageDraft
from remediations.engine.plan.plan import Gate, Risk
from remediations.playbooks.chain.actions import UNHOLD
from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.copies import (
    DATA,
    DATA_INPUT,
    DIFFERS_IN,
    DIFFERS_INPUT,
    DONOR,
    DONOR_INPUT,
    chosen_copy,
    chosen_data,
    chosen_donor,
    copy_data,
    copy_facts,
    cured_by_copy,
    replace_data,
    replace_facts,
    seconds_of_copy,
)
from remediations.playbooks.chain.finding import NodeFinding
from remediations.playbooks.chain.gates import Answers
from remediations.playbooks.chain.guards.copies import one_side_is_enough
from remediations.playbooks.chain.guards.jobs import jobs_warnings
from remediations.playbooks.chain.guards.table import (
    COPY_GUARDS,
    HOLD_FOR_COPY_GUARDS,
    PUT_BACK_GUARDS,
    REPLACE_GUARDS,
)
from remediations.playbooks.chain.impact import (
    no_effect,
    restart_effect,
    smallest_first,
    start_effect,
    stop_cost,
    stop_effect,
)
from remediations.playbooks.chain.rehearse import rehearse_adopting
from remediations.playbooks.chain.restart import (
    CHECKS,
    CHECKS_WITHOUT_BLOCKS,
    block_above_gate,
    checks_for,
    follows_gate,
    stopped_gate,
)
from remediations.playbooks.chain.situation import ChainSituation
from remediations.render.formats import count_of, format_duration, name_some, short_digest
from remediations.systems.comet.data_copy import DataCopy
from remediations.values.part import Part
from remediations.values.reading import value_or_none

ANSWER_TIMEOUT_S = 120
"""A donor replays what it has, and opens its RPC."""

COPY = Action(
    name="node.copy",
    driver="host",
    deploy="chain/copy_databases",
    facts=copy_facts,
    data=copy_data,
    guards=COPY_GUARDS,
    effects=restart_effect,
)
"""For a donor: stopped, its files linked, started again; the copy is kept there by its hash."""

HOLD_FOR_COPY = Action(
    name="node.hold.copy",
    driver="host",
    deploy="chain/hold_node",
    facts=replace_facts,
    data=replace_data,
    guards=HOLD_FOR_COPY_GUARDS,
    effects=stop_effect,
    undone_by=UNHOLD,
)
"""Before its databases are replaced: stopped, and nobody starts it."""

PUT_BACK = Action(
    name="node.put_back",
    driver="host",
    deploy="chain/put_back_databases",
    facts=replace_facts,
    data=replace_data,
    guards=PUT_BACK_GUARDS,
    effects=no_effect,
)
"""Takes back `REPLACE`, whole or half. The node is held."""

REPLACE = Action(
    name="node.replace",
    driver="host",
    deploy="chain/replace_databases",
    facts=replace_facts,
    data=replace_data,
    guards=REPLACE_GUARDS,
    effects=no_effect,
    undone_by=PUT_BACK,
)
"""The databases of a copy in the place of its own, which are moved aside. The node is held."""

RELEASE_COPY = Action(
    name="node.release.copy",
    driver="host",
    deploy="chain/release_node",
    facts=replace_facts,
    data=replace_data,
    guards=REPLACE_GUARDS,
    effects=start_effect,
    undo_cost=stop_cost,
)
"""After that: let go, and started with them."""

ACTIONS = (COPY, HOLD_FOR_COPY, REPLACE, PUT_BACK, RELEASE_COPY)


def _copy_fits(chain: ChainSituation) -> str | None:
    donor = chosen_donor(chain)
    if not donor:
        return f"no donor was chosen (--{DONOR} {DONOR_INPUT.metavar})"
    if donor not in {node.host for node in chain.finding.nodes}:
        names = name_some([node.host for node in chain.finding.nodes], 8)
        return f"--{DONOR} {donor} has no node of this chain; there are {names}"
    if chain.finding.chain is ChainClass.DOUBLE_SIGNING:
        return "a validator signs twice now: stop that first"
    return None


def _copy(chain: ChainSituation) -> Proposal[ChainSituation]:
    node = chain.finding.node(chosen_donor(chain))
    goes_on = chain.finding.chain.rule.goes_on
    answers = Gate(
        title=f"{node.host} answers",
        timeout_s=ANSWER_TIMEOUT_S,
        asks=Part.of(Answers(hosts=(node.host,))),
    )
    return Proposal(
        title=f"copy the databases of {node.host}, for others",
        stages=(
            StageDraft(
                title=f"copy the databases of {node.host} (power {node.power})",
                why="it is down for as long as its files are linked, and started again; the copy "
                "is made of the links",
                moves=(Move(COPY, node.host),),
                gate=follows_gate(node.host) if goes_on else answers,
            ),
        ),
        checks=checks_for((node,)) if goes_on else CHECKS_WITHOUT_BLOCKS,
        risk=Risk.MEDIUM if node.power and goes_on else Risk.LOW,
        worst_case=f"{node.host} does not come back by itself; its databases, its sign state and "
        "its write-ahead log are as they were",
        warnings=(
            f"the copy takes as much room below /var/lib/remediate on {node.host} as its databases "
            "have, and on every host that it is brought to: twice there, until the former ones "
            "are removed",
            *(_WITHOUT_DONOR if goes_on else ()),
        ),
    )


_WITHOUT_DONOR = (
    "state sync stops no donor, and costs the node what was before the snapshot: `remediate plan "
    "node-down --state-sync yes`",
)


def _no_copy_chosen(chain: ChainSituation) -> str | None:
    if not chosen_data(chain):
        return f"no copy was chosen (--{DATA} {DATA_INPUT.metavar})"
    if chosen_copy(chain) is None:
        return (
            f"no host keeps a copy {short_digest(chosen_data(chain))}…: `remediate plan INC-001 "
            f"--{DONOR} {DONOR_INPUT.metavar}` makes one, and its run shows the hash"
        )
    return None


def _rebuilt(chain: ChainSituation) -> tuple[NodeFinding, ...]:
    return smallest_first(
        node
        for node in chain.finding.nodes
        if cured_by_copy(chain, node) and (node.host in chain.only or not chain.only)
    )


def _rebuild_fits(chain: ChainSituation) -> str | None:
    found = chain.finding.chain
    if found is ChainClass.DOUBLE_SIGNING:
        return "a validator signs twice now: stop that first"
    if found is ChainClass.APP_HASH_SPLIT:
        return f"the chain is {found}: with a copy nodes change sides (adopt-side)"
    reason = _no_copy_chosen(chain)
    if reason is None and not _rebuilt(chain):
        return (
            "no node is ill in a way that other databases cure; one that may be is named in --limit"
        )
    return reason


def _rebuild(chain: ChainSituation) -> Proposal[ChainSituation]:
    nodes = _rebuilt(chain)
    names = name_some([node.host for node in nodes])
    if chain.finding.chain.rule.goes_on:
        stages = tuple(
            stage for node in nodes for stage in _stages((node,), chain, follows_gate(node.host))
        )
    else:
        stages = _stages(nodes, chain, block_above_gate(chain, nodes))
    return Proposal(
        title=f"rebuild {names} from a copy of {_donor(chain)}",
        stages=stages,
        checks=checks_for(nodes) if chain.finding.chain.rule.goes_on else CHECKS,
        risk=Risk.MEDIUM if any(node.power for node in nodes) else Risk.LOW,
        worst_case="the node fails with these databases, too, and stays down as it is now; its "
        "former databases are kept beside them",
        warnings=(*_warnings(chain), *jobs_warnings(chain, nodes, held=True)),
    )


def _adopting(chain: ChainSituation) -> tuple[NodeFinding, ...]:
    copy = chosen_copy(chain)
    return smallest_first(
        chain.finding.node(host)
        for cluster in chain.finding.clusters
        if copy is not None and cluster.app_hash != copy.app_hash
        for host in cluster.hosts
        if host in chain.only or not chain.only
    )


def _adopt_fits(chain: ChainSituation) -> str | None:
    if chain.finding.chain is not ChainClass.APP_HASH_SPLIT:
        return f"the chain is {chain.finding.chain}, not app-hash-split"
    reason = _no_copy_chosen(chain)
    if reason is None and not _adopting(chain):
        return "no node that was asked for has another state than the copy"
    return reason


def _adopt(chain: ChainSituation) -> Proposal[ChainSituation]:
    nodes, copy = _adopting(chain), chosen_copy(chain)
    state = short_digest(copy.app_hash) if copy is not None else ""
    return Proposal(
        title=f"{count_of(len(nodes), 'node')} adopt the state {state}… of {_donor(chain)}",
        stages=_stages(nodes, chain, block_above_gate(chain, nodes)),
        checks=CHECKS,
        risk=Risk.HIGH,
        worst_case="the side that was chosen is the wrong one, and the chain goes on with its "
        "state; the former databases of the others are kept beside their own",
        warnings=(
            "which side is right is for people to decide: the state of the others is given up, and "
            "whoever relied on it (a sale, a transfer of the newest block) relied on something "
            "that did not happen",
            _difference(chain),
            _lost(chain),
            *_warnings(chain),
            *jobs_warnings(chain, nodes, held=True),
        ),
    )


def _difference(chain: ChainSituation) -> str:
    store = chain.inputs.get(DIFFERS_IN, "")
    if not store:
        return "in which store the states differ is not known: --rehearse asks clones for it"
    return f"the first store in which the states differ is {store}"


def _lost(chain: ChainSituation) -> str:
    """What is in the block whose execution differs: it stays, and counts as the donor executed
    it."""
    height = chain.finding.height
    blocks = (value_or_none(one.chain.blocks) or () for one in chain.observation.hosts)
    told = {b.transactions for many in blocks for b in many if b.height == height} - {None}
    number = str(told.pop()) if len(told) == 1 else "an unknown number of"
    return (
        f"block {height} has {number} transactions: they stay in it, and what came of them (and of "
        "what the block does by itself) counts as the donor executed it; results of the others "
        "are lost, though their users may have seen them"
    )


def _donor(chain: ChainSituation) -> str:
    copy = chosen_copy(chain)
    return f"{copy.donor} at {copy.height}" if copy is not None else "an unknown donor"


def _warnings(chain: ChainSituation) -> tuple[str, ...]:
    kept = (
        "the former databases stay in data/remediate-replaced-… until somebody removes them; state "
        "sync snapshots of before are moved there, too"
    )
    copy = chosen_copy(chain)
    if copy is None or copy.bytes < _WORTH_A_WORD:
        return (kept,)
    return (
        kept,
        f"the copy has {copy.bytes >> 30} GiB: to hash, read and write it takes each node "
        f"{_lasts(copy, seconds_of_copy(chain))}, and most of that while it is held",
    )


def _lasts(copy: DataCopy, took_s: int | None) -> str:
    """How long the passes over a copy take: its donor made as many when it wrote and hashed it."""
    if took_s:
        speed = _PASSES * copy.bytes / took_s / 10**6
        return (
            f"{format_duration(timedelta(seconds=took_s))} if its disk is like that of "
            f"{copy.donor}, which took so long for the same ({speed:.0f} MB/s, measured)"
        )
    lasts = timedelta(seconds=_PASSES * copy.bytes // _DISK_SPEED)
    return (
        f"{format_duration(lasts)} on a disk of {_DISK_SPEED // 10**6} MB/s (an assumption: the "
        "host where the copy was made does not tell how long that took)"
    )


_WORTH_A_WORD = 1 << 30
_PASSES = 3
_DISK_SPEED = 200_000_000
"""Bytes a second, of an ordinary disk."""


def _stages(
    nodes: Sequence[NodeFinding], chain: ChainSituation, goes_on: Gate
) -> tuple[StageDraft[ChainSituation], ...]:
    """Hold, replace, let go: each on all of them before the next on any."""
    hosts = tuple(node.host for node in nodes)
    names, donor = name_some(hosts), _donor(chain)
    stopped = stopped_gate(hosts)
    return (
        StageDraft(
            title=f"stop and hold {names}",
            why="nobody starts a node with half of its databases",
            moves=tuple(Move(HOLD_FOR_COPY, host) for host in hosts),
            gate=stopped,
        ),
        StageDraft(
            title=f"put the databases of {donor} in place on {names}",
            why="key, sign state, write-ahead log and address book stay; the former databases are "
            "moved aside",
            moves=tuple(Move(REPLACE, host) for host in hosts),
            gate=stopped,
        ),
        StageDraft(
            title=f"let {names} go",
            why="what it signed before it still refuses to sign again",
            moves=tuple(Move(RELEASE_COPY, host) for host in hosts),
            gate=goes_on,
        ),
    )


COPY_DATABASES = Branch(
    name="copy-databases",
    title="Others need the databases of a node that is well: copy them",
    condition="a donor is chosen, and it runs",
    fits=_copy_fits,
    propose=_copy,
    inputs=(DONOR_INPUT,),
)

REBUILD = Branch(
    name="rebuild",
    title="A node's databases are lost or wrong: put a copy in their place, its sign state kept",
    condition="a copy is chosen, and a node is ill in a way that other databases cure",
    fits=_rebuild_fits,
    propose=_rebuild,
    inputs=(DATA_INPUT,),
)

ADOPT = Branch(
    name="adopt-side",
    title="App hashes differ, and people chose a side: the others get its databases",
    condition="halted, no app hash has more than two thirds of the power, and a copy is chosen",
    fits=_adopt_fits,
    propose=_adopt,
    invariants=(one_side_is_enough,),
    inputs=(DATA_INPUT, DIFFERS_INPUT),
    rehearse=rehearse_adopting,
)

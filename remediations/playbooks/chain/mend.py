"""A way between nodes is shut on a host of ours: what shuts it is removed, nothing is restarted.

In a halt (INC-001) the nodes are well, on sides without a quorum; while blocks go on (node-down) a
node is cut off from the others. In both the nodes dial their persistent peers again by themselves,
so that the gate only waits (docs/partition.md).

CometBFT dials a lost persistent peer twenty times, five to eight seconds apart, and then after 3,
9, 27 … seconds. So the next attempt comes at the latest after twice the time that the peer was
gone, and with `pex` within half a minute.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from remediations.engine.domain import Action, Branch, Move, Proposal, StageDraft
from remediations.engine.plan.plan import Gate, PlannedCheck, Risk
from remediations.playbooks.chain.checks.titles import TITLES
from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.diagnose.links import cut_off, left_to_people
from remediations.playbooks.chain.finding import NodeFinding, Tristate
from remediations.playbooks.chain.gates import Advances, Follows
from remediations.playbooks.chain.guards.links import joins_quorum, one_state
from remediations.playbooks.chain.guards.table import MEND_GUARDS
from remediations.playbooks.chain.impact import no_effect
from remediations.playbooks.chain.mend_facts import (
    MENDS,
    mend_data,
    mend_facts,
    ways_read,
)
from remediations.playbooks.chain.restart import CHECKS, FOLLOW_TIMEOUT_S
from remediations.playbooks.chain.rounds import round_timeout_s
from remediations.playbooks.chain.situation import ChainSituation, latest_status
from remediations.render.formats import count_of, name_some
from remediations.values.part import Part

REDIAL_LEAST_S, REDIAL_MOST_S = 30, 900
"""Between these is how long the nodes may take to find each other."""

MEND = Action(
    name=MENDS,
    driver="host",
    deploy="chain/mend_links",
    facts=mend_facts,
    data=mend_data,
    guards=MEND_GUARDS,
    effects=no_effect,
)
"""For a host on which something shuts the way to a peer."""

LINKS_UP = PlannedCheck(id="P22", title=TITLES["P22"])


def redial_s(gone_s: int) -> int:
    """Seconds until nodes that lost each other so long ago have dialled again."""
    return min(max(REDIAL_LEAST_S, 2 * gone_s), REDIAL_MOST_S)


def _fits_halted(chain: ChainSituation) -> str | None:
    found = chain.finding.chain
    if found not in (ChainClass.PARTITION, ChainClass.QUORUM_LOST):
        return f"the chain is {found}, not {ChainClass.PARTITION} or {ChainClass.QUORUM_LOST}"
    return _nothing_to_remove(chain)


def _nothing_to_remove(chain: ChainSituation) -> str | None:
    if chain.obstacles:
        return None
    kept = [f"{one.host}: {one.kept}" for one in left_to_people(chain.finding.links)]
    if kept:
        return f"what shuts ways is left to people ({name_some(kept, 3)})"
    if chain.finding.links:
        return "no host that may be acted on shuts a way: it is between the hosts"
    return "no host is known to shut the way to a peer"


def _fits_going_on(chain: ChainSituation) -> str | None:
    if chain.finding.chain is ChainClass.DOUBLE_SIGNING:
        return "a validator signs twice now: stop that first"
    if not chain.finding.chain.rule.goes_on:
        return f"the chain does not go on ({chain.finding.chain}): use INC-001"
    return _nothing_to_remove(chain) or (None if _cut_off(chain) else "no node is cut off by it")


def _cut_off(chain: ChainSituation) -> tuple[NodeFinding, ...]:
    """The nodes that are cut off, and have an end of a link that is mended."""
    return cut_off(chain.finding.nodes, chain.finding.links, chain.obstacles)


def _propose_halted(chain: ChainSituation) -> Proposal[ChainSituation]:
    finding = chain.finding
    timeout = round_timeout_s(finding.round) + redial_s(_stood_s(chain, finding.nodes))
    waiting = tuple(
        node.host
        for node in finding.nodes
        if node.power and latest_status(chain.observation.host(node.host)) is not None
    )
    gate = Gate(
        title=f"a block above {finding.height} within {timeout} s",
        timeout_s=timeout,
        asks=Part.of(Advances(hosts=waiting, height=finding.height)),
    )
    sides = " | ".join(str(one.power) for one in finding.components)
    why = (
        f"the parts have {sides} of {finding.total_power} power, and a quorum together; all nodes "
        "run, and dial each other again by themselves. Nothing is restarted"
    )
    return _proposal(chain, why, gate, Risk.HIGH)


def _propose_going_on(chain: ChainSituation) -> Proposal[ChainSituation]:
    nodes = _cut_off(chain)
    timeout = FOLLOW_TIMEOUT_S + redial_s(_stood_s(chain, nodes))
    hosts = tuple(node.host for node in nodes)
    gate = Gate(
        title=f"{name_some(hosts)} {'follow' if len(hosts) > 1 else 'follows'} the chain",
        timeout_s=timeout,
        asks=Part.of(Follows(hosts=hosts)),
    )
    why = (
        f"{name_some(hosts)} {'run' if len(hosts) > 1 else 'runs'}, and dial"
        f"{'' if len(hosts) > 1 else 's'} the others again without a restart; the chain goes on"
    )
    return _proposal(chain, why, gate, Risk.MEDIUM)


def _proposal(chain: ChainSituation, why: str, gate: Gate, risk: Risk) -> Proposal[ChainSituation]:
    acting = chain.obstacles
    hosts = list(acting)
    number = count_of(sum(map(len, acting.values())), "obstacle")
    return Proposal(
        title=f"mend the links: remove {number} on {name_some(hosts)}",
        stages=(
            StageDraft(
                title=f"remove {number} on {name_some(hosts)}",
                why=why,
                moves=tuple(Move(MEND, host) for host in hosts),
                gate=gate,
            ),
        ),
        checks=(*CHECKS, LINKS_UP),
        risk=risk,
        worst_case="the nodes meet again that somebody kept apart on purpose; or something else "
        "shuts the way, too, and all stays as it is now. No process and no file of a node is "
        "touched, and each step says how what it removed is put back",
        warnings=tuple(_warnings(chain, hosts, number)),
    )


def _warnings(chain: ChainSituation, hosts: Sequence[str], number: str) -> list[str]:
    found = [
        f"somebody set {number} on {name_some(hosts)}, perhaps on purpose: for a maintenance, or "
        "as the fence of a fork (docs/fork.md). Ask who before you sign; to sign is to decide",
        "what a file of the host sets (/etc/nftables.conf, the network's configuration) comes back "
        "at its next boot: change it there, too",
    ]
    found += [
        f"{host}: its firewall was not read ({ways.unread}); a rule there may shut the way, too"
        for host in hosts
        if (ways := ways_read(chain.observation.host(host))) is not None and ways.unread
    ]
    return found


def _stood_s(chain: ChainSituation, nodes: Sequence[NodeFinding]) -> int:
    """For how many seconds the nodes have had no new block: so long they may have been apart."""
    if chain.finding.halted is Tristate.YES and chain.finding.halted_since is not None:
        return _seconds(chain, [chain.finding.halted_since])
    statuses = (latest_status(chain.observation.host(node.host)) for node in nodes)
    return _seconds(chain, [status.block_time for status in statuses if status is not None])


def _seconds(chain: ChainSituation, times: Sequence[datetime]) -> int:
    began = chain.observation.began
    return max((int((began - at).total_seconds()) for at in times), default=0)


MEND_HALTED = Branch(
    name="mend-links",
    title="The network is parted on hosts of ours: remove what shuts the ways, restart nothing",
    condition="halted, the nodes run, and a route, a rule or an interface on a host shuts the way "
    "to a peer",
    fits=_fits_halted,
    propose=_propose_halted,
    invariants=(one_state, joins_quorum),
)

MEND_CUT_OFF = Branch(
    name="mend-links",
    title="A node is cut off by its host: remove what shuts the ways, restart nothing",
    condition="blocks go on, and a route, a rule or an interface on a host cuts a node off",
    fits=_fits_going_on,
    propose=_propose_going_on,
    invariants=(one_state,),
)

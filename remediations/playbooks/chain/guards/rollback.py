"""Guards on a soft rollback (ids: docs/rules/guards.md).

What is taken back is the execution of one block, on nodes that all stand at it; the block itself
stays, so nothing is signed anew. What could still go wrong: a node at another height, or a vote
above the block that was given to the result which is taken back.
"""

from __future__ import annotations

from collections import defaultdict

from msgspec import UNSET

from remediations.engine.domain import Proposal
from remediations.engine.plan.plan import GuardResult, guard_result
from remediations.playbooks.chain.baseline import EXPECT_HASH
from remediations.playbooks.chain.finding import HashCluster
from remediations.playbooks.chain.situation import ChainSituation, latest_status
from remediations.render.formats import count_of, name_some, short_digest
from remediations.systems.comet.quorum import has_quorum
from remediations.systems.comet.reading import HostReading
from remediations.systems.comet.sign_state import SignStep
from remediations.systems.comet.values import AppInfo
from remediations.values.reading import Unknown, value_or_none

Whole = Proposal[ChainSituation]


def stands_at_one_height(chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G47: block store and application are at the same height, the block before it is kept, and
    nobody shows another header of it: then one soft step takes back exactly this block."""
    status, app = latest_status(reading), _app_of(reading)
    expected = "store and application at one height, the block before it kept"
    facts = (f"{reading.host}.stands_at", f"{reading.host}.header_hash")
    title = "one soft rollback takes back the newest block, and nothing else"
    if status is None or app is None:
        return guard_result(
            "G47",
            title,
            subject=reading.host,
            holds=None,
            got="its heights could not be read",
            expected=expected,
            next_step="`remediate diagnose` again; a node that does not answer is not rolled back",
            facts=facts,
        )
    other = _other_header(chain, status.height, status.app_hash)
    kept = 0 < status.earliest_height < status.height
    return guard_result(
        "G47",
        title,
        subject=reading.host,
        holds=status.height == app.height and kept and not other and bool(status.app_hash),
        got=f"store {status.height}, application {app.height}, blocks from"
        f" {status.earliest_height}{other}",
        expected=expected,
        next_step=f"rebuild {reading.host} from a good node instead, its own sign state kept"
        if status.height == app.height
        else f"restart {reading.host}: it executes the block that it has stored",
        facts=facts,
    )


def nothing_precommitted_above(chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G48: the key has not precommitted a block above the one that is executed again
    (docs/rules/guards.md#g48)."""
    status, state = latest_status(reading), value_or_none(reading.sign_state)
    power = chain.finding.node(reading.host).power
    above: bool | None = None
    got = "its height or its sign state could not be read"
    if not power:
        above, got = False, "its key has no voting power"
    elif status is not None and state is not None:
        beyond = state.height > status.height and state.step == SignStep.PRECOMMIT
        above = beyond and bool(state.block)
        vote = f"for block {short_digest(state.block)}…" if state.block else "for nil"
        got = f"signed {state.height}/{state.round}/{state.step}" + (f", {vote}" if beyond else "")
    return guard_result(
        "G48",
        "no block above was precommitted",
        subject=reading.host,
        holds=None if above is None else not above,
        got=got,
        expected="nothing, or nil, above the block that is executed again",
        next_step="do not roll it back: a program that accepts the block it precommitted is the "
        "only way on; see `remediate explain G48`",
        facts=(f"{reading.host}.sign_state", f"{reading.host}.stands_at"),
    )


def those_left_agree(chain: ChainSituation, proposal: Whole) -> GuardResult:
    """G49: those that are not rolled back have one state, and with those that are they make more
    than two thirds."""
    acting, total = frozenset(proposal.targets), chain.finding.total_power
    left = [c for c in chain.finding.clusters if not acting.issuperset(c.hosts)]
    power = sum(chain.finding.node(host).power for host in proposal.targets)
    power += sum(chain.finding.node(h).power for c in left for h in c.hosts if h not in acting)
    states = "; ".join(_cluster(cluster, acting) for cluster in left)
    return guard_result(
        "G49",
        "all that execute the block, or keep its result, can agree",
        holds=len(left) <= 1 and has_quorum(power, total) if total else None,
        got=f"{power} of {total} rolled back or left alone"
        + (f"; left alone: {states}" if states else ""),
        expected="more than 2/3, and one app hash among those that are left alone",
        next_step="plan without `--limit`, which rolls back all of them"
        if len(left) > 1
        else "make more of the nodes readable, then `remediate diagnose`",
        facts=("chain.total_power", "chain.height"),
    )


ROUNDS = 2
"""How often one block is executed again before a side has to be chosen. One round may come before
the cause was mended, a second one shows that it was not, or that execution is a matter of chance.
Then every further draw is as good as the last one, costs all validators a stop, and may make states
of nobody's choice agree."""


def not_drawn_too_often(chain: ChainSituation, proposal: Whole) -> GuardResult:
    """G112: this block was not executed again twice in vain; or people name the state that it has
    to give, so that this is no draw (docs/rules/guards.md#g112)."""
    named, finding = chain.inputs.get(EXPECT_HASH, ""), chain.finding
    powers: dict[str, int] = defaultdict(int)
    unread = []
    for host in proposal.targets:
        reading = chain.observation.host(host)
        status = latest_status(reading)
        if isinstance(reading.rollbacks, Unknown) or status is None:
            unread.append(host)
        elif reading.rollbacks is not UNSET:
            before = (status.height - 1, status.app_hash)
            plans = {r.plan for r in reading.rollbacks.value if (r.height, r.app_hash) == before}
            for plan in plans:
                powers[plan] += finding.node(host).power
    acting = sum(finding.node(host).power for host in proposal.targets)
    rounds = sum(has_quorum(power, acting) for power in powers.values() if acting)
    few = rounds < ROUNDS
    best = max(finding.clusters, key=lambda cluster: cluster.power, default=None)
    return guard_result(
        "G112",
        "the block was not executed again too often, or the state that it has to give is named",
        holds=True if named else None if few and unread else few,
        got=f"{count_of(rounds, 'round')} of this block before"
        + (f"; not read on {name_some(unread)}" if unread else "")
        + (f"; {short_digest(named)}… is named" if named else ""),
        expected=f"fewer than {ROUNDS}, or --{EXPECT_HASH}",
        next_step="choose a side, and the others adopt it: `remediate plan INC-001 --donor "
        f"{best.hosts[0] if best is not None and best.hosts else 'HOST'}`; or, where the cause is "
        f"found and mended, name the state that is right: `--{EXPECT_HASH} HASH`",
        facts=("chain.height",),
    )


def nobody_beyond(chain: ChainSituation, proposal: Whole) -> GuardResult:
    """G50: nobody has a block above the one that is executed again on all: it would be decided
    already (docs/rules/guards.md#g50)."""
    finding = chain.finding
    statuses = {r.host: latest_status(r) for r in chain.observation.hosts}
    heights = {host: status.height for host, status in statuses.items() if status is not None}
    top = max((heights[host] for host in proposal.targets if host in heights), default=0)
    beyond = [f"{host} has {height}" for host, height in heights.items() if height > top]
    beyond += [
        f"an unlisted peer ({peer.moniker or short_digest(peer.node_id)}) has {peer.height - 1}"
        for peer in finding.unlisted
        if peer.height - 1 > top
    ]
    return guard_result(
        "G50",
        "nobody has a later block",
        holds=not beyond if top else None,
        got=name_some(beyond, 4) or f"nothing above {top}",
        expected=f"nothing above {top}",
        next_step="`remediate diagnose` again: where a later block exists, only those that lack "
        "its state are rolled back",
        facts=("chain.height",),
    )


def _app_of(reading: HostReading) -> AppInfo | None:
    """The newest answer of the application."""
    for sample in reversed(reading.samples):
        app = value_or_none(sample.app)
        if app is not None:
            return app
    return None


def _other_header(chain: ChainSituation, height: int, app_hash: str) -> str:
    """Who shows another app hash in the header of this block, "" for nobody."""
    for host in chain.finding.witnesses:
        reading = chain.observation.host(host)
        told = [(b.height, b.app_hash) for b in value_or_none(reading.chain.blocks) or ()]
        status = latest_status(reading)
        if status is not None:
            told.append((status.height, status.app_hash))
        for at, seen in told:
            if at == height and seen != app_hash:
                return f"; {host} shows another header of {height}: {short_digest(seen)}…"
    return ""


def _cluster(cluster: HashCluster, acting: frozenset[str]) -> str:
    hosts = [host for host in cluster.hosts if host not in acting]
    return f"{name_some(hosts)} with {short_digest(cluster.app_hash)}…"

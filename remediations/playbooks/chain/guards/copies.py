"""Guards on copying databases, and on putting a copy in place (ids: docs/rules/guards.md).

That the databases of a copy open is proven by its donor, which runs on them again, and by the gate
after the node that got them was started. What is in the archive is looked at on the host, right
before it is unpacked.
"""

from __future__ import annotations

from shlex import quote

from msgspec.structs import replace

from remediations.engine.domain import Proposal
from remediations.engine.plan.plan import GuardResult, Outcome, guard_result
from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.copies import (
    ALSO_IF_NAMED,
    CURED_BY_COPY,
    NO_DONOR,
    changes_sides,
    chosen_copy,
    chosen_data,
    copy_on,
    cured_by_copy,
    state_to_copy,
)
from remediations.playbooks.chain.finding import NodeFinding
from remediations.playbooks.chain.guards.rollback import nothing_precommitted_above
from remediations.playbooks.chain.situation import ChainSituation
from remediations.render.formats import name_some, short_digest
from remediations.systems.comet.quorum import has_quorum
from remediations.systems.comet.reading import HostReading
from remediations.values.reading import Unknown, value_or_none

SOUND = (NodeCondition.HEALTHY, NodeCondition.WAITING)
_AGAIN = "`remediate diagnose` again"


def donor_sound(chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G85: the donor runs, and stands where the chain stands, so its databases open. In a split it
    may stand on any side: which one is right is for people, and G90 for how many follow it."""
    finding, host = chain.finding.node(reading.host), reading.host
    height, _state = state_to_copy(chain, host)
    sound = _can_give(chain, finding) and height > 0
    return guard_result(
        "G85",
        "the donor runs, and its databases are sound",
        subject=host,
        holds=sound,
        got=f"{finding.condition} at {height or 'no height'}"
        + (f": {finding.cause}" if finding.cause and not sound else ""),
        expected=f"{' or '.join(SOUND)}, or a side of a split",
        next_step=f"choose a donor that runs: {_others(chain, host)}",
        facts=(f"{host}.down", f"{host}.height"),
    )


def _can_give(chain: ChainSituation, node: NodeFinding) -> bool:
    """Whether its databases are sound, whosever state they have."""
    split = chain.finding.chain is ChainClass.APP_HASH_SPLIT and changes_sides(chain, node)
    return node.condition in SOUND or (split and node.condition is NodeCondition.DIVERGED)


def _others(chain: ChainSituation, but: str) -> str:
    """Those that could be donors, full nodes first: nobody misses their votes."""
    found = [node for node in chain.finding.nodes if _can_give(chain, node) and node.host != but]
    names = [node.host for node in sorted(found, key=lambda node: (node.power, node.host))]
    return f"`--donor {names[0]}`" if names else f"none of the inventory does; {NO_DONOR}"


def curable_by_copy(chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G86: other databases may cure what is wrong with the node, or it changes sides in a split."""
    finding = chain.finding.node(reading.host)
    holds = cured_by_copy(chain, finding) or changes_sides(chain, finding)
    return guard_result(
        "G86",
        "what is wrong with the node is cured by other databases",
        subject=reading.host,
        holds=holds,
        got=f"{finding.condition}: {finding.cause}",
        expected=f"{', '.join(sorted(CURED_BY_COPY))}; if the host is named in --limit, "
        f"{', '.join(sorted(ALSO_IF_NAMED))}, too",
        next_step=finding.by_hand or "`remediate diagnose` shows the evidence",
        facts=(f"{reading.host}.down",),
    )


def copy_on_host(chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G87: the copy was brought to the host."""
    host, sha256 = reading.host, chosen_data(chain)
    copy, anywhere = copy_on(reading, sha256), chosen_copy(chain)
    unread = isinstance(reading.copies, Unknown)
    got = f"a copy of {copy.donor}" if copy is not None else "it is not there"
    if isinstance(reading.copies, Unknown):
        got = reading.copies.reason
    donor = anywhere.donor if anywhere is not None else "HOST"
    return guard_result(
        "G87",
        "the copy is on the host",
        subject=host,
        holds=None if unread or not sha256 else copy is not None,
        got=got,
        expected=f"a copy with SHA-256 {sha256 or '…'}",
        next_step=f"remediate stage {sha256 or 'SHA256'} --donor {quote(donor)} "
        f"--limit {quote(host)}",
        facts=(f"{host}.copy", "chain.data"),
    )


def copy_fits(chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G88: the copy is of this chain, of the same kind of databases, and not of a later block than
    anybody has."""
    host, copy = reading.host, copy_on(reading, chosen_data(chain))
    config, finding = value_or_none(reading.config), chain.finding
    holds: bool | None = None
    got = "the copy, or config.toml of the host, could not be read"
    backend = config.db_backend if config is not None else "unknown"
    if copy is not None and config is not None:
        same = copy.chain_id == chain.observation.chain_id and copy.backend == backend
        reached = finding.height if finding.witnesses else copy.height
        holds = same and 0 < copy.height <= reached
        got = f"{copy.chain_id} at {copy.height}, {copy.backend}"
    return guard_result(
        "G88",
        "the copy is of this chain, and can be opened here",
        subject=host,
        holds=holds,
        got=got,
        expected=f"{chain.observation.chain_id} at {finding.height} or below, {backend}",
        next_step=_AGAIN
        if holds is None
        else "`remediate plan INC-001 --donor HOST` (node-down, while blocks go on) makes another "
        "copy, of a node with the same db_backend",
        facts=(f"{host}.copy", "chain.id", "chain.height"),
    )


def nothing_given_away(chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G48, for a node that changes sides: its vote for a block above the one whose state differs
    was given to the state that it would give up. Of any other node it is not asked."""
    found = nothing_precommitted_above(chain, reading)
    facts = (f"{reading.host}.sign_state", f"{reading.host}.changes_at")
    if changes_sides(chain, chain.finding.node(reading.host)):
        return replace(found, facts=facts)
    return replace(found, outcome=Outcome.PASS, got="it changes no side", facts=facts)


def one_side_is_enough(
    chain: ChainSituation, proposal: Proposal[ChainSituation]
) -> GuardResult | None:
    """G90: the copy has exactly the state of one side, and with those that change to it that side
    has more than two thirds. Not asked where nobody changes sides."""
    finding, copy = chain.finding, chosen_copy(chain)
    if len(finding.clusters) < 2:
        return None
    side = next((c for c in finding.clusters if copy and c.app_hash == copy.app_hash), None)
    total = finding.total_power
    power = sum(finding.node(host).power for host in proposal.targets)
    if side is not None:
        power += sum(finding.node(h).power for h in side.hosts if h not in proposal.targets)
    exact = side is not None and copy is not None and copy.height == side.height
    sides = [
        f"{short_digest(c.app_hash)} ({c.power}: {name_some(c.hosts)})" for c in finding.clusters
    ]
    return guard_result(
        "G90",
        "the copy has the state of one side, which then has more than two thirds",
        holds=exact and has_quorum(power, total) if total else None,
        got=f"a copy at {copy.height if copy else 0} with "
        + (f"{short_digest(copy.app_hash)}" if copy and copy.app_hash else "no state that is sure")
        + f"; {power} of {total} on its side then",
        expected=f"more than 2/3 on one of {'; '.join(sides)}",
        next_step="plan without `--limit`"
        if exact
        else "`remediate plan INC-001 --donor HOST`, with a node of the side that people judge "
        "right",
        facts=("chain.total_power", "chain.height", "chain.data"),
    )

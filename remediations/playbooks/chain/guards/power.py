"""Guards on the whole set (ids: docs/rules/guards.md)."""

from __future__ import annotations

from collections import defaultdict

from remediations.engine.find.finding import ChainClass, NodeCondition
from remediations.engine.plan.plan import GuardResult
from remediations.playbooks.chain.guards.case import Case, judged, latest_status
from remediations.playbooks.chain.impact import keeps_quorum, swings
from remediations.render.words import percent
from remediations.systems.comet.quorum import has_quorum
from remediations.values.reading import Unknown, value_or_none

UP = frozenset({NodeCondition.HEALTHY, NodeCondition.WAITING, NodeCondition.BEHIND})
"""Conditions in which a node's process is well, whatever the chain does."""


def covers_the_set(case: Case) -> GuardResult:
    """G1: the inventory holds enough of the validator set to judge and to recover it."""
    finding = case.finding
    covered = finding.total_power - finding.uncovered_power
    return judged(
        "G1",
        "the inventory covers more than two thirds of the power",
        holds=has_quorum(covered, finding.total_power) if finding.total_power else None,
        got=f"{covered} of {finding.total_power} ({percent(covered, finding.total_power)})",
        expected="more than 2/3",
        next_step="add the missing validators' hosts to the inventory, then diagnose again",
        facts=("chain.total_power",),
    )


def one_key_one_host(case: Case) -> GuardResult:
    """G2: no validator key lies on two hosts, stopped standbys included."""
    holders: dict[str, list[str]] = defaultdict(list)
    for reading in case.observation.hosts:
        key = value_or_none(reading.key)
        if key is not None and key.address:
            holders[key.address].append(reading.host)
    twice = {address: hosts for address, hosts in holders.items() if len(hosts) > 1}
    got = "; ".join(f"{address[:12]} on {', '.join(hosts)}" for address, hosts in twice.items())
    return judged(
        "G2",
        "every validator key lies on one host only",
        holds=not twice,
        got=got or f"{len(holders)} keys, each on one host",
        expected="one host for each key",
        next_step="decide which host may sign; remove the key from the other by hand, then "
        "`remediate diagnose`",
        facts=tuple(f"{reading.host}.address" for reading in case.acting),
    )


def one_chain(case: Case) -> GuardResult:
    """G3: every node that answers is on the chain of the inventory."""
    networks = {
        reading.host: status.network
        for reading in case.observation.hosts
        if (status := latest_status(reading)) is not None
    }
    wrong = {h: n for h, n in networks.items() if n != case.observation.chain_id}
    return judged(
        "G3",
        "every node that answers is on this chain",
        holds=None if not networks else not wrong,
        got="; ".join(f"{host}: {network}" for host, network in wrong.items())
        or f"{len(networks)} nodes on {case.observation.chain_id}",
        expected=case.observation.chain_id,
        next_step="correct `chain.id` or the hosts in the inventory",
    )


def keeps_signing_power(case: Case) -> GuardResult:
    """G29: no stage takes signing power from above two thirds to two thirds or below."""
    total = case.finding.total_power
    path = swings(case.finding.online_power, [s.moves for s in case.proposal.stages])
    broken = [n for n, swing in enumerate(path, 1) if not keeps_quorum(swing, total)]
    worst = min((swing.worst for swing in path), default=case.finding.online_power)
    return judged(
        "G29",
        "signing power stays above two thirds at every step",
        holds=not broken if total else None,
        got=f"at worst {worst} of {total}" + (f" in stage {broken[0]}" if broken else ""),
        expected="more than 2/3 wherever it is so before",
        next_step="mend other validators first, so that this one can be missed",
        facts=("chain.online_power", "chain.total_power"),
    )


def reaches_quorum(case: Case) -> GuardResult | None:
    """G1: in a halt, what is started together brings back more than two thirds, or it is moot."""
    finding = case.finding
    if finding.chain is not ChainClass.QUORUM_LOST:
        return None
    after = finding.online_power + sum(m.power for m in case.proposal.acting if not m.online)
    left = [
        f"{node.host} ({node.power}, {node.condition})"
        for node in finding.nodes
        if node.power and node.condition not in UP and node.host not in case.acting_hosts
    ]
    return judged(
        "G1b",
        "what is started brings back more than two thirds",
        holds=has_quorum(after, finding.total_power) if finding.total_power else None,
        got=f"{after} of {finding.total_power} after the start"
        + (f"; cannot be started: {', '.join(left)}" if left else ""),
        expected="more than 2/3",
        next_step="mend by hand: "
        + (
            f"{left[0]}; see `remediate diagnose`"
            if left
            else "the validators not in the inventory"
        ),
        facts=("chain.online_power", "chain.total_power"),
    )


def no_foreign_majority(case: Case) -> GuardResult:
    """G31: no part of the network that we do not see holds more than two thirds."""
    finding = case.finding
    return judged(
        "G31",
        "no unseen part of the network can go on without us",
        holds=not has_quorum(finding.uncovered_power, finding.total_power)
        if finding.total_power
        else None,
        got=f"{finding.uncovered_power} of {finding.total_power} not in the inventory, "
        f"{len(finding.unlisted)} unlisted peers",
        expected="2/3 or less",
        next_step="run this from an inventory that covers the network",
        facts=("chain.total_power",),
    )


def witnesses(case: Case) -> GuardResult:
    """W2: two independent witnesses for a decision about the chain
    (docs/rules/hazards.md#one-witness)."""
    seen = case.finding.witnesses
    return judged(
        "W2",
        "at least two hosts bear witness to the state of the chain",
        holds=len(seen) >= 2,
        got=", ".join(seen) or "nobody",
        expected="two or more",
        next_step="make a second node readable (SSH, sudo, RPC), then `remediate diagnose`",
    )


def readable_targets(case: Case) -> GuardResult:
    """G41: every host that is acted on was reached, with sudo."""
    failed = []
    for reading in case.acting:
        if isinstance(reading.session, Unknown):
            failed.append(f"{reading.host}: {reading.session.reason}")
        elif not reading.session.value.sudo:
            failed.append(f"{reading.host}: no sudo for {reading.session.value.user}")
    return judged(
        "G41",
        "every target is reachable, with sudo",
        holds=not failed,
        got="; ".join(failed) or f"{len(case.acting)} of {len(case.acting)}",
        expected="all targets",
        next_step="mend SSH or sudo there, or leave the host out with `--limit`",
        facts=tuple(f"{reading.host}.sudo" for reading in case.acting),
    )

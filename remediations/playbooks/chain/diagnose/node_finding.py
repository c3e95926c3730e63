"""The finding about each node: the verdict on the node itself, or what the class means for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from remediations.engine.find.finding import Evidence, evidence_of
from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.advice import by_hand
from remediations.playbooks.chain.diagnose.class_input import ClassInput, ClassVerdict
from remediations.playbooks.chain.diagnose.context import ChainContext, NodeVerdict
from remediations.playbooks.chain.diagnose.links import missing_peers
from remediations.playbooks.chain.diagnose.log_condition import log_hint
from remediations.playbooks.chain.diagnose.network import doors
from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.playbooks.chain.diagnose.room import frees, needs_copies
from remediations.playbooks.chain.diagnose.unit_condition import left_held
from remediations.playbooks.chain.diagnose.unread import unread_keys, without_sudo
from remediations.playbooks.chain.finding import (
    BrokenLink,
    Component,
    Frees,
    HashCluster,
    NodeFinding,
    Tristate,
)
from remediations.render.formats import format_moment, name_some
from remediations.systems.comet.quorum import has_quorum


def node_findings(
    case: ClassInput,
    context: ChainContext,
    judgement: ClassVerdict,
    components: Sequence[Component],
    links: Sequence[BrokenLink],
) -> tuple[NodeFinding, ...]:
    """One finding for each host, sorted by name."""
    shut = _shut_on(links)
    lines = missing_peers(case.views)
    by_class = _ByClass(case, judgement, components)
    unread = {key.host: key.mend for key in unread_keys(case.views)}
    copies_for = needs_copies(
        (host, verdict.condition, False) for host, verdict in case.verdicts.items() if verdict
    )
    signed = case.commits.last_signed({view.address for view in case.views})
    return tuple(
        replace(
            _finding(
                view,
                case,
                context,
                case.verdicts[view.host] or by_class.verdict(view),
                unread.get(view.host, ""),
                shut.get(view.host, ()),
                lines.get(view.host, ""),
            ),
            last_signed=signed.get(view.address),
            frees=_frees(view, case.verdicts[view.host], context, copies_for),
        )
        for view in sorted(case.views, key=lambda view: view.host)
    )


def _frees(
    view: NodeView, verdict: NodeVerdict | None, context: ChainContext, copies_for: str
) -> Frees:
    full = verdict is not None and verdict.condition is NodeCondition.DISK_FULL
    return frees(view, context, copies_for) if full else Frees.NOTHING


def _shut_on(links: Sequence[BrokenLink]) -> Mapping[str, Sequence[str]]:
    """Host → what shuts ways on it, each once."""
    found: dict[str, dict[str, None]] = {}
    for one in (one for link in links for one in link.obstacles):
        found.setdefault(one.host, {})[one.obstacle.shown] = None
    return {host: tuple(sorted(lines)) for host, lines in found.items()}


def _finding(
    view: NodeView,
    case: ClassInput,
    context: ChainContext,
    verdict: NodeVerdict,
    unread: str,
    shut: Sequence[str],
    peers: str,
) -> NodeFinding:
    """`unread` is what makes its key readable; no plan starts a node of which that is unknown.
    `shut` are the obstacles on its host, `peers` the line that its settings lack."""
    power = case.power.of(view.address)
    member = power or not case.power.known
    left = left_held(view)
    clue = log_hint(view, context)
    cause, hands, evidence = verdict.cause, verdict.by_hand, verdict.evidence
    clock = case.clocks.says(view.host)
    if clock and verdict.condition is not NodeCondition.CLOCK_OFF:
        cause = f"{cause}; {clock}"
    if shut and verdict.condition is NodeCondition.ISOLATED:
        cause = f"{cause}; on its host: {name_some(shut, 3)}"
        hands = (
            "Open what is shut on its host: the end of the diagnosis says how. Then wait. No "
            "restart, no reset."
        )
    if peers and verdict.condition is NodeCondition.ISOLATED:
        cause = f"{cause}; its persistent_peers name none of the nodes that run"
        hands = (
            f"Set below [p2p] of its config.toml: {peers} – it is read at its next start only, and "
            "whether a restart is safe now is for `remediate diagnose` to say once blocks come."
        )
    if left and verdict.condition is not NodeCondition.HELD:
        cause = f"{cause}; {left}"
    if clue is not None:
        meaning, line, advice = clue
        if line.says not in cause:
            cause = f"{cause}; {meaning}: {line.says}"
        hands = hands or advice
        evidence = (*evidence, line)
    if unread and not hands and verdict.condition.rule.cure is not None:
        hands = f"{unread[0].upper()}{unread[1:]}, then `remediate diagnose` again."
    return NodeFinding(
        host=view.host,
        condition=verdict.condition,
        address=view.address if member else "",
        power=power,
        cause=cause,
        by_hand=by_hand(view, verdict.condition, hands),
        evidence=evidence,
        held=view.held,
    )


class _ByClass:
    """What the class of the chain means for a node with which nothing else is wrong."""

    def __init__(
        self, case: ClassInput, judgement: ClassVerdict, components: Sequence[Component]
    ) -> None:
        self._case = case
        self._judgement = judgement
        self._blocked = frozenset(judgement.blocked)
        self._components = components
        self._doors = doors([view for view in case.views if view.answers])
        total = case.power.total
        self._cut = frozenset(
            host for c in components if not has_quorum(c.power, total) for host in c.hosts
        )
        self._cluster = {host: c for c in case.hashes.clusters for host in c.hosts}

    def verdict(self, view: NodeView) -> NodeVerdict:
        """Healthy while blocks go on, else waiting, isolated or diverged."""
        halted, chain = self._case.halt.answer, self._judgement.chain
        evidence = view.status_evidence(f"height {view.height}")
        clock = self._case.clocks.says(view.host)
        if halted is Tristate.NO and clock:
            says = f"{view.reading.session.at:%H:%M:%S} UTC by our clock"
            proof = evidence_of(f"{view.host}.session", view.reading.session, says)
            cause = f"{clock} of that of the other hosts and of this machine"
            return NodeVerdict(NodeCondition.CLOCK_OFF, cause, (proof,))
        if halted is Tristate.NO:
            return NodeVerdict(NodeCondition.HEALTHY, self._healthy(view), evidence)
        if halted is Tristate.UNKNOWN:
            cause = f"it answers at height {view.height}; the chain as a whole could not be judged"
            return NodeVerdict(NodeCondition.UNKNOWN, cause, evidence)
        if chain is ChainClass.PARTITION and view.host in self._cut:
            return self._apart(view, evidence)
        if chain is ChainClass.APP_HASH_SPLIT and self._strays(self._cluster.get(view.host)):
            return NodeVerdict(NodeCondition.DIVERGED, self._stray(view), evidence)
        if chain is ChainClass.QUORUM_LOST and self._alone(view.host):
            return NodeVerdict(NodeCondition.DIVERGED, self._stray(view), evidence)
        if view.host in self._blocked:
            cause = "it runs and follows the round, but nobody has its vote"
            return NodeVerdict(NodeCondition.WAITING, cause, evidence)
        return NodeVerdict(NodeCondition.WAITING, "it is well and waits for the others", evidence)

    def _apart(self, view: NodeView, evidence: tuple[Evidence, ...]) -> NodeVerdict:
        """On one side of a partition: which, and which ports lead to the others."""
        mine = next((c for c in self._components if view.host in c.hosts), None)
        hosts = frozenset(mine.hosts if mine is not None else ())
        side = name_some(sorted(hosts - {view.host}), 4) or "nobody"
        power = mine.power if mine is not None else 0
        return NodeVerdict(
            NodeCondition.ISOLATED,
            f"it is well, on a side without a quorum: with {side}, {power} of "
            f"{self._case.power.total} power",
            evidence,
            f"Mend the network between the hosts (routes, firewall, {self._doors}), and wait. "
            "No restart, no reset.",
        )

    def _alone(self, host: str) -> bool:
        """Whether it is outside the cluster with the most power, which could go on with what is
        missing."""
        cluster = self._cluster.get(host)
        return cluster is not None and cluster is not self._case.hashes.clusters[0]

    def _healthy(self, view: NodeView) -> str:
        past = self._case.equivocations.conflicts.get(view.address)
        signed = f"; its key signed twice, last seen at {format_moment(past.at)}" if past else ""
        blind = "; no sudo: nothing else was read" if without_sudo((view,)) else ""
        return f"it follows the chain at {view.height}{signed}{blind}"

    def _strays(self, cluster: HashCluster | None) -> bool:
        """Whether its cluster has at most half of the power: then it cannot be taken to be
        right."""
        return cluster is not None and 2 * cluster.power <= self._case.power.total

    def _stray(self, view: NodeView) -> str:
        cluster = self._cluster[view.host]
        return (
            f"after height {cluster.height} it has app hash {cluster.app_hash[:12]}, "
            f"with {cluster.power} of {self._case.power.total} power; "
            "which one is right is for people to decide"
        )

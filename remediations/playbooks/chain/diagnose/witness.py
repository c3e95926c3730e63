"""Whose word about the chain counts.

A node does not count as a witness if it is on another chain, answers with the address of another
node, or reports a height that contradicts its own application, its own consensus state or what its
peers see of it. Heights only grow, and the block store is at most one block away from the
application and from the height that consensus works on. So every contradiction that is used here is
one also while blocks go on.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from remediations.playbooks.chain.diagnose.node_view import READ_APART, NodeView
from remediations.playbooks.chain.diagnose.proofs import Proofs
from remediations.systems.comet.quorum import has_quorum
from remediations.systems.comet.values import PeerRound
from remediations.values.reading import Known, value_or_none

_NEAR = 2
"""Blocks by which readings of a chain that stands still may differ: gossip lags by one step."""

NO_PROOFS = Proofs()


def contradictions(
    views: Sequence[NodeView], chain_id: str, proofs: Proofs = NO_PROOFS
) -> dict[str, str]:
    """Host → why its answers about the chain are not used."""
    found = dict(proofs.doubts)
    found |= {
        view.host: doubt for view in views if view.answers and (doubt := _alone(view, chain_id))
    }
    others = [view for view in views if view.answers and view.host not in found]
    seen = _seen_by_peers(others)
    most_stand = 2 * sum(view.stands for view in others) > len(others)
    tallest = sorted((view.height for view in others), reverse=True)
    for view in others:
        doubt = _against_peers(view, seen.get(view.node_id, []), tallest, most_stand, proofs)
        if doubt:
            found[view.host] = doubt
    return found


def _alone(view: NodeView, chain_id: str) -> str:
    """A contradiction within one node's own answers, or ""."""
    status = view.status
    assert status is not None
    if status.network != chain_id:
        return f"it is on chain {status.network}, not {chain_id}"
    key = view.reading.key
    remote = view.config is None or bool(view.config.remote_signer)
    held = key.value.address if isinstance(key, Known) and not remote else ""
    if held and status.address and status.address != held:
        return f"its RPC answers for address {status.address}, its key is {held}"
    if any(a.height > b.height for a, b in pairwise(view.statuses)):
        return "its height went down between two readings"
    return _between_answers(view)


def _between_answers(view: NodeView) -> str:
    """A contradiction between `/status` and the other heights of one node, or "".

    A sample asks `/status` first, so what follows it is not older; an answer of an earlier sample
    is. Where an answer is missing, that of another sample does not take its place. During block
    sync consensus lags, and is not compared.
    """
    app_before = round_before = 0
    for sample in view.reading.samples:
        status, app = value_or_none(sample.status), value_or_none(sample.app)
        state = value_or_none(sample.round)
        if status is not None:
            says = f"/status says height {status.height}"
            synced = not status.catching_up
            if app is not None and status.height > app.height + 1:
                return f"{says}, its application is at {app.height}"
            if app_before > status.height:
                return f"{says}, its application was at {app_before}"
            if synced and state is not None and status.height > state.height:
                return f"{says}, its consensus works on {state.height}"
            if synced and round_before > status.height + 1:
                return f"{says}, its consensus worked on {round_before}"
        app_before = max(app_before, app.height if app is not None else 0)
        round_before = max(round_before, state.height if state is not None else 0)
    return ""


def _seen_by_peers(views: Sequence[NodeView]) -> dict[str, list[PeerRound]]:
    """Node id → how the other nodes see that node."""
    seen: dict[str, list[PeerRound]] = {}
    for view in views:
        for peer in value_or_none(view.reading.chain.peer_rounds) or ():
            if peer.height > 0:
                seen.setdefault(peer.node_id, []).append(peer)
    return seen


def _against_peers(
    view: NodeView,
    seen: Sequence[PeerRound],
    tallest: Sequence[int],
    most_stand: bool,
    proofs: Proofs,
) -> str:
    """A height that no other node has, that the peers do not see, and that no commit proves; or
    "". Where blocks come, a host that was read first, or once, is some behind the others."""
    status = view.status
    if status is None or not seen or status.catching_up:
        return ""
    slack = _NEAR if view.stands and most_stand else READ_APART
    highest = max(peer.height for peer in seen)
    rival = tallest[1] if len(tallest) > 1 and tallest[0] == status.height else tallest[0]
    if status.height > max(highest, rival) + slack and not _proven(view, proofs):
        return f"it says height {status.height}, its peers see it at {highest}, nobody confirms it"
    if highest > status.height + 1 + slack:
        return f"it says height {status.height}, its peers see it at {highest}"
    return ""


def _proven(view: NodeView, proofs: Proofs) -> bool:
    """Whether it shows a commit near its height that more than 2/3 of its set signed: by verified
    signatures, or by flags where the observation has no signatures."""
    commit = value_or_none(view.reading.chain.commit)
    if proofs.block is not None:
        return view.host in proofs.hosts and proofs.block.height >= view.height - READ_APART
    members = value_or_none(view.reading.chain.validators)
    if commit is None or members is None or commit.height < view.height - READ_APART:
        return False
    signed = {s.address for s in commit.signatures if s.for_block}
    power = sum(v.power for v in members.validators if v.address in signed)
    return has_quorum(power, members.total)

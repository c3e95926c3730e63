"""What a node hears of the network: is it cut off, or is it dead?

From outside both look alike, so what is known is said, and what is not is left open: how many of
its persistent peers a node has, whether they send anything, and how many peers the others have.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import median_low
from typing import NamedTuple

from remediations.playbooks.chain.diagnose.components import dialled
from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.render.formats import count_of, name_some
from remediations.systems.comet.values import DialAnswer, Peer
from remediations.systems.comet.ways import Ways
from remediations.values.reading import Known, value_or_none

_MANY = 3
"""Where the others have so many peers, one alone is few."""
QUIET_S = 20
"""A peer that sent nothing for so long is one in name only: votes come with every round."""


def cut_off(view: NodeView, tip: int) -> str:
    """Why a node seems to be cut off, "" if it does not: it has no peers while it stands, or stands
    below the tip and none of its peers has anything newer."""
    chain = view.reading.chain
    peers, rounds = value_or_none(chain.peers), value_or_none(chain.peer_rounds)
    if peers is not None and not peers and not view.rises:
        return f"it has no peers and stands at {view.height}; the tip is {tip}"
    below = view.stands and tip - view.height > 1
    if below and rounds is not None:
        newest = max((peer.height for peer in rounds), default=0)
        if newest <= view.height + 1:
            return f"it stands at {view.height} and hears nothing newer; the tip is {tip}"
    return ""


def usual_peer_count(witnesses: Sequence[NodeView]) -> int:
    """How many peers half of the nodes have, or more; 0 if no list could be read."""
    lists = [value_or_none(view.reading.chain.peers) for view in witnesses]
    counts = [len(peers) for peers in lists if peers is not None]
    return median_low(counts) if counts else 0


def poorly_connected(view: NodeView, usual: int) -> str:
    """What is wrong with the peers that a node has, "" if nothing is, or if they are not known.
    `usual` is how many the others have."""
    peers = value_or_none(view.reading.chain.peers)
    if peers is None:
        return ""
    parts = [lacking(view)]
    if peers and all(_quiet(peer) for peer in peers):
        since = min(peer.quiet_s or 0 for peer in peers)
        parts.append(f"none of its {count_of(len(peers), 'peer')} has sent anything for {since} s")
    if not parts[0] and len(peers) <= 1 and usual >= _MANY:
        parts.append(f"it has {count_of(len(peers), 'peer')}, the others have {usual} or more")
    return "; ".join(filter(None, parts))


def lacking(view: NodeView) -> str:
    """Which of its persistent peers it lacks, "" if it has them all or they are not known."""
    peers = value_or_none(view.reading.chain.peers)
    wanted = dict(dialled(view))
    if peers is None or not wanted:
        return ""
    here = {peer.node_id for peer in peers}
    absent = sorted(place for node_id, place in wanted.items() if node_id not in here)
    if not absent:
        return ""
    have = len(wanted) - len(absent)
    return f"it has {have} of its {len(wanted)} persistent peers, not {name_some(absent, 3)}"


def _quiet(peer: Peer) -> bool:
    return peer.quiet_s is not None and peer.quiet_s > QUIET_S


class Reach(NamedTuple):
    """What the ports of the persistent peers that a node lacks answer its own host, in words.
    `open`: at least one can be reached; `cut`: none gives any answer. `shut`: none of all its
    persistent peers lets a connection through."""

    says: str
    open: bool
    cut: bool
    shut: bool = False


def reach_of(view: NodeView) -> Reach:
    """What is known of the way to its peers: first of all of them, then of those it lacks."""
    if isinstance(view.reading.ways, Known) and view.reading.ways.value.ways:
        return _by_ways(view.reading.ways.value)
    dials = value_or_none(view.reading.dials) if view.reading.dials is not None else None
    if not dials:
        return Reach("", open=False, cut=False)
    counted = Counter(str(dial.answer) for dial in dials)
    number = count_of(len(dials), "p2p port")
    answers = ", ".join(f"{count} {answer}" for answer, count in sorted(counted.items()))
    says = f"{number} of these tried from its host: {answers}"
    return Reach(
        says,
        open=counted[DialAnswer.OPEN] > 0,
        cut=counted[DialAnswer.SILENT] == len(dials),
    )


def _by_ways(told: Ways) -> Reach:
    counted = Counter(str(way.answer) for way in told.ways)
    answers = ", ".join(f"{count} {answer}" for answer, count in sorted(counted.items()))
    number = count_of(len(told.ways), "p2p port")
    says = f"{number} of its persistent peers tried from its host: {answers}"
    is_open = counted[DialAnswer.OPEN] > 0
    return Reach(says, open=is_open, cut=not is_open, shut=not is_open)


def doors(views: Sequence[NodeView]) -> str:
    """The ports on which nodes listen for peers: the usual one, and who has another."""
    ports = {v.host: v.config.p2p_port for v in views if v.config is not None and v.config.p2p_port}
    if not ports:
        return "their p2p ports"
    usual = Counter(ports.values()).most_common(1)[0][0]
    others = [f"{port} on {host}" for host, port in sorted(ports.items()) if port != usual]
    return f"p2p port {name_some([str(usual), *others], 5)}"

"""Where a deploy gets what it must know of its node: from the plan, or from the hosts themselves.

pyinfra runs a deploy's body once per host, in parallel, and a guard anywhere but in the body lets
other hosts act. So here the first body that arrives reads *all* hosts, judges once, and every body
gets that one verdict: a barrier before the first operation, for `--dry` as for `-y`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from gevent.lock import BoundedSemaphore
from gevent.pool import Pool
from pyinfra.api.exceptions import DeployError, PyinfraError
from pyinfra.api.host import Host
from pyinfra.api.state import State
from pyinfra.context import ctx_config, ctx_host, ctx_state, host

from remediations.systems.comet.plain.facts import READ_LIMIT_S, NodeReading, NodeState
from remediations.systems.comet.plain.guards import Action, Subject, judge
from remediations.systems.comet.planned import PlannedNode, PlannedNodeError

READERS = 20
"""Hosts read at the same time."""

CONNECT_MARGIN_S = 10


@dataclass(frozen=True)
class _Verdict:
    """`blocked` is the message for people, "" when the deploy may go on."""

    blocked: str
    nodes: Mapping[str, PlannedNode]


_lock = BoundedSemaphore()
_verdicts: WeakKeyDictionary[State, dict[Action, _Verdict]] = WeakKeyDictionary()


def planned_node(action: Action) -> PlannedNode:
    """What the current host's node is, once it is clear that `action` may be done.

    While compiling, the host is sealed, its data come from an Observation, and the plan's guards
    judge. Everywhere else all hosts of the inventory are read and judged here.

    Raises:
        DeployError: a guard blocks. Raised before any operation exists, so nothing is changed.
        PlannedNodeError: the data of a sealed host are malformed.
    """
    # The connector's class decides: no `--data` on a command line can pretend to be sealed.
    if getattr(host.connector_cls, "sealed", False):
        return PlannedNode.from_data(host.data.dict())
    with _lock:
        state = ctx_state.get()
        verdicts = _verdicts.setdefault(state, {})
        if action not in verdicts:
            verdicts[action] = _judge(state, action)
    verdict = verdicts[action]
    if verdict.blocked:
        raise DeployError(verdict.blocked)
    return verdict.nodes[host.name]


def _judge(state: State, action: Action) -> _Verdict:
    hosts = list(state.inventory)
    readings = dict(zip(hosts, Pool(READERS).map(lambda h: _read(state, h), hosts), strict=True))
    subjects = [
        Subject(
            host=each.name,
            role=str(each.data.get("role", "")),
            target=each in state.active_hosts,
            state=readings[each],
        )
        for each in hosts
    ]
    blocks = judge(action, subjects, str(hosts[0].data.get("chain_id", "")))
    if blocks:
        lines = "\n".join(f"    {block}" for block in blocks)
        return _Verdict(f"nothing was changed; {len(blocks)} guard(s) block:\n{lines}", {})
    try:
        nodes = {s.host: _planned(s.state) for s in subjects if s.target and s.state}
    except PlannedNodeError as error:
        return _Verdict(f"nothing was changed; what was read cannot be used: {error}", {})
    return _Verdict("", nodes)


def _read(state: State, target: Host) -> NodeState | None:
    """One host's node, also outside `--limit`: whether a key is there twice depends on all."""
    data = target.data
    with ctx_config.use(state.config.copy()), ctx_host.use(target):
        try:
            found: NodeState | None = target.get_fact(
                NodeReading,
                unit=data.get("unit") or "",
                home=data.get("home") or "",
                rpc=data.get("rpc") or "",
                _sudo=True,
                _ignore_errors=True,
                _timeout=READ_LIMIT_S + CONNECT_MARGIN_S,
            )
            if target not in state.activated_hosts:
                target.disconnect()
        except PyinfraError:  # it cannot be reached; pyinfra has said why
            return None
    return found


def _planned(state: NodeState) -> PlannedNode:
    height, round_, step = state.sign or (0, 0, 0)
    return PlannedNode(
        unit=state.unit,
        home=state.home,
        user=state.user,
        address=state.address,
        sign_height=height,
        sign_round=round_,
        sign_step=step,
        stop_timeout_s=state.stop_timeout_s,
    )

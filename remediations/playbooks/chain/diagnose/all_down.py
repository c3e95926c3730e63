"""Every validator of the inventory is down, and no node answers: a power cut, a configuration that
was rolled out everywhere, a program that ends at once.

Nothing is known of the chain then but what lies on the hosts: their sign states tell how far it
came, and their journals why they ended.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from shlex import quote

from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.context import NodeVerdict
from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.playbooks.chain.finding import NodeFinding
from remediations.render.formats import count_of, format_moment, name_some
from remediations.systems.comet.inventory import Role
from remediations.systems.comet.journal_lines import same_words
from remediations.systems.comet.quorum import has_quorum
from remediations.systems.comet.reading import HostReading
from remediations.values.reading import value_or_none

_NO_REASON = frozenset(
    {
        NodeCondition.STOPPED,
        NodeCondition.DISABLED,
        NodeCondition.STANDBY,
        NodeCondition.NO_DAEMON,
        NodeCondition.UNREACHABLE,
        NodeCondition.UNKNOWN,
        NodeCondition.WAITING,
        NodeCondition.HEALTHY,
    }
)
"""What is so with nodes in these conditions was not said by their daemons."""
_ENDS_AGAIN = frozenset(
    {
        NodeCondition.CRASH_LOOP,
        NodeCondition.START_FAILS,
        NodeCondition.KEEPS_FAILING,
        NodeCondition.OBSTRUCTED,
        NodeCondition.OPEN_FILES,
        NodeCondition.DEPENDENCY_FAILS,
        NodeCondition.OUT_OF_MEMORY,
        NodeCondition.DOUBLE_SIGN_CHECK,
    }
)

_STARTABLE = (NodeCondition.STOPPED, NodeCondition.DISABLED, NodeCondition.HELD)


def all_down(views: Sequence[NodeView], verdicts: Mapping[str, NodeVerdict | None]) -> str:
    """Why every validator of the inventory is down, "" if any may be alive: it answers, was not
    reached, or has a process that runs."""
    validators = [view for view in views if view.reading.role is Role.VALIDATOR]
    if len(validators) < 2 or any(view.answers for view in views):
        return ""
    found = [verdicts[view.host] for view in validators]
    if not all(
        verdict is not None and (view.down or view.paused or _loops(verdict))
        for view, verdict in zip(validators, found, strict=True)
    ):
        return ""
    counted = Counter(str(verdict.condition) for verdict in found if verdict is not None)
    said = ", ".join(f"{number} {condition}" for condition, number in counted.most_common())
    why = f"no node answers, and all {len(validators)} validators of the inventory are down: {said}"
    return "; ".join(filter(None, (why, last_signature(validators))))


def _loops(verdict: NodeVerdict) -> bool:
    """Between two ends a daemon that loops is up for a moment."""
    return verdict.condition in _ENDS_AGAIN


def last_signature(views: Sequence[NodeView]) -> str:
    """How far the chain came, and when, as the newest sign state tells."""
    known = [
        (state, view.host)
        for view in views
        if (state := value_or_none(view.reading.sign_state)) is not None and state.height
    ]
    if not known:
        return ""
    state, host = max(known, key=lambda pair: (pair[0].hrs, pair[1]))
    at = f", at {format_moment(state.signed_at)}" if state.signed_at is not None else ""
    return f"the newest signature is {host}'s, for height {state.height}{at}"


def common_reason(nodes: Sequence[NodeFinding]) -> str:
    """What more than two thirds of several daemons say of their end, "" if there is no such thing.

    Their words are compared without numbers and hashes, which differ from host to host.
    """
    ended = [node for node in nodes if node.condition not in _NO_REASON]
    words = {node.host: said for node in ended if (said := _last_words(node))}
    if len(words) < 2:
        return ""
    counted = Counter(same_words(said) for said in words.values())
    shape, number = counted.most_common(1)[0]
    if not has_quorum(number, len(ended)):
        return ""
    said = next(said for said in words.values() if same_words(said) == shape)
    return f"{'all' if number == len(ended) else f'{number} of'} {len(ended)} say: {said}"


def _last_words(node: NodeFinding) -> str:
    """The line of its journal that tells why it ended."""
    lines = [one.says for one in node.evidence if one.reading == f"{node.host}.journal"]
    return lines[-1] if lines else ""


def power_reading_step(nodes: Sequence[NodeFinding], views: Sequence[NodeView]) -> str:
    """The one command that makes the validator set readable: a full node is started, which holds no
    voting power, and so risks nothing."""
    startable = full_nodes(nodes, views)
    if not startable:
        return (
            "start a full node by hand (it holds no validator key) so that the validator set can "
            "be read, then `remediate diagnose` again"
        )
    unit = startable[0].unit
    assert unit is not None
    command = f"sudo systemctl start {quote(unit.name)}"
    return (
        f"start {startable[0].host} by hand (`{command}` there; its key never signed), "
        "so that the validator set can be read, then `remediate diagnose` again"
    )


def full_nodes(nodes: Sequence[NodeFinding], views: Sequence[NodeView]) -> list[NodeView]:
    """The full nodes that a start may cure, and whose key can sign nothing that it signed."""
    found = {node.host: node for node in nodes}
    return [
        view
        for view in views
        if view.unit is not None
        and found[view.host].condition in _STARTABLE
        and not view.unit.masked
        and not found[view.host].power
        and signs_nothing(view.reading)
    ]


def signs_nothing(reading: HostReading) -> bool:
    """Whether it is a full node whose key can be read and has never signed."""
    state, key = value_or_none(reading.sign_state), value_or_none(reading.key)
    config = value_or_none(reading.config)
    local = config is not None and not config.remote_signer
    full = reading.role is Role.FULL and local
    return full and key is not None and state is not None and not state.height


def mend_first(nodes: Sequence[NodeFinding], views: Sequence[NodeView]) -> str:
    """What is done before anything is started where all ended alike, "" if nothing is."""
    validators = {view.host for view in views if view.reading.role is Role.VALIDATOR}
    found = [
        node
        for node in nodes
        if node.host in validators and not node.condition.rule.setting_forbids
    ]
    advice = {node.by_hand for node in found}
    if len(advice) == 1 and (one := advice.pop()):
        return f"on every validator: {one}"
    if common_reason(found):
        hosts = name_some(sorted(validators), 4)
        return f"mend what ends the daemons of {hosts} ({count_of(len(found), 'host')})"
    return ""

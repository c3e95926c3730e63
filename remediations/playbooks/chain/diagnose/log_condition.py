"""Causes that the journal names, or that settings and disk show without it.

Without the journal a full disk, a left-over halt-height and double_sign_check_height are still
found from other readings; a damaged database, an upgrade and the reason why consensus died are not.
"""

from __future__ import annotations

from datetime import timedelta

from remediations.engine.find.finding import Evidence, evidence_of
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.context import ChainContext, NodeVerdict
from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.playbooks.chain.diagnose.signatures import LogSignature, any_match, first_match
from remediations.playbooks.chain.diagnose.unit_condition import LOOPS
from remediations.systems.comet.double_sign_check import forbids_start
from remediations.systems.hosts.values import JournalLine
from remediations.values.reading import value_or_none

_LAST_TRIES = timedelta(minutes=2)
"""How long before its last start the lines of a looping daemon still concern the same fault."""
_GO_PANIC = 2
"""Exit status of a Go program that panicked."""


def disk_full(view: NodeView, _scene: ChainContext) -> NodeVerdict | None:
    """The data file system is read-only, or too full to start a node that is not well. A node that
    is well goes on, and `doctor` warns of its disk."""
    disk = value_or_none(view.reading.disk)
    if disk is None or (disk.writable and (disk.has_room or _well(view))):
        return None
    if disk.writable:
        cause = f"{disk.available >> 20} MiB and {disk.inodes_available} inodes free below "
        cause += disk.path
    else:
        cause = f"the file system of {disk.path} is mounted read-only"
    evidence = (evidence_of(f"{view.host}.disk", view.reading.disk, cause),)
    return NodeVerdict(NodeCondition.DISK_FULL, cause, evidence)


def from_journal(view: NodeView, _scene: ChainContext) -> NodeVerdict | None:
    """The cause that the lines since the last start name, unless it is gone or the node is well."""
    if _well(view):
        return None
    lines = tuple(line.message for line in recent_lines(view))
    cured = _cured(view)
    match = first_match(lines, cured)
    if match is None or match[0].condition is None:
        return None
    signature, line = match
    assert signature.condition is not None
    condition, meaning = signature.condition, signature.meaning
    if condition is NodeCondition.ZOMBIE and view.stuck_in_commit and not any_match(lines, cured):
        # No outside cause explains it: the application itself does not apply the block.
        condition = NodeCondition.PANICKED
        meaning = f"block {view.height} is stored, the application does not take it"
    return NodeVerdict(
        condition,
        f"{meaning}: {_short(line)}",
        _line_evidence(view, line),
        signature.by_hand,
    )


def log_hint(view: NodeView) -> tuple[LogSignature, Evidence] | None:
    """A line that explains something without proving a condition: refused signatures, limits,
    memory."""
    if _well(view):
        return None
    match = first_match(tuple(line.message for line in recent_lines(view)), _cured(view))
    if match is None or match[0].condition is not None:
        return None
    return match[0], _line_evidence(view, match[1])[0]


def from_settings(view: NodeView, context: ChainContext) -> NodeVerdict | None:
    """A halt-height that was reached, or double_sign_check_height and exit status 2."""
    config = view.config
    if config is None or _well(view):
        return None
    evidence = evidence_of(
        f"{view.host}.config",
        view.reading.config,
        f"halt_height {config.halt_height}, halt_time {config.halt_time}, "
        f"double_sign_check_height {config.double_sign_check_height}",
    )
    reached = max(context.tip, view.height)
    if 0 < config.halt_height <= reached and (view.down or view.stuck_in_commit):
        cause = f"halt-height {config.halt_height} is set and reached"
        return NodeVerdict(NodeCondition.HALT_HEIGHT, cause, (evidence,))
    unit = view.unit
    dies = (
        unit is not None
        and unit.exit_status == _GO_PANIC
        and (unit.active_state == "failed" or unit.restarts >= LOOPS)
    )
    if view.down and dies and config.double_sign_check_height > 1 and _signs(view, context):
        cause = (
            f"double_sign_check_height is {config.double_sign_check_height} and it exits with "
            f"{_GO_PANIC}: it may not start while its signatures are in the last blocks"
        )
        return NodeVerdict(
            NodeCondition.DOUBLE_SIGN_CHECK, cause, (evidence, *view.unit_evidence())
        )
    return None


def panicked(view: NodeView, _scene: ChainContext) -> NodeVerdict | None:
    """The next block is decided and stored, but the application does not apply it."""
    if not view.stuck_in_commit:
        return None
    cause = f"block {view.height} is stored, the application stays at {view.height - 1}"
    return NodeVerdict(NodeCondition.PANICKED, cause, view.status_evidence(cause))


def recent_lines(view: NodeView) -> tuple[JournalLine, ...]:
    """The journal since the last start; for a daemon that loops, since its last attempts."""
    entries = value_or_none(view.reading.journal) or ()
    since = view.started_at
    if since is None:
        return entries
    unit = view.unit
    if unit is not None and (unit.restarts >= LOOPS or unit.active_state == "failed"):
        since -= _LAST_TRIES
    return tuple(entry for entry in entries if entry.at >= since)


def _well(view: NodeView) -> bool:
    """Whether its consensus makes progress: then whatever the journal says is over."""
    return view.rises and view.status is not None and not view.status.catching_up


def _signs(view: NodeView, context: ChainContext) -> bool:
    return context.power.of(view.address) > 0 or not context.power.known


def _cured(view: NodeView) -> frozenset[NodeCondition]:
    """Conditions whose cause has been removed since, as other readings show.

    Dead consensus ends with the process: a node that is down is judged by the reason for that.
    """
    cured = set()
    disk, config = value_or_none(view.reading.disk), view.config
    if disk and disk.has_room and disk.writable:
        cured.add(NodeCondition.DISK_FULL)
    version = view.status.version if view.status is not None else None
    if config is not None and forbids_start(config.double_sign_check_height, version) is False:
        cured.add(NodeCondition.DOUBLE_SIGN_CHECK)
    if not view.answers:
        cured.add(NodeCondition.ZOMBIE)
        if config is not None and not (config.halt_height or config.halt_time):
            cured.add(NodeCondition.HALT_HEIGHT)
    return frozenset(cured)


def _short(line: str) -> str:
    return line if len(line) <= 160 else line[:157] + "..."


def _line_evidence(view: NodeView, line: str) -> tuple[Evidence, ...]:
    reading = view.reading.journal
    at = next(
        (entry.at for entry in reversed(recent_lines(view)) if entry.message == line), reading.at
    )
    return (
        Evidence(reading=f"{view.host}.journal", says=_short(line), source=reading.source, at=at),
    )

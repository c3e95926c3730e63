"""Causes that only the journal names, or that settings and disk confirm without it.

Where the journal is unknown, a full disk, a left-over halt-height and double_sign_check_height
are still found from readings; a damaged database, an upgrade and why a consensus died are not.
"""

from __future__ import annotations

from datetime import timedelta

from remediations.engine.find.finding import Evidence, evidence_of
from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.playbooks.chain.diagnose.scene import Scene, Verdict
from remediations.playbooks.chain.diagnose.signatures import Signature, explained, shows
from remediations.playbooks.chain.diagnose.unit_condition import LOOPS
from remediations.playbooks.chain.finding import NodeCondition
from remediations.systems.comet.double_sign_check import forbids_start
from remediations.systems.hosts.values import JournalLine
from remediations.values.reading import value_or_none

_LAST_TRIES = timedelta(minutes=2)
"""How far before its last start the lines of a looping daemon are still about the same fault."""
_GO_PANIC = 2
"""Exit status of a Go program that panicked."""


def disk_full(view: NodeView, _scene: Scene) -> Verdict | None:
    """The data file system cannot be written, or has no room for a start of a node that is not
    well. One that is well goes on: `doctor` tells of its disk."""
    disk = value_or_none(view.reading.disk)
    if disk is None or (disk.writable and (disk.has_room or _well(view))):
        return None
    if disk.writable:
        cause = f"{disk.available >> 20} MiB and {disk.inodes_available} inodes free below "
        cause += disk.path
    else:
        cause = f"the file system of {disk.path} is mounted read-only"
    evidence = (evidence_of(f"{view.host}.disk", view.reading.disk, cause),)
    return Verdict(NodeCondition.DISK_FULL, cause, evidence)


def from_journal(view: NodeView, _scene: Scene) -> Verdict | None:
    """What the lines since the last start say, unless the cause is gone or the node is well."""
    if _well(view):
        return None
    lines = tuple(line.message for line in recent(view))
    cured = _cured(view)
    match = explained(lines, cured)
    if match is None or match[0].condition is None:
        return None
    signature, line = match
    assert signature.condition is not None
    condition, meaning = signature.condition, signature.meaning
    if condition is NodeCondition.ZOMBIE and view.stuck_in_commit and not shows(lines, cured):
        # Nothing outside explains it: the application itself does not take the block.
        condition = NodeCondition.PANICKED
        meaning = f"block {view.height} is stored, the application does not take it"
    return Verdict(
        condition,
        f"{meaning}: {_short(line)}",
        _line_evidence(view, line),
        signature.by_hand,
    )


def hint(view: NodeView) -> tuple[Signature, Evidence] | None:
    """A line that explains without proving a condition: refused signatures, limits, memory."""
    if _well(view):
        return None
    match = explained(tuple(line.message for line in recent(view)), _cured(view))
    if match is None or match[0].condition is not None:
        return None
    return match[0], _line_evidence(view, match[1])[0]


def from_settings(view: NodeView, scene: Scene) -> Verdict | None:
    """A halt-height that was reached, or double_sign_check_height with an exit 2."""
    config = view.config
    if config is None or _well(view):
        return None
    evidence = evidence_of(
        f"{view.host}.config",
        view.reading.config,
        f"halt_height {config.halt_height}, halt_time {config.halt_time}, "
        f"double_sign_check_height {config.double_sign_check_height}",
    )
    reached = max(scene.tip, view.height)
    if 0 < config.halt_height <= reached and (view.down or view.stuck_in_commit):
        cause = f"halt-height {config.halt_height} is set and reached"
        return Verdict(NodeCondition.HALT_HEIGHT, cause, (evidence,))
    unit = view.unit
    dies = (
        unit is not None
        and unit.exit_status == _GO_PANIC
        and (unit.active_state == "failed" or unit.restarts >= LOOPS)
    )
    if view.down and dies and config.double_sign_check_height > 1 and _signs(view, scene):
        cause = (
            f"double_sign_check_height is {config.double_sign_check_height} and it exits with "
            f"{_GO_PANIC}: it may not start while its signatures are in the last blocks"
        )
        return Verdict(NodeCondition.DOUBLE_SIGN_CHECK, cause, (evidence, *view.unit_evidence()))
    return None


def panicked(view: NodeView, _scene: Scene) -> Verdict | None:
    """The next block is decided and stored, and the application does not take it."""
    if not view.stuck_in_commit:
        return None
    cause = f"block {view.height} is stored, the application stays at {view.height - 1}"
    return Verdict(NodeCondition.PANICKED, cause, view.status_evidence(cause))


def recent(view: NodeView) -> tuple[JournalLine, ...]:
    """The journal since the last start; for a daemon that loops, of its last tries, too."""
    entries = value_or_none(view.reading.journal) or ()
    since = view.started_at
    if since is None:
        return entries
    unit = view.unit
    if unit is not None and (unit.restarts >= LOOPS or unit.active_state == "failed"):
        since -= _LAST_TRIES
    return tuple(entry for entry in entries if entry.at >= since)


def _well(view: NodeView) -> bool:
    """Its consensus moves: whatever the journal says is over."""
    return view.rises and view.status is not None and not view.status.catching_up


def _signs(view: NodeView, scene: Scene) -> bool:
    return scene.power.of(view.address) > 0 or not scene.power.known


def _cured(view: NodeView) -> frozenset[NodeCondition]:
    """Conditions whose cause was taken away since, as other readings show.

    A consensus that died is cured by stopping: what is down is judged by why it is down.
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
    at = next((entry.at for entry in reversed(recent(view)) if entry.message == line), reading.at)
    return (
        Evidence(reading=f"{view.host}.journal", says=_short(line), source=reading.source, at=at),
    )

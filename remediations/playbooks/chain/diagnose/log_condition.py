"""Causes that the journal names, or that settings and disk show without it.

Without the journal a full disk, a left-over halt-height and double_sign_check_height are still
found from other readings; a damaged database, an upgrade and the reason why consensus died are not.
"""

from __future__ import annotations

from remediations.engine.find.finding import Evidence, evidence_of
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.context import ChainContext, NodeVerdict
from remediations.playbooks.chain.diagnose.database import database_of
from remediations.playbooks.chain.diagnose.journal_time import (
    Told,
    cause_among,
    lines_of_attempts,
    told_by_journal,
)
from remediations.playbooks.chain.diagnose.last_end import (
    changed_since,
    end_evidence,
    end_of,
    may_be_mended,
)
from remediations.playbooks.chain.diagnose.node_view import LOOPS, NodeView
from remediations.playbooks.chain.diagnose.room import left_words, room_of, room_words
from remediations.playbooks.chain.diagnose.symptom_rules import RULES
from remediations.systems.comet.double_sign_check import forbids_start
from remediations.systems.comet.journal_ends import is_panic, replayed_block
from remediations.systems.comet.journal_lines import Symptom, cause_of, named_height
from remediations.systems.comet.journal_table import kind_of
from remediations.systems.hosts.values import OPEN_FILES, Disk
from remediations.values.reading import value_or_none

_GO_PANIC = 2
"""Exit status of a Go program that panicked."""


_RAISE_LATER = (
    "Raise LimitNOFILE of UNIT to 65535 (`sudo systemctl edit UNIT`). It counts from its next "
    "start; its consensus may be alive, so restart it once blocks come."
)


def disk_full(view: NodeView, _scene: ChainContext) -> NodeVerdict | None:
    """The data file system is read-only, or too full to start a node that is not well. A node that
    is well goes on, and `doctor` warns of its disk."""
    disk = value_or_none(view.reading.disk)
    if disk is None or (disk.writable and (disk.has_room or _well(view))):
        return None
    if disk.writable:
        cause = f"{disk.available >> 20} MiB and {disk.inodes_available} inodes free below "
        cause += disk.path
        room = room_of(view.reading)
        if room is not None:
            cause += f"; {room_words(room, disk)}"
    else:
        cause = f"the file system of {disk.path} is mounted read-only"
    evidence = (evidence_of(f"{view.host}.disk", view.reading.disk, cause),)
    return NodeVerdict(NodeCondition.DISK_FULL, cause, evidence, _room_by_hand(view, disk))


def _room_by_hand(view: NodeView, disk: Disk) -> str:
    """What a person decides about on this host; "" for what the condition says."""
    if not disk.writable:
        return RULES[Symptom.DISK_READ_ONLY].by_hand
    left = left_words(view.reading, ())
    if not left:
        return ""
    return (
        f"Decide about {left}; or give the file system more room. Never data/*.db, never cs.wal. "
        "Then diagnose again."
    )


_OF_A_DATABASE = frozenset({Symptom.DATABASE_DAMAGED, Symptom.FILES_GONE})


def from_journal(view: NodeView, context: ChainContext) -> NodeVerdict | None:
    """The cause that the lines that count name, unless the node is well."""
    if _well(view):
        return None
    cured = _cured(view)
    told = cause_among(told_by_journal(view, context, cured))
    if told is None:
        return None
    rule = RULES[told.kind.symptom]
    condition, meaning = rule.condition, told.kind.meaning
    if rule.ended and view.answers:
        condition = None
    if rule.together is not None and not _others_passed(view, context, told.line):
        condition = rule.together
    hands = rule.by_hand
    if condition is NodeCondition.OPEN_FILES and not _ended(view, context, cured):
        condition, hands = NodeCondition.OBSTRUCTED, _RAISE_LATER
    died = told.kind.symptom is Symptom.CONSENSUS_FAILURE
    if died and view.stuck_in_commit and not _once_explained(view, cured):
        # No outside cause explains it: the application itself does not apply the block.
        condition = _fails(view, context)
        meaning = f"block {view.height} is stored, the application does not take it"
    if condition is None or may_be_mended(view, condition, told.at):
        return None
    reason = cause_of(told.line)
    if condition is NodeCondition.UPGRADE_NEEDED:
        meaning += _selected(view)
    elif told.kind.symptom in _OF_A_DATABASE:
        meaning += database_of(told.line)
    if condition is not rule.condition and hands is not _RAISE_LATER:
        hands = ""
    return NodeVerdict(
        condition, f"{meaning}: {reason}", (_line_evidence(view, told),), hands, reason
    )


def _ended(view: NodeView, context: ChainContext, cured: frozenset[Symptom]) -> bool:
    """Whether its consensus has ended: that of a process that answers may be alive, whatever its
    RPC could not open."""
    told = told_by_journal(view, context, cured)
    return not view.answers or any("CONSENSUS FAILURE" in one.line for one in told)


def log_hint(view: NodeView, context: ChainContext) -> tuple[str, Evidence, str] | None:
    """What explains something without proving a condition: refused signatures, memory, the last
    words of a process. The meaning, the line, and what to do by hand ("" for nothing)."""
    if _well(view):
        return None
    told = cause_among(told_by_journal(view, context, _cured(view)))
    if told is not None:
        rule = RULES[told.kind.symptom]
        if rule.condition is not None and not (rule.ended and view.answers):
            return None
        return told.kind.meaning, _line_evidence(view, told), rule.by_hand
    end = end_of(view)
    if end is None or view.answers:
        return None
    return "it ends with", end_evidence(view, end), ""


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
    ended = view.down or view.ends_again or view.stuck_in_commit
    if 0 < config.halt_height <= reached and ended:
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


def panicked(view: NodeView, context: ChainContext) -> NodeVerdict | None:
    """The next block is decided and stored, but the application does not apply it."""
    if not view.stuck_in_commit:
        return None
    cause = f"block {view.height} is stored, the application stays at {view.height - 1}"
    return NodeVerdict(_fails(view, context), cause, view.status_evidence(cause))


def fails_at_stored_block(view: NodeView, context: ChainContext) -> NodeVerdict | None:
    """Each of its last attempts panics with the same words, and had a stored block to execute
    first, while nothing that decides how it starts has changed. Its ends are counted, not those of
    its unit: below a wrapper that may be active all the time."""
    if view.answers:
        return None
    end, block = end_of(view), replayed_block(lines_of_attempts(view))
    if end is None or not block or end.times < LOOPS or not is_panic(end.words):
        return None
    if changed_since(view, end.at):
        return None
    reason = cause_of(end.words)
    cause = f"block {block} is stored, and {end.times} times it ended while it executed that"
    alone = context.passed >= block
    return NodeVerdict(
        NodeCondition.FAILS_ALONE if alone else NodeCondition.PANICKED,
        f"{cause}: {reason}",
        (end_evidence(view, end), *view.unit_evidence()),
        reason=reason,
    )


def _fails(view: NodeView, context: ChainContext) -> NodeCondition:
    alone = context.passed >= view.height
    return NodeCondition.FAILS_ALONE if alone else NodeCondition.PANICKED


def _selected(view: NodeView) -> str:
    """What cosmovisor starts now, for a sentence: the new program may lie beside it."""
    binary = value_or_none(view.reading.binary)
    if binary is None or "/cosmovisor/" not in binary.path:
        return ""
    return f" (cosmovisor's link `current` leads to {binary.path})"


def _others_passed(view: NodeView, context: ChainContext, line: str) -> bool:
    """Whether another node applied the block that this one fails at; if that is not known, whether
    blocks go on."""
    height = named_height(line) or (view.app.height + 1 if view.app is not None else 0)
    return context.passed >= height if height else context.growth > 0


def _well(view: NodeView) -> bool:
    """Whether its consensus makes progress: then whatever the journal says is over."""
    return view.rises and view.status is not None and not view.status.catching_up


def _signs(view: NodeView, context: ChainContext) -> bool:
    return context.power.of(view.address) > 0 or not context.power.known


def _cured(view: NodeView) -> frozenset[Symptom]:
    """Symptoms whose cause has been removed since, as other readings show.

    Dead consensus ends with the process: a node that is down is judged by the reason for that.
    """
    cured = set()
    disk, config, unit = value_or_none(view.reading.disk), view.config, view.unit
    if disk and disk.has_room and disk.writable:
        cured |= {Symptom.DISK_FULL, Symptom.DISK_READ_ONLY}
    if unit is not None and unit.open_files >= OPEN_FILES:
        cured.add(Symptom.OPEN_FILES)
    version = view.status.version if view.status is not None else None
    if config is not None and forbids_start(config.double_sign_check_height, version) is False:
        cured.add(Symptom.DOUBLE_SIGN_CHECK)
    if not view.answers:
        cured.add(Symptom.CONSENSUS_FAILURE)
        if config is not None and not (config.halt_height or config.halt_time):
            cured.add(Symptom.HALT_SETTING)
    return frozenset(cured)


def _once_explained(view: NodeView, cured: frozenset[Symptom]) -> bool:
    """Whether a line names a cause that has been removed since."""
    kinds = (kind_of(entry.message) for entry in lines_of_attempts(view))
    return any(kind is not None and kind.symptom in cured for kind in kinds)


def _line_evidence(view: NodeView, told: Told) -> Evidence:
    return Evidence(
        reading=f"{view.host}.journal",
        says=cause_of(told.line),
        source=view.reading.journal.source,
        at=told.at,
    )

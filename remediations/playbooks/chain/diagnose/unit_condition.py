"""What systemd and the process list tell about a node that does not answer."""

from __future__ import annotations

from remediations.engine.find.finding import Evidence, evidence_of
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.context import ChainContext, NodeVerdict
from remediations.playbooks.chain.diagnose.node_view import LOOPS, NodeView
from remediations.systems.hosts.hold import HOLD_NAME
from remediations.systems.hosts.values import Unit
from remediations.values.reading import Unknown

_KILLED = frozenset({"signal", "oom-kill", "watchdog", "timeout"})


def held(view: NodeView, _context: ChainContext) -> NodeVerdict | None:
    """A run stopped it for a change, and has not let it go: systemd starts it for nobody."""
    unit = view.unit
    if unit is None or not unit.held or view.processes is None or view.processes:
        return None
    if unit.active_state not in ("inactive", "failed"):
        return None
    return _verdict(view, NodeCondition.HELD, f"a run stopped {unit.name}, and holds it")


def left_held(view: NodeView) -> str:
    """What is to be known of a unit that a run holds, whatever else is wrong with it; else ""."""
    if view.unit is None or not view.unit.held:
        return ""
    return f"a run left {view.unit.name} held, so it would not start again ({HOLD_NAME})"


def silent_condition(view: NodeView, context: ChainContext) -> NodeVerdict | None:
    """Stopped, failed, looping or frozen; None while the node answers."""
    if view.answers:
        return None
    unit = view.unit
    if unit is None:
        return _unknown(view, _unread(view))
    if (
        unit.active_state != "active"
        and (unit.load_state == "masked" or unit.masked)
        and not view.processes
    ):
        return _verdict(view, NodeCondition.DISABLED, f"{unit.name} is masked")
    if unit.load_state not in ("loaded", "masked"):
        return _unknown(view, f"{unit.name}: load state {unit.load_state}")
    if unit.active_state == "active":
        return _running(view, unit, context)
    if view.processes is None:
        return _unknown(view, f"{unit.name} is {unit.active_state}; processes could not be read")
    if view.processes and unit.active_state in ("inactive", "failed"):
        pids = ", ".join(str(process.pid) for process in view.processes)
        return _unknown(view, f"{unit.name} is {unit.active_state}, yet pid {pids} uses its home")
    return _not_running(view, unit)


def _not_running(view: NodeView, unit: Unit) -> NodeVerdict:
    if unit.active_state == "activating":
        if unit.restarts >= LOOPS and unit.result == "oom-kill":
            return _verdict(view, NodeCondition.OUT_OF_MEMORY, _memory(unit))
        if unit.restarts >= LOOPS:
            cause = f"systemd restarted {unit.name} {unit.restarts} times; exit {unit.exit_status}"
            return _verdict(view, NodeCondition.CRASH_LOOP, cause)
        return _verdict(view, NodeCondition.STOPPED, f"{unit.name} is about to be started")
    if unit.active_state == "failed":
        if unit.result == "oom-kill" and unit.restarts >= LOOPS:
            return _verdict(view, NodeCondition.OUT_OF_MEMORY, _memory(unit))
        if unit.result == "start-limit-hit":
            cause = f"{unit.name} failed too often; systemd gave up; exit {unit.exit_status}"
            return _verdict(view, NodeCondition.CRASH_LOOP, cause)
        if unit.result in _KILLED:
            cause = f"{unit.name} was killed ({unit.result}, {unit.exit_status})"
            return _verdict(view, NodeCondition.STOPPED, cause)
        cause = f"{unit.name} failed: {unit.result}, exit {unit.exit_status}"
        return _verdict(view, NodeCondition.START_FAILS, cause)
    if unit.active_state == "inactive":
        if unit.enabled == "disabled":
            cause = f"{unit.name} is stopped and not enabled: it would not start at boot"
            return _verdict(view, NodeCondition.DISABLED, cause)
        return _verdict(view, NodeCondition.STOPPED, f"{unit.name} is stopped")
    return _unknown(view, f"{unit.name} is {unit.active_state}")


def _memory(unit: Unit) -> str:
    return (
        f"{unit.name} was killed for memory (oom-kill); systemd restarted it {unit.restarts} times"
    )


def _running(view: NodeView, unit: Unit, context: ChainContext) -> NodeVerdict:
    """The unit is active, but the RPC does not answer: frozen, unless it has just been started."""
    processes = view.processes
    if view.only_wrapper:
        cause = f"{unit.name} is active and its daemon has ended: only the wrapper around it runs"
        return _verdict(view, NodeCondition.WRAPPER_ALONE, cause, _process_evidence(view))
    stuck = [p for p in processes or () if p.state[:1] in ("T", "t", "D")]
    age = context.began + view.clock - unit.active_since if unit.active_since is not None else None
    young = age is not None and age <= context.grace
    if stuck:
        cause = f"pid {stuck[0].pid} is in state {stuck[0].state}: it is there and does nothing"
        return _verdict(view, NodeCondition.FROZEN, cause, _process_evidence(view))
    if young and unit.restarts >= LOOPS:
        cause = f"systemd restarted {unit.name} {unit.restarts} times; it does not come to life"
        return _verdict(view, NodeCondition.CRASH_LOOP, cause)
    if young and age is not None:
        seconds = int(age.total_seconds())
        return _unknown(view, f"{unit.name} started {seconds} s ago and does not answer yet")
    if processes is not None and not processes:
        return _unknown(view, f"{unit.name} is active, yet no process uses its home")
    return _verdict(
        view,
        NodeCondition.FROZEN,
        "the process runs, its RPC does not answer",
        _process_evidence(view),
    )


def _unread(view: NodeView) -> str:
    """Why nothing is known of its unit: the host's own reason, where it gave one."""
    reading = view.reading.unit
    why = f": {reading.reason}" if isinstance(reading, Unknown) and view.reached else ""
    return f"neither its unit nor its RPC could be read{why}"


def _process_evidence(view: NodeView) -> tuple[Evidence, ...]:
    says = ", ".join(f"pid {p.pid} state {p.state}" for p in view.processes or ())
    return (evidence_of(f"{view.host}.processes", view.reading.processes, says),)


def _verdict(
    view: NodeView, condition: NodeCondition, cause: str, more: tuple[Evidence, ...] = ()
) -> NodeVerdict:
    return NodeVerdict(condition, cause, view.unit_evidence() + more + view.status_evidence(""))


def _unknown(view: NodeView, cause: str) -> NodeVerdict:
    evidence = view.unit_evidence() + _process_evidence(view)
    return NodeVerdict(NodeCondition.UNKNOWN, cause, evidence)

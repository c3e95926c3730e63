"""Checks a run's journal without this package: standard library only, no network, no clock.

    python journal_check.py JOURNAL [PLAN], or RUN.tar

It checks that the records are an unbroken chain in their canonical form; that their order is
possible (nothing happens twice, nothing ends that did not start, nothing is given back that was
not taken, nothing follows the end but that and verifications, each with the verdict that its checks
give, unless the run was resumed); who approved; and, with the plan, that what ran is what the plan
says, byte for byte.

What it cannot detect: a journal that ends early may have been cut, or the machine may have died;
and an attacker who can write the file can replace all of it. So keep the head (the hash of the last
record) somewhere else. The signatures in approvals/ can be verified independently.

Exit 0: nothing is wrong. 1: something is. 2: it cannot be read. 3: nothing is wrong, and no end.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tarfile
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

GOOD, WRONG, UNREADABLE, NO_END = 0, 1, 2, 3
FORMAT = "3"
HEAD = {"number", "previous", "at", "plan", "event"}
EVENTS = {
    "run-began": {"format", "message", "start"},
    "run-resumed": {"message", "start"},
    "undo-began": {"message", "start", "reason"},
    "nothing-to-undo": {"steps", "target"},
    "stop-asked": {"actor", "reason"},
    "facts-held": {"count"},
    "fence-stolen": {"resource", "number", "said"},
    "fence-taken": {"resource", "number", "hosts"},
    "fence-given": {"resource", "number", "hosts"},
    "step-starting": {"step", "target", "action", "payload_sha256"},
    "step-ended": {
        *("step", "state", "message", "exit_status", "output", "error_output", "duration_ms"),
    },
    "step-voided": {"step", "target"},
    "gate-waiting": {"stage", "title"},
    "gate-ended": {"stage", "state", "title", "seen"},
    "sampled": {"sight"},
    "run-ended": {"state", "message"},
    "run-abandoned": {"reason"},
    "checked": {"state", "message", "checks_sha256", "began", "ended", "samples"},
}
CHECK, SAMPLE = {"id", "host", "outcome", "at"}, {"at", "sight"}
OUTCOMES = {"passed", "failed", "unknown"}
STATES = {
    "step-ended": {"done", "failed", "unknown"},
    "gate-ended": {"opened", "shut"},
    "run-ended": {"running", "stopped", "aborted", "unknown", "undone"},
    "checked": {"verified", "unverified"},
}
DONE = ("the plan was carried out", "the run was undone")
TAKEN_UP = ("run-resumed", "stop-asked", "undo-began")
"""After these a run that has ended is open again."""
Record = dict[str, Any]
"""A line whose members were checked: a head, and an event of one of the kinds."""


class JournalReport(NamedTuple):
    """What was found: lines for people, problems, and whether the run has an end."""

    lines: tuple[str, ...]
    problems: tuple[str, ...]
    ended: bool

    @property
    def exit_status(self) -> int:
        """The exit code of the program."""
        if self.problems:
            return WRONG
        return GOOD if self.ended else NO_END


def check_journal(journal: bytes, plan: bytes | None = None) -> JournalReport:
    """Check the bytes of a journal and, if given, those of the plan's file."""
    *whole, torn = journal.split(b"\n")
    records, problems = _chain(whole)
    problems += _story(records)
    events = [(str(record["at"]), record["event"]) for record in records]
    end = _last_end(events)
    lines = [f"{len(records)} records, head {_sha256(whole[-1]) if whole else 'none'}"]
    if records:
        lines.append(f"plan {records[0]['plan']}")
    lines += [f"{at} {e['message']}" for at, e in events[:1] if e["kind"] == "run-began"]
    if torn:
        cut = f"{len(torn)} bytes without an end"
        lines.append(f"the last line is incomplete ({cut}): it says nothing")
    verbs = {"run-resumed": "resumed", "undo-began": "undone"}
    lines += [f"{verbs[e['kind']]} {at} {e['message']}" for at, e in events if e["kind"] in verbs]
    none = "no end: either the machine died or the end was cut off"
    lines.append(f"ended {end[0]}: {end[1].get('state', 'abandoned')}" if end else none)
    lines += [
        f"checked {at}: {event['state']}: {event['message']}"
        for at, event in events
        if event["kind"] == "checked"
    ]
    lines += [f"may still run: {step}" for step in _open(records)]
    if plan is None:
        lines.append("no plan was given: what ran was not compared")
    else:
        problems += _against(records, plan)
        lines.append(f"compared with plan {_sha256(plan)}")
    return JournalReport(tuple(lines), tuple(problems), end is not None)


def _last_end(events: list[tuple[str, Record]]) -> tuple[str, Record] | None:
    """The end of a run, None if it has none since it was last taken up."""
    for at, event in reversed(events):
        if event["kind"] in ("run-ended", "run-abandoned"):
            return at, event
        if event["kind"] in TAKEN_UP:
            return None
    return None


def _chain(lines: list[bytes]) -> tuple[list[Record], list[str]]:
    records: list[Record] = []
    problems = []
    previous = ""
    for number, line in enumerate(lines, 1):
        record = _record(line)
        if record is None:
            problems.append(f"line {number}: not a record in the form in which they are written")
        else:
            where = f"line {number}"
            if record["number"] != str(number):
                said = f"says it is number {record['number']}"
                problems.append(f"{where}: {said}: records were removed, added or moved")
            if record["previous"] != previous:
                said = "one of them was edited, removed or moved"
                problems.append(f"{where}: does not follow the line before: {said}")
            records.append(record)
        previous = _sha256(line)
    return records, problems


def _record(line: bytes) -> Record | None:
    """The record, if the line is canonical: sorted keys, no blanks, numbers as strings."""
    try:
        value = json.loads(line)
        again = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        if not isinstance(value, dict) or again.encode() != line:
            return None
    except (ValueError, RecursionError):
        return None
    return value if value.keys() == HEAD and _possible(value["event"]) else None


def _possible(event: object) -> bool:
    """Whether it has exactly the members of its kind, and a valid state."""
    if not isinstance(event, dict):
        return False
    kind, state = event.get("kind"), event.get("state")
    if not isinstance(kind, str) or event.keys() != EVENTS.get(kind, set()) | {"kind"}:
        return False
    if kind == "run-began" and event["format"] != FORMAT:
        return False
    return kind not in STATES or (isinstance(state, str) and state in STATES[kind])


def other_format(journal: bytes) -> str | None:
    """The format of a journal that another version wrote; None for ours, and for bytes that are not
    a journal."""
    try:
        head = json.loads(journal.split(b"\n")[0])
    except (ValueError, RecursionError):
        return None
    if isinstance(head, dict) and "kind" in head and "event" not in head:
        return "1"
    event = head.get("event") if isinstance(head, dict) else None
    found = event.get("format") if isinstance(event, dict) else None
    return found if isinstance(found, str) and found != FORMAT else None


def _story(records: list[Record]) -> list[str]:
    """What cannot have happened, whatever the plan says."""
    problems = []
    held: dict[str, int] = {}
    for position, record in enumerate(records, 1):
        kind = record["event"]["kind"]
        if (kind == "run-began") != (position == 1):
            problems.append(f"record {position}: a journal begins with run-began, once")
        if record["plan"] != records[0]["plan"]:
            problems.append(f"record {position}: is of another plan")
        found = _of_a_verification(record["event"]) if kind == "checked" else []
        if kind in ("fence-taken", "fence-given"):
            found = _of_a_fence(record["event"], held)
        problems += [f"record {position}: {one}" for one in found]
    return [*problems, *_after_the_end(records), *_of_the_steps(records)]


def _after_the_end(records: list[Record]) -> list[str]:
    """What follows the end of a run, and may not. A run that did not get through may be taken up
    again; one that did only to undo it. Nothing but verifications follows one that was abandoned or
    undone. Its fences are given back behind the end."""
    problems: list[str] = []
    ended = final = through = False
    for position, record in enumerate(records, 1):
        event = record["event"]
        kind = event["kind"]
        again = kind in TAKEN_UP
        if kind == "fence-given":
            continue
        through = through and kind != "undo-began"
        if (final or through) and kind != "checked":
            problems.append(f"record {position}: something but a verification follows the end")
        elif ended and not again and kind not in ("checked", "run-abandoned"):
            problems.append(f"record {position}: follows the end, and the run was not resumed")
        ends = kind in ("run-ended", "checked", "run-abandoned")
        ended = ends or (ended and not again)
        through = through or (kind == "run-ended" and event["state"] == "running")
        undone = kind == "run-ended" and event["state"] == "undone"
        final = final or undone or kind == "run-abandoned"
    return problems


def _of_the_steps(records: list[Record]) -> list[str]:
    """Steps that happen twice, or end without a start. Where nobody saw the end of a step, a run
    that is taken up again may start it again (its target refuses that), or tell its end later."""
    problems = []
    states: dict[str, str] = {}
    again: set[str] = set()
    for position, record in enumerate(records, 1):
        event = record["event"]
        kind, step = event["kind"], str(event.get("step"))
        before = states.get(step)
        unseen = before in ("started", "unknown")
        where = f"record {position}: step {step}"
        if kind in ("run-resumed", "undo-began"):
            again = {one for one, state in states.items() if state in ("started", "unknown")}
        elif kind == "step-starting":
            if before is not None and step not in again:
                problems.append(f"{where} starts twice")
            again.discard(step)
            states[step] = "started"
        elif kind == "step-ended":
            if before is None:
                problems.append(f"{where} ends and did not start")
            elif not unseen:
                problems.append(f"{where} ends twice")
            states[step] = event["state"]
        elif kind == "step-voided":
            if before is not None:
                problems.append(f"{where} is voided after it has started")
            states[step] = "voided"
    return problems


def _of_a_fence(event: Record, held: dict[str, int]) -> list[str]:
    """Whether it can be taken or given back now. `held` is the last number of each resource,
    negative once it was given back."""
    resource, number = str(event["resource"]), str(event["number"])
    if not number.isdecimal() or not isinstance(event["hosts"], list):
        return ["a fence that is not in the form in which it is written"]
    before = held.get(resource, 0)
    if event["kind"] == "fence-taken":
        held[resource] = int(number)
        rises = int(number) > abs(before)
        return [] if rises else ["takes a fence with a number that does not rise"]
    held[resource] = -int(number)
    return [] if before == int(number) else ["gives a fence back that is not held"]


def _of_a_verification(event: Record) -> list[str]:
    """Whether its verdict is what its checks came to, and its times rise from its beginning."""
    ended, samples = event["ended"], event["samples"]
    try:
        whole = all(one.keys() == CHECK and one["outcome"] in OUTCOMES for one in ended)
        whole = whole and all(one.keys() == SAMPLE for one in samples)
        rise = _rise(event["began"], ended) and _rise(event["began"], samples)
    except (AttributeError, KeyError, TypeError, ValueError):
        whole = rise = False
    if not whole:
        return ["its checks or samples are not in the form in which they are written"]
    passed = bool(ended) and all(one["outcome"] == "passed" for one in ended)
    problems = [] if rise else ["its times do not rise"]
    if (event["state"] == "verified") != passed:
        problems.append(f"{event['state']} is not what its checks came to")
    return problems


def _rise(began: str, those: list[dict[str, str]]) -> bool:
    moments = [datetime.fromisoformat(at) for at in (began, *(one["at"] for one in those))]
    return moments == sorted(moments)


def _open(records: list[Record]) -> list[str]:
    """Steps that were announced and have no known end, with their targets."""
    found: dict[str, str] = {}
    for event in (record["event"] for record in records):
        step = str(event.get("step"))
        if event["kind"] == "step-starting":
            found[step] = f"step {step} on {event['target']}"
        elif event["kind"] == "step-ended" and event["state"] != "unknown":
            found.pop(step, None)
    return sorted(found.values())


def _against(records: list[Record], plan: bytes) -> list[str]:
    """Compare what ran with what the plan says."""
    problems = []
    if records and records[0]["plan"] != _sha256(plan):
        problems.append(f"the journal is of plan {records[0]['plan']}, this is {_sha256(plan)}")
    try:
        stages = json.loads(plan)["stages"]
        undo = [one for stage in reversed(stages) for one in stage.get("undo", ())]
        back = {str(step["id"]): {*one["undoes"]} for one in undo for step in one["steps"]}
        steps = [step for one in (*stages, *undo) for step in one["steps"]]
        planned = {
            str(step["id"]): (str(step["target"]), _sha256(step["payload"].encode()))
            for step in steps
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return [*problems, "the plan is not one"]
    if len(planned) < len(steps):
        return [*problems, "two steps of the plan have one id"]
    place = {step: number for number, step in enumerate(planned)}
    reached: dict[str, int] = {}
    started: set[str] = set()
    undone = False
    for event in (record["event"] for record in records):
        undone = undone or event["kind"] == "undo-began"
        if event["kind"] != "step-starting":
            continue
        step = str(event["step"])
        if step not in planned:
            problems.append(f"step {step}: ran, and is not in the plan")
            continue
        target, payload_sha256 = planned[step]
        if event["target"] != target:
            problems.append(f"step {step}: ran on {event['target']}, the plan says on {target}")
        if event["payload_sha256"] != payload_sha256:
            problems.append(f"step {step} on {target}: what ran is not what the plan says")
        if place[step] < reached.get(target, 0):
            problems.append(f"step {step} on {target}: ran after a later step of its target")
        if (step in back) != undone:
            problems.append(f"step {step} on {target}: ran while {DONE[undone]}")
        if step in back and not back[step] & started:
            problems.append(f"step {step} on {target}: takes back what was never started")
        started.add(step)
        reached[target] = max(place[step], reached.get(target, 0))
    return problems


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _harmless(line: str) -> str:
    """The line without control characters: the file is not trusted."""
    return "".join(mark if mark.isprintable() else "?" for mark in line)


def _files(names: list[str]) -> list[bytes]:
    """The journal, and the plan if it is given; both of an exported run."""
    if len(names) > 1 or not names[0].endswith(".tar"):
        return [Path(name).read_bytes() for name in names]
    with tarfile.open(names[0], "r:") as archive:  # not compressed: nothing unfolds
        members = [archive.getmember(name) for name in ("journal.jsonl", "plan.json")]
        if any(one.type != tarfile.REGTYPE or one.sparse is not None for one in members):
            raise tarfile.ReadError("a file in it is not a plain one")
        return [file.read() for file in map(archive.extractfile, members) if file is not None]


def main(arguments: list[str]) -> int:
    """The program. Returns its exit code."""
    if len(arguments) not in (1, 2):
        sys.stderr.write("usage: python journal_check.py JOURNAL [PLAN], or RUN.tar\n")
        return UNREADABLE
    try:
        files = _files(arguments)
    except (OSError, KeyError, tarfile.TarError) as error:
        sys.stderr.write(f"cannot be read: {error}\n")
        return UNREADABLE
    other = other_format(files[0])
    if other is not None:
        sys.stderr.write(
            f"this reads journals of format {FORMAT}, and that is one of format "
            f"{_harmless(other[:20])}: take the journal_check.py of the version that wrote it\n"
        )
        return UNREADABLE
    report = check_journal(*files)
    lines = [*report.lines, *(f"WRONG: {problem}" for problem in report.problems)]
    lines.append(f"{len(report.problems)} problem(s)" if report.problems else "nothing wrong")
    text = "".join(f"{_harmless(line)}\n" for line in lines)
    sys.stdout.buffer.write(text.encode(errors="replace"))
    return report.exit_status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

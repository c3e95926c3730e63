"""Checks a run's journal without this package: standard library only, no network, no clock.

    python journal_check.py JOURNAL [PLAN]

Tells whether the records are an unbroken chain in the form in which they are written; whether they
tell a possible story (nothing twice, nothing ends that did not start, nothing but verifications
after the end); who approved; and, with the plan, whether what ran is what it says, byte for byte.

What it cannot tell: a journal that ends early may be cut or may be of a machine that died, and
whoever can write the file can write all of it anew. So note the head (the hash of the last record)
somewhere else; the signatures in approvals/ stand by themselves.

Exit 0: nothing wrong. 1: something is. 2: cannot be read. 3: nothing wrong, but it has no end.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import NamedTuple

GOOD, WRONG, UNREADABLE, NO_END = 0, 1, 2, 3
FIELDS = {
    *("number", "previous", "at", "kind", "plan", "step", "host", "state", "message"),
    *("command_sha256", "exit_status", "output", "error_output", "duration_ms"),
    *("round", "online_power", "total_power", "heights", "start", "checks_sha256"),
}
Record = dict[str, object]


class Report(NamedTuple):
    """What was found: lines to read, problems, and whether the run has an end."""

    lines: tuple[str, ...]
    problems: tuple[str, ...]
    ended: bool

    @property
    def exit_status(self) -> int:
        """The exit code of the program."""
        if self.problems:
            return WRONG
        return GOOD if self.ended else NO_END


def check(journal: bytes, plan: bytes | None = None) -> Report:
    """Everything that the bytes of a journal, and of the plan's file, tell."""
    *whole, torn = journal.split(b"\n")
    records, problems = _chain(whole)
    problems += _story(records)
    end = next((r for r in records if r["kind"] == "run-ended"), None)
    lines = [f"{len(records)} records, head {_sha256(whole[-1]) if whole else 'none'}"]
    if records:
        lines.append(f"plan {records[0]['plan']}")
        lines += [f"{r['at']} {r['message']}" for r in records[:1] if r["kind"] == "run-began"]
    if torn:
        lines.append(f"the last line is torn ({len(torn)} bytes without an end): it says nothing")
    if end is not None:
        lines.append(f"ended {end['at']}: {end['state']}")
    else:
        lines.append("no end: the machine died or the end was cut, which cannot be told apart")
    checked = [r for r in records if r["kind"] == "checked"]
    lines += [f"checked {r['at']}: {r['state']}: {r['message']}" for r in checked]
    lines += [f"may still run: {step}" for step in sorted(_open(records))]
    if plan is None:
        lines.append("no plan was given: what ran was not compared")
    else:
        problems += _against(records, plan)
        lines.append(f"compared with plan {_sha256(plan)}")
    return Report(tuple(lines), tuple(problems), end is not None)


def _chain(lines: list[bytes]) -> tuple[list[Record], list[str]]:
    records: list[Record] = []
    problems = []
    previous = ""
    for number, line in enumerate(lines, 1):
        record = _record(line)
        if record is None:
            problems.append(f"line {number}: not a record in the form in which they are written")
        else:
            if record["number"] != str(number):
                problems.append(
                    f"line {number}: says it is number {record['number']}: records were removed, "
                    "added or moved"
                )
            if record["previous"] != previous:
                problems.append(
                    f"line {number}: does not follow the line before: one of them was edited, "
                    "removed or moved"
                )
            records.append(record)
        previous = _sha256(line)
    return records, problems


def _record(line: bytes) -> Record | None:
    """The record, if these are its canonical bytes: keys sorted, no blanks, numbers as text."""
    try:
        value = json.loads(line)
        again = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        if not isinstance(value, dict) or again.encode() != line:
            return None
    except (ValueError, RecursionError):
        return None
    return value if value.keys() == FIELDS else None


def _story(records: list[Record]) -> list[str]:
    problems = []
    over = False
    began: set[str] = set()
    ended: set[str] = set()
    for position, record in enumerate(records, 1):
        kind, step = record["kind"], _step(record)
        where = f"record {position}: {step}"
        if (kind == "run-began") != (position == 1):
            problems.append(f"record {position}: a journal begins with run-began, once")
        if record["plan"] != records[0]["plan"]:
            problems.append(f"record {position}: is of another plan")
        if over and kind != "checked":
            problems.append(f"record {position}: something but a verification follows the end")
        over = over or kind in ("run-ended", "checked")
        if kind == "command-starting":
            if step in began:
                problems.append(f"{where} starts twice")
            began.add(step)
        if kind == "command-ended":
            if step not in began:
                problems.append(f"{where} ends and did not start")
            if step in ended:
                problems.append(f"{where} ends twice")
            ended.add(step)
    return problems


def _open(records: list[Record]) -> set[str]:
    """Steps that were announced and have no known end."""
    found: set[str] = set()
    for record in records:
        if record["kind"] == "command-starting":
            found.add(_step(record))
        elif record["kind"] == "command-ended" and record["state"] != "unknown":
            found.discard(_step(record))
    return found


def _against(records: list[Record], plan: bytes) -> list[str]:
    """What ran against what the plan says."""
    problems = []
    if records and records[0]["plan"] != _sha256(plan):
        problems.append(f"the journal is of plan {records[0]['plan']}, this is {_sha256(plan)}")
    try:
        planned = {
            _named(f"{stage['number']}-{index}", command["host"]): _sha256(command["text"].encode())
            for stage in json.loads(plan)["stages"]
            for index, command in enumerate(stage["commands"])
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return [*problems, "the plan is not one"]
    place = {step: number for number, step in enumerate(planned)}
    reached: dict[str, int] = {}
    for record in records:
        if record["kind"] != "command-starting":
            continue
        step, host = _step(record), str(record["host"])
        if step not in planned:
            problems.append(f"{step}: ran, and is not in the plan")
            continue
        if record["command_sha256"] != planned[step]:
            problems.append(f"{step}: what ran is not what the plan says")
        if place[step] < reached.get(host, 0):
            problems.append(f"{step}: ran after a later step of its host")
        reached[host] = max(place[step], reached.get(host, 0))
    return problems


def _step(record: Record) -> str:
    return _named(str(record["step"]), str(record["host"]))


def _named(step: str, host: str) -> str:
    return f"step {step} on {host}"


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _harmless(line: str) -> str:
    """Without anything that a terminal would obey: the file is not trusted."""
    return "".join(mark if mark.isprintable() else "?" for mark in line)


def main(arguments: list[str]) -> int:
    """The program. Returns its exit code."""
    if len(arguments) not in (1, 2):
        sys.stderr.write("usage: python journal_check.py JOURNAL [PLAN]\n")
        return UNREADABLE
    try:
        report = check(*(Path(name).read_bytes() for name in arguments))
    except OSError as error:
        sys.stderr.write(f"cannot be read: {error}\n")
        return UNREADABLE
    lines = [*report.lines, *(f"WRONG: {problem}" for problem in report.problems)]
    lines.append(f"{len(report.problems)} problem(s)" if report.problems else "nothing wrong")
    text = "".join(f"{_harmless(line)}\n" for line in lines)
    sys.stdout.buffer.write(text.encode(errors="replace"))
    return report.exit_status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

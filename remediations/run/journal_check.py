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
from collections import Counter
from pathlib import Path
from typing import NamedTuple

GOOD, WRONG, UNREADABLE, NO_END = 0, 1, 2, 3
FIELDS = {
    *("number", "previous", "at", "kind", "plan", "stage", "host", "state", "message"),
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
    lines += [f"may still run: stage {s} on {h}" for s, h in sorted(_open(records))]
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
    running: set[tuple[str, str]] = set()
    for position, record in enumerate(records, 1):
        kind, key = record["kind"], _key(record)
        where = f"record {position}: stage {key[0]} on {key[1]}"
        if (kind == "run-began") != (position == 1):
            problems.append(f"record {position}: a journal begins with run-began, once")
        if record["plan"] != records[0]["plan"]:
            problems.append(f"record {position}: is of another plan")
        if over and kind != "checked":
            problems.append(f"record {position}: something but a verification follows the end")
        over = over or kind in ("run-ended", "checked")
        if kind == "command-starting":
            if key in running:
                problems.append(f"{where} starts while it runs")
            running.add(key)
        if kind == "command-ended":
            if key not in running:
                problems.append(f"{where} ends and did not start")
            running.discard(key)
    return problems


def _open(records: list[Record]) -> set[tuple[str, str]]:
    """Stage and host of what was announced and has no known end."""
    found: set[tuple[str, str]] = set()
    for record in records:
        if record["kind"] == "command-starting":
            found.add(_key(record))
        elif record["kind"] == "command-ended" and record["state"] != "unknown":
            found.discard(_key(record))
    return found


def _against(records: list[Record], plan: bytes) -> list[str]:
    """What ran against what the plan says."""
    problems = []
    if records and records[0]["plan"] != _sha256(plan):
        problems.append(f"the journal is of plan {records[0]['plan']}, this is {_sha256(plan)}")
    try:
        planned = [
            ((stage["number"], command["host"]), _sha256(command["text"].encode()))
            for stage in json.loads(plan)["stages"]
            for command in stage["commands"]
        ]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return [*problems, "the plan is not one"]
    turn: Counter[tuple[str, str]] = Counter()
    for record in records:
        if record["kind"] != "command-starting":
            continue
        key = _key(record)
        mine = [digest for at, digest in planned if at == key]
        where = f"stage {key[0]} on {key[1]}"
        if turn[key] >= len(mine):
            problems.append(f"{where}: ran, and is not (so often) in the plan")
        elif record["command_sha256"] != mine[turn[key]]:
            problems.append(f"{where}: what ran is not what the plan says")
        turn[key] += 1
    return problems


def _key(record: Record) -> tuple[str, str]:
    return str(record["stage"]), str(record["host"])


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

"""Earlier rollbacks of a node, as the records of its host tell of them. Pure.

Each step leaves its output below /var/lib/remediate, where root alone can write
(`systems/hosts/launcher.sh`), and a rollback prints the height and the app hash that it came to. So
every host knows how often its newest block was executed again, whichever bastion it was from.
"""

from __future__ import annotations

import re

from remediations.values.lines import TextError, parse_number, split_lines
from remediations.values.record import Record

_LINE = re.compile("([0-9a-f]{64}) ([0-9]{1,18}) ([0-9A-F]{2,128})")


class Rollback(Record, frozen=True, kw_only=True):
    """One that succeeded: by which plan, and the height and the state that it went back to."""

    plan: str
    height: int
    app_hash: str


def parse_rollbacks(text: str) -> tuple[Rollback, ...]:
    """The section `rollbacks`.

    Raises:
        TextError: a line is malformed.
    """
    found = []
    for line in split_lines(text):
        match = _LINE.fullmatch(line)
        if match is None:
            raise TextError("an earlier rollback is told of in another form")
        plan, height, app_hash = match.groups()
        found.append(Rollback(plan=plan, height=parse_number(height), app_hash=app_hash))
    return tuple(found)

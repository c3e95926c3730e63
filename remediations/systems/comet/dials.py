"""Whether the p2p ports of a node's missing peers can be reached from its host. Pure."""

from __future__ import annotations

import re

from remediations.systems.comet.values import Dial, DialAnswer
from remediations.values.lines import TextError, split_lines

_LINE = re.compile(r"([0-9a-f]{40}) (open|refused|silent)")


def parse_dials(output: bytes) -> tuple[Dial, ...]:
    """One line for each peer that was tried, in any order.

    Raises:
        TextError: a line is malformed.
    """
    found = []
    for line in filter(None, split_lines(output.decode("ascii", "replace"))):
        match = _LINE.fullmatch(line)
        if match is None:
            raise TextError("a line about a peer's port is malformed")
        found.append(Dial(node_id=match[1], answer=DialAnswer(match[2])))
    return tuple(sorted(found, key=lambda dial: dial.node_id))

"""Lines of a journal on their way through the program that runs on a host, and its reader."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from msgspec.structs import replace

from remediations.engine.observe.observation import Scope
from remediations.systems.hosts.values import JournalLine, Unit
from remediations.values.reading import Known
from tests.unit.observe.fake_host import Host, observe
from tests.worlds import BEGAN

NO_RPC = 1
"""A port on which nothing listens, so that the program has nothing to wait for."""

Line = str | tuple[float, str]
"""What a daemon printed, and how many seconds before the observation: by default a second."""
SYSTEMD = "systemd: "
"""A line that begins so is not the daemon's."""

# It answers what the real one would: entries since the time that it is asked for, newest first if
# asked, at most so many if asked.
JOURNALCTL = """#!/bin/bash
since=0 order=cat most=1000000
for word; do
    case $word in
    --since=@*) since=${word#--since=@} ;;
    --reverse) order=tac ;;
    --lines=*) most=${word#--lines=} ;;
    esac
done
awk -v since="$since" '$1 >= since' "$(dirname "$0")/../journal" | tail -n "$most" | $order
"""


class LoggingHost(Host):
    """A host whose unit and journal are those of a world."""

    def __init__(self, root: Path, unit: Unit, lines: Sequence[tuple[datetime, str]]) -> None:
        super().__init__(root, NO_RPC)
        self.unit = unit
        root.joinpath("journal").write_text("".join(_entry(*line) for line in lines))

    def install(self) -> None:
        super().install()
        self.script("journalctl", JOURNALCTL)
        systemctl = self.bin / "systemctl"
        text = systemctl.read_text()
        for name, value in _properties(self.unit).items():
            text, count = re.subn(rf"^{name}=.*$", f"{name}={value}", text, flags=re.MULTILINE)
            assert count == 1, name
        systemctl.write_text(text)


def _properties(unit: Unit) -> dict[str, str]:
    since = unit.active_since
    stamp = since.strftime("%a %Y-%m-%d %H:%M:%S UTC") if since is not None else ""
    return {
        "ActiveState": unit.active_state,
        "SubState": unit.sub_state,
        "Result": unit.result,
        "NRestarts": str(unit.restarts),
        "ExecMainStatus": str(unit.exit_status),
        "LimitNOFILE": str(unit.open_files),
        "ActiveEnterTimestamp": stamp,
        "InactiveExitTimestamp": stamp,
    }


def _entry(at: datetime, message: str) -> str:
    who = "systemd[1]" if message.startswith(SYSTEMD) else "virtengined[400]"
    return f"{at.timestamp():.6f} host {who}: {message.removeprefix(SYSTEMD)}\n"


def dated(lines: Sequence[Line]) -> tuple[tuple[datetime, str], ...]:
    """`lines`, oldest first, with the times at which they were logged: a millisecond apart."""
    rows = []
    for place, line in enumerate(lines):
        ago, text = (1.0, line) if isinstance(line, str) else line
        at = BEGAN - timedelta(seconds=ago) + timedelta(milliseconds=place)
        rows += [(at, part) for part in text.split("\n")]
    return tuple(sorted(rows, key=lambda row: row[0]))


def arrived(unit: Unit, lines: Sequence[Line]) -> tuple[JournalLine, ...]:
    """What the product reads of `lines` on a host whose unit is `unit`, oldest first."""
    # A hundred hosts with equal units and lines differ in nothing that the program looks at.
    return _arrived(replace(unit, invocation=""), dated(lines))


@cache
def _arrived(unit: Unit, lines: tuple[tuple[datetime, str], ...]) -> tuple[JournalLine, ...]:
    with tempfile.TemporaryDirectory() as place:
        read = observe(LoggingHost(Path(place), unit, lines), Scope.DECIDING).journal
    assert isinstance(read, Known), read
    return read.value

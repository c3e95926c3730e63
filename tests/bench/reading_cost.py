"""Figure 5: what the reading costs the host, section by section.

The probe runs here, on a directory that looks like a host with a program of real size; with a lab
it runs on the lab's hosts. CPU is of the whole program; sections overlap and wait for each other,
so theirs is time on the clock, as the document says it.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

import msgspec

from remediations.engine.observe.observation import Scope
from remediations.systems.comet.inventory import Role
from tests.bench.figure import Figure, Line
from tests.bench.reading import Chain
from tests.inventories import node_entry
from tests.unit.observe.fake_host import Host, run_probe

GOAL_S = 0.6
PROGRAM_BYTES = 91_000_000
"""The daemon's size; hashing it is most of what describes a host."""
SECTIONS = 8
US_PER_MS = 1000


class _Section(msgspec.Struct):
    us: int


def measure(rounds: int, *, program_bytes: int = PROGRAM_BYTES) -> Figure:
    """The figure, for both scopes: all, and only what decides."""
    lines: list[Line] = []
    took: list[Mapping[str, int]] = []
    for scope in (Scope.FULL, Scope.DECIDING):
        costs = []
        for _ in range(rounds):
            cpu_s, sections = _probe(scope, program_bytes)
            costs.append(cpu_s)
            if scope is Scope.FULL:
                took.append(sections)
        lines.append(Line(what=f"{scope} reading", value=median(costs), unit="s CPU", goal=GOAL_S))
    lines.extend(section_lines(took))
    return Figure(
        id="5",
        title="What a reading costs the host",
        rounds=rounds,
        lines=tuple(lines),
        notes=(
            f"a stand-in for a host: a program of {program_bytes / 1e6:.0f} MB (hashed, not asked "
            "for its version), an RPC that is not counted, no journal; real hosts: --lab",
        ),
    )


def section_lines(took: Sequence[Mapping[str, int]]) -> list[Line]:
    """The longest sections by their median time on the clock."""
    names = sorted({name for sections in took for name in sections})
    medians = {n: median(sections[n] for sections in took if n in sections) for n in names}
    longest = sorted(medians, key=lambda name: -medians[name])[:SECTIONS]
    return [
        Line(what=f"section {name}", value=medians[name] / US_PER_MS, unit="ms") for name in longest
    ]


def sections_of(printed: bytes) -> dict[str, int]:
    """Section → µs, from what the probe printed."""
    document = msgspec.json.decode(printed[printed.index(b"{") :], type=dict[str, msgspec.Raw])
    return {
        name: msgspec.json.decode(raw, type=_Section).us
        for name, raw in document.items()
        if bytes(raw).startswith(b"{")
    }


def _probe(scope: Scope, program_bytes: int) -> tuple[float, dict[str, int]]:
    """CPU seconds of the probe and all it started, and its sections."""
    rpc = Chain(4)
    with tempfile.TemporaryDirectory() as directory, contextlib.closing(rpc):
        host = Host(Path(directory), rpc.port)
        host.install()
        with _daemon(host, program_bytes) as pid:
            systemctl = host.bin / "systemctl"
            systemctl.write_text(systemctl.read_text().replace("MainPID=0", f"MainPID={pid}"))
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            printed, _, _ = run_probe(
                host, scope, node_entry(name="val1", role=Role.VALIDATOR, ssh="val1")
            )
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu_s, sections_of(printed)


@contextlib.contextmanager
def _daemon(host: Host, program_bytes: int) -> Iterator[int]:
    """A process that runs the unit's program, which is sleep(1) made as large as the daemon."""
    host.program.unlink()
    shutil.copy(str(shutil.which("sleep")), host.program)
    if program_bytes > host.program.stat().st_size:
        os.truncate(host.program, program_bytes)
    process = subprocess.Popen([host.program, "600"])
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()

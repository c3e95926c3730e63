"""What a host is short of that makes its node late: processors, disk, memory; and full mempools.

A node that is slow under pressure is well: a restart makes nothing faster, and takes its votes away
meanwhile. So each phrase comes with what a person does about the pressure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from shlex import quote

from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.render.formats import count_of, name_some
from remediations.systems.comet.pressure import Pressure
from remediations.values.reading import Known

WAITS_PERCENT = 50
"""A daemon that gets less than half of the processor time that it could use is late."""
CPU_PERCENT, IO_PERCENT, MEMORY_PERCENT = 50, 20, 10
"""Shares of a minute in which something on the host waits. For a disk or for memory everybody waits
who needs it; for a processor others may wait than the daemon."""
FULL_MEMPOOL = 1000
"""Transactions; CometBFT keeps 5000 by default."""


def pressed(view: NodeView) -> Iterator[tuple[str, str]]:
    """What the host is short of in a phrase, and what a person does."""
    found = pressure_of(view)
    if found is None:
        return
    if found.waits is not None and found.waits >= WAITS_PERCENT:
        yield _processor(view, found, found.waits)
    elif found.cpu is not None and found.cpu >= CPU_PERCENT:
        yield (
            f"something waits for a processor in {found.cpu} % of a minute, {_load(found)}",
            f"find what keeps the processors of {view.host} busy (`top`), and move it elsewhere",
        )
    if found.io is not None and found.io >= IO_PERCENT:
        yield (
            f"something waits for the disk in {found.io} % of a minute",
            f"find who reads or writes on {view.host} (`iotop`, `iostat -x`): backups, snapshots, "
            "compaction, a disk that fails (`dmesg`)",
        )
    if found.memory is not None and found.memory >= MEMORY_PERCENT:
        yield (
            f"something waits for memory in {found.memory} % of a minute",
            f"find what takes the memory of {view.host} (`ps --sort=-rss`), and end that",
        )


def _processor(view: NodeView, found: Pressure, waits: int) -> tuple[str, str]:
    """Whether a quota or others keep the daemon waiting."""
    says = f"its daemon waits for a processor {waits} % of the time in which it could run"
    if found.quota is not None and view.unit is not None:
        return (
            f"{says}: CPUQuota of {view.unit.name} is {found.quota} %",
            f"on {view.host}: ask who set the quota, then `sudo systemctl set-property "
            f"{quote(view.unit.name)} CPUQuota=`, which restarts nothing",
        )
    return (
        f"{says}, {_load(found)}",
        f"find what keeps the processors of {view.host} busy (`top`, and its hypervisor), and move "
        "it elsewhere",
    )


def _load(found: Pressure) -> str:
    whole, part = divmod(found.load, 100)
    return f"load {whole}.{part:02d} on {count_of(found.processors, 'processor')}"


def full_mempools(views: Sequence[NodeView]) -> Iterator[tuple[str, str]]:
    """Nodes whose mempool holds very many transactions."""
    held = {
        view.host: found.transactions
        for view in views
        if (found := pressure_of(view)) is not None
        and found.transactions is not None
        and found.transactions >= FULL_MEMPOOL
    }
    if held:
        told = name_some([f"{host} {number}" for host, number in sorted(held.items())], 4)
        yield (
            f"transactions wait in mempools: {told}",
            "find who sends them (`/unconfirmed_txs` of one node), and raise minimum-gas-prices in "
            "app.toml where they come in",
        )


def pressure_of(view: NodeView) -> Pressure | None:
    """What is asked of the host, if that was read."""
    read = view.reading.pressure
    return read.value if isinstance(read, Known) else None

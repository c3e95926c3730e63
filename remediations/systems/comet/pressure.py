"""What is asked of a host and of its daemon: load, stalls, quota, mempool. Pure.

Whole numbers only: shares are in percent, rounded down.
"""

from __future__ import annotations

import re

from remediations.values.lines import TextError, parse_number, parse_pairs
from remediations.values.record import Record

MAX_US = 10**12
_LOAD = re.compile(r"([0-9]{1,6})\.([0-9]{2})")
_SPAN = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,6}))?(us|ms|s|min)")
_UNITS = {"us": 1, "ms": 1_000, "s": 1_000_000, "min": 60_000_000}


class Pressure(Record, frozen=True, kw_only=True, omit_defaults=True):
    """One host. `load` is that of a minute, in hundredths. `cpu`, `io` and `memory` are the shares
    of a minute in which a process waited for them (the kernel's pressure stall information), None
    where the kernel does not tell. `waits` is the share of the time in which threads of the daemon
    could run, and waited for a processor instead; None if none runs. `quota` is what the unit may
    use, in percent of one processor, None if all. `transactions` are those in the mempool.
    """

    processors: int
    load: int
    cpu: int | None = None
    io: int | None = None
    memory: int | None = None
    waits: int | None = None
    quota: int | None = None
    transactions: int | None = None
    transaction_bytes: int | None = None


def parse_pressure(text: str) -> Pressure:
    """The section `pressure`.

    Raises:
        TextError: a value is malformed, or one that has to be there is missing.
    """
    said = parse_pairs(text)

    def number(name: str) -> int | None:
        return parse_number(said[name]) if name in said else None

    load = _LOAD.fullmatch(said.get("load", ""))
    processors = number("processors")
    if load is None or not processors:
        raise TextError("the load or the number of processors is malformed")
    ran, waited = number("ran_us"), number("waited_us")
    wanted = (ran or 0) + (waited or 0)
    return Pressure(
        processors=processors,
        load=int(load[1]) * 100 + int(load[2]),
        cpu=number("cpu"),
        io=number("io"),
        memory=number("memory"),
        waits=100 * waited // wanted if waited is not None and wanted else None,
        quota=_quota(said["quota"]) if said.get("quota") else None,
        transactions=number("transactions"),
        transaction_bytes=number("transaction_bytes"),
    )


def _quota(text: str) -> int:
    """`CPUQuotaPerSecUSec`, a span of time in each second (`200ms`, `1s 500ms`), in percent."""
    total = 0
    for part in text.split(" "):
        match = _SPAN.fullmatch(part)
        if match is None:
            raise TextError("the CPU quota of the unit is malformed")
        whole, decimals, unit = match.groups()
        total += int(whole) * _UNITS[unit]
        total += int((decimals or "0").ljust(6, "0")) * _UNITS[unit] // 1_000_000
    return min(total, MAX_US) // 10_000

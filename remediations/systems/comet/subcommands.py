"""Which subcommands the daemon's program accepts; asking has no effect.

For an unknown subcommand the program prints its parent's help and ends with 0 (measured). So only
the line below `Usage:` tells: it repeats the subcommand if the program knows it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from importlib.resources import files
from pathlib import PurePosixPath

from remediations.reach.connection import HostUnreachable, Reach
from remediations.systems.comet.discovered import DAEMON
from remediations.systems.comet.reading import CometReading, HostReading
from remediations.systems.hosts.program import COMMAND, confined, shell_text
from remediations.values.lines import split_lines
from remediations.values.reading import Known

SUBCOMMANDS = (
    "start",
    "version",
    "rollback",
    "comet show-validator",
    "module-hash-by-height",
    "export",
)
"""What a recovery may need, now or by hand."""


@dataclass(frozen=True)
class Subcommands:
    """What a program said of `SUBCOMMANDS`: those it accepts, and those that it gave no answer for
    within their time. The others it does not know."""

    accepted: tuple[str, ...]
    unanswered: tuple[str, ...] = ()

    @property
    def unknown(self) -> tuple[str, ...]:
        """Those that the program answered for, and does not know."""
        told = (*self.accepted, *self.unanswered)
        return tuple(word for word in SUBCOMMANDS if word not in told)


LIMIT_S = 15.0
MAX_BYTES = 16_384
"""A line of at most a thousand bytes for each subcommand."""


async def accepted_subcommands(reach: Reach, observation: CometReading) -> dict[str, Subcommands]:
    """What each host's program says of `SUBCOMMANDS`.

    Hosts where this is unknown are left out: those without sudo or without a home, and those whose
    program is not the chain's own (a wrapper might do anything).
    """
    asked = [reading for reading in observation.hosts if _askable(reading)]
    answers = await asyncio.gather(*(_ask(reach, reading) for reading in asked))
    return {
        reading.host: answer
        for reading, answer in zip(asked, answers, strict=True)
        if answer is not None
    }


def _askable(reading: HostReading) -> bool:
    unit, session = reading.unit, reading.session
    return (
        isinstance(session, Known)
        and session.value.sudo
        and isinstance(unit, Known)
        and bool(unit.value.home)
        and PurePosixPath(unit.value.binary).name.startswith(DAEMON)
    )


async def _ask(reach: Reach, reading: HostReading) -> Subcommands | None:
    try:
        async with asyncio.timeout(LIMIT_S):
            connection = await reach.connect(reading.host)
            done = await connection.run(
                COMMAND,
                stdin=subcommands_program(reading),
                timeout_s=LIMIT_S - 1,
                max_bytes=MAX_BYTES,
            )
    except (HostUnreachable, TimeoutError):
        return None
    return parse_subcommands(done.stdout.decode("utf-8", "replace"))


def subcommands_program(reading: HostReading) -> bytes:
    """The bash program for this host, preceded by its settings."""
    assert isinstance(reading.unit, Known)
    return confined(
        shell_text("foreign.sh")
        + files("remediations.systems.comet").joinpath("subcommands.sh").read_text(),
        {
            "remediate_binary": reading.unit.value.binary,
            "remediate_home": reading.unit.value.home,
            "remediate_words": "\n".join(SUBCOMMANDS),
        },
    )


def parse_subcommands(text: str) -> Subcommands | None:
    """The answers in lines `subcommand TAB usage`; None if no line has a usage. A line without one
    is not an answer: the program was too slow, or could not be run."""
    found = [line.partition("\t") for line in split_lines(text) if "\t" in line]
    usages = {asked: usage.split() for asked, _, usage in found}
    if not any(usages.get(word) for word in SUBCOMMANDS):
        return None
    return Subcommands(
        tuple(word for word in SUBCOMMANDS if _repeats(word.split(), usages.get(word, []))),
        tuple(word for word in SUBCOMMANDS if not usages.get(word)),
    )


def _repeats(asked: list[str], usage: list[str]) -> bool:
    """Whether the usage repeats the last word; those before it may be aliases (comet,
    tendermint)."""
    return len(usage) > len(asked) and usage[len(asked)] == asked[-1]

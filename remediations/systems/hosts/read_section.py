"""One section of a host's document as a reading: known, or unknown with a reason. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from remediations.engine.observe.section import TIME_LIMIT, HostDocument, Section, Trouble
from remediations.systems.hosts.guest import DENIED, NO_FILE, NOT_READ
from remediations.values.lines import TextError
from remediations.values.reading import Known, Reading, Why

T = TypeVar("T")

TIMED_OUT = 124
LIMIT_PASSED = frozenset({TIMED_OUT, 137})
"""Exit statuses of timeout(1): the command was stopped, or had to be killed."""
_ENDS = {DENIED: Why.DENIED, NO_FILE: Why.ABSENT, NOT_READ: Why.REFUSED}
"""Exit statuses that mean something; any other one is that of a command that failed."""
SILENT = Trouble(Why.CORRUPT, "the probe reported nothing about it")


def read_section(
    document: HostDocument,
    name: str,
    source: str,
    parse: Callable[[Section], T],
    *,
    absent: Trouble,
    at: datetime,
    fine: tuple[int, ...] = (0,),
) -> Reading[T]:
    """Section `name`, read by `parse`, which raises TextError on what is malformed.

    `absent` is the reason if there is no such section, as of `at`; `fine` are the exit statuses
    with which its output is valid.
    """
    section = document.sections.get(name)
    if section is None:
        return absent.unknown(source, at)
    trouble = section.trouble
    if trouble is None and section.status not in fine:
        trouble = section_trouble(section)
    if trouble is not None:
        return trouble.unknown(source, section.at)
    try:
        return Known(value=parse(section), source=source, at=section.at)
    except TextError as error:
        return Trouble(error.why, str(error)).unknown(source, section.at)


def section_trouble(section: Section) -> Trouble:
    """Why a section has no output, by its exit status, and in the words of the host if it has
    any."""
    if section.status in LIMIT_PASSED:
        return TIME_LIMIT
    why = _ENDS.get(section.status, Why.FAILED)
    if why is Why.DENIED:
        return Trouble(why, "it may not be read without sudo")
    if why is Why.FAILED:
        said = f": {section.said}" if section.said else ""
        return Trouble(why, f"exit status {section.status}{said}")
    return Trouble(why, section.said or "it was not read")

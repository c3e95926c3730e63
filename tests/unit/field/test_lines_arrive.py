"""How many of the lines in which a daemon says that something is wrong leave the host."""

from __future__ import annotations

import pytest

from remediations.systems.hosts.values import Unit
from remediations.values.reading import Known
from tests.unit.field.hosts_program import SYSTEMD, Line, arrived, dated
from tests.unit.field.lines import LINES, ROUTINE
from tests.unit.field.stage import SMALL, ended, loop

AT_LEAST = 0.95
"""The share of them that arrives; it may only rise."""


def running() -> Unit:
    """A unit that has run for hours and was never restarted."""
    unit = SMALL.well.host("val4").unit
    assert isinstance(unit, Known)
    return unit.value


def lost() -> tuple[str, ...]:
    """Those of the lines that do not arrive from a unit that runs on, among what is routine."""
    mixed: list[Line] = []
    for place, line in enumerate(LINES):
        mixed += [line, ROUTINE[place % len(ROUTINE)]]
    rows = dated([(1.0, line) for line in mixed if isinstance(line, str)])
    found = {line.at for line in arrived(running(), mixed)}
    return tuple(text for at, text in rows if text in LINES and at not in found)


def test_a_share_of_them_arrives() -> None:
    """Of lines of threads that nobody here has read."""
    assert len(LINES) > 60
    assert 1 - len(lost()) / len(LINES) >= AT_LEAST, "\n".join(lost())


def test_what_is_routine_stays_on_the_host() -> None:
    """A filter that lets everything through would fill the section with it."""
    assert arrived(running(), ROUTINE) == ()


@pytest.mark.parametrize("words", ["giving up on the enclave", "bye.", "E: could not attest"])
def test_last_words_arrive_whatever_they_say(words: str) -> None:
    """The last line before an exit is the reason for it."""
    world, _ = loop(SMALL, "val4")
    unit = world.host("val4").unit
    assert isinstance(unit, Known)
    told = arrived(unit.value, (*ROUTINE, words, *ended(), f"{SYSTEMD}Stopped virtengine.service."))
    assert words in [line.message for line in told]

"""A finding on a terminal: golden at 80 columns, inside any width, readable for 100 validators."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from remediations.engine.find.render_text import finding_text
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.playbooks.chain.present import present
from remediations.systems.comet.reading import CometReading
from tests import worlds
from tests.unit.plan.cases import minority_down, missing, quorum_lost
from tests.unit.render.golden import same_as_golden
from tests.worlds import healthy

GOLDEN = Path(__file__).parent / "golden"
ALL = ("val1", "val2", "val3", "val4", "full1")
WORLDS: dict[str, Callable[[], CometReading]] = {
    "healthy": healthy,
    "minority-down": minority_down,
    "quorum-lost": quorum_lost,
    "app-hash-split": lambda: worlds.split(healthy(), ("val1",), ALL[1:]),
    "partition": lambda: worlds.partitioned(healthy(), ("val1", "val4")),
    "undetermined": lambda: worlds.stopped(healthy(), *ALL),
    "part-of-the-set": lambda: healthy(hosts=3),
    "hundred": lambda: missing(healthy((10,) * 100), *(f"val{i}" for i in range(1, 41))),
}


def text_of(world: CometReading, width: int = 80, *, colour: bool = False) -> str:
    return finding_text(present(diagnose(world)), width=width, colour=colour)


@pytest.mark.parametrize("name", list(WORLDS))
def test_finding_is_golden(name: str) -> None:
    """The finding reads as it did when somebody last looked at it."""
    same_as_golden(GOLDEN / f"{name}.txt", text_of(WORLDS[name]()) + "\n")


def test_evidence_is_shown_when_asked_for() -> None:
    """--verbose adds every reading relied upon, with its source."""
    finding = diagnose(quorum_lost())
    text = finding_text(present(finding), width=120, colour=False, verbose=True)
    assert "readings relied upon" in text
    for evidence in finding.node("val1").evidence:
        assert evidence.reading in text
    assert "readings relied upon" not in text_of(quorum_lost())


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("name", list(WORLDS))
def test_no_line_leaves_the_width(name: str, width: int) -> None:
    """Long values wrap; nothing is cut off at the right edge."""
    text = text_of(WORLDS[name](), width)
    assert max(len(line) for line in text.splitlines()) <= width
    assert "…" not in text


def test_four_validators_fit_on_one_screen() -> None:
    """Halted, since when, why, how sure, what next: without scrolling."""
    assert len(text_of(quorum_lost()).splitlines()) <= 24


def test_hundred_validators_fit_on_one_screen() -> None:
    """Many with the same trouble share a line that names every one of them."""
    text = text_of(WORLDS["hundred"]())
    assert len(text.splitlines()) <= 30
    names = set(text.replace(",", " ").split())
    assert {f"val{i}" for i in range(1, 41)} <= names
    assert "and 62 nodes in good order" in text


def test_same_advice_is_given_once() -> None:
    """What to do by hand is said once for all the nodes that it is for."""
    text = " ".join(text_of(WORLDS["partition"]()).split())
    assert text.count("Mend the network between the hosts") == 1
    assert "full1, val1, val2, val3, val4: Mend" in text


def test_nothing_known_is_not_called_zero() -> None:
    """Where nobody answers, height and power are unknown, and nothing is sure."""
    lines = [" ".join(line.split()) for line in text_of(WORLDS["undetermined"]()).splitlines()]
    assert {"height unknown", "power unknown"} <= set(lines)
    assert "how sure not at all: no node answers for the chain" in lines


def test_one_witness_is_called_too_few() -> None:
    """How sure it is stands on the first screen: the word of one node decides nothing."""
    world = healthy()
    for host in ALL[:-1]:
        world = worlds.unreachable(world, host)
    text = " ".join(text_of(world).split())
    assert "how sure 1 witness: full1; too few to act on, two are needed" in text


def test_colour_only_adds_colour() -> None:
    """Without the escape sequences both forms say the same."""
    import re

    plain = re.sub(r"\x1b\[[0-9;]*m", "", text_of(quorum_lost(), colour=True))
    assert "\x1b[" in text_of(quorum_lost(), colour=True)
    assert [x.rstrip() for x in plain.splitlines()] == text_of(quorum_lost()).splitlines()

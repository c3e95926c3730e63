"""What an operator sees first where keys do not sign, sign twice, or have lost their power."""

from __future__ import annotations

from datetime import timedelta

import pytest

from remediations.systems.comet.reading import CometReading
from tests import worlds
from tests.unit.cli.desk import Desk, remediate
from tests.worlds import healthy
from tests.worlds.signing import evidence_in, named_twice, not_signing, powerless, signed_twice

SECOND = timedelta(seconds=2)
SCREENS: dict[str, tuple[CometReading, int, tuple[str, ...]]] = {
    "does not sign": (
        not_signing(healthy(), "val2"),
        3,
        ("DEGRADED", "4 more lost, and blocks stop", "not-signing"),
    ),
    "signs twice": (
        signed_twice(healthy(), "val4"),
        3,
        ("DOUBLE-SIGNING", "A validator signs twice, now", "Stop this validator now"),
    ),
    "signs twice, and the chain stands": (
        worlds.stopped(signed_twice(healthy(), "val4"), "val1"),
        3,
        ("DOUBLE-SIGNING", "Stop this validator now"),
    ),
    "signed twice weeks ago": (
        signed_twice(healthy(), "val4", ago=timedelta(days=20)),
        0,
        ("HEALTHY", "The key of val4 signed twice, last seen at", "nothing to do"),
    ),
    "tombstoned": (
        evidence_in(powerless(healthy(), "val4"), 115),
        3,
        ("Evidence of double signing is in block 115", "no-power", "Do not unjail it"),
    ),
    "one machine, two names": (
        named_twice(healthy(), "val1", "validator-one"),
        3,
        ("same-machine", "Change nothing on the machine"),
    ),
}


@pytest.mark.parametrize("name", SCREENS)
def test_the_first_screen(desk: Desk, name: str) -> None:
    """The class, the subject and the next step stand there, and the exit code says so."""
    world, code, words = SCREENS[name]
    done = remediate("diagnose", "--from", desk.saved(world, name.replace(" ", "-")))
    said = " ".join(done.out.split())
    assert done.code == code, done.err
    for word in words:
        assert word in said


@pytest.mark.parametrize("playbook", ["INC-001", "node-down"])
@pytest.mark.parametrize("stopped", [(), ("val1",), ("full1",)], ids=["all up", "halted", "full"])
def test_nothing_is_planned_meanwhile(desk: Desk, playbook: str, stopped: tuple[str, ...]) -> None:
    """The refusal names the class, and the one thing to do."""
    world = worlds.stopped(signed_twice(healthy(), "val4"), *stopped) if stopped else None
    source = desk.saved(world or signed_twice(healthy(), "val4"), "twice")
    done = remediate("plan", playbook, "-i", desk.inventory, "--from", source)
    assert done.code == 4, done.out
    assert "Stop this validator now" in " ".join(done.err.split())

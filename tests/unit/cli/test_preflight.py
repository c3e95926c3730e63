"""`remediate preflight`: what a deploy asks under plain pyinfra, and people may ask, too."""

from __future__ import annotations

from typing import Any

import pytest

from remediations.systems.comet.reading import CometReading
from tests import worlds
from tests.unit.cli.desk import Desk, Done, remediate
from tests.unit.plan.cases import minority_down


def asked(desk: Desk, action: str, *words: str, world: CometReading | None = None) -> Done:
    source = desk.saved(world or minority_down(), "seen")
    return remediate("preflight", action, "-i", desk.inventory, "--from", source, *words)


def result(done: Done) -> dict[str, Any]:
    found = done.document["result"]
    assert isinstance(found, dict)
    return found


def test_what_passes_has_data(desk: Desk) -> None:
    """Of the targets only, with the way that each was reached."""
    done = asked(desk, "node.start", "--limit", "val4", "--json")
    assert done.code == 0
    found = result(done)
    assert (found["domains"], found["action"], found["blocked"]) == (["chain"], "node.start", [])
    assert found["inventory"] == str(desk.inventory)
    assert int(found["judged"]) > 14
    assert list(found["data"]) == ["val4"]
    way = {"ssh_program": "/usr/bin/ssh", "ssh_config": "", "ssh_name": "val4"}
    assert found["connections"] == {"val4": way}


def test_what_is_blocked_has_none(desk: Desk) -> None:
    """Every guard that does not pass is named with what to do next; exit 4."""
    world = worlds.key_missing(minority_down(), "val4")
    done = asked(desk, "node.start", "--limit", "val4", "--json", world=world)
    found = result(done)
    assert (done.code, found["data"]) == (4, {})
    (key,) = [guard for guard in found["blocked"] if guard["id"] == "G45"]
    assert key["subject"] == "val4"
    assert key["got"] == "no key file"
    assert key["next_step"]


def test_people_read_a_line_for_each(desk: Desk) -> None:
    """The same as pyinfra shows."""
    done = asked(desk, "node.start", "--limit", "val1")
    assert done.code == 4
    power, node = done.out.splitlines()
    assert power.startswith("G29: got at worst 50 of 100")
    assert node.startswith("N1 val1: got healthy: ")
    assert "; expected " in node
    assert "; next: " in node
    passed = asked(desk, "node.start", "--limit", "val4")
    assert passed.code == 0
    assert "node.start on val4 may be done now; nothing was changed" in passed.out


@pytest.mark.parametrize(
    ("action", "words", "guard"),
    [
        ("node.start", (), "--limit"),
        ("node.start", ("--limit", ""), "--limit"),
        ("node.start", ("--limit", "val9"), "--limit"),
        ("node.delete", ("--limit", "val4"), "action"),
    ],
)
def test_nothing_is_meant_by_default(
    desk: Desk, action: str, words: tuple[str, ...], guard: str
) -> None:
    """Neither all hosts nor some action: exit 2."""
    done = asked(desk, action, *words, "--json")
    assert done.code == 2
    error = done.document["error"]
    assert isinstance(error, dict)
    assert error["guard"] == guard


def test_it_is_in_no_table(desk: Desk) -> None:
    """And has help all the same."""
    assert "preflight" not in remediate("--help").out
    assert remediate("preflight", "--help").out.startswith("Usage: remediate preflight")

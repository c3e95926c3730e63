"""docs/plan.md names every field that is signed, and everything that may move."""

from __future__ import annotations

import re

import msgspec
import pytest

from remediations.engine.plan.compare import MOVABLE
from remediations.engine.plan.plan import Plan, Step
from remediations.playbooks.chain.domain import DOMAIN
from tests.unit.docs.pages import prose

PAGE = prose("docs/plan.md")
NAME = re.compile(r"`([^`]+)`")


def rows(heading: str) -> list[str]:
    """The first cells of the tables below a heading, until the next one."""
    section = re.split(r"^#+ ", PAGE.partition(f"{heading}\n")[2], maxsplit=1, flags=re.MULTILINE)
    return [line.split("|")[1] for line in section[0].splitlines() if line.startswith("|")]


def named(heading: str) -> list[str]:
    return [name for row in rows(heading) for name in NAME.findall(row)]


@pytest.mark.parametrize(("heading", "kind"), [("# Plan", Plan), ("### Steps", Step)])
def test_every_field_is_explained(heading: str, kind: type[msgspec.Struct]) -> None:
    """No field is signed of which nobody says what it is."""
    assert sorted(named(heading)) == sorted(kind.__struct_fields__)


def test_every_field_of_a_part_that_may_move_is_told() -> None:
    """As the domain has it."""
    told = []
    for row in rows("### What may move"):
        kinds = NAME.findall(row)
        if kinds and "/" in kinds[0]:
            told += [f"{kinds[0]} {field}" for field in kinds[1:]]
    assert sorted(told) == sorted(DOMAIN.movable)


def test_every_field_of_every_plan_that_may_move_is_told() -> None:
    """By its last word: the table groups them."""
    table = " ".join(rows("### What may move"))
    last = {path.rpartition(".")[2].replace("_", " ") for path in MOVABLE}
    words = {"at": "time", "timeout s": "time limit", "guards": "guards saw"}
    missing = [w for w in last if words.get(w, w) not in table.replace("_", " ")]
    assert missing == []

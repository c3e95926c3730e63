"""`make test` has a scenario of every kind, and `make test-lab` has all of them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from importlib import import_module

import pytest

from tests.unit.docs.pages import ROOT

KINDS = sorted(path.stem for path in (ROOT / "tests/lab").glob("test_*.py"))


def scenarios(kind: str) -> Iterator[frozenset[str]]:
    """Every case of every scenario in a file, with its marks."""
    for name, function in inspect.getmembers(import_module(f"tests.lab.{kind}")):
        if name.startswith("test_"):
            marks = getattr(function, "pytestmark", [])
            cases = [case for m in marks if m.name == "parametrize" for case in m.args[1]]
            for case in cases or [None]:
                every = (*marks, *getattr(case, "marks", ()))
                yield frozenset(mark.name for mark in every)


@pytest.mark.parametrize("kind", KINDS)
def test_some_of_each_kind_always_run(kind: str) -> None:
    """Of each file at least one is not left out."""
    assert any("full_lab" not in marks for marks in scenarios(kind))


def test_the_targets_say_which_scenarios_they_run() -> None:
    """Only `make test` leaves any out."""
    lines = [line for line in (ROOT / "Makefile").read_text().splitlines() if "tests/lab" in line]
    chosen = [line for line in lines if "full_lab" in line]
    assert len(chosen) == 1
    assert '-m "not full_lab" tests/bench tests/lab' in chosen[0]

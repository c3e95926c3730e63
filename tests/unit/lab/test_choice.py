"""`make test` has a scenario of every kind, and `make test-lab` has all of them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from importlib import import_module

import pytest

from tests.unit.docs.pages import ROOT

KINDS = sorted(path.stem for path in (ROOT / "tests/lab").glob("test_*.py"))
LEFT_OUT = {
    "test_cluster_meanwhile": "a cluster of its own, as test_kubernetes",
    "test_cluster_scores": "a cluster of its own, as test_kubernetes",
    "test_drain": "a cluster of its own, as test_kubernetes",
    "test_drain_scores": "a cluster of its own, as test_kubernetes",
    "test_kubernetes": "a cluster of its own, which takes minutes to build and to start",
    "test_scale": "a cluster of its own, as test_kubernetes",
    "test_slow": "a chain must be slow for two minutes before anybody can say whose turns pass",
    "test_scoring_load": "three services are restarted twice, each time one after the other",
    "test_key_files": "the programs that exchange a key file run for real in unit tests, too",
    "test_scoring_faults": "test_scoring has one that brings a model, and the look-alikes",
    "test_scoring_model": "test_scoring has one that brings a model",
    "test_rollback_cut_off": "test_rollback has one that is rehearsed and rolled back",
    "test_rollback_program": "test_rollback rolls back, test_install brings a program",
    "test_lost_sign_state": "test_refuse has an older sign state that is refused",
    "test_keys_cut_off": "the drivers' unit tests kill controllers and processes, too",
    "test_cut_off": "test_resume and test_undo have controllers that are killed at some record",
}
"""Kinds that only `make test-lab` has, and why."""


def scenarios(kind: str) -> Iterator[frozenset[str]]:
    """Every case of every scenario in a file, with its marks."""
    module = import_module(f"tests.lab.{kind}")
    of_all = getattr(module, "pytestmark", [])
    for name, function in inspect.getmembers(module):
        if name.startswith("test_"):
            marks = [*getattr(function, "pytestmark", []), *_several(of_all)]
            cases = [case for m in marks if m.name == "parametrize" for case in m.args[1]]
            for case in cases or [None]:
                every = (*marks, *getattr(case, "marks", ()))
                yield frozenset(mark.name for mark in every)


@pytest.mark.parametrize("kind", KINDS)
def test_some_of_each_kind_always_run(kind: str) -> None:
    """Of each file at least one is not left out, but for those that say why."""
    always = any("full_lab" not in marks for marks in scenarios(kind))
    assert always is not (kind in LEFT_OUT)


def _several(marks: object) -> list[pytest.Mark]:
    """The marks of a module, which may be one."""
    several = marks if isinstance(marks, list) else [marks]
    return [one.mark for one in several if isinstance(one, pytest.MarkDecorator)]


def test_the_targets_say_which_scenarios_they_run() -> None:
    """Only `make test` leaves any out."""
    lines = [line for line in (ROOT / "Makefile").read_text().splitlines() if "tests/lab" in line]
    chosen = [line for line in lines if "full_lab" in line]
    assert len(chosen) == 1
    assert '-m "not full_lab" tests/bench tests/lab' in chosen[0]

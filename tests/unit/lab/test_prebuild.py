"""What is built before the first scenario's clock runs."""

from __future__ import annotations

import pytest

from tests.lab import prebuild as module
from tests.lab.prebuild import BUILDS, prebuild
from tests.lab.shell import LabError


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The fixtures for which something was built; nothing is."""
    seen = list[str]()
    monkeypatch.setattr(module, "require", lambda: None)
    monkeypatch.setattr(
        module, "BUILDS", {name: (lambda name=name: seen.append(name),) for name in BUILDS}
    )
    return seen


def test_only_what_the_chosen_scenarios_need_is_built(built: list[str]) -> None:
    """A test without a lab waits for none."""
    prebuild(["tmp_path", "cluster", "cluster"])
    assert built == ["cluster"]


def test_what_cannot_be_built_is_left_to_whoever_needs_it(
    built: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other tests of the same session run, and those that need it fail with its own words."""

    def fails() -> None:
        raise LabError("no network")

    monkeypatch.setattr(module, "BUILDS", {"running_lab": (fails,)})
    prebuild(["running_lab"])
    monkeypatch.setattr(module, "require", fails)
    prebuild(["running_lab"])
    assert built == []

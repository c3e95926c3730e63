"""The operator's desk, once for all tests of the command line."""

from __future__ import annotations

import pytest

from tests.unit.cli.desk import Desk


@pytest.fixture(scope="session")
def shared_desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """Files that no test changes."""
    return Desk(tmp_path_factory.mktemp("desk"))


@pytest.fixture
def desk(shared_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The desk with its state directory and inventory, and nothing that this user has set."""
    monkeypatch.setenv("REMEDIATE_HOME", str(shared_desk.home))
    monkeypatch.setenv("REMEDIATE_INVENTORY", str(shared_desk.inventory))
    monkeypatch.setenv("REMEDIATE_CONFIG", str(shared_desk.config))
    monkeypatch.delenv("REMEDIATE_KEY", raising=False)
    return shared_desk

"""The reader, once for all pages."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.docs.reader import Reader


@pytest.fixture(scope="session")
def shared_reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """Files that no page changes."""
    return Reader(tmp_path_factory.mktemp("reader"))


@pytest.fixture
def reader(shared_reader: Reader, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Reader:
    """A reader in the directory of the files, who named the inventory, with no run yet."""
    monkeypatch.chdir(shared_reader.path)
    monkeypatch.setenv("REMEDIATE_HOME", str(tmp_path))
    monkeypatch.setenv("REMEDIATE_INVENTORY", str(shared_reader.inventory))
    monkeypatch.delenv("REMEDIATE_KEY", raising=False)
    return shared_reader

"""The operator's desk in a directory of its own."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where an operator works who has configured nothing."""
    config = tmp_path / "config.toml"
    config.write_text("# the machine configuration: it says nothing\n")
    config.chmod(0o644)
    monkeypatch.setenv("REMEDIATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("REMEDIATE_CONFIG", str(config))
    for name in ("REMEDIATE_INVENTORY", "REMEDIATE_KEY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path

"""Three people, and the file that says which of them may approve."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.approve.keys import Key


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Key, Key, Key]:
    directory = tmp_path_factory.mktemp("keys")
    for name in "abc":
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", directory / name], check=True
        )
    return Key(directory / "a"), Key(directory / "b"), Key(directory / "c")


@pytest.fixture
def allow(tmp_path: Path) -> Callable[..., Path]:
    """Writes an allowed_signers file."""

    def write(*lines: str) -> Path:
        path = tmp_path / "allowed_signers"
        path.write_text("".join(lines))
        path.chmod(0o644)
        return path

    return write


@pytest.fixture
def alice(keys: tuple[Key, Key, Key], allow: Callable[..., Path]) -> tuple[Key, Path]:
    """One key, allowed as alice."""
    return keys[0], allow(keys[0].line("alice@example.org"))

"""A service that runs, its token, and a directory for calls."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.sessions.cases import Case
from tests.unit.sessions.service import TOKEN, Service


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """With three open sessions."""
    made = Service(tmp_path / "service.db")
    made.make(3)
    with made.served() as running:
        yield running


@pytest.fixture
def case(tmp_path: Path, service: Service) -> Case:
    """The service as an item, with its token."""
    token = tmp_path / "portal.token"
    token.write_text(f"{TOKEN}\n")
    token.chmod(0o600)
    directory = tmp_path / "sessions"
    directory.mkdir(mode=0o700)
    return Case(service=service, home=tmp_path, url=service.url)

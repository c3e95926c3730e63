"""What several tests of reading a host have: a scoring service, and the host that runs it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.observe.scorer_place import Place, Service


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    yield service
    service.server.shutdown()
    service.server.server_close()


@pytest.fixture
def place(tmp_path: Path, service: Service) -> Place:
    tmp_path.chmod(0o700)
    return Place(tmp_path, service.port)

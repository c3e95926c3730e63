"""One lab for a test process; each scenario begins with a chain that never ran.

A lab that cannot be brought up is a failure, never a skip.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.kube.cluster import Cluster
from tests.lab.kube.service import Service
from tests.lab.lab import Lab
from tests.lab.needs import require
from tests.lab.operator import Operator
from tests.lab.prebuild import prebuild
from tests.lab.scoring_inventory import write_inventory


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this directory needs the lab. Labs with scorers come first: each goes down
    after its file, and the one for all others stays up to the end. Two labs at once share
    processors that are hardly enough for one."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.lab)
    items.sort(key=lambda item: "running_scorers" not in getattr(item, "fixturenames", ()))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Before any clock of a scenario runs."""
    if not session.config.option.collectonly:
        prebuild(name for item in session.items for name in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def running_lab() -> Iterator[Lab]:
    """The lab, up for the whole session and gone after it."""
    lab = Lab.up(f"test-{os.getpid()}")
    try:
        yield lab
    finally:
        lab.down()


@pytest.fixture
def lab(running_lab: Lab) -> Lab:
    """The lab with a new chain on it and nothing broken."""
    running_lab.pristine()
    return running_lab


@pytest.fixture
def operator(lab: Lab, tmp_path: Path) -> Operator:
    """Somebody with a state directory of their own."""
    return Operator(lab, tmp_path)


@pytest.fixture(scope="module")
def running_scorers() -> Iterator[Lab]:
    """A lab with scorers, up for the tests of one file."""
    lab = Lab.up(f"scorers-{os.getpid()}", scores=True)
    try:
        write_inventory(lab)
        yield lab
    finally:
        lab.down()


@pytest.fixture
def scorers(running_scorers: Lab) -> Lab:
    """The lab with scorers, with a new chain on it and nothing broken."""
    running_scorers.pristine()
    return running_scorers


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A cluster, up for the tests of one file."""
    require()
    cluster = Cluster.up(f"test-{os.getpid()}")
    try:
        yield cluster
    finally:
        cluster.down()


@pytest.fixture
def service(cluster: Cluster) -> Service:
    """Its service, new, and serving."""
    service = Service(cluster)
    service.begin()
    return service

"""A daemon creates and deletes files while its home is searched: none of them is foreign."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from remediations.systems.hosts import questions as hosts
from remediations.systems.hosts.rounds import ask_hosts
from remediations.values.reading import value_or_none
from tests.unit.observe.fake_host import Host, observe
from tests.unit.verify.local import LocalReach

STANDING = 4000
"""Files that stay: find reads the names first, and looks at each file later."""
SEARCHES, PROBES = 10, 3
CHURN = """
import os, sys
os.chdir(sys.argv[1])
print("ready", flush=True)
while True:
    for number in range(10):
        os.close(os.open(f"write-file-atomic-{number}", os.O_CREAT | os.O_WRONLY))
    for number in range(10):
        os.unlink(f"write-file-atomic-{number}")
"""


@contextmanager
def busy(directory: Path) -> Iterator[None]:
    """Somebody creates and deletes files there."""
    for number in range(STANDING):
        (directory / f"{number:06}.ldb").touch()
    words = [sys.executable, "-c", CHURN, str(directory)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline()
        try:
            yield
        finally:
            child.kill()


def test_by_the_check(tmp_path: Path) -> None:
    """P17, after a recovery: the node runs by then."""
    local = LocalReach(tmp_path)
    data = tmp_path / "data"
    data.mkdir()
    question = hosts.foreign_file(str(data), data.owner())
    with busy(data):
        found = [
            ask_hosts(local, {"val1": (question,)})["val1"].to(question) for _ in range(SEARCHES)
        ]
    assert [value_or_none(reading) for reading in found] == [""] * SEARCHES


def test_by_the_probe(tmp_path: Path) -> None:
    """Which is sent while the node runs."""
    host = Host(tmp_path, 1)
    with busy(host.home / "data"):
        read = [value_or_none(observe(host).ownership) for _ in range(PROBES)]
    assert [owners and owners.foreign for owners in read] == [0] * PROBES

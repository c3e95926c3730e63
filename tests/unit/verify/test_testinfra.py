"""testinfra's host over our own connections: for a check that asks one machine by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from remediations.reach.blocking import BlockingReach
from remediations.reach.connection import Completed
from remediations.systems.hosts import testinfra as backend


def reach(asked: list[str], stdout: bytes = b"{}", cut_off: str = "") -> BlockingReach:
    done = Completed(
        exit_status=0,
        stdout=stdout,
        stderr=b"",
        duration_ms=1,
        truncated=cut_off == "truncated",
        timed_out=cut_off == "timed_out",
    )

    def run(host: str, command: str, *, timeout_s: float) -> Completed:
        asked.append(command)
        return done

    return cast("BlockingReach", SimpleNamespace(run=run))


@pytest.mark.parametrize(
    ("how", "says"), [("truncated", "larger than what is read"), ("timed_out", "no answer within")]
)
def test_an_answer_that_is_not_whole_fails_the_check(how: str, says: str) -> None:
    """What was cut off proves nothing, whatever its beginning says."""
    assert backend.testinfra_host(reach([]), "val1").run("true").stdout == "{}"
    with pytest.raises(AssertionError, match=f"val1: .*{says}"):
        backend.testinfra_host(reach([], cut_off=how), "val1").run("true")


def test_one_command_is_one_command() -> None:
    """testinfra would ask a host that says more than ASCII for its encoding first."""
    asked: list[str] = []
    host = backend.testinfra_host(reach(asked, "größer".encode()), "val1")
    with host.sudo():
        assert host.run("cat %s", "a b").stdout == "größer"
    assert asked == ["sudo /bin/sh -c 'cat '\"'\"'a b'\"'\"''"]

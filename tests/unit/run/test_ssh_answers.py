"""What the driver makes of answers that a launcher does not give."""

from __future__ import annotations

import asyncio
import base64
from typing import cast

import pytest

from remediations.engine.apply.driver import LaunchFailed, NoAnswer, StepId
from remediations.reach.connection import Completed
from remediations.reach.ssh import SshReach
from remediations.systems.hosts.driver import SshDriver
from tests.unit.run.local_reach import LocalReach, completed
from tests.unit.run.plans import command

STEP = StepId(plan="a" * 64, step="1-0")


@pytest.fixture
def reach() -> LocalReach:
    return LocalReach({})


@pytest.fixture
def driver(reach: LocalReach) -> SshDriver:
    return SshDriver(cast("SshReach", reach))


@pytest.mark.parametrize(
    "said",
    [
        completed(1, b"", b"sudo: a password is required"),
        completed(124),
        completed(0, b"probed"),
        completed(0, b"motd\nprobed yes\n"),
        completed(1, b"probed no\n"),
        completed(None, timed_out=True),
        completed(None),
    ],
)
def test_a_probe_without_an_answer_does_not_mean_no(
    reach: LocalReach, driver: SshDriver, said: Completed
) -> None:
    """Without sudo, out of time, cut off: unknown, never "the effect is not there"."""
    reach.instead = said
    with pytest.raises(NoAnswer):
        asyncio.run(driver.holds(command("val1")))


@pytest.mark.parametrize(
    "said",
    [
        completed(0),
        completed(1, b"", b"sudo: a password is required"),
        completed(0, b"done\n\n\n"),
        completed(0, b"done x\n\n\n"),
        completed(0, b"done 1_0\n\n\n"),
        completed(0, b"done -1\n\n\n"),
        completed(0, b"done 1000\n\n\n"),
        completed(0, b"running\n\n"),
        completed(0, b"running\n\n\n\n"),
        completed(0, b"done 0\n" + b"QUJD" * 30_000 + b"\n\n"),
        completed(0, b"running\n\n\n", truncated=True),
        completed(0, b"running\n\n"[:-1]),
        completed(0, b"strange\n\n\n"),
        completed(0, b"running\n!\n\n"),
        completed(0, b"\xff\n\n\n"),
        completed(None, b"running\n\n\n", timed_out=True),
    ],
)
def test_an_unusable_answer_is_not_a_state(
    reach: LocalReach, driver: SshDriver, said: Completed
) -> None:
    """It is asked again, until the time is over."""
    reach.instead = said
    with pytest.raises(NoAnswer):
        asyncio.run(driver.probe(STEP, command("val1")))


def test_a_refused_launch_says_what_the_host_said(reach: LocalReach, driver: SshDriver) -> None:
    """No sudo, no disk, other bytes."""
    reach.instead = completed(1, b"", b"sudo: a password is required\n")
    with pytest.raises(LaunchFailed) as caught:
        asyncio.run(driver.launch(STEP, command("val1"), ()))
    assert caught.value.got == "exit 1: sudo: a password is required"


def test_no_more_is_kept_of_an_answer_than_a_launcher_sends(
    reach: LocalReach, driver: SshDriver
) -> None:
    """Neither read from the connection, nor repeated where it cannot be used."""
    reach.instead = completed(0, b"done 0\n" + base64.b64encode(b"x" * 65536) + b"\n\n")
    assert len(asyncio.run(driver.probe(STEP, command("val1"))).output) == 65536
    assert 175_000 < reach.max_bytes < 200_000
    reach.instead = completed(0, b"done 0\nsecret!\n\n")
    with pytest.raises(NoAnswer) as caught:
        asyncio.run(driver.probe(STEP, command("val1")))
    assert "secret" not in str(caught.value) + caught.value.got

"""The built-in probes: yes, no, or no answer; what is not a unit is never asked about."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from remediations.systems.hosts.probe import unit_active, unit_enabled, unit_restarted, unit_runs
from tests.unit.operations.host import FakeHost

UNIT = "ve.service"
BEFORE = "a" * 32


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    return FakeHost(tmp_path)


@pytest.mark.parametrize("state", ["inactive", "failed", "activating", "deactivating"])
def test_only_active_is_active(host: FakeHost, state: str) -> None:
    host.show(ActiveState=state)
    assert not host.holds(unit_active(UNIT))
    assert not host.holds(unit_restarted(UNIT, "b" * 32))
    host.show(ActiveState="active")
    assert host.holds(unit_active(UNIT))


def test_same_invocation_is_not_a_restart(host: FakeHost) -> None:
    host.show(ActiveState="active", InvocationID=BEFORE)
    assert not host.holds(unit_restarted(UNIT, BEFORE))
    host.show(InvocationID="b" * 32)
    assert host.holds(unit_restarted(UNIT, BEFORE))


@pytest.mark.parametrize("state", ["disabled", "static", "masked", ""])
def test_only_enabled_is_enabled(host: FakeHost, state: str) -> None:
    """A unit that does not exist has no state at all."""
    host.show(UnitFileState=state)
    assert not host.holds(unit_enabled(UNIT))


def test_only_the_program_of_the_process_counts(host: FakeHost) -> None:
    """Not the file on the disk, which may have been exchanged under a process that goes on."""
    running = hashlib.sha256(Path("/proc/self/exe").read_bytes()).hexdigest()
    host.show(ActiveState="active", MainPID=str(os.getpid()))
    assert host.holds(unit_runs(UNIT, running))
    assert not host.holds(unit_runs(UNIT, "a" * 64))
    host.show(ActiveState="failed")
    assert not host.holds(unit_runs(UNIT, running))
    host.show(ActiveState="active", MainPID="0")
    assert not host.holds(unit_runs(UNIT, running))


def test_a_process_that_has_gone_is_not_an_answer(host: FakeHost) -> None:
    host.show(ActiveState="active", MainPID="4194304")
    done = host.ask("unit-runs", UNIT, "a" * 64)
    assert (done.returncode, done.stdout) == (69, "")


def test_systemd_that_does_not_answer_is_not_a_no(host: FakeHost) -> None:
    host.script("systemctl", "#!/bin/sh\necho 'Failed to connect to bus' >&2\nexit 1\n")
    done = host.ask("unit-active", UNIT)
    assert (done.returncode, done.stdout) == (69, "")


def test_active_unit_without_an_invocation_is_not_an_answer(host: FakeHost) -> None:
    host.show(ActiveState="active", InvocationID="")
    done = host.ask("unit-restarted", UNIT, BEFORE)
    assert (done.returncode, done.stdout) == (69, "")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("unit-active",), 64),
        (("unit-active", UNIT, UNIT), 64),
        (("unit-restarted", UNIT), 64),
        (("true",), 64),
        (("id > /tmp/x; unit-active", UNIT), 64),
        (("unit-active", "-H.service"), 65),
        (("unit-active", "ve.service; id"), 65),
        (("unit-active", "$(id).service"), 65),
        (("unit-active", "ve"), 65),
        (("unit-active", ".service"), 65),
        (("unit-active", "x" * 250 + ".service"), 65),
        (("unit-restarted", UNIT, "A" * 32), 65),
        (("unit-restarted", UNIT, "a" * 31), 65),
        (("unit-restarted", UNIT, ""), 65),
        (("unit-runs", UNIT), 64),
        (("unit-runs", UNIT, "A" * 64), 65),
        (("unit-runs", UNIT, "a" * 63), 65),
        (("unit-runs", UNIT, "../../etc/passwd"), 65),
    ],
)
def test_what_is_not_a_question_is_refused(
    host: FakeHost, words: tuple[str, ...], code: int
) -> None:
    done = host.ask(*words)
    assert (done.returncode, done.stdout) == (code, "")
    assert not (host.unit / "calls").exists()

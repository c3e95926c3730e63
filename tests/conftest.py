"""What holds for all tests, however they are started."""

from __future__ import annotations

import gc
import logging
import signal
import threading
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from remediations.cli.main import COLLECT_EVERY
from remediations.values import known_secrets

settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")
"""How long an example takes says nothing of it: others may use the machine, too."""


def pytest_collection_finish() -> None:
    """Collect garbage as the command does, and leave alone what was imported for the tests: that
    would be a quarter of their time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_EVERY)


@pytest.fixture(autouse=True)
def no_secret_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test begins as a process does: what another one has read is looked for in no text."""
    monkeypatch.setattr(known_secrets, "_KNOWN", {})


@pytest.fixture(scope="session", autouse=True)
def interrupts_arrive() -> Iterator[None]:
    """SIGINT is not ignored in what tests start, also where it is in what started them.

    `nohup`, cron, a script's background and some runners ignore it, and children inherit that; a
    handler they do not inherit. Without this a test that presses Ctrl-C would wait for ever.
    """
    before = signal.getsignal(signal.SIGINT)
    here = threading.current_thread() is threading.main_thread()
    if before is not signal.SIG_IGN or not here:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def no_log_is_left() -> Iterator[None]:
    """A test that opens the log (`-v`) also ends it: later displays would be plain lines."""
    yield
    left = logging.getLogger("remediations").handlers[:]
    for handler in left:
        logging.getLogger("remediations").removeHandler(handler)
    assert left == []

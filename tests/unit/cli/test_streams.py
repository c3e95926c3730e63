"""Streams whose writers neither wait nor fail."""

from __future__ import annotations

import fcntl
import os
import sys
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from remediations.cli import streams
from remediations.cli.streams import detached_streams


@contextmanager
def pipe(monkeypatch: pytest.MonkeyPatch, *names: str) -> Iterator[int]:
    """A pipe as the standard streams `names`; the end to read from."""
    reading, writing = os.pipe()
    files = [os.fdopen(os.dup(writing), "w", encoding="utf-8") for _ in names]
    for name, file in zip(names, files, strict=True):
        monkeypatch.setattr(sys, name, file)
    os.close(writing)
    try:
        yield reading
    finally:
        monkeypatch.undo()
        for file in files:
            file.close()
        os.close(reading)


def test_what_goes_to_one_file_stays_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Text, bytes and both streams of one terminal or log."""
    with pipe(monkeypatch, "stdout", "stderr") as reading:
        with detached_streams():
            for number in range(100):
                print(number, file=(sys.stdout, sys.stderr)[number % 2])
            sys.stdout.buffer.write(b"{}\n")
        assert os.read(reading, 65536).split() == [b"%d" % n for n in range(100)] + [b"{}"]


def test_nobody_waits_for_a_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer never does; the end does as long as something is read, and then for a while."""
    monkeypatch.setattr(streams, "PATIENCE_S", 5)
    monkeypatch.setattr(streams, "BACKLOG", 1_000_000)
    with pipe(monkeypatch, "stderr"):
        began = time.monotonic()
        with detached_streams():
            for _ in range(100):
                sys.stderr.write("x" * 50_000)
            assert time.monotonic() - began < 5
        assert 5 <= time.monotonic() - began < 40


def test_the_end_waits_for_a_slow_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """For as long as it takes, not for a time."""
    monkeypatch.setattr(streams, "PATIENCE_S", 1.0)
    read = bytearray()

    def slowly(reading: int) -> None:
        while part := os.read(reading, 40_000):
            read.extend(part)
            time.sleep(0.4)

    with pipe(monkeypatch, "stdout") as reading:
        reader = threading.Thread(target=slowly, args=(reading,), daemon=True)
        reader.start()
        began = time.monotonic()
        with detached_streams():
            sys.stdout.write("x" * 400_000)
        assert time.monotonic() - began > 2
        sys.stdout.close()
        reader.join(60)
        assert len(read) == 400_000


def test_a_file_that_somebody_made_non_blocking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program of the same terminal: nothing is lost."""
    with pipe(monkeypatch, "stdout") as reading:
        flags = fcntl.fcntl(sys.stdout.fileno(), fcntl.F_GETFL)
        fcntl.fcntl(sys.stdout.fileno(), fcntl.F_SETFL, flags | os.O_NONBLOCK)
        with detached_streams():
            sys.stdout.write("x" * 300_000)
            sys.stdout.flush()
            time.sleep(0.3)
            got = 0
            while got < 300_000:
                got += len(os.read(reading, 65536))
            assert got == 300_000


def test_a_terminal_is_still_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Width and colour are asked of the real one."""
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "w") as file:
        monkeypatch.setattr(sys, "stdout", file)
        with detached_streams():
            assert sys.stdout.isatty()
            assert termios.tcgetattr(sys.stdout.fileno())
        assert sys.stdout is file
        monkeypatch.undo()
    os.close(ours)

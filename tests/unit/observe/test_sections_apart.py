"""Sections run side by side: none reads or writes what is another's, and each ends in its time."""

from __future__ import annotations

import base64
import gzip
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from remediations.engine.observe.observation import Scope
from remediations.systems.comet.inventory import Role
from remediations.systems.hosts.guest import GUEST
from remediations.systems.hosts.program import shell_text
from remediations.systems.hosts.values import JournalLine, Process
from remediations.values.reading import Known, Reading, Unknown
from tests.inventories import node_entry
from tests.readings import read_document
from tests.unit.observe.fake_host import Host, Rpc, observe, run_probe

ENTRY = node_entry(name="val1", role=Role.VALIDATOR, ssh="val1")
FORGED = "FORGED-5a"

TRIES_EVERY_DESCRIPTOR = """
for at in /proc/self/fd/*; do
  [ "${{at##*/}}" -gt 2 ] && readlink "$at" >>{log} || continue
  printf '",{forged}' >"$at"
  timeout 0.1 head -c 100 <"$at" >>{log}
done 2>/dev/null
"""


@pytest.fixture
def rpc() -> Iterator[Rpc]:
    server = Rpc()
    yield server
    server.close()


def test_no_section_has_a_descriptor_of_another(
    rpc: Rpc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a section starts has its input, its output and its complaints, and no more."""
    host, log = Host(tmp_path, rpc.port), tmp_path / "log"
    log.touch(mode=0o666)
    tries = TRIES_EVERY_DESCRIPTOR.format(log=log, forged=FORGED)
    monkeypatch.setattr("remediations.systems.hosts.program.GUEST", tries + GUEST)
    host.install()
    printed, sent, received = run_probe(host, Scope.FULL, ENTRY)
    document = read_document(printed, sent=sent, received=received)
    assert document.sections["sign_state"].status == 0
    assert FORGED.encode() not in printed
    assert log.read_text() == ""


@contextmanager
def many(count: int, *arguments: str) -> Iterator[None]:
    """So many processes with these arguments."""
    code = f"""
import os, sys, time
for _ in range({count - 1}):
    if os.fork() == 0:
        time.sleep(60)
print(flush=True)
time.sleep(60)
"""
    group = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, start_new_session=True
    )
    try:
        assert group.stdout is not None
        group.stdout.readline()
        yield
    finally:
        os.killpg(group.pid, signal.SIGKILL)
        group.wait()


def waited(host: Host) -> float:
    """How long after the login the sections were begun that wait for the processes."""
    host.install()
    printed, sent, received = run_probe(host, Scope.DECIDING, ENTRY)
    sections = read_document(printed, sent=sent, received=received).sections
    return (sections["disk"].at - sections["login"].at).total_seconds()


def processes_of(host: Host) -> Reading[tuple[Process, ...]]:
    return observe(host, Scope.DECIDING).processes


@pytest.mark.parametrize("size", [10, 999])
def test_processes_with_a_thousand_arguments_cost_no_time(tmp_path: Path, size: int) -> None:
    """Those of another user, in great number, are looked through by one tool, for as long as that
    may take and no longer."""
    for name in ("usual", "many"):
        (tmp_path / name).mkdir()
    usual = waited(Host(tmp_path / "usual", 1))
    with many(400, *["x" * size] * 1000):
        assert waited(Host(tmp_path / "many", 1)) < usual + 2


def test_a_hundred_processes_are_reported(tmp_path: Path) -> None:
    """And no pattern or tool of ours is among them."""
    host = Host(tmp_path, 1)
    with many(100, f"--home={host.home}"):
        found = processes_of(host)
        assert isinstance(found, Known)
        assert len(found.value) == 100
    found = processes_of(host)
    assert isinstance(found, Known)
    assert found.value == ()


def test_more_processes_than_are_reported_are_unknown(tmp_path: Path) -> None:
    """What was left out is not absent."""
    host = Host(tmp_path, 1)
    with many(101, "--home", f"{host.home}/"):
        found = processes_of(host)
    assert isinstance(found, Unknown)
    assert found.reason == "more than 100 processes name the home"


@pytest.mark.parametrize("script", ["exec sleep 60", "kill -KILL $$", "echo memory exhausted"])
def test_processes_that_cannot_be_looked_through_are_unknown(tmp_path: Path, script: str) -> None:
    """A search that does not end, is killed, or complains has not seen all."""
    host = Host(tmp_path, 1)
    search = f'case $1 in -aszlxF) {script} ;; *) exec /bin/grep "$@" ;; esac'
    host.script("grep", f"#!/bin/sh\n{search}\n")
    found = processes_of(host)
    assert isinstance(found, Unknown)
    assert "cannot be looked through" in found.reason


LINE = "1795622402.000002 val1 virtengined[7]: CONSENSUS FAILURE!!! err=x"


def journal_of(host: Host, script: str) -> Reading[tuple[JournalLine, ...]]:
    host.install()
    install = host.install
    host.script("journalctl", f"#!/bin/bash\n{script}\n")
    host.install = lambda: None  # type: ignore[method-assign]
    try:
        return observe(host, Scope.DECIDING).journal
    finally:
        host.install = install  # type: ignore[method-assign]


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (f"echo '{LINE}'; head -c 400000000 /dev/zero | tr '\\0' x", "too long to be searched"),
        (f"head -c 400000000 /dev/zero | tr '\\0' x; echo; echo '{LINE}'", "too long to be"),
        ("echo 'Failed to get data: Cannot allocate memory' >&2; exit 1", "Cannot allocate memory"),
        (f"echo '{LINE}'; exit 1", "exit status 1"),
        ("kill -KILL $$", "journalctl was killed"),
        ("sleep 60", "within the time limit"),
    ],
)
def test_a_journal_that_was_not_searched_is_unknown(
    tmp_path: Path, script: str, reason: str
) -> None:
    """Who could not look must not say that there is nothing."""
    found = journal_of(Host(tmp_path, 1), script)
    assert isinstance(found, Unknown)
    assert reason in found.reason
    assert "\n" not in found.reason


@pytest.mark.parametrize(
    ("script", "count"),
    [
        ("echo '1795622402.000002 val1 v[7]: INF executed block'", 0),
        ("exit 0", 0),
        (f"for i in {{1..5000}}; do echo '{LINE}'$i; done", 200),
        (f"echo '{LINE}'; sleep 60", 1),
    ],
)
def test_a_journal_is_searched_to_its_end_or_until_enough_was_found(
    tmp_path: Path, script: str, count: int
) -> None:
    """Nothing to the end is known; so is what was found, newest first, in the time there is."""
    found = journal_of(Host(tmp_path, 1), script)
    assert isinstance(found, Known), found
    assert len(found.value) == count


END = """\
1795622406.000000 val1 systemd[1]: virtengine.service: Main process exited, code=exited
1795622405.000004 val1 virtengined[7]: Flags:
1795622405.000003 val1 virtengined[7]:   --home string   directory for config and data
1795622405.000002 val1 virtengined[7]: Usage:
1795622405.000001 val1 virtengined[7]: a reason that nobody here has seen
1795622405.000000 val1 virtengined[7]: goroutine 1 [running]:
1795622404.000000 val1 virtengined[7]: main.main(0xc0000123, ...)
1795622403.000000 val1 virtengined[7]: ERR trouble of a new kind module=x
"""


@pytest.mark.parametrize("restarts", [0, 3])
def test_the_last_words_of_a_unit_are_sent_whatever_they_say(tmp_path: Path, restarts: int) -> None:
    """Not the stack of a panic, nor the help text. Errors of any kind are sent of any unit."""
    host = Host(tmp_path, 1)
    host.restarts = restarts
    found = journal_of(host, f"[[ $* != *--lines=* ]] || cat <<'E'\n{END}E")
    assert isinstance(found, Known), found
    ended = [
        "a reason that nobody here has seen",
        "virtengine.service: Main process exited, code=exited",
    ]
    assert [line.message for line in found.value] == [
        "ERR trouble of a new kind module=x",
        *(ended if restarts else []),
    ]


def test_a_value_cannot_end_its_line_on_the_host(tmp_path: Path) -> None:
    """Control characters of names become question marks before they are sent; and a file whose name
    has a line feed is one file."""
    host = Host(tmp_path, 1)
    host.script("systemctl", "#!/bin/sh\nprintf 'a\\nhome=/srv/forged\\nrpc=http://forged:1\\n'\n")
    host.install = lambda: None  # type: ignore[method-assign]
    host.script("journalctl", "#!/bin/sh\n")
    reading = observe(host)
    assert isinstance(reading.unit, Unknown)
    assert "the unit files cannot be listed" in reading.unit.reason
    assert isinstance(reading.disk, Unknown)
    assert "/srv/forged" not in reading.disk.source


LATE = """
read() {{
  builtin read "$@"
  local status=$?
  [[ "$*" != *-N*1* ]] || return {status}
  return "$status"
}}
limit=([one]=9000)
begin one seq 1500
finish
"""


@pytest.mark.parametrize("status", [142, 1])
def test_a_section_that_ends_with_its_time_is_whole(status: int) -> None:
    """`read` has the first character of the line, and says that its time was over: either the whole
    line is printed, or none of it, but never a document that cannot be read."""
    text = f"{shell_text('sections.sh')}\nnow_us; deadline=$((now + 9000000))\n"
    done = subprocess.run(
        ["bash", "-c", text + LATE.format(status=status)], capture_output=True, timeout=60
    )
    printed = json.loads(b"{" + done.stdout.rstrip().removesuffix(b",") + b"}")
    assert printed["one"]["rc"] == 0
    assert gzip.decompress(base64.b64decode(printed["one"]["b64"])).startswith(b"1\n2\n")

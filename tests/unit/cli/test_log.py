"""The log: what can be followed in it, that nothing secret is in it, and that silence is free."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from remediations.cli.live import LiveDisplay
from remediations.cli.log import PACKAGE, Log, logs_to_stderr
from remediations.cli.main import COMMANDS, cli
from remediations.engine.apply import application, carry_out
from remediations.reach.command import SshConnection
from tests.unit.cli.desk import Desk, Output, remediate
from tests.unit.cli.loopback import Machine, machine
from tests.unit.plan.cases import plan_of, quorum_lost
from tests.unit.reach.sshd import host_block, inventory, knows, make_key, reaching, serving
from tests.unit.run.fakes import DONE, RUNNING, Bench, FakeDriver
from tests.unit.run.plans import plan

LINE = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z "
    r"(?P<level>INFO |DEBUG) (?P<module>[\w.]+): (?P<said>.+)"
)
START = "from remediations.cli.main import main; main()"
CANARY = "correct-horse-battery-staple"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Machine, Path]]:
    """A machine that can be logged in to, and the inventory that leads to it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SSH_AUTH_SOCK", raising=False)
        with machine(tmp_path_factory.mktemp("machine")) as made:
            yield made


def lines_of(text: str) -> list[tuple[str, str, str]]:
    """Level, module and message of each line, all of which are of the one form."""
    found = [LINE.fullmatch(line) for line in text.splitlines()]
    assert all(found), text
    return [(m["level"].strip(), m["module"], m["said"]) for m in found if m]


def without_times(text: str) -> list[str]:
    """The messages with their numbers taken out."""
    return [re.sub(r"\d+", "N", said) for _, _, said in lines_of(text)]


@pytest.mark.parametrize("words", [("-v", "diagnose"), ("diagnose", "-v")], ids=["before", "after"])
def test_each_connection_is_logged(
    host: tuple[Machine, Path], desk: Desk, words: tuple[str, ...]
) -> None:
    """With -v: where, as whom, which way, and how long it took; on stderr only."""
    done = remediate(*words, "-i", host[1])
    told = lines_of(done.err)
    assert {level for level, _, _ in told} == {"INFO"}
    # A busy machine makes the command slow, which is told, too, by another module.
    connected = [line for line in done.err.splitlines() if " remediations.reach.ssh: " in line]
    assert without_times("\n".join(connected)) == [
        "valN: logged in as ops at N.N.N.N port N directly in N ms",
        "valN: connected after N ms, hops: N",
    ]
    assert "logged in" not in done.out


@pytest.mark.parametrize(
    "words", [("-vv", "diagnose"), ("-v", "diagnose", "-v"), ("diagnose", "-vv")]
)
def test_each_command_is_logged(
    host: tuple[Machine, Path], desk: Desk, words: tuple[str, ...]
) -> None:
    """With -vv: also `ssh -G`, keys by their number, commands by their size, and parsing."""
    told = " / ".join(without_times(remediate(*words, "-i", host[1]).err))
    for part in (
        "valN: ssh -G ended with N after N ms",
        "valN: N keys to offer, N passed over, N host keys known",
        "valN: a command of N bytes with N of input: exit N after N ms, N bytes out, N err",
        "valN: its answer was parsed in N ms",
    ):
        assert part in told


def test_a_refusal_is_logged_with_its_guard(desk: Desk, tmp_path: Path) -> None:
    """Where nobody listens: the guard, the reason, and until when it stands."""
    key = make_key(tmp_path / "key")
    listed = tmp_path / "inventory.yaml"
    (tmp_path / "ssh_config").write_text(
        f"Host *\n  HostName 127.0.0.1\n  Port 1\n  IdentityFile {key}\n"
    )
    listed.write_text(
        "version: 1\nchain: {id: x-1}\nssh: {config: ssh_config}\n"
        "hosts: {val1: {role: validator}}\n"
    )
    done = remediate("-v", "diagnose", "-i", listed)
    head = done.err.splitlines()[0]
    assert "val1: not connected after" in head
    assert ": TCP: " in head


def test_the_document_stays_alone(host: tuple[Machine, Path], desk: Desk) -> None:
    """--json with -vv: one document on stdout, the log on stderr."""
    done = remediate("diagnose", "-vv", "--json", "-i", host[1])
    assert done.document["error"] is None
    assert lines_of(done.err)


def test_a_named_file_has_both_levels(
    host: tuple[Machine, Path], desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Private, appended to by each command, while stderr stays as it is without -v."""
    file = tmp_path / "log"
    monkeypatch.setenv("REMEDIATE_LOG", str(file))
    done = remediate("diagnose", "-i", host[1])
    assert done.err == ""
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    first = lines_of(file.read_text())
    assert {level for level, _, _ in first} == {"INFO", "DEBUG"}
    shown = remediate("diagnose", "-v", "-i", host[1])
    both = lines_of(file.read_text())
    assert both[: len(first)] == first
    assert 0 < len(lines_of(shown.err)) < len(both) - len(first)


def _link(file: Path) -> None:
    file.symlink_to(file.with_name("other"))


def _writable(file: Path) -> None:
    file.touch()
    file.chmod(0o666)


def _shared(file: Path) -> None:
    file.parent.chmod(0o777)


def _missing(file: Path) -> None:
    file.parent.rmdir()


@pytest.mark.parametrize("make", [_link, _writable, _shared, os.mkfifo, os.mkdir, _missing])
def test_a_file_that_others_could_write_is_refused(
    desk: Desk,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make: object,
) -> None:
    """A link, a shared file or directory, a FIFO, a directory: refused before anything is done."""
    (tmp_path / "in").mkdir()
    file = tmp_path / "in" / "log"
    assert callable(make)
    make(file)
    monkeypatch.setenv("REMEDIATE_LOG", str(file))
    done = remediate("status", "--json")
    assert done.code == 2
    error = done.document["error"]
    assert isinstance(error, dict)
    assert error["guard"] == "REMEDIATE_LOG"
    assert "unset REMEDIATE_LOG" in error["next"]


def test_a_file_that_others_may_read_becomes_private(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written from now on is for its owner only."""
    file = tmp_path / "log"
    file.write_text("before\n")
    file.chmod(0o644)
    monkeypatch.setenv("REMEDIATE_LOG", str(file))
    assert remediate("status").code == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text() == "before\n"


def followed(act: object, tmp_path: Path, *more: str) -> str:
    """All that is logged while `act` uses a connection to a server on loopback."""
    assert callable(act)
    client, file = make_key(tmp_path / "client"), tmp_path / "log"

    async def go() -> None:
        async with serving(tmp_path / "server", client) as server:
            known = knows(tmp_path / "known", server)
            block = host_block("val1", server, client, known, *more)
            async with reaching(inventory(tmp_path, block, "val1")) as reach:
                await act(await reach.connect("val1"))

    with Log(str(file)):
        asyncio.run(go())
    return file.read_text()


def test_nothing_secret_is_logged(tmp_path: Path) -> None:
    """Not the command, its input or output, a password of a ProxyCommand, or a key."""
    relay = tmp_path / "relay.py"
    relay.write_text(
        "import socket, sys, threading, os\n"
        "s = socket.create_connection((sys.argv[1], int(sys.argv[2])))\n"
        "def up():\n"
        "    while b := os.read(0, 65536): s.sendall(b)\n"
        "threading.Thread(target=up, daemon=True).start()\n"
        "while b := s.recv(65536): os.write(1, b)\n"
    )

    async def act(one: SshConnection) -> None:
        done = await one.run("cat", stdin=f"{CANARY}-input".encode(), timeout_s=10)
        assert CANARY in done.stdout.decode()
        await one.run(f"TOKEN={CANARY} {CANARY}", timeout_s=10)

    proxy = f"ProxyCommand {sys.executable} {relay} %h %p --password={CANARY}"
    told = followed(act, tmp_path, proxy)
    assert "through a ProxyCommand" in told
    assert "a command of 3 bytes with 34 of input: exit 0" in told
    assert CANARY not in told
    body = (tmp_path / "client").read_text().splitlines()[1:-1]
    assert not [line for line in body if line in told]


def test_a_time_limit_is_logged(tmp_path: Path) -> None:
    """With what struck."""

    async def act(one: SshConnection) -> None:
        assert (await one.run("sleep", timeout_s=0.2)).timed_out

    told = followed(act, tmp_path)
    assert "val1: the time limit of 0.2 s ended a command" in told
    assert "no exit status" in told


def test_a_hosts_words_cannot_forge_a_line(tmp_path: Path) -> None:
    """What steers a terminal or begins a line is shown as its code point, and has an end."""
    file = tmp_path / "log"
    with Log(str(file)):
        said = "\x1b[2J\n2026-01-01T00:00:00.000Z INFO  forged: \u202e" + "x" * 5000
        logging.getLogger(f"{PACKAGE}.reach.ssh").info("val1: %s", said)
    text = file.read_text()
    assert text.count("\n") == 1
    assert r"\u{1b}[2J\u{a}2026" in text
    assert r"\u{202e}" in text
    assert len(text) < 1100


def test_gates_steps_and_looks_are_logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each launch, how a step stands, each look at a gate, and how it ended."""
    monkeypatch.setattr(carry_out, "FIRST_LOOK_S", 0.001)
    monkeypatch.setattr(application, "GATE_LOOK_S", 0.001)
    file = tmp_path / "log"
    with Log(str(file)):
        bench = Bench(tmp_path, plan(), FakeDriver({"val1": [RUNNING, DONE]}))
        asyncio.run(bench.application.apply())
    told = [said for _, _, said in lines_of(file.read_text())]
    assert "step 1-0: launch 1 on val1" in told
    assert "step 1-0 on val1 is running" in told
    assert [said for said in told if said.startswith("gate ") and ": open True: " in said]


def test_silence_is_free(host: tuple[Machine, Path], desk: Desk) -> None:
    """Without -v nothing is formatted: not one record is made, whatever is done."""
    made = []
    usual = logging.getLogRecordFactory()

    def count(*arguments: object, **named: object) -> logging.LogRecord:
        record = usual(*arguments, **named)
        made.extend([record] if record.name.startswith(PACKAGE) else [])
        return record

    logging.setLogRecordFactory(count)
    try:
        assert remediate("diagnose", "-i", host[1]).err == ""
        assert made == []
        remediate("diagnose", "-vv", "-i", host[1])
        assert made
    finally:
        logging.setLogRecordFactory(usual)


def test_the_log_ends_with_its_command(host: tuple[Machine, Path], desk: Desk) -> None:
    """Nothing of it is left for the next one in the same process."""
    logger = logging.getLogger(PACKAGE)
    before = (logger.level, logger.propagate, list(logger.handlers))
    remediate("diagnose", "-vv", "-i", host[1])
    assert (logger.level, logger.propagate, list(logger.handlers)) == before
    assert not logs_to_stderr()


def test_every_command_has_it() -> None:
    """Also a subcommand; and what a document shows whole is asked for by --verbose alone."""
    context = click.Context(cli)
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        for each in (command, *getattr(command, "commands", {}).values()):
            spelled = [option for p in each.params for option in p.opts]
            assert spelled.count("-v") == 1, name


@pytest.mark.parametrize("where", ["/dev/full", "/dev/null"])
def test_whether_anybody_reads_changes_nothing(
    host: tuple[Machine, Path], desk: Desk, where: str
) -> None:
    """On a full disk the answer and the exit code are those of a log that is read."""
    with Path(where).open("w") as nowhere:
        done = subprocess.run(
            [sys.executable, "-c", START, "diagnose", "-vv", "--json"],
            env={**os.environ, "REMEDIATE_INVENTORY": str(host[1])},
            stdout=subprocess.PIPE,
            stderr=nowhere,
            timeout=60,
        )
    assert json.loads(done.stdout)["exit_code"] == str(done.returncode)
    assert done.returncode != 70


def test_lines_are_not_torn_by_what_is_redrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """With -v the display of a run is lines in a terminal, too."""
    monkeypatch.setattr("sys.stderr", Output())
    display = LiveDisplay(plan_of(quorum_lost()), quiet=False)
    monkeypatch.setattr(type(display._console), "is_terminal", True)
    monkeypatch.setattr(type(display._console), "is_dumb_terminal", False)
    with Log("") as log:
        log.increase_verbosity(1)
        with display.shown():
            assert display._live is None
    with display.shown():
        assert display._live is not None


def test_the_log_outlives_a_lent_descriptor(tmp_path: Path) -> None:
    """pytest, which runs the checks, lends descriptor 2 to a file of its own meanwhile."""
    script = (
        "import logging, os, sys\n"
        "from remediations.cli.log import Log\n"
        "with Log('') as log:\n"
        "    log.increase_verbosity(1)\n"
        f"    os.dup2(os.open({str(tmp_path / 'lent')!r}, os.O_WRONLY | os.O_CREAT), 2)\n"
        "    logging.getLogger('remediations.reach').info('still heard')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "still heard" in done.stderr
    assert (tmp_path / "lent").read_text() == ""

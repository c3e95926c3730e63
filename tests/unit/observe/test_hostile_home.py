"""The whole program on a home that wants to harm: it ends, leaves nothing, and says nothing."""

from __future__ import annotations

import base64
import ctypes
import gzip
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from remediations.engine.observe.observation import Scope
from remediations.systems.comet.inventory import Role
from remediations.systems.comet.reading import HostReading
from remediations.values.reading import Known, Unknown
from tests.inventories import node_entry
from tests.readings import program, read_document, read_host
from tests.unit.observe.fake_host import Host, observe, run_probe

ENTRY = node_entry(name="val1", role=Role.VALIDATOR, ssh="val1")
CANARY = "CANARY-91c4"
PR_SET_CHILD_SUBREAPER = 36
LIMIT_S = 9.5
"""What the program may take on the host, however it is kept waiting."""
KEY, STATE = "config/priv_validator_key.json", "data/priv_validator_state.json"


@pytest.fixture(params=["namespace", "session"])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Host:
    """On which nobody listens; where there is no root, or no namespace, with a session only."""
    host = Host(tmp_path, 1)
    if request.param == "session":
        host.script("unshare", "#!/bin/sh\nexit 1\n")
    for file in host.home.rglob("*.json"):
        file.write_text(file.read_text().replace("SECRETKEYMATERIAL", CANARY))
    return host


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """Whoever loses its parent becomes our child; at the end there is none."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    before = descendants()
    yield
    end = time.monotonic() + LIMIT_S
    while (left := descendants() - before) and time.monotonic() < end:
        time.sleep(0.05)
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
    assert {pid: command_of(pid) for pid in left} == {}


def descendants() -> set[int]:
    """Living processes below this one."""
    parents: dict[int, tuple[int, str]] = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = file.read_text().rpartition(")")[2].split()[:2]
        except (OSError, ValueError):
            continue
        parents[int(file.parent.name)] = int(parent), state
    found, added = {os.getpid()}, {os.getpid()}
    while added:
        added = {pid for pid, (parent, _) in parents.items() if parent in added}
        found |= added
    return {pid for pid in found - {os.getpid()} if parents[pid][1] not in "ZX"}


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")[:80]
    except OSError:
        return "?"


def instead(path: str, make: Callable[[Path], object]) -> Callable[[Host], None]:
    """Something else in the place of a file of the home."""

    def act(host: Host) -> None:
        file = host.home / path
        file.unlink()
        make(file)

    return act


def zeros(file: Path) -> None:
    file.symlink_to("/dev/zero")


def sparse(file: Path) -> None:
    with file.open("w") as out:
        out.truncate(1 << 40)


def lines(file: Path) -> None:
    file.write_text(f"{CANARY}\n" * 10_000_000)


def setting(line: str) -> Callable[[Host], None]:
    """A line at the top of config.toml."""

    def act(host: Host) -> None:
        config = host.home / "config/config.toml"
        config.write_text(f"{line}\n{config.read_text()}")

    return act


def tree(host: Host) -> None:
    """Deep, and with more parts of a write-ahead log than anybody has."""
    inner = host.home / "data"
    for _ in range(300):
        inner /= "d" * 10
        inner.mkdir()
    for number in range(11_000):
        (host.home / f"data/cs.wal/wal.{number}").touch()


def state(text: str) -> Callable[[Host], None]:
    return instead(STATE, lambda file: file.write_text(text))


HOMES: dict[str, tuple[Callable[[Host], None], set[str]]] = {
    "key: zeros": (instead(KEY, zeros), {"key"}),
    "key: FIFO": (instead(KEY, os.mkfifo), {"key"}),
    "key: sparse": (instead(KEY, sparse), {"key"}),
    "key: directory": (instead(KEY, Path.mkdir), {"key"}),
    "state: zeros": (instead(STATE, zeros), {"sign_state"}),
    "state: FIFO": (instead(STATE, os.mkfifo), {"sign_state"}),
    "state: shadow": (instead(STATE, lambda file: file.symlink_to("/etc/shadow")), {"sign_state"}),
    "state: secret": (
        state(f'{{"height": "{CANARY}", "round": 0, "step": 0}}'),
        {"sign_state"},
    ),
    "state: the key": (setting(f'priv_validator_state_file = "{KEY}"'), {"sign_state"}),
    "state: outside": (setting('priv_validator_state_file = "/etc/shadow"'), {"sign_state"}),
    "app.toml: FIFO": (instead("config/app.toml", os.mkfifo), {"config"}),
    "app.toml: zeros": (instead("config/app.toml", zeros), {"config"}),
    "config: zeros": (
        instead("config/config.toml", zeros),
        {"config", "key", "sign_state", "wal"},
    ),
    "config: FIFO": (
        instead("config/config.toml", os.mkfifo),
        {"config", "key", "sign_state", "wal"},
    ),
    "config: lines": (
        instead("config/config.toml", lines),
        {"config", "key", "sign_state", "wal"},
    ),
    "log: many": (tree, {"wal"}),
    "log: outside": (setting('[consensus]\nwal_file = "/var/log/wtmp"\n[x]'), {"wal"}),
    "RPC: a path": (
        instead(
            "config/config.toml",
            lambda file: file.write_text('[rpc]\nladdr = "tcp://127.0.0.1/secret?:80"\n'),
        ),
        {"config"},
    ),
}
"""What was done to the home, and what is unknown for it; all else is known."""
READ = ("session", "unit", "processes", "config", "key", "sign_state", "wal", "disk", "ownership")


def unknown(reading: HostReading) -> set[str]:
    return {name for name in READ if isinstance(getattr(reading, name), Unknown)}


@pytest.mark.parametrize("case", HOMES)
def test_what_is_odd_is_unknown_and_the_rest_is_read(host: Host, case: str) -> None:
    """At once: nothing has to wait for a time limit."""
    act, expected = HOMES[case]
    act(host)
    host.install()
    began = time.monotonic()
    printed, sent, received = run_probe(host, Scope.FULL, ENTRY)
    reading = read_host(read_document(printed, sent=sent, received=received), ENTRY, sent)
    assert unknown(reading) == expected
    assert time.monotonic() - began < LIMIT_S
    assert isinstance(reading.journal, Known) == (os.geteuid() == 0)
    secrets_stay(printed)


def secrets_stay(printed: bytes) -> None:
    """Nothing of a canary, or of /etc/shadow, is in what is sent."""
    document = json.loads(printed)
    for name, part in document.items():
        if isinstance(part, dict) and part["b64"]:
            text = gzip.decompress(base64.b64decode(part["b64"])) + base64.b64decode(part["err"])
            assert CANARY.encode() not in text, name
            assert b"root:" not in text, name


@pytest.mark.parametrize("name", ["df", "find", "curl", "journalctl", "openssl", "stat", "dd"])
def test_a_tool_that_hangs_costs_its_section(host: Host, name: str) -> None:
    """And will not be ended by a signal that can be ignored."""
    host.script(name, "#!/bin/sh\ntrap '' TERM\nwhile :; do sleep 60; done\n")
    began = time.monotonic()
    reading = observe(host)
    assert time.monotonic() - began < LIMIT_S
    assert isinstance(reading.session, Known)
    assert isinstance(reading.unit, Known)
    assert isinstance(reading.processes, Known)
    lost: dict[str, set[str]] = {
        "df": {"disk"},
        "find": {"ownership", "wal"},
        "curl": set(),
        "journalctl": set(),
        "openssl": set(),
    }
    assert unknown(reading) == lost.get(name, unknown(reading))


def test_a_systemd_that_hangs_does_not_hide_the_host(host: Host) -> None:
    """The unit is unknown, and with it the home; the login is known, in its time."""
    host.install()
    host.script("systemctl", "#!/bin/sh\ntrap '' TERM\nwhile :; do sleep 60; done\n")
    began = time.monotonic()
    printed, sent, received = run_probe(host, Scope.FULL, ENTRY)
    reading = read_host(read_document(printed, sent=sent, received=received), ENTRY, sent)
    assert time.monotonic() - began < LIMIT_S
    assert isinstance(reading.session, Known)
    assert isinstance(reading.unit, Unknown)


@pytest.mark.parametrize("how", ["TERM", "KILL", "nobody reads"])
def test_it_ends_with_all_that_it_started(host: Host, how: str) -> None:
    """Stopped, killed, or without a connection: soon nothing of it is there."""
    host.install()
    for name in ("find", "df", "journalctl"):
        host.script(name, "#!/bin/sh\nexec sleep 60\n")
    text = program(ENTRY, Scope.FULL).replace(b" PATH=", f" PATH={host.bin}:".encode())
    running = subprocess.Popen(
        ["bash", "-s"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert running.stdin is not None
    assert running.stdout is not None
    with running.stdin, running.stdout:
        running.stdin.write(text)
        running.stdin.close()
        running.stdout.readline()
        time.sleep(0.7)
        if how != "nobody reads":
            running.send_signal(signal.Signals[f"SIG{how}"])
    running.wait(LIMIT_S)


def test_a_program_that_stays_is_ended(tmp_path: Path) -> None:
    """Asked for its version, the daemon's program goes into the background and eats memory."""
    host = Host(tmp_path, 1)
    host.script(
        "virtengined",
        "#!/bin/bash\n(trap '' TERM HUP; setsid bash -c 'x=$(yes | head -c 4000000000)' &)\n"
        "setsid sleep 300 &\necho 1.2.3\n",
    )
    for name in ("app.toml", "client.toml"):
        (host.home / "config" / name).touch()
    began = time.monotonic()
    reading = observe(host)
    assert time.monotonic() - began < LIMIT_S
    assert isinstance(reading.binary, Known)
    assert isinstance(reading.sign_state, Known)


def test_a_program_that_nothing_could_end_is_not_asked(tmp_path: Path) -> None:
    """Where there is neither systemd nor a namespace: it would leave our session, and stay."""
    host = Host(tmp_path, 1)
    for name in ("systemd-run", "unshare"):
        host.script(name, "#!/bin/sh\nexit 1\n")
    host.script("virtengined", f"#!/bin/sh\ntouch {tmp_path}/asked\necho 1.2.3\n")
    for name in ("app.toml", "client.toml"):
        (host.home / "config" / name).touch()
    tmp_path.chmod(0o777)
    reading = observe(host)
    assert isinstance(reading.binary, Known)
    assert reading.binary.value.version == ""
    assert not (tmp_path / "asked").exists()


ROUNDS = 16


def test_many_readings_leave_nothing(tmp_path: Path) -> None:
    """All of it at once, four times four: no process, and no more memory than for the first."""
    host = Host(tmp_path, 1)
    for path in (KEY, STATE):
        instead(path, zeros)(host)
    instead("config/node_key.json", os.mkfifo)(host)
    instead("config/app.toml", sparse)(host)
    tree(host)
    host.install()
    code = "from tests.unit.observe.test_hostile_home import again; import sys; again(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    largest_kib = int(done.stdout)
    assert largest_kib < 64 * 1024


def again(root: str) -> None:
    """Read the host in `root` again and again; prints the size of the largest process, in KiB."""
    host = cast("Host", SimpleNamespace(bin=Path(root) / "bin"))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: run_probe(host, Scope.DECIDING, ENTRY), range(ROUNDS)))
    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)

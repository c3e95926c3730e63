"""Looking at all hosts at once, the file of an observation, and the light poll."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event

import pytest

from remediations.engine.observe.observation import Scope, load_observation, save_observation
from remediations.engine.observe.observe import observe
from remediations.errors import MachineError, UsageError
from remediations.reach.connection import Completed, Connection, HostUnreachable
from remediations.systems.comet import poll
from remediations.systems.comet.inventory import Role
from remediations.systems.comet.poll import NO_POLL, NodePoll, poll_nodes
from remediations.systems.comet.reading import CometReading, comet_reading, sealed
from remediations.systems.comet.rpc import parse_status
from remediations.systems.comet.rpc_envelope import RpcError
from remediations.systems.comet.values import NodeStatus
from remediations.systems.hosts.document import DocumentError
from remediations.systems.hosts.look import document_trouble
from remediations.values.inventory import Inventory
from remediations.values.login import Login
from remediations.values.reading import Known, Unknown, Why
from tests import worlds
from tests.inventories import chain_inventory, node_entry
from tests.unit.model import answers
from tests.unit.observe.fake_host import Host, Rpc


def completed(stdout: bytes, *, status: int | None = 0, timed_out: bool = False) -> Completed:
    return Completed(
        exit_status=status,
        stdout=stdout,
        stderr=b"sudo: a password is required\n",
        duration_ms=5,
        truncated=False,
        timed_out=timed_out,
    )


@dataclass
class Scripted:
    """A connection whose every command has the same end."""

    host: str
    end: Completed
    commands: list[str] = field(default_factory=list)

    async def run(
        self, command: str, *, stdin: bytes = b"", timeout_s: float, max_bytes: int = 4_000_000
    ) -> Completed:
        self.commands.append(command)
        return self.end


@dataclass
class Local:
    """A connection to the fake host on this machine."""

    host: str
    fake: Host

    async def run(
        self, command: str, *, stdin: bytes = b"", timeout_s: float, max_bytes: int = 4_000_000
    ) -> Completed:
        process = await asyncio.create_subprocess_exec(
            "bash",
            "-s",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        text = stdin.replace(b" PATH=", f" PATH={self.fake.bin}:".encode())
        stdout, _ = await process.communicate(text)
        return completed(stdout)


@dataclass
class Reached:
    """Knows some hosts; the others cannot be reached."""

    connections: dict[str, Connection]

    async def connect(self, host: str) -> Connection:
        if host not in self.connections:
            raise HostUnreachable(
                f"{host} cannot be reached",
                guard="tcp",
                got="connection refused",
                expected="an SSH server",
                next_step="look at the host",
            )
        return self.connections[host]

    async def login(self, host: str) -> Login:
        """Straight to it."""
        return worlds.login_of(host)


@dataclass
class Shell:
    """A connection that runs commands in a shell on this machine."""

    host: str

    async def run(
        self, command: str, *, stdin: bytes = b"", timeout_s: float, max_bytes: int = 4_000_000
    ) -> Completed:
        process = await asyncio.create_subprocess_exec(
            "sh", "-c", command, stdout=asyncio.subprocess.PIPE
        )
        stdout, _ = await process.communicate()
        return completed(stdout)


def inventory(*names: str) -> Inventory:
    return chain_inventory(
        path="lab.yaml",
        chain_id="virtengine-lab-1",
        halted_after_s=5,
        ssh_config=None,
        allowed_signers=None,
        hosts=tuple(node_entry(name=name, role=Role.VALIDATOR, ssh=name) for name in names),
    )


@pytest.fixture
def seen(tmp_path: Path) -> CometReading:
    """val1 answers, val2 cannot be reached, val3 prints nonsense, val4 runs into the limit."""
    fake = Host(tmp_path, 1)
    fake.install()
    reach = Reached(
        {
            "val1": Local("val1", fake),
            "val3": Scripted("val3", completed(b"nonsense", status=3)),
            "val4": Scripted("val4", completed(b"", status=None, timed_out=True)),
        }
    )
    hosts = inventory("val1", "val2", "val3", "val4")
    return comet_reading(
        asyncio.run(observe(reach, hosts, scope=Scope.FULL, tool="remediate 0.1.0"))
    )


def test_every_host_of_the_inventory_is_in_the_observation(seen: CometReading) -> None:
    """In its order, read or not."""
    assert [reading.host for reading in seen.hosts] == ["val1", "val2", "val3", "val4"]
    assert (seen.chain_id, seen.halted_after_s) == ("virtengine-lab-1", 5)
    assert seen.began < seen.ended
    assert isinstance(seen.host("val1").session, Known)


@pytest.mark.parametrize(
    ("host", "why", "reason"),
    [
        ("val2", Why.UNREACHABLE, "connection refused"),
        ("val3", Why.CORRUPT, "exit status 3"),
        ("val4", Why.TIME_LIMIT, "time limit"),
    ],
)
def test_a_host_that_cannot_be_read_says_why(
    seen: CometReading, host: str, why: Why, reason: str
) -> None:
    """All of it is unknown, with the same reason."""
    reading = seen.host(host)
    assert isinstance(reading.session, Unknown)
    assert reading.session.why is why
    assert reason in reading.session.reason
    assert reading.unit == reading.session
    assert reading.samples == ()


def test_an_observation_comes_back_from_its_file(seen: CometReading, tmp_path: Path) -> None:
    """The same value, and the same bytes when written again."""
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    save_observation(sealed(seen), first)
    again = load_observation(first)
    save_observation(again, second)
    assert again == sealed(seen)
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"format":"4"', b'"formed":"4"'),
        (b'"format":"4"', b'"format":"3"'),
        (b'"scope":"full"', b'"scope":"some"'),
        (b"{", b""),
    ],
)
def test_a_foreign_file_is_refused(
    seen: CometReading, tmp_path: Path, old: bytes, new: bytes
) -> None:
    """Another format, unknown fields, other values, half a file."""
    path = tmp_path / "seen.json"
    save_observation(sealed(seen), path)
    path.write_bytes(path.read_bytes().replace(old, new, 1))
    with pytest.raises(UsageError) as caught:
        load_observation(path)
    assert str(path) in caught.value.what


def test_a_file_that_is_not_there_is_refused(seen: CometReading, tmp_path: Path) -> None:
    """Reading is the user's mistake, writing the machine's."""
    with pytest.raises(UsageError):
        load_observation(tmp_path / "none.json")
    with pytest.raises(MachineError):
        save_observation(sealed(seen), tmp_path / "none" / "seen.json")


def test_the_light_poll_is_one_trip_and_never_fails() -> None:
    """Status and round of who answers, nothing of who does not."""
    url = "http://127.0.0.1:26657"
    parts = (answers.status(113), answers.abci_info(113), b"", answers.consensus_state(114, 0, 4))
    both = b"\x1e".join(parts)
    reach = Reached(
        {
            "val1": Scripted("val1", completed(both)),
            "val2": Scripted("val2", completed(b"", status=1)),
            "val3": Scripted("val3", completed(answers.status(112) + b"\x1e<html>\x1e\x1e<html>")),
        }
    )
    names = ("val1", "val2", "val3", "val4")
    polls = asyncio.run(poll_nodes(reach, [(name, url) for name in names]))
    assert polls["val1"].status is not None
    assert polls["val1"].status.height == 113
    assert polls["val1"].round is not None
    assert polls["val1"].round.height == 114
    assert polls["val1"].app is not None
    assert polls["val2"] == polls["val4"] == NO_POLL
    assert polls["val3"].status is not None
    assert polls["val3"].round is None


def test_an_answer_that_is_slow_to_read_delays_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """The event loop goes on while what a node said is read."""
    reading = Event()
    seen_by_others = Event()

    def slow(_text: bytes) -> NodeStatus:
        reading.set()
        if not seen_by_others.wait(10):
            raise RpcError("the loop stood still")
        return parse_status(answers.status(113))

    async def others() -> None:
        while not reading.is_set():
            await asyncio.sleep(0.01)
        seen_by_others.set()

    async def go() -> dict[str, NodePoll]:
        reach = Reached({"val1": Scripted("val1", completed(b"{}"))})
        polls, _ = await asyncio.gather(
            poll_nodes(reach, [("val1", "http://127.0.0.1:1")]), others()
        )
        return polls

    monkeypatch.setattr(poll, "parse_status", slow)
    assert asyncio.run(go())["val1"].status == parse_status(answers.status(113))


def test_the_light_poll_asks_a_real_port() -> None:
    """The command it sends, in a shell: an RPC that answers, and a port that refuses."""
    rpc = Rpc()
    try:
        reach = Reached({"val1": Shell("val1"), "val2": Shell("val2")})
        targets = [("val1", f"http://127.0.0.1:{rpc.port}"), ("val2", "http://127.0.0.1:1")]
        polls = asyncio.run(poll_nodes(reach, targets))
        more = asyncio.run(poll_nodes(reach, targets[:1], {"val1"}))
    finally:
        rpc.close()
    assert polls["val1"].status is not None
    assert polls["val1"].round is not None
    assert polls["val1"].app is not None
    assert polls["val1"].blocks is None
    assert more["val1"].blocks
    assert polls["val2"] == NO_POLL
    first = ["/status", "/abci_info", "/consensus_state"]
    assert rpc.asked == [*first, "/status", "/abci_info", "/blockchain", "/consensus_state"]


def test_what_a_host_complains_is_one_line_that_is_safe_to_show() -> None:
    """It is part of a reason, which is shown and kept: no colours, no other direction, no lines."""
    stderr = "\x1b[2J\u009b31m\u202eX\nnext  run this\u2028more ".encode() + b"\xff" * 10**6
    end = replace(completed(b"", status=1), stderr=stderr)
    trouble = document_trouble(end, DocumentError("no answer"))
    assert trouble.why is Why.CORRUPT
    assert len(trouble.reason) < 300
    assert trouble.reason.isascii()
    assert trouble.reason.isprintable()
    assert "next" in trouble.reason


@pytest.mark.parametrize("there", ["nothing", "file", "link"])
def test_an_observation_is_saved_whole_and_never_through_a_link(
    seen: CometReading, tmp_path: Path, there: str
) -> None:
    """What a link leads to stays as it is, and nobody else may read what was saved."""
    directory = tmp_path / "saved"
    directory.mkdir()
    path, other = directory / "seen.json", directory / "other"
    save_observation(sealed(seen), other)
    kept = other.read_bytes()
    if there == "file":
        path.write_bytes(kept)
    if there == "link":
        path.symlink_to(other)
        with pytest.raises(MachineError, match="cannot be written"):
            save_observation(sealed(seen), path)
    else:
        save_observation(sealed(seen), path)
        assert load_observation(path) == sealed(seen)
        assert path.stat().st_mode & 0o777 == 0o600
    assert other.read_bytes() == kept
    assert {file.name for file in directory.iterdir()} == {"seen.json", "other"}


def test_a_disk_that_is_full_leaves_the_old_observation(
    seen: CometReading, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing beside it."""
    path = tmp_path / "saved/seen.json"
    path.parent.mkdir()
    save_observation(sealed(seen), path)
    old = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(MachineError, match="cannot be written"):
        save_observation(sealed(seen), path)
    assert path.read_bytes() == old
    assert list(path.parent.iterdir()) == [path]

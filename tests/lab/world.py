"""The truth about the lab, read without the product: from outside, by file and by loopback RPC."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.lab import loopback
from tests.lab.machine import Machine
from tests.lab.shell import LabError
from tests.lab.spec import NODES, NodeSpec

NO_EVIDENCE = hashlib.sha256(b"").hexdigest().upper()
PAGE = 20
NANOSECONDS_OFF = len("2026-11-30T16:51:03.123456")
SAMPLE_S = 0.05
"""Sign states are watched at 20 Hz."""

Json = dict[str, Any]
HRS = tuple[int, int, int]


@dataclass(frozen=True)
class Daemon:
    """A process that runs with the node's home: its id inside, and start in ticks since boot."""

    pid: int
    started: int


@dataclass
class Watch:
    """Every change of sign state that was seen, by host, in order."""

    seen: dict[str, list[HRS]] = field(default_factory=dict)
    rounds: int = 0
    """How often all hosts were looked at."""

    def lowered(self) -> list[str]:
        """Hosts whose sign state went back at some time."""
        return [host for host, states in self.seen.items() if states != sorted(states)]


class World:
    """Reads hosts and chain."""

    def __init__(self, hosts: dict[str, Machine]) -> None:
        self._hosts = hosts
        self.moved_rpc: dict[str, int] = {}
        """Nodes whose RPC is not where their configuration says."""

    def rpc(self, host: str, path: str, timeout: float = 2.0) -> Json:
        """The result of an RPC call to a node, made on its host.

        Raises:
            LabError: no answer.
        """
        machine = self._hosts[host]
        init = machine.init()
        if init is None:
            raise LabError(f"{host} is off")
        port = self.moved_rpc.get(host, _node(machine).rpc_port)
        answer = loopback.get(init, port, f"/{path}", timeout)
        try:
            result: Json = json.loads(answer)["result"]
        except (ValueError, KeyError) as error:
            raise LabError(f"{host} answered to {path}: {answer[:200]!r}") from error
        return result

    def height(self, host: str) -> int | None:
        """The node's block height, or None where it does not answer."""
        try:
            return int(self.rpc(host, "status")["sync_info"]["latest_block_height"])
        except (LabError, ValueError, KeyError):
            return None

    def heights(self, *hosts: str) -> dict[str, int | None]:
        """Heights by host, asked at once; of all nodes by default."""
        names = hosts or tuple(spec.name for spec in NODES)
        with ThreadPoolExecutor(len(names)) as pool:
            return dict(zip(names, pool.map(self.height, names), strict=True))

    def top(self) -> int:
        """The highest height of all nodes; 0 when nobody answers."""
        return max((h for h in self.heights().values() if h is not None), default=0)

    def app_hash(self, host: str, height: int) -> str:
        """The node's state after `height` (base64, as it says it)."""
        return str(self.rpc(host, f"block_results?height={height}")["app_hash"])

    def signers(self, host: str, height: int) -> set[str]:
        """The addresses that signed the block of `height`."""
        commit = self.rpc(host, f"commit?height={height}")["signed_header"]["commit"]
        return {s["validator_address"] for s in commit["signatures"] if s["block_id_flag"] == 2}

    def powers(self, host: str) -> dict[str, int]:
        """Address → power of the validator set, as a node tells it."""
        told = self.rpc(host, "validators?per_page=100")["validators"]
        return {one["address"]: int(one["voting_power"]) for one in told}

    def block_times(self, host: str, first: int, last: int) -> list[datetime]:
        """When each of these blocks was made, as its header says."""
        times = []
        for low in range(first, last + 1, PAGE):
            high = min(last, low + PAGE - 1)
            metas = self.rpc(host, f"blockchain?minHeight={low}&maxHeight={high}")["block_metas"]
            times += [meta["header"]["time"].rstrip("Z")[:NANOSECONDS_OFF] for meta in metas]
        return sorted(datetime.fromisoformat(time).replace(tzinfo=UTC) for time in times)

    def transactions(self, host: str, message: str) -> list[Json]:
        """All transactions with a message of this type, as a node indexed them."""
        asked = f"tx_search?query=%22message.action='{message}'%22&per_page=100"
        found: list[Json] = self.rpc(host, asked)["txs"]
        return found

    def earliest(self, host: str) -> int:
        """The first block that a node has."""
        told = self.rpc(host, "status")["sync_info"]["earliest_block_height"]
        return max(1, int(told))

    def evidence(self, host: str) -> list[int]:
        """Heights of all blocks, from its first to the tip, that carry evidence."""
        first = self.earliest(host)
        top = int(self.rpc(host, "status")["sync_info"]["latest_block_height"])
        found: dict[int, str] = {}
        for low in range(first, top + 1, PAGE):
            high = min(top, low + PAGE - 1)
            metas = self.rpc(host, f"blockchain?minHeight={low}&maxHeight={high}")["block_metas"]
            headers = [meta["header"] for meta in metas if meta is not None]
            found.update({int(one["height"]): one["evidence_hash"] for one in headers})
        missing = set(range(first, top + 1)) - set(found)
        if missing:
            raise LabError(f"{host} did not show blocks {sorted(missing)[:5]}")
        return sorted(height for height, seen in found.items() if seen != NO_EVIDENCE)

    def sign_state(self, host: str) -> HRS | None:
        """Height, round and step that the key signed last; None without a file."""
        machine = self._hosts[host]
        path = machine.path(f"{_node(machine).home}/data/priv_validator_state.json")
        try:
            state = json.loads(path.read_text())
        except (OSError, ValueError):
            return None
        return int(state["height"]), int(state["round"]), int(state["step"])

    @contextmanager
    def watch_sign_states(self) -> Iterator[Watch]:
        """Sample all sign states at 20 Hz while the block runs."""
        watch, stop = Watch(), threading.Event()

        def sample() -> None:
            while not stop.is_set():
                for spec in NODES:
                    state = self.sign_state(spec.name)
                    states = watch.seen.setdefault(spec.name, [])
                    if state is not None and (not states or states[-1] != state):
                        states.append(state)
                watch.rounds += 1
                time.sleep(SAMPLE_S)

        thread = threading.Thread(target=sample, daemon=True)
        thread.start()
        try:
            yield watch
        finally:
            stop.set()
            thread.join()

    def daemon(self, host: str) -> Daemon | None:
        """The chain daemon's process on a host, or None; below a wrapper that is its child."""
        return next(iter(self.every_daemon(host)), None)

    def every_daemon(self, host: str) -> list[Daemon]:
        """All processes that run with the node's home on a host: at most one should."""
        machine = self._hosts[host]
        home = _node(machine).home.encode()
        found: dict[int, tuple[Daemon, int]] = {}
        for entry in _processes(machine):
            if entry.name.isdigit():
                words = _read(entry / "cmdline").split(b"\0")
                wrapped = words[0].endswith(b"/cosmovisor")
                if b"start" not in words or home not in words or wrapped:
                    continue
                status = _read(entry / "stat").rpartition(b")")[2].split()
                if status:  # it may have ended meanwhile
                    daemon = Daemon(int(entry.name), int(status[19]))
                    found[daemon.pid] = daemon, int(status[1])
        wrappers = {parent for _, parent in found.values()}
        return [daemon for daemon, _ in found.values() if daemon.pid not in wrappers]

    def daemons(self) -> dict[str, Daemon | None]:
        """The daemon of every node."""
        return {spec.name: self.daemon(spec.name) for spec in NODES}

    def key_file(self, host: str) -> bytes:
        """The validator key that lies below a node's home."""
        home = _node(self._hosts[host]).home
        return self.file(host, f"{home}/config/priv_validator_key.json")

    def file(self, host: str, path: str) -> bytes:
        """A file's bytes."""
        return self._hosts[host].path(path).read_bytes()

    def wal_inodes(self, host: str) -> list[tuple[str, int]]:
        """Name and inode of each file of the write-ahead log: a log that was deleted and made anew
        has others. None of a node that never took part in consensus."""
        machine = self._hosts[host]
        directory = machine.path(f"{_node(machine).home}/data/cs.wal")
        entries = directory.iterdir() if directory.exists() else ()
        return sorted((entry.name, entry.stat().st_ino) for entry in entries)

    def tree(self, host: str, *, ignore: tuple[str, ...] = ()) -> dict[str, str]:
        """Every file of a host's own layer, with type, owner, mode and content hash.

        `ignore`: path prefixes, without a leading slash.
        """
        upper = self._hosts[host].directory / "upper"
        found = {}
        for directory, names, files in os.walk(upper):
            for name in [*names, *files]:
                path = Path(directory) / name
                relative = str(path.relative_to(upper))
                if not relative.startswith(ignore):
                    found[relative] = _fingerprint(path)
        return found


def _fingerprint(path: Path) -> str:
    status = path.lstat()
    content = ""
    if path.is_symlink():
        content = str(path.readlink())
    elif path.is_file():
        content = hashlib.sha256(path.read_bytes()).hexdigest()
    return f"{status.st_mode:o} {status.st_uid}:{status.st_gid} {content}"


def _node(machine: Machine) -> NodeSpec:
    if machine.spec.node is None:
        raise LabError(f"{machine.name} has no chain node")
    return machine.spec.node


def _processes(machine: Machine) -> list[Path]:
    """Their entries below /proc; none of a host that is off, or goes off just now."""
    if machine.init() is None:
        return []
    try:
        return list(machine.path("/proc").iterdir())
    except OSError:
        return []


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""

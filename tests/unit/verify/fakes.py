"""Nodes for the checks: as they are when a recovery is complete, each thing changeable."""

from __future__ import annotations

import base64
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

from remediations.playbooks.chain.checks.planned import PlannedChain
from remediations.reach.blocking import Limits
from remediations.reach.connection import Completed, HostUnreachable
from remediations.systems.comet.values import NodeLocation
from remediations.systems.hosts.rounds import COMMAND
from tests import worlds
from tests.unit.model import answers

TIP = 130
TICKS = 9000
PROGRAM = "a" * 64
NO_CONNECTION = 7
"""What curl ends with."""
PAGE = 100
SYNC_OFF = 'enable=false rpc_servers="" trust_height=0 trust_hash="" trust_period="168h0m0s"'


def times(height: int) -> str:
    return f"{worlds.BEGAN + timedelta(seconds=height):%Y-%m-%dT%H:%M:%SZ}"


@dataclass
class FakeNode:
    """One target whose answers are fields."""

    target: NodeLocation
    height: int = TIP
    catching_up: bool = False
    earliest: int = 1
    address: str = ""
    power: int = 0
    peer_count: int = 4
    branch: str = ""
    """Of blocks and states: another one is another chain."""
    state_branch: str = ""
    """Of the states alone: another one is not what the blocks were decided on."""
    absent: frozenset[str] = frozenset()
    round: int = 0
    evidence_at: int = 0
    evidence_of: int = 0
    """The height of the votes in that evidence, which are those of the key of val4."""
    signature: str = "AAAA"
    held: bool = True
    """Stopped, and held by a run."""
    state: tuple[int, int, int] = (TIP, 0, 3)
    running: bool = True
    program: str = PROGRAM
    found: str = ""
    foreign: str = ""
    room: tuple[int, int] = (50 << 30, 1_000_000)
    """Bytes and inodes that are free."""
    limit: str = "65535"
    """Of open files."""
    sync: str = SYNC_OFF
    """What stands below [statesync]."""
    aside: str = "1048576"
    """Bytes of what was set aside, or `no`."""
    ticks: str = str(TICKS)
    powers: Sequence[int] = worlds.POWERS
    silent: frozenset[str] = frozenset()
    """Beginnings of what it does not answer: an RPC path, or words of a command."""
    reachable: bool = True
    grows: int = 0
    """Blocks with each `/status`."""
    asked: list[str] = field(default_factory=list)

    def answer(self, command: str) -> tuple[int, bytes]:
        """The status of one question's command, and what it prints."""
        self.asked.append(command)
        if command.startswith("curl "):
            return self._curl(command)
        status, said = next(
            told
            for words, told in (
                ("guest sync_settings", (0, self.sync.replace(" ", "\n"))),
                ("/.all", (0, self.aside)),
                ("sign_state", (0, self._state())),
                ("remediate-hold", (0, "yes\n" if self.held else "no\n")),
                ("systemctl is-active", (0, f"{0 if self.running else 3}\n")),
                ("sha256sum", (0, f"{self.program}  /proc/400/exe\n")),
                ("journalctl", (0, f"{'0123456789abcdef' * 2}\n{self.found}\n")),
                ("df ", (0, f"Avail IFree Inodes\n{self.room[0]} {self.room[1]} 2000000\n")),
                ("/limits", (0, f"{self.limit} 65535\n1024 524288\n")),
                ("find ", (0, f"{self.foreign}\n")),
                ("cat /proc/", (0, f"400 (a daemon) S {'0 ' * 18}{self.ticks} 0 0\n")),
            )
            if words in command
        )
        if any(words in command for words in self.silent):
            return 1, b""
        return status, said.encode()

    def _curl(self, command: str) -> tuple[int, bytes]:
        words = shlex.split(command)
        urls = [words[at + 1] for at, word in enumerate(words) if word == "--url"]
        paths = [url.removeprefix(f"{self.target.rpc_url}/") for url in urls]
        if any(path.startswith(tuple(self.silent)) for path in paths if self.silent):
            return NO_CONNECTION, b""
        return 0, b"".join(self._rpc(path) + b"\n" for path in paths)

    def _state(self) -> str:
        height, round_, step = self.state
        return f'{{"height":"{height}","round":{round_},"step":{step},"signbytes":""}}\n'

    def _rpc(self, path: str) -> bytes:
        parts = urlsplit(path)
        query = {name: int(values[0]) for name, values in parse_qs(parts.query).items()}
        match parts.path:
            case "status":
                self.height += self.grows
                return self._status()
            case "net_info":
                return answers.net_info(tuple(range(self.peer_count)))
            case "blockchain":
                return self._blockchain(query["minHeight"], query["maxHeight"])
            case "commit":
                return self._commit(query["height"])
            case "block":
                return self._block()
            case "block_results":
                return self._results(query["height"])
            case "validators":
                return answers.envelope(self._validators(query["page"]))
        raise AssertionError(path)

    def _status(self) -> bytes:
        sync = {
            "latest_block_hash": worlds.block_hash_at(self.height),
            "latest_app_hash": worlds.app_hash_at(self.height - 1),
            "latest_block_height": str(self.height),
            "latest_block_time": times(self.height),
            "earliest_block_height": str(self.earliest),
            "catching_up": self.catching_up,
        }
        validator = {"address": self.address, "voting_power": str(self.power)}
        return answers.envelope(
            {"node_info": answers.node_info(0), "sync_info": sync, "validator_info": validator}
        )

    def _blockchain(self, low: int, high: int) -> bytes:
        assert high - low < 20, "no more than twenty headers a call"
        metas = [
            {
                "block_id": {"hash": worlds.block_hash_at(height, self.branch)},
                "header": {
                    **answers.header(height),
                    "app_hash": worlds.app_hash_at(height - 1, self.branch),
                    "time": times(height),
                    "evidence_hash": "E" * 64
                    if height == self.evidence_at
                    else answers.NO_EVIDENCE,
                },
            }
            for height in range(min(high, self.height), max(low, self.earliest) - 1, -1)
        ]
        return answers.envelope({"last_height": str(self.height), "block_metas": metas})

    def _commit(self, height: int) -> bytes:
        signatures = [
            {
                "block_id_flag": 1 if f"val{index}" in self.absent else 2,
                "validator_address": worlds.address_of(index),
                "timestamp": times(height),
                "signature": self.signature,
            }
            for index in range(1, len(self.powers) + 1)
        ]
        commit = {"height": str(height), "round": self.round, "signatures": signatures}
        return answers.envelope(
            {"signed_header": {"header": answers.header(height), "commit": commit}}
        )

    def _block(self) -> bytes:
        votes = [
            {
                "type": 2,
                "height": str(self.evidence_of),
                "round": 0,
                "block_id": {"hash": letter * 64, "parts": {"total": 1, "hash": letter * 64}},
                "timestamp": times(self.evidence_of),
                "validator_address": worlds.address_of(4),
                "signature": "AAAA",
            }
            for letter in "AB"
        ]
        evidence = {"value": {"vote_a": votes[0], "vote_b": votes[1]}}
        return answers.envelope({"block": {"evidence": {"evidence": [evidence]}}})

    def _results(self, height: int) -> bytes:
        digest = bytes.fromhex(worlds.app_hash_at(height, self.branch + self.state_branch))
        said = {"height": str(height), "app_hash": base64.b64encode(digest).decode()}
        return answers.envelope(said)

    def _validators(self, page: int) -> dict[str, object]:
        first = (page - 1) * PAGE
        members = [
            {"address": worlds.address_of(first + place), "voting_power": str(power)}
            for place, power in enumerate(self.powers[first : first + PAGE], 1)
        ]
        return {
            "block_height": str(self.height),
            "validators": members,
            "total": str(len(self.powers)),
        }


@dataclass
class FakeReach:
    """Connections to fake nodes (the `HostRunner` of systems.hosts.rounds); counts the rounds, and
    those that nobody waits for."""

    nodes: Mapping[str, FakeNode]
    rounds: list[frozenset[str]] = field(default_factory=list)
    beside: list[frozenset[str]] = field(default_factory=list)

    def run_on_all(
        self, command: str, stdin: Mapping[str, bytes], *, limits: Limits
    ) -> Mapping[str, Completed | HostUnreachable]:
        assert command == COMMAND
        assert 0 < limits.command_s <= limits.host_s
        self.rounds.append(frozenset(stdin))
        return {host: self._answer(self.nodes[host], text) for host, text in stdin.items()}

    def ask_beside(
        self,
        command: str,
        stdin: Mapping[str, bytes],
        *,
        limits: Limits,
        heard: Callable[[Mapping[str, Completed | HostUnreachable]], None],
    ) -> None:
        assert command == COMMAND
        self.beside.append(frozenset(stdin))
        heard({host: self._answer(self.nodes[host], text) for host, text in stdin.items()})

    def close(self) -> None:
        """Nothing is open."""

    def _answer(self, node: FakeNode, program: bytes) -> Completed | HostUnreachable:
        if not node.reachable:
            return HostUnreachable(
                f"{node.target.host} cannot be reached",
                guard="TCP",
                got="no route",
                expected="a connection",
                next_step=f"ssh {node.target.host} true",
            )
        lines = [
            b"%s %d\n" % (base64.b64encode(output), status)
            for status, output in map(node.answer, commands_of(program))
        ]
        return Completed(
            exit_status=0,
            stdout=b"".join(lines),
            stderr=b"",
            duration_ms=1,
            truncated=False,
            timed_out=False,
        )


def commands_of(program: bytes) -> Iterator[str]:
    """The questions in a round's program, as its shell would take them."""
    words = iter(shlex.split(program.decode().partition("\nexec cat ")[2]))
    for word in words:
        if word == "<(answer":
            assert re.fullmatch("as_(root|login)", next(words))
            yield next(words).removesuffix(")")


def recovered(plan: PlannedChain) -> dict[str, FakeNode]:
    """All targets of the plan, as they are when every check passes."""
    return {
        target.host: FakeNode(target=target, address=target.address, power=target.power)
        for target in plan.targets
    }

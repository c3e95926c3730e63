"""State sync: what a host tells of it (`state_sync.sh`), and what is planned with it. Pure.

A node that starts without databases, and with `[statesync]` on, takes a snapshot of the state from
its peers. It believes the snapshot because a light client follows the chain from one trusted block
to it (CometBFT's `light` package): the trusted block is the root of everything, so its hash is
never taken from the RPC servers that the light client then asks.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from msgspec import UNSET, UnsetType

from remediations.systems.comet.planned import (
    MAX_HEIGHT,
    PlannedNode,
    PlannedNodeError,
    described,
    with_numbers,
)
from remediations.values.lines import TextError, parse_number, split_lines
from remediations.values.reading import Reading
from remediations.values.record import Record

SETTINGS = ("enable", "rpc_servers", "trust_height", "trust_hash", "trust_period")
"""Those below [statesync] that decide, in the order in which they are told."""
OFF = "false"
MIN_SERVERS = 2
"""CometBFT refuses fewer: one is asked, and another one compared with it."""
MAX_SNAPSHOTS = 8
MAX_SERVERS = 16
_HASH = re.compile("[0-9A-F]{64}")
_CHAIN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,49}")
_URL = re.compile(r"http://[A-Za-z0-9.-]{1,253}:[0-9]{1,5}")
_RAW = re.compile(r'true|false|[0-9]{1,18}|"[A-Za-z0-9.:/,_-]{0,1024}"')
_PERIOD = re.compile(r'"(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,6})s)?"')
_SERVER = re.compile(
    r"(http://[A-Za-z0-9.-]{1,253}:[0-9]{1,5}) ([0-9a-f]{40}) ([A-Za-z0-9_.-]{1,50}) "
    r"([0-9]{1,18}) ([0-9]{1,18}) (true|false)"
)


class Snapshot(Record, frozen=True, kw_only=True):
    """A snapshot that a node keeps for others: the application's state after the block `height`."""

    height: int
    format: int
    chunks: int
    bytes: int


class SyncSettings(Record, frozen=True, kw_only=True):
    """What stands below [statesync]. `words` are `NAME=VALUE` as the file has them, in the order of
    `SETTINGS`; `flags` are those that a flag of the unit decides in place of the file."""

    words: str
    flags: tuple[str, ...]

    @property
    def enabled(self) -> bool:
        """Whether state sync is on: not known to be off counts as on."""
        return raw_values(self.words)["enable"] != OFF

    @property
    def trust_period_s(self) -> int:
        """How old the trusted block may be; 0 if the file does not say it in hours, minutes and
        seconds."""
        match = _PERIOD.fullmatch(raw_values(self.words)["trust_period"])
        if match is None:
            return 0
        hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return 3600 * hours + 60 * minutes + seconds


class RpcServer(Record, frozen=True, kw_only=True):
    """An RPC that answers the host of a node, and what it says of itself."""

    url: str
    node_id: str
    network: str
    height: int
    earliest_height: int
    catching_up: bool


class StateSync(Record, frozen=True, kw_only=True, omit_defaults=True):
    """What a host tells of state sync. `servers` are asked only where the node does not answer, or
    stands; unset elsewhere."""

    snapshots: Reading[tuple[Snapshot, ...]]
    settings: Reading[SyncSettings]
    servers: Reading[tuple[RpcServer, ...]] | UnsetType = UNSET


def raw_values(words: str) -> dict[str, str]:
    """The settings of `SyncSettings.words`; "" for each that is not there."""
    found = dict.fromkeys(SETTINGS, "")
    for word in words.split():
        name, _, value = word.partition("=")
        found[name] = value
    return found


def parse_snapshots(text: str) -> tuple[Snapshot, ...]:
    """The section `snapshots`.

    Raises:
        TextError: a line is malformed, or there are more than `MAX_SNAPSHOTS`.
    """
    found: list[Snapshot] = []
    for line in split_lines(text):
        words = line.split(" ")
        if len(words) != 4 or len(found) == MAX_SNAPSHOTS:
            raise TextError(f"expected at most {MAX_SNAPSHOTS} lines of four numbers")
        height, format_, chunks, size = map(parse_number, words)
        found.append(Snapshot(height=height, format=format_, chunks=chunks, bytes=size))
    return tuple(found)


def parse_sync_settings(text: str) -> SyncSettings:
    """The section `sync_settings`.

    Raises:
        TextError: a setting is missing, twice there, or not plain.
    """
    found: dict[str, str] = {}
    flags = []
    for line in split_lines(text):
        name, _, value = line.partition("=")
        if name == "flag" and value in SETTINGS:
            flags.append(value)
        elif name not in SETTINGS or name in found:
            raise TextError("a setting below [statesync] is there twice")
        else:
            found[name] = value
    odd = [name for name in SETTINGS if not _RAW.fullmatch(found.get(name, ""))]
    if odd:
        raise TextError(f"{odd[0]} below [statesync] is missing, or not plain")
    return SyncSettings(
        words=" ".join(f"{name}={found[name]}" for name in SETTINGS), flags=tuple(flags)
    )


def parse_servers(text: str) -> tuple[RpcServer, ...]:
    """The section `servers`, in the order of their URLs.

    Raises:
        TextError: a line is malformed, or there are more than `MAX_SERVERS`.
    """
    lines = split_lines(text)
    if len(lines) > MAX_SERVERS:
        raise TextError(f"expected at most {MAX_SERVERS} RPC servers")
    return tuple(sorted(map(_server, lines), key=lambda server: server.url))


def _server(line: str) -> RpcServer:
    match = _SERVER.fullmatch(line)
    if match is None:
        raise TextError("a line about an RPC server is malformed")
    url, node_id, network, height, earliest, catching_up = match.groups()
    return RpcServer(
        url=url,
        node_id=node_id,
        network=network,
        height=parse_number(height),
        earliest_height=parse_number(earliest),
        catching_up=catching_up == "true",
    )


def sync_key(chain_id: str, trust_height: int, trust_hash: str) -> str:
    """What names the databases that are set aside for one state sync, as a copy's hash names those
    of a copy."""
    text = f"state-sync {chain_id} {trust_height} {trust_hash}"
    return hashlib.sha256(text.encode()).hexdigest()


def aside_name(key: str) -> str:
    """The directory below data/ that has them."""
    return f"remediate-replaced-{key[:12]}"


@dataclass(frozen=True, kw_only=True)
class PlannedSync:
    """The state sync of `node`: the block that it trusts, the RPC servers that it asks (their URLs,
    with a comma between), and what stands below [statesync] before and after it. `on` is 1 for what
    turns it on, 0 for what puts the settings back.

    Raises:
        PlannedNodeError: a field is malformed.
    """

    node: PlannedNode
    chain_id: str
    trust_height: int
    trust_hash: str
    servers: str
    settings: str
    on: int = 1

    def __post_init__(self) -> None:
        urls = str(self.servers).split(",")
        for name, holds, meaning in (
            ("chain_id", _is(_CHAIN_ID, self.chain_id), "a chain id"),
            ("trust_hash", _is(_HASH, self.trust_hash), "64 upper-case hex digits"),
            ("trust_height", _below(self.trust_height, MAX_HEIGHT), "a height"),
            ("on", _below(self.on, 2), "0 or 1"),
            (
                "servers",
                len(urls) >= MIN_SERVERS and all(_is(_URL, url) for url in urls),
                f"{MIN_SERVERS} or more URLs (http://HOST:PORT)",
            ),
            ("settings", _plain(self.settings), "all settings of [statesync], plain"),
        ):
            if not holds:
                raise PlannedNodeError(f"{name} is {getattr(self, name)!r}, not {meaning}")

    @property
    def key(self) -> str:
        """What names the databases that are set aside for it."""
        return sync_key(self.chain_id, self.trust_height, self.trust_hash)

    @property
    def aside_name(self) -> str:
        """The directory below data/ into which they are moved."""
        return aside_name(self.key)

    @property
    def aside(self) -> str:
        """The same, with its path."""
        return f"{self.node.home}/data/{self.aside_name}"

    @property
    def turned_on(self) -> str:
        """What is to stand below [statesync] while it syncs."""
        new = raw_values(self.settings) | {
            "enable": "true",
            "rpc_servers": f'"{self.servers}"',
            "trust_height": str(self.trust_height),
            "trust_hash": f'"{self.trust_hash}"',
        }
        return " ".join(f"{name}={new[name]}" for name in SETTINGS)

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> PlannedSync:
        """What host data describe.

        Raises:
            PlannedNodeError: a field is missing or malformed.
        """
        return described(cls, {**data, "node": PlannedNode.from_data(data)})

    @classmethod
    def from_words(cls, words: Mapping[str, str]) -> PlannedSync:
        """What strings describe, as a JSON document has them.

        Raises:
            PlannedNodeError: a field is missing or malformed.
        """
        node = PlannedNode.from_words(words)
        return described(cls, {**with_numbers(words, ("trust_height", "on")), "node": node})


def _is(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _below(value: object, limit: int) -> bool:
    return type(value) is int and 0 <= value < limit


def _plain(settings: object) -> bool:
    found = raw_values(settings) if isinstance(settings, str) else {}
    return found.keys() == set(SETTINGS) and all(_RAW.fullmatch(raw) for raw in found.values())

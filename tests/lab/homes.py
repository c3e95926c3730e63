"""The homes of a new chain, made with the binary's own commands and cached.

The same binary and the same recipe give homes that are made once: four validators with the powers
of `tests.lab.spec`, a full node, and a standby whose key file is taken away.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.lab.binary import virtengined
from tests.lab.cache import built_once
from tests.lab.dialect import program
from tests.lab.recipe import recipe_key
from tests.lab.shell import run
from tests.lab.spec import (
    CHAIN_ID,
    DENOM,
    MNEMONIC,
    NODES,
    STAKE_PER_POWER,
    VALIDATORS,
    HostSpec,
    NodeSpec,
)

Ve = Callable[..., str]
"""The chain's program with a home: `ve(home, "genesis", "init", …)`."""

RECIPE = Path(__file__).read_text()
COINS = f"1000000000{DENOM}"

CONFIG_TOML = {
    "addr_book_strict": "false",
    "prometheus": "true",
    "pprof_laddr": '""',
    "timeout_commit": '"500ms"',
    "timeout_propose": '"1s"',
    "timeout_propose_delta": '"100ms"',
    "timeout_prevote": '"200ms"',
    "timeout_prevote_delta": '"50ms"',
    "timeout_precommit": '"200ms"',
    "timeout_precommit_delta": '"50ms"',
}
APP_TOML = {
    "minimum-gas-prices": f'"0{DENOM}"',
    "pruning": '"custom"',
    "pruning-keep-recent": '"100"',
    "pruning-interval": '"10"',
    "snapshot-interval": "10",
}
SLASHING = {
    "signed_blocks_window": "1000",
    "min_signed_per_window": "0.050000000000000000",
    "downtime_jail_duration": "60s",
}
"""Long enough that nobody is jailed for being down during one scenario."""
MEMO = {"max_memo_characters": "4096"}
"""An envelope has room there."""
GOVERNANCE: Mapping[str, object] = {
    "voting_period": "30s",
    "expedited_voting_period": "10s",
    "min_deposit": [{"denom": DENOM, "amount": "1000"}],
    "expedited_min_deposit": [{"denom": DENOM, "amount": "2000"}],
}


@dataclass(frozen=True)
class Network:
    """A chain that never ran: its homes by host, and the program it runs."""

    homes: Path
    binary: Path

    def home(self, host: str) -> Path:
        """The host's home as it is before the first start."""
        return self.homes / host

    def address(self, host: str) -> str:
        """The consensus address of a host's key."""
        key = json.loads((self.home(host) / "config/priv_validator_key.json").read_text())
        return str(key["address"])


def network() -> Network:
    """The homes for the binary in use. A few seconds the first time."""
    binary = virtengined()
    identity = hashlib.sha256(binary.read_bytes()).hexdigest()
    spec = "\n".join(repr(host) for host in NODES)
    key = f"homes-{recipe_key(identity, RECIPE, spec)}"
    return Network(built_once(key, lambda target: _build(binary, target)), binary)


def _build(binary: Path, target: Path) -> None:
    def ve(home: Path, *arguments: str, stdin: str = "") -> str:
        return run(*program(binary), *arguments, "--home", str(home), stdin=stdin)

    homes = {spec.name: target / spec.name for spec in NODES}
    with ThreadPoolExecutor(2) as pool:
        list(
            pool.map(
                lambda item: ve(item[1], "genesis", "init", item[0], "--chain-id", CHAIN_ID),
                homes.items(),
            )
        )
    first = homes[VALIDATORS[0].name]
    addresses = [_operator(ve, homes[spec.name]) for spec in VALIDATORS]
    addresses.append(recover_authority(ve, first))
    for spec in VALIDATORS:
        for address in addresses:
            ve(homes[spec.name], "genesis", "add-account", address, COINS)
        open_genesis(homes[spec.name])
        _gentx(ve, homes[spec.name], spec.node)
        if homes[spec.name] != first:
            shutil.copytree(
                homes[spec.name] / "config/gentx", first / "config/gentx", dirs_exist_ok=True
            )
    ve(first, "genesis", "collect")
    ve(first, "genesis", "validate")
    peers = {spec.name: _peer(ve, homes[spec.name], spec) for spec in NODES}
    for spec in NODES:
        _finish(homes[spec.name], first, spec, peers)
    (homes["standby1"] / "config/priv_validator_key.json").unlink()


def recover_authority(ve: Ve, home: Path) -> str:
    """Put the key that may schedule upgrades into a home's keyring; its address."""
    ve(
        *(home, "keys", "add", "authority", "--recover", "--keyring-backend", "test"),
        stdin=f"{MNEMONIC}\n",
    )
    return _address(ve, home, "authority")


def _operator(ve: Ve, home: Path) -> str:
    ve(home, "keys", "add", "op", "--keyring-backend", "test")
    return _address(ve, home, "op")


def _address(ve: Ve, home: Path, key: str) -> str:
    shown = ve(home, "keys", "show", key, "-a", "--keyring-backend", "test")
    return shown.strip().splitlines()[-1]


def _gentx(ve: Ve, home: Path, node: NodeSpec | None) -> None:
    assert node is not None
    stake = f"{node.power * STAKE_PER_POWER}{DENOM}"
    ve(
        *(home, "genesis", "gentx", "op", stake, "--min-self-delegation", "1"),
        *("--chain-id", CHAIN_ID, "--keyring-backend", "test", "--ip", "127.0.0.1"),
        # Where `auto` is the default, a node would be asked, and there is none yet.
        *("--gas", "200000"),
    )


def _peer(ve: Ve, home: Path, spec: HostSpec) -> str:
    assert spec.node is not None
    identity = ve(home, "comet", "show-node-id").strip().splitlines()[-1]
    return f"{identity}@{spec.name}:{spec.node.p2p_port}"


def open_genesis(home: Path) -> None:
    """Nobody is jailed for one scenario, no first transaction asks for a second factor, people vote
    within seconds, and a memo holds an envelope."""
    slash_by(home, SLASHING)
    path = home / "config/genesis.json"
    genesis = json.loads(path.read_text())
    for config in genesis["app_state"].get("mfa", {}).get("sensitive_tx_configs", ()):
        config["enabled"] = False
    genesis["app_state"].get("gov", {}).get("params", {}).update(GOVERNANCE)
    genesis["app_state"].get("auth", {}).get("params", {}).update(MEMO)
    path.write_text(json.dumps(genesis))


def slash_by(home: Path, rules: Mapping[str, str]) -> None:
    """Change the rules of slashing in a genesis file, before its chain begins."""
    path = home / "config/genesis.json"
    genesis = json.loads(path.read_text())
    genesis["app_state"]["slashing"]["params"].update(rules)
    path.write_text(json.dumps(genesis))


def _finish(home: Path, first: Path, spec: HostSpec, peers: dict[str, str]) -> None:
    assert spec.node is not None
    if home != first:
        shutil.copy(first / "config/genesis.json", home / "config/genesis.json")
    # A node's own id among its persistent peers makes it dial itself for ever.
    others = ",".join(peer for name, peer in peers.items() if name != spec.name)
    edit(home / "config/config.toml", {**CONFIG_TOML, "persistent_peers": f'"{others}"'})
    edit(home / "config/config.toml", {"laddr": f'"tcp://127.0.0.1:{spec.node.rpc_port}"'}, "rpc")
    edit(home / "config/config.toml", {"laddr": f'"tcp://0.0.0.0:{spec.node.p2p_port}"'}, "p2p")
    edit(home / "config/app.toml", APP_TOML)
    for section in ("api", "grpc", "grpc-web"):
        edit(home / "config/app.toml", {"enable": "false"}, section)


def edit(path: Path, settings: dict[str, str], section: str = "") -> None:
    """Set TOML values in place, comments kept; in one section, or wherever the key stands first.

    Raises:
        KeyError: a key does not stand there.
    """
    text = path.read_text()
    for key, value in settings.items():
        start = text.index(f"\n[{section}]") if section else 0
        found = re.compile(rf"^{re.escape(key)} *=.*$", re.MULTILINE).search(text, start)
        if found is None:
            raise KeyError(f"{path.name} has no {key}")
        text = f"{text[: found.start()]}{key} = {value}{text[found.end() :]}"
    path.write_text(text)

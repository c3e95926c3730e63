"""The deciding settings of config.toml and app.toml as a NodeConfig. Pure.

The host sends section headers and a few named keys only: other settings may hold passwords.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence

from remediations.model.host import NodeConfig
from remediations.observe.host_text import TextError, number


def parse_config(config: str, app: str, arguments: Sequence[str], rpc_url: str) -> NodeConfig:
    """The deciding settings of config.toml and app.toml; flags on the command line win.

    `rpc_url` was discovered beside it.

    Raises:
        TextError: no TOML, or a setting of another type.
    """
    node, application = _toml(config), _toml(app)
    flags = _flags(arguments)
    peers = flags.get("p2p.persistent_peers", _text(_table(node, "p2p"), "persistent_peers"))
    return NodeConfig(
        rpc_url=rpc_url,
        remote_signer=flags.get("priv_validator_laddr", _text(node, "priv_validator_laddr")),
        double_sign_check_height=_flagged(
            flags,
            "consensus.double_sign_check_height",
            _integer(_table(node, "consensus"), "double_sign_check_height"),
        ),
        halt_height=_flagged(flags, "halt-height", _integer(application, "halt-height")),
        halt_time=_flagged(flags, "halt-time", _integer(application, "halt-time")),
        persistent_peers=tuple(peer.strip() for peer in peers.split(",") if peer.strip()),
        db_backend=flags.get("db_backend", _text(node, "db_backend")),
    )


def _flags(arguments: Sequence[str]) -> dict[str, str]:
    flags: dict[str, str] = {}
    for index, word in enumerate(arguments):
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            following = arguments[index + 1] if index + 1 < len(arguments) else ""
            flags[name] = value if equals else following
    return flags


def _flagged(flags: Mapping[str, str], name: str, otherwise: int) -> int:
    return number(flags[name]) if name in flags else otherwise


def _toml(text: str) -> Mapping[str, object]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also a number of more digits than Python reads
        raise TextError(f"no TOML: {error}") from error


def _table(document: Mapping[str, object], name: str) -> Mapping[str, object]:
    table = document.get(name, {})
    if not isinstance(table, dict):
        raise TextError(f"[{name}] is no table")
    return table


def _text(table: Mapping[str, object], name: str) -> str:
    value = table.get(name, "")
    if not isinstance(value, str):
        raise TextError(f"{name} is no text but {type(value).__name__}")
    return value


def _integer(table: Mapping[str, object], name: str) -> int:
    value = table.get(name, 0)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
        raise TextError(f"{name} is no number from 0 to 2^63")
    return value

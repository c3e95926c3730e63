"""The deciding settings of config.toml and app.toml as a NodeConfig. Pure.

The host sends only section headers and a few named settings, since others may be passwords. It
sends a value only if it is plain (a text without escapes, a number, true or false), and a question
mark for any other (systems/hosts/guest.sh). So each line can be read by itself. A TOML parser could
be kept busy on purpose: Python's takes time in proportion to the square of the dots in one key,
which is minutes for 64 KB.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from remediations.systems.hosts.values import NodeConfig
from remediations.values.lines import TextError, parse_number, split_lines

MAX_DIGITS = 18

Settings = Mapping[str, str | int | bool | None]
"""`SECTION.KEY`, or `KEY` above all sections → value; None if it is not plain."""

_BLANKS = " \t"
_SWITCH = {"true": True, "false": False}
_ODD_SECTION = "?."
"""The section of what is below a header that is not plain; there may be several."""


def parse_config(config: str, app: str, arguments: Sequence[str], rpc_url: str) -> NodeConfig:
    """The deciding settings of config.toml and app.toml; flags on the command line win.

    `rpc_url` is what was discovered on the host.

    Raises:
        TextError: a line is malformed, or a setting occurs twice or of another type.
    """
    node, application = _settings(config), _settings(app)
    flags = _flags(arguments)
    peers = flags.get("p2p.persistent_peers", _text(node, "p2p.persistent_peers"))
    return NodeConfig(
        rpc_url=rpc_url,
        remote_signer=flags.get("priv_validator_laddr", _text(node, "priv_validator_laddr")),
        double_sign_check_height=_flagged(
            flags,
            "consensus.double_sign_check_height",
            _integer(node, "consensus.double_sign_check_height"),
        ),
        halt_height=_flagged(flags, "halt-height", _integer(application, "halt-height")),
        halt_time=_flagged(flags, "halt-time", _integer(application, "halt-time")),
        persistent_peers=tuple(peer.strip() for peer in peers.split(",") if peer.strip()),
        db_backend=flags.get("db_backend", _text(node, "db_backend")),
        adaptive_sync=_switch(node, "blocksync.adaptive_sync"),
        p2p_port=_port(flags.get("p2p.laddr", node.get("p2p.laddr"))),
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
    return parse_number(flags[name]) if name in flags else otherwise


def _settings(text: str) -> Settings:
    """All settings of a file.

    Raises:
        TextError: a line is not a setting, or one is there twice.
    """
    found: dict[str, str | int | bool | None] = {}
    section = ""
    for line in filter(None, (line.strip(_BLANKS) for line in split_lines(text))):
        if line.startswith("[") and line.endswith("]"):
            section = line.strip("[]") + "."
            continue
        name, equals, value = line.partition("=")
        name = section + name.strip(_BLANKS)
        if not equals:
            raise TextError("a line of the settings is malformed")
        if name in found and section != _ODD_SECTION:
            raise TextError("a setting occurs twice")
        found[name] = _value(value.strip(_BLANKS))
    return found


def _value(text: str) -> str | int | bool | None:
    """A text without escapes, a number, true or false; None for anything else."""
    if text in _SWITCH:
        return _SWITCH[text]
    if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS:
        return int(text)
    quote, inside = text[:1], text[1:-1]
    whole = len(text) > 1 and quote in ("'", '"') and text[-1] == quote and quote not in inside
    return inside if whole and not (quote == '"' and "\\" in inside) else None


def _text(settings: Settings, name: str) -> str:
    value = settings.get(name, "")
    if not isinstance(value, str):
        raise TextError(f"{name} is not plain text")
    return value


def _switch(settings: Settings, name: str) -> bool:
    """A switch; one that is absent is off. The daemon also accepts a text or a number, whose
    meaning is not guessed."""
    value = settings.get(name, False)
    if not isinstance(value, bool):
        raise TextError(f"{name} is not true or false")
    return value


def _port(address: object) -> int:
    """The port of an address such as `tcp://0.0.0.0:26656`; 0 if it has none. It only serves
    advice, so an odd value is not an error here."""
    port = address.rpartition(":")[2] if isinstance(address, str) else ""
    return int(port) if port.isascii() and port.isdigit() and len(port) <= 5 else 0


def _integer(settings: Settings, name: str) -> int:
    value = settings.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int):
        raise TextError(f"{name} is not a number of at most {MAX_DIGITS} digits")
    return value

"""The inventory: which hosts a chain has, as YAML. The form is described in docs/observation.md."""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection, Iterable, Mapping, Set
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning, YAMLError

from remediations.errors import UsageError
from remediations.files.trusted import MEGABYTE, read_trusted
from remediations.values.inventory import HostEntry, Inventory, Role
from remediations.values.names import HOME, RPC, UNIT

HALTED_AFTER_S = 60
"""Seconds without a block that count as halted where the inventory does not say."""

_DEEPEST = 16
"""Levels of an inventory, and some: ten thousand brackets would take ruamel.yaml ten seconds."""
_LEAKS = (RecursionError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What ruamel.yaml lets out beside its own errors, for tags and keys that nobody writes twice: an
unfilled `{{ chain }}` of a template is a mapping as a key."""
_CHAIN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,49}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
SSH_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@:%-]{0,252}")
"""What may be given to ssh as a destination: no option, no command."""


def load_inventory(path: Path) -> Inventory:
    """The inventory in `path`; names of files in it are relative to it.

    Raises:
        UsageError: with file and line, what stands there and what is expected.
    """
    try:
        file = read_trusted(path, limit=MEGABYTE)
    except OSError as error:
        raise _Source(path, b"", "").error(
            0, error.strerror or str(error), "a file that can be read"
        ) from error
    return _Source(path, file.data, file.sha256).inventory()


def limit(inventory: Inventory, names: Collection[str]) -> Inventory:
    """The same inventory with the hosts `names` only, in its own order.

    Raises:
        UsageError: a name is not in the inventory, or there are no names.
    """
    known = [entry.name for entry in inventory.hosts]
    strange = sorted(set(names) - set(known))
    if strange or not names:
        raise UsageError(
            f"no such host: {', '.join(strange)}" if strange else "no host is left",
            guard="limit",
            got=", ".join(strange) or "no names",
            expected=f"names among {', '.join(known)}",
            next_step=f"correct --limit, or add the host to {inventory.path}",
        )
    chosen = tuple(entry for entry in inventory.hosts if entry.name in names)
    return msgspec.structs.replace(inventory, hosts=chosen)


@dataclass(frozen=True)
class _Source:
    """The file that was read: every complaint names it."""

    path: Path
    data: bytes
    sha256: str

    def inventory(self) -> Inventory:
        root = self.table(self.parsed(), None, "the inventory")
        self.keys(root, required=("version", "chain", "hosts"), optional=("ssh", "allowed_signers"))
        if root["version"] != 1 or isinstance(root["version"], bool):
            raise self.wrong(root, "version", "1")
        chain = self.table(root["chain"], root, "chain")
        self.keys(chain, required=("id",), optional=("halted_after_seconds",))
        ssh = self.table(root["ssh"], root, "ssh") if "ssh" in root else CommentedMap()
        self.keys(ssh, required=(), optional=("config",))
        hosts = self.table(root["hosts"], root, "hosts")
        if not hosts:
            raise self.wrong(root, "hosts", "at least one host, as `val1: {role: validator}`")
        return Inventory(
            path=str(self.path),
            sha256=self.sha256,
            chain_id=self.text(chain, "id", _CHAIN_ID, "a chain id of up to 50 characters"),
            halted_after_s=self.seconds(chain),
            ssh_config=self.file(ssh, "config"),
            allowed_signers=self.file(root, "allowed_signers"),
            hosts=tuple(self.host(hosts, name) for name in hosts),
        )

    def parsed(self) -> object:
        if self.path.suffix == ".py":
            raise self.error(0, "a Python file", "YAML: an inventory is read here, never run")
        try:
            yaml = YAML(typ="rt", pure=True)
            yaml.max_depth = _DEEPEST
            with warnings.catch_warnings():
                # An anchor used twice is legal, and a warning would print a path of this machine.
                warnings.simplefilter("ignore", ReusedAnchorWarning)
                return yaml.load(StringIO(self.data.decode()))
        except UnicodeDecodeError as error:
            raise self.error(0, f"no UTF-8: {error.reason}", "YAML in UTF-8") from error
        except MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 0
            raise self.error(line, error.problem or str(error), "YAML, each key once") from error
        except (YAMLError, *_LEAKS) as error:
            got = f"{type(error).__name__}: {_shown(str(error))}"
            raise self.error(0, got, "plain YAML: no tags, no mapping or list as a key") from error

    def host(self, hosts: CommentedMap, name: object) -> HostEntry:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise self.wrong(hosts, name, "a host name of letters, digits, dots and dashes", name)
        entry = self.table(hosts[name], hosts, name)
        self.keys(entry, required=("role",), optional=("ssh", "unit", "home", "rpc"))
        try:
            role = Role(entry["role"])
        except ValueError as error:
            raise self.wrong(entry, "role", " | ".join(role.value for role in Role)) from error
        return HostEntry(
            name=name,
            role=role,
            ssh=self.optional(entry, "ssh", SSH_NAME, "a name for ssh") or name,
            unit=self.optional(entry, "unit", UNIT, "a systemd unit, as virtengine.service"),
            home=self.optional(entry, "home", HOME, "an absolute path"),
            rpc=self.optional(entry, "rpc", RPC, "a URL, as http://127.0.0.1:26657"),
        )

    def table(self, value: object, parent: CommentedMap | None, key: str) -> CommentedMap:
        if isinstance(value, CommentedMap):
            return value
        if parent is None:
            raise self.error(1, _shown(value), "a mapping with version, chain and hosts")
        raise self.wrong(parent, key, "a mapping")

    def keys(
        self, table: CommentedMap, *, required: Iterable[str], optional: Iterable[str]
    ) -> None:
        needed, known = list(required), [*required, *optional]
        for key in table:
            if key not in known:
                raise self.wrong(table, key, f"one of the keys {', '.join(known)}", key)
        missing = [key for key in needed if key not in table]
        if missing:
            line = table.lc.line + 1 if table.lc.line is not None else 1
            raise self.error(line, f"no key {missing[0]}", f"the key {missing[0]}")

    def optional(
        self, table: CommentedMap, key: str, pattern: re.Pattern[str], expected: str
    ) -> str | None:
        return self.text(table, key, pattern, expected) if key in table else None

    def text(self, table: CommentedMap, key: str, pattern: re.Pattern[str], expected: str) -> str:
        value = table[key]
        if not isinstance(value, str) or not pattern.fullmatch(value) or ".." in value:
            raise self.wrong(table, key, expected)
        return str(value)

    def seconds(self, chain: CommentedMap) -> int:
        value = chain.get("halted_after_seconds", HALTED_AFTER_S)
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 86_400:
            raise self.wrong(chain, "halted_after_seconds", "seconds from 1 to 86400")
        return int(value)

    def file(self, table: CommentedMap, key: str) -> str | None:
        if key not in table:
            return None
        value = table[key]
        if not isinstance(value, str) or not value or "\0" in value:
            raise self.wrong(table, key, "the name of a file")
        try:
            # Not resolved: whoever opens it judges the links on the way, too.
            return str((self.path.parent / Path(value).expanduser()).absolute())
        except (OSError, RuntimeError) as error:  # no such user
            raise self.wrong(table, key, "the name of a file that can be found") from error

    def wrong(
        self, table: CommentedMap, key: object, expected: str, got: object | None = None
    ) -> UsageError:
        """The complaint about `key`, or about its value (`got` left out)."""
        # A key that was merged in (`<<`) stands elsewhere: the table's own line must do.
        own = key in (table.lc.data or ())
        line = int(table.lc.key(key)[0] if own else table.lc.line or 0) + 1
        shown = _shown(table[key] if got is None else got)
        return self.error(line, f"{key}: {shown}" if got is None else shown, expected)

    def error(self, line: int, got: str, expected: str) -> UsageError:
        where = f"{self.path}:{line}" if line else str(self.path)
        return UsageError(
            f"{where}: the inventory cannot be used",
            guard="inventory",
            got=got,
            expected=expected,
            next_step=f"correct {where}, or let `remediate inventory discover HOST… --output FILE` "
            "propose one",
        )


def _shown(value: object) -> str:
    """A value on one line, shortened. Of a list or mapping one level is shown: a few aliases of
    aliases are gigabytes as text."""
    if isinstance(value, dict):
        text = f"{{{', '.join(f'{_flat(key)}: {_flat(value[key])}' for key in value)}}}"
    else:
        text = f"[{', '.join(map(_flat, value))}]" if isinstance(value, list) else _flat(value)
    return " ".join(text.split())[:120]


def _flat(value: object) -> str:
    if isinstance(value, Mapping | Set | list | tuple):
        return "…"
    try:
        return "nothing" if value is None else repr(value) if isinstance(value, str) else str(value)
    except ValueError:  # `0xfff…`: more digits than Python writes
        return "a number of thousands of digits"

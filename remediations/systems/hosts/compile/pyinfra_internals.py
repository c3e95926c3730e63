"""The only module that uses what pyinfra does not promise to keep (tested with 3.10).

It runs a deploy for each host as pyinfra's prepare phase does, but for hosts that cannot be
contacted, and takes the commands from the operations instead of executing them.

Used: `Inventory.make_hosts_and_groups`, `State.ops`, `State.op_meta`, `Host.op_hash_order`,
`Host.connected`, `StateOperationHostData`, the context managers, the table of global arguments.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import CodeType
from typing import Any, NoReturn, cast

from pyinfra.api.arguments import all_argument_meta
from pyinfra.api.command import (
    FileDownloadCommand,
    FileUploadCommand,
    FunctionCommand,
    PyinfraCommand,
    StringCommand,
)
from pyinfra.api.config import Config
from pyinfra.api.host import Host
from pyinfra.api.inventory import Inventory
from pyinfra.api.state import State, StateStage
from pyinfra.connectors.base import BaseConnector
from pyinfra.context import ContextManager, ctx_config, ctx_host, ctx_inventory, ctx_state

from remediations.systems.hosts.command import HostCommand
from remediations.systems.hosts.compile.seal import Seal
from remediations.systems.hosts.compile.wire import HostData
from remediations.systems.hosts.probe import Probe
from remediations.systems.hosts.pyinfra.step import ShellStep

ALLOWED_ARGUMENTS = frozenset({"name", "_sudo"})
"""Global arguments that a deploy may set. Steps run as root anyway, so `_sudo` is dropped."""

ALLOWED_IN_COMMAND = frozenset({"_timeout"})
"""What a `ShellStep` itself sets."""

KINDS: dict[type[PyinfraCommand], str] = {
    FunctionCommand: "calls a Python function while it runs",
    FileUploadCommand: "uploads a file",
    FileDownloadCommand: "downloads a file",
    StringCommand: "yields a command without a declared outcome (only a ShellStep has one)",
}


class SealedConnector(BaseConnector):
    """A connection that does not exist: any use of it would be a contact, and is refused."""

    handles_execution = True
    sealed = True

    @staticmethod
    def make_names_data(name: str) -> NoReturn:
        """Only `SealedInventory` makes sealed hosts."""
        raise NotImplementedError(name)

    def run_shell_command(self, command: StringCommand, *_: object, **__: object) -> NoReturn:
        """Refuse."""
        self._contact(f"would run on the host: {str(command)[:120]!r}")

    def put_file(
        self, filename_or_io: object, remote_filename: str, *_: object, **__: object
    ) -> NoReturn:
        """Refuse."""
        del filename_or_io
        self._contact(f"would upload {remote_filename!r}")

    def get_file(self, remote_filename: str, *_: object, **__: object) -> NoReturn:
        """Refuse."""
        self._contact(f"would download {remote_filename!r}")

    def _contact(self, did: str) -> NoReturn:
        cast(SealedInventory, self.host.inventory).seal.refuse(did)


class SealedInventory(Inventory):
    """The hosts of one compilation. Loads no other connector (that alone costs 0.2 s)."""

    def __init__(self, hosts: Mapping[str, HostData], seal: Seal) -> None:
        self.seal = seal
        super().__init__((list(hosts.items()), {}))  # type: ignore[no-untyped-call]  # pyinfra's

    def make_hosts_and_groups(self, names: Iterable[tuple[str, HostData]], _: object) -> None:
        """Sealed hosts, in the order given, in no group."""
        self.hosts = {}
        for name, data in names:
            self.host_data[name] = dict(data)
            self.hosts[name] = Host(name, self, groups=[], connector_cls=SealedConnector)


def run_deploy(
    code: CodeType, path: str, hosts: Mapping[str, HostData], seal: Seal
) -> dict[str, tuple[HostCommand, ...]]:
    """Run the code of a deploy once for each host, in the order given, and collect its commands.

    Raises:
        Rejected: the deploy did what it may not; `seal.host` says for which host.
        Exception: whatever the deploy raises.
    """
    state = State(SealedInventory(hosts, seal), Config(), check_for_changes=False)
    state.current_stage = StateStage.Prepare

    def refuse_fact(fact: type, *_: object, **__: object) -> NoReturn:
        seal.refuse(f"reads the fact {getattr(fact, '__name__', fact)}")

    found: dict[str, tuple[HostCommand, ...]] = {}
    with _entered(ctx_state, state), _entered(ctx_inventory, state.inventory):
        for host in state.inventory:
            state.activate_host(host)
            host.connected = True
            vars(host)["get_fact"] = refuse_fact
            with (
                seal.on(host.name),
                _entered(ctx_config, state.config.copy()),
                _entered(ctx_host, host),
            ):
                exec(code, {"__file__": path, "__name__": "deploy"})  # noqa: S102 - as pyinfra does
                found[host.name] = _commands(state, host, seal)
    return found


def _commands(state: State, host: Host, seal: Seal) -> tuple[HostCommand, ...]:
    collected: list[HostCommand] = []
    for op_hash in host.op_hash_order:
        data = state.ops[host][op_hash]
        arguments: dict[str, object] = {
            **state.op_meta[op_hash].global_arguments,
            **data.global_arguments,
        }
        _check_arguments(state, arguments, seal)
        collected.extend(_compiled(command, seal) for command in data.command_generator())
    if not collected:
        seal.refuse("yields no command")
    return tuple(collected)


def _check_arguments(state: State, arguments: Mapping[str, object], seal: Seal) -> None:
    for key, value in arguments.items():
        meta = all_argument_meta[key]
        default = meta.default(state.config)
        if meta.handler:
            default = meta.handler(state.config, default)
        if key not in ALLOWED_ARGUMENTS and value != default:
            seal.refuse(f"sets the global argument {key}")
    if arguments["_sudo"] is not True:
        seal.refuse("calls an operation without _sudo=True, but the text runs as root")


def _compiled(command: PyinfraCommand, seal: Seal) -> HostCommand:
    if not isinstance(command, ShellStep):
        seal.refuse(KINDS.get(type(command), f"yields a {type(command).__name__}"))
    extra = sorted(set(command.connector_arguments) - ALLOWED_IN_COMMAND)
    if extra:
        seal.refuse(f"yields a command with {', '.join(extra)}")
    declared = command.command
    if not isinstance(declared.probe, Probe):
        seal.refuse(
            "yields a command whose probe is not a built-in one (remediations.systems.hosts.probe)"
        )
    return declared


@contextmanager
def _entered(manager: ContextManager, value: Any) -> Iterator[None]:  # noqa: ANN401 - any context
    """Like pyinfra's own `use`, which does not restore the old value if something raises."""
    old = manager.get()
    manager.set(value)
    try:
        yield
    finally:
        manager.set(old)

"""The pure half of the driver `host`: compiles deploys, with what is known of hosts, to bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from remediations.engine.domain import StepData
from remediations.engine.plan.build import CompiledStep, StepCompiler
from remediations.engine.plan.plan import Fidelity
from remediations.engine.system import DriverKind
from remediations.systems.hosts.command import HostCommand

if TYPE_CHECKING:
    from remediations.reach.ssh import SshReach
    from remediations.systems.hosts.compile.compiler import Compiler
    from remediations.systems.hosts.driver import SshDriver
    from remediations.systems.hosts.files import HostFiles

HOST = "host"


@contextmanager
def host_workshop() -> Iterator[StepCompiler]:
    """Compiles deploys in child processes, which end with the context."""
    # Not at the top: an inventory is read with all systems, also where nothing is compiled.
    from remediations.systems.hosts.compile.compiler import Compiler

    with Compiler() as compiler:
        yield made_by(compiler)


def made_by(compiler: Compiler) -> StepCompiler:
    """A workshop that uses an open compiler."""

    def make(deploy: str, data: Mapping[str, StepData]) -> Mapping[str, tuple[CompiledStep, ...]]:
        return {
            host: tuple(map(_made, commands))
            for host, commands in compiler.compile_deploy(deploy, data).items()
        }

    return make


def _made(command: HostCommand) -> CompiledStep:
    return CompiledStep(
        operation=command.operation,
        payload=command.text,
        timeout_s=command.timeout_s,
        fidelity=Fidelity(command.fidelity),
        probe=command.probe.words,
        undo=command.undo,
    )


def _driver(reach: SshReach) -> SshDriver:
    # Not at the top: SSH takes a quarter of a second to load, and a plan contacts nobody.
    from remediations.systems.hosts.driver import SshDriver

    return SshDriver(reach)


def _files(reach: SshReach) -> HostFiles:
    from remediations.systems.hosts.files import HostFiles

    return HostFiles(reach)


DRIVER = DriverKind(name=HOST, compiler=host_workshop, driver=_driver, fences=_driver, files=_files)

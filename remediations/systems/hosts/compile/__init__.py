"""From a deploy and what is known of the hosts to the exact commands, without contacting them."""

from remediations.systems.hosts.command import HostCommand
from remediations.systems.hosts.compile.compiler import Compiler, compile_deploy

__all__ = ["Compiler", "HostCommand", "compile_deploy"]

"""From a deploy and what is known of the hosts to the exact commands, without any contact."""

from remediations.systems.hosts.compile.command import CompiledCommand
from remediations.systems.hosts.compile.compiler import Compiler, compile_deploy

__all__ = ["CompiledCommand", "Compiler", "compile_deploy"]

"""From a deploy and what is known of the hosts to the exact commands, without any contact."""

from remediations.compile.command import CompiledCommand
from remediations.compile.compiler import Compiler, compile_deploy

__all__ = ["CompiledCommand", "Compiler", "compile_deploy"]

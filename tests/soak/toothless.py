"""`python -m tests.soak.toothless GUARD[,GUARD] WORDS…`: the product with some guards switched off.

In this process only, and only to show that the harm which they prevent is real. A guard that is off
passes; what the diagnosis calls by the same reason is not called so either, since no plan would
name that node, and what a host checks for the same reason passes there, too.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType, ModuleType
from typing import TypeVar

from remediations.cli.main import main as remediate
from remediations.engine.plan.plan import GuardResult
from remediations.playbooks.chain import guards
from remediations.playbooks.chain.diagnose import node_condition
from remediations.playbooks.chain.diagnose.key_condition import (
    duplicate_key,
    key_missing,
    sign_state_lost,
)
from remediations.playbooks.chain.diagnose.node_condition import Judge
from remediations.systems.hosts.compile import process
from remediations.values.wire import decode

T = TypeVar("T")
Judged = Callable[..., GuardResult]
JUDGES: Mapping[str, Judge] = MappingProxyType(
    {"G2": duplicate_key, "G19": sign_state_lost, "G20": sign_state_lost, "G45": key_missing}
)
"""What the diagnosis says for the same reason as a guard."""
ON_HOST: Mapping[str, str] = MappingProxyType({"G48": "nothing_precommitted"})
"""The shell function of a step that checks the same on its host."""


def switch_off(ids: Collection[str]) -> None:
    """Let these guards pass from now on, whatever they find."""
    for module in _guard_modules():
        if hasattr(module, "guard_result"):
            module.__dict__["guard_result"] = _passing(module.guard_result, ids)
    off = {JUDGES[id_] for id_ in ids if id_ in JUDGES}
    kept = tuple(judge for judge in node_condition._JUDGES if judge not in off)
    node_condition.__dict__["_JUDGES"] = kept
    functions = [ON_HOST[id_] for id_ in ids if id_ in ON_HOST]
    process.__dict__["decode"] = _passing_on_host(decode, functions)


def _guard_modules() -> list[ModuleType]:
    return [
        importlib.import_module(f"{guards.__name__}.{found.name}")
        for found in pkgutil.iter_modules(guards.__path__)
    ]


def _passing(judged: Judged, ids: Collection[str]) -> Judged:
    def guard_result(guard: str, title: str, **said: object) -> GuardResult:
        return judged(guard, title, **(said | {"holds": True} if guard in ids else said))

    return guard_result


def _passing_on_host(
    read: Callable[[bytes, type[T]], T], functions: Collection[str]
) -> Callable[[bytes, type[T]], T]:
    """What a compiling child replies, with shell functions that do nothing."""

    def decoded(reply: bytes, kind: type[T]) -> T:
        for name in functions:
            head = f"{name}() {{\\n".encode()
            reply = reply.replace(head, head + b"  return 0\\n")
        return read(reply, kind)

    return decoded


def main() -> None:
    """The product's own program, afterwards."""
    switch_off(sys.argv.pop(1).split(","))
    remediate()


if __name__ == "__main__":
    main()

"""The exact bytes of a step that resets something. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from remediations.engine.domain import StepData
from remediations.engine.plan.build import CompiledStep, StepCompiler
from remediations.engine.plan.plan import Fidelity
from remediations.errors import UsageError
from remediations.systems.sessions.inventory import HttpCall, Item

DRIVER_NAME = "sessions"
RESET = "reset"
START_S = 30
"""Seconds for the process of a call to start."""
NO_PROGRAMS = "none"
_SHA256 = " sha256 "


@dataclass(frozen=True, kw_only=True)
class ResetOrder:
    """One step, as its payload says. `programs` are the SHA-256 of what is run, by its path;
    `since` is the time (seconds since 1970) from before which nothing may count any more."""

    machine: str
    item: Item
    programs: Mapping[str, str]
    fingerprint: str
    since: int

    @property
    def says(self) -> str:
        """What it does, in one line."""
        call = self.item.call
        how = f"{call.method} {call.url}" if isinstance(call, HttpCall) else " ".join(call.run)
        return f"reset {self.item.name}: {self.item.what} ({how})"

    @property
    def payload(self) -> str:
        """The bytes that are shown, signed and launched: one line for people, then JSON."""
        tree = {
            "machine": self.machine,
            "item": json.loads(self.item.text),
            "programs": dict(self.programs),
            "fingerprint": self.fingerprint,
            "since": str(self.since),
        }
        return f"{self.says}\n{json.dumps(tree, indent=1, ensure_ascii=False)}\n"

    @classmethod
    def parse(cls, payload: str) -> ResetOrder:
        """The step from its bytes.

        Raises:
            ValueError: they are not those of a step.
        """
        try:
            tree = json.loads(payload.partition("\n")[2])
            found = cls(
                machine=tree["machine"],
                item=Item.parse(json.dumps(tree["item"])),
                programs=tree["programs"],
                fingerprint=tree["fingerprint"],
                since=int(tree["since"]),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not the payload of a step: {type(error).__name__}") from error
        if found.payload != payload:
            raise ValueError("not the payload of a step: it is not in its form")
        return found


def compile_resets(
    deploy: str, data: Mapping[str, StepData], /
) -> Mapping[str, tuple[CompiledStep, ...]]:
    """The step of each target (`StepCompiler`).

    Raises:
        UsageError: there is no such deploy.
    """
    if deploy != RESET:
        raise UsageError(
            f"the driver {DRIVER_NAME} has no deploy {deploy!r}",
            guard="compile",
            got=deploy,
            expected=RESET,
            next_step="correct the action of the playbook",
        )
    return {target: (_compiled(one),) for target, one in data.items()}


def _compiled(data: StepData) -> CompiledStep:
    order = ResetOrder(
        machine=str(data["machine"]),
        item=Item.parse(str(data["item"])),
        programs=_programs(str(data["programs"])),
        fingerprint=str(data["fingerprint"]),
        since=int(data["since"]),
    )
    item = order.item
    return CompiledStep(
        operation="end what was derived from a key",
        payload=order.payload,
        timeout_s=START_S + item.call.within_s + item.done_within_s + item.probe.within_s,
        fidelity=Fidelity.CONDITIONAL,
        probe=("tells that it is done", item.name),
        undo="none: what was reset stays reset; people log in again",
    )


def _programs(text: str) -> dict[str, str]:
    """The hashes of programs by their paths, from the fact that tells them."""
    if text == NO_PROGRAMS:
        return {}
    rows = (one.partition(_SHA256) for one in text.split("; "))
    return {path: sha256 for path, _, sha256 in rows}


@contextmanager
def open_compiler() -> Iterator[StepCompiler]:
    """The compiler needs nothing that has to be closed."""
    yield compile_resets

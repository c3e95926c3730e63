"""The exact bytes of a step that seals a store anew, or that proves that it can be. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from remediations.engine.domain import StepData
from remediations.engine.plan.build import CompiledStep, StepCompiler
from remediations.engine.plan.plan import Fidelity
from remediations.errors import UsageError

DRIVER_NAME = "reencrypt"
PROVE, RESEAL = "prove-key", "reencrypt"
PROVE_LIMIT_S, RESEAL_LIMIT_S = 300, 86_400


class _Told(StrEnum):
    """What each deploy does, in one line."""

    PROVE = "prove on {store} that the new key opens what is sealed to it, and that writes are safe"
    RESEAL = "seal {count} versions in {store} anew, from {old} to {new}"


@dataclass(frozen=True, kw_only=True)
class JobOrder:
    """One step, as its payload says. `place` is that of `inventory.place_text`; `recipient` is a
    public key in base64; `count` and `root` are those of what names the old key; `known_since` is
    from when on its contents must be taken as known; `limits` and `several` are the inventory's."""

    deploy: str
    machine: str
    store: str
    place: str
    fingerprint: str
    recipient: str
    new_fingerprint: str
    count: int
    root: str
    known_since: str
    several: str
    limits: str

    @property
    def says(self) -> str:
        """What it does, in one line."""
        form = _Told.PROVE if self.deploy == PROVE else _Told.RESEAL
        return form.format(
            store=self.store,
            count=self.count,
            old=self.fingerprint[:12],
            new=self.new_fingerprint[:12],
        )

    @property
    def payload(self) -> str:
        """The bytes that are shown, signed and launched: one line for people, then JSON."""
        tree = {
            "deploy": self.deploy,
            "machine": self.machine,
            "store": self.store,
            "place": json.loads(self.place),
            "fingerprint": self.fingerprint,
            "recipient": self.recipient,
            "new_fingerprint": self.new_fingerprint,
            "count": str(self.count),
            "root": self.root,
            "known_since": self.known_since,
            "several": self.several,
            "limits": self.limits,
        }
        return f"{self.says}\n{json.dumps(tree, indent=1, ensure_ascii=False)}\n"

    @classmethod
    def parse(cls, payload: str) -> JobOrder:
        """The step from its bytes.

        Raises:
            ValueError: they are not those of a step.
        """
        try:
            tree = json.loads(payload.partition("\n")[2])
            place = json.dumps(tree.pop("place"), separators=(",", ":"), ensure_ascii=False)
            found = cls(**{**tree, "count": int(tree["count"]), "place": place})
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not the payload of a step: {type(error).__name__}") from error
        if found.payload != payload:
            raise ValueError("not the payload of a step: it is not in its form")
        return found


@dataclass(frozen=True, kw_only=True)
class _Deploy:
    operation: str
    timeout_s: int
    undo: str


_DEPLOYS: Mapping[str, _Deploy] = MappingProxyType(
    {
        PROVE: _Deploy(
            operation="prove the new key, and the store",
            timeout_s=PROVE_LIMIT_S,
            undo="not needed: the scratch object is removed",
        ),
        RESEAL: _Deploy(
            operation="seal a store anew",
            timeout_s=RESEAL_LIMIT_S,
            undo="none: what was sealed to the old key is retired; the new key opens all of it",
        ),
    }
)


def compile_jobs(
    deploy: str, data: Mapping[str, StepData], /
) -> Mapping[str, tuple[CompiledStep, ...]]:
    """The step of each target (`StepCompiler`).

    Raises:
        UsageError: there is no such deploy.
    """
    if deploy not in _DEPLOYS:
        raise UsageError(
            f"the driver {DRIVER_NAME} has no deploy {deploy!r}",
            guard="compile",
            got=deploy,
            expected=", ".join(_DEPLOYS),
            next_step="correct the action of the playbook",
        )
    return {target: (_compiled(deploy, one),) for target, one in data.items()}


def _compiled(deploy: str, data: StepData) -> CompiledStep:
    words = {name: str(value) for name, value in data.items() if name != "count"}
    order = JobOrder(deploy=deploy, count=int(data["count"]), **words)
    return CompiledStep(
        operation=_DEPLOYS[deploy].operation,
        payload=order.payload,
        timeout_s=_DEPLOYS[deploy].timeout_s,
        fidelity=Fidelity.CONDITIONAL,
        probe=("ended", order.store, order.fingerprint),
        undo=_DEPLOYS[deploy].undo,
    )


@contextmanager
def open_compiler() -> Iterator[StepCompiler]:
    """The compiler needs nothing that has to be closed."""
    yield compile_jobs

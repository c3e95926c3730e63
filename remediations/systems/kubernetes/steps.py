"""The exact bytes of a step: which object, what must hold of it, and the patch. Pure.

A step says what it expects of the object beside its uid: the generation that was approved, or the
value that it replaces. The driver reads the object, compares, and patches exactly the version that
it has read (`resourceVersion`): so what was compared is what is patched, and a change of somebody
else's in between is never lost.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from remediations.engine.domain import StepData
from remediations.engine.plan.build import CompiledStep, StepCompiler
from remediations.engine.plan.plan import Fidelity
from remediations.errors import UsageError
from remediations.systems.kubernetes.api import cluster_wide, namespaced
from remediations.systems.kubernetes.inventory import WorkloadKind
from remediations.systems.kubernetes.node_steps import CORDON, UNCORDON, cordon, uncordon
from remediations.systems.kubernetes.parse import RESTARTED
from remediations.systems.kubernetes.removal_steps import REMOVALS, compiled_removal

Tree = dict[str, Any]
Value = str | int | None
DRIVER_NAME = "kubernetes"
STEP_LIMIT_S = 60
"""Seconds in which a write must be settled. The rollout that it starts has a gate of its own."""
RESTART, IMAGE, IMAGE_BACK = "restart", "image", "image-back"
SCALE, SCALE_BACK = "scale", "scale-back"
REPLICAS_PATH = "/spec/replicas"
_PATH = re.compile(r"([A-Za-z0-9._~-]+)(?:\[([a-z0-9-]+)\])?")


@dataclass(frozen=True, kw_only=True)
class Write:
    """One step, as its payload says. `group` and `plural` are those of the path; `expect` maps a
    path in the object to the value that must stand there, None for nothing; `effect` likewise,
    after the patch. `namespace` is "" for a node."""

    cluster: str
    namespace: str
    group: str
    plural: str
    name: str
    uid: str
    expect: Mapping[str, Value]
    effect: Mapping[str, Value]
    patch: Tree

    @property
    def path(self) -> str:
        """The object's path in the API."""
        if not self.namespace:
            return cluster_wide(self.group, self.plural, self.name)
        return namespaced(self.group, self.namespace, self.plural, self.name)

    @property
    def payload(self) -> str:
        """The bytes that are shown, signed and launched: one line for people, then JSON."""
        tree = {
            "cluster": self.cluster,
            "namespace": self.namespace,
            "object": f"{self.group} {self.plural} {self.name}",
            "uid": self.uid,
            "expect": dict(self.expect),
            "effect": dict(self.effect),
            "patch": self.patch,
        }
        return f"patch {self.resource}: {self.told}\n{json.dumps(tree, indent=1, sort_keys=True)}\n"

    @classmethod
    def parse(cls, payload: str) -> Write:
        """The step from its bytes.

        Raises:
            ValueError: they are not those of a step.
        """
        tree = json.loads(payload.partition("\n")[2])
        try:
            group, plural, name = tree["object"].split(" ")
            found = cls(
                cluster=tree["cluster"],
                namespace=tree["namespace"],
                group=group,
                plural=plural,
                name=name,
                uid=tree["uid"],
                expect=tree["expect"],
                effect=tree["effect"],
                patch=tree["patch"],
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not the payload of a step: {type(error).__name__}") from error
        if found.payload != payload:
            raise ValueError("not the payload of a step: it is not in its form")
        return found

    @property
    def told(self) -> str:
        """What stands in the object afterwards."""
        return ", ".join(
            f"{path} = {'nothing' if value is None else value}"
            for path, value in sorted(self.effect.items())
        )

    @property
    def resource(self) -> str:
        """What people call the object."""
        where = f" in {self.namespace}" if self.namespace else ""
        return f"{self.plural}/{self.name}{where}"


def value_at(tree: object, path: str) -> object:
    """What stands at a path: keys between slashes, and in brackets the name of an entry of a list,
    as `/spec/template/spec/containers[scorer]/image`; None where it does not exist."""
    for part in path.strip("/").split("/"):
        found = _PATH.fullmatch(part)
        if found is None or not isinstance(tree, dict):
            return None
        tree = tree.get(found[1].replace("~1", "/"))
        if found[2] is not None:
            entries = tree if isinstance(tree, list) else []
            named = (e for e in entries if isinstance(e, dict) and e.get("name") == found[2])
            tree = next(named, None)
    return tree


def unmet(tree: Tree, expected: Mapping[str, Value]) -> tuple[str, ...]:
    """What of the expected does not stand in an object, in words."""
    return tuple(
        f"{path} is {value_at(tree, path)!r}, expected {value!r}"
        for path, value in expected.items()
        if value_at(tree, path) != value
    )


def image_path(container: str) -> str:
    """Where the image of a container stands in a workload."""
    return f"/spec/template/spec/containers[{container}]/image"


RESTART_PATH = f"/spec/template/metadata/annotations/{RESTARTED.replace('/', '~1')}"


def _restart(data: StepData) -> Write:
    """A new value of an annotation of the template. It is the generation that it is made for: the
    same observation gives the same bytes, and no second restart the same value."""
    value = f"generation-{data['generation']}"
    return _write(
        data,
        expect={"/metadata/generation": int(data["generation"])},
        effect={RESTART_PATH: value},
        patch={"spec": {"template": {"metadata": {"annotations": {RESTARTED: value}}}}},
    )


def _image(data: StepData) -> Write:
    path = image_path(str(data["container"]))
    return _write(
        data,
        expect={"/metadata/generation": int(data["generation"]), path: str(data["from_image"])},
        effect={path: str(data["to_image"])},
        patch=_image_patch(str(data["container"]), str(data["to_image"])),
    )


def _image_back(data: StepData) -> Write:
    """Takes `_image` back: by the image that stands there, since the generation has moved."""
    path = image_path(str(data["container"]))
    return _write(
        data,
        expect={path: str(data["to_image"])},
        effect={path: str(data["from_image"])},
        patch=_image_patch(str(data["container"]), str(data["from_image"])),
    )


def _image_patch(container: str, image: str) -> Tree:
    named = [{"name": container, "image": image}]
    return {"spec": {"template": {"spec": {"containers": named}}}}


def _scale(data: StepData) -> Write:
    return _replicas(
        data, {"/metadata/generation": int(data["generation"])}, "from_replicas", "to_replicas"
    )


def _scale_back(data: StepData) -> Write:
    """Takes `_scale` back: by the number that stands there, since the generation has moved."""
    return _replicas(data, {}, "to_replicas", "from_replicas")


def _replicas(data: StepData, expect: Mapping[str, str | int], now: str, then: str) -> Write:
    return _write(
        data,
        expect={**expect, REPLICAS_PATH: int(data[now])},
        effect={REPLICAS_PATH: int(data[then])},
        patch={"spec": {"replicas": int(data[then])}},
    )


def _write(
    data: StepData,
    *,
    expect: Mapping[str, Value],
    effect: Mapping[str, Value],
    patch: Tree,
) -> Write:
    return Write(
        cluster=str(data["cluster"]),
        namespace=str(data["namespace"]),
        group="apps/v1",
        plural=WorkloadKind(str(data["kind"])).plural,
        name=str(data["name"]),
        uid=str(data["uid"]),
        expect=expect,
        effect=effect,
        patch=patch,
    )


@dataclass(frozen=True, kw_only=True)
class _Deploy:
    operation: str
    undo: str
    write: Callable[[StepData], Write]


_DEPLOYS: Mapping[str, _Deploy] = MappingProxyType(
    {
        RESTART: _Deploy(
            operation="restart the pods of a workload, by its own rollout",
            undo="a restart is not taken back",
            write=_restart,
        ),
        IMAGE: _Deploy(
            operation="set the image of a container, by digest",
            undo="the former image is set again, as a step of `remediate undo`",
            write=_image,
        ),
        IMAGE_BACK: _Deploy(
            operation="set the former image of a container again",
            undo="plan the other image again",
            write=_image_back,
        ),
        CORDON: _Deploy(
            operation="cordon a node: no new pods are placed on it",
            undo="the node is uncordoned again, where the cordon is still ours, as a step of "
            "`remediate undo`",
            write=lambda data: Write(**cordon(data)),
        ),
        UNCORDON: _Deploy(
            operation="uncordon a node that this run has cordoned",
            undo="plan the drain again",
            write=lambda data: Write(**uncordon(data)),
        ),
        SCALE: _Deploy(
            operation="set the number of replicas",
            undo="the former number is set again, as a step of `remediate undo`",
            write=_scale,
        ),
        SCALE_BACK: _Deploy(
            operation="set the former number of replicas again",
            undo="plan the other number again",
            write=_scale_back,
        ),
    }
)


def write_of(deploy: str, data: StepData) -> Write:
    """What a deploy writes.

    Raises:
        UsageError: there is no such deploy.
    """
    if deploy not in _DEPLOYS:
        raise UsageError(
            f"the driver {DRIVER_NAME} has no deploy {deploy!r}",
            guard="compile",
            got=deploy,
            expected=", ".join((*_DEPLOYS, *REMOVALS)),
            next_step="correct the action of the playbook",
        )
    return _DEPLOYS[deploy].write(data)


def compile_writes(
    deploy: str, data: Mapping[str, StepData], /
) -> Mapping[str, tuple[CompiledStep, ...]]:
    """The step of each target (`StepCompiler`)."""
    if deploy in REMOVALS:
        return {target: (compiled_removal(deploy, one),) for target, one in data.items()}
    return {target: (_compiled(deploy, one),) for target, one in data.items()}


def _compiled(deploy: str, data: StepData) -> CompiledStep:
    write = write_of(deploy, data)
    preview = str(data.get("preview", ""))
    return CompiledStep(
        operation=_DEPLOYS[deploy].operation,
        payload=write.payload,
        timeout_s=STEP_LIMIT_S,
        fidelity=Fidelity.EXACT if preview else Fidelity.CONDITIONAL,
        probe=("object-has", write.uid, *(f"{k}={v}" for k, v in write.effect.items())),
        undo=_DEPLOYS[deploy].undo,
        shown=_shown(write, preview),
    )


def _shown(write: Write, preview: str) -> str:
    """What the API server makes of the patch, for people; "" where there is no preview: then the
    payload is read."""
    if not preview:
        return ""
    lines = "".join(f"{line}\n" for line in preview.split("; "))
    return f"What the API server makes of it (a dry run), in {write.resource}:\n{lines}"


@contextmanager
def open_compiler() -> Iterator[StepCompiler]:
    """The compiler needs nothing that has to be closed."""
    yield compile_writes

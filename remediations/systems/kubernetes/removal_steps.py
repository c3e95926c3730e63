"""Taking one pod away, by its uid: an eviction, or a deletion with its own grace period. Pure.

There is no deletion without a grace period, and none of a pod whose own is zero: that ends a pod in
the API while its process may go on, and its successor starts beside it. Only the kubelet says that
a pod has ended.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from remediations.engine.domain import StepData
from remediations.engine.plan.build import CompiledStep
from remediations.engine.plan.plan import Fidelity
from remediations.systems.kubernetes.api import Request, namespaced

Tree = dict[str, Any]
EVICT, DELETE = "evict", "delete-stuck"
WAIT_S = 60
"""Seconds in which a disruption budget may say no before the step gives up: the gate before it has
waited for what was moved already, so a budget that refuses has another reason."""
LIMIT_S = 120


class _Kind(NamedTuple):
    operation: str
    undo: str


REMOVALS: Mapping[str, _Kind] = MappingProxyType(
    {
        EVICT: _Kind(
            "evict one pod, as far as its disruption budget lets it go",
            "nothing puts a pod back: its controller has made another",
        ),
        DELETE: _Kind(
            "delete one pod that is stuck, with its own grace period",
            "nothing puts a pod back: its controller has made another",
        ),
    }
)


@dataclass(frozen=True, kw_only=True)
class Removal:
    """One step, as its payload says. `node` is where the pod must be."""

    how: str
    cluster: str
    namespace: str
    name: str
    uid: str
    node: str

    @property
    def payload(self) -> str:
        """The bytes that are shown, signed and launched: one line for people, then JSON."""
        tree = {
            "how": self.how,
            "cluster": self.cluster,
            "namespace": self.namespace,
            "name": self.name,
            "uid": self.uid,
            "node": self.node,
            "request": {"method": self.method, "path": self.path, "body": self.body("")},
        }
        line = f"{self.how} {self.resource} (uid {self.uid})"
        return f"{line}\n{json.dumps(tree, indent=1, sort_keys=True)}\n"

    @classmethod
    def parse(cls, payload: str) -> Removal:
        """The step from its bytes.

        Raises:
            ValueError: they are not those of a step.
        """
        tree = json.loads(payload.partition("\n")[2])
        names = ("how", "cluster", "namespace", "name", "uid", "node")
        try:
            found = cls(**{name: str(tree[name]) for name in names})
        except (KeyError, TypeError) as error:
            raise ValueError(f"not the payload of a step: {type(error).__name__}") from error
        if found.how not in REMOVALS or found.payload != payload:
            raise ValueError("not the payload of a step: it is not in its form")
        return found

    @property
    def resource(self) -> str:
        """What people call the pod."""
        return f"pods/{self.name} in {self.namespace}"

    @property
    def pod_path(self) -> str:
        """The pod's path in the API."""
        return namespaced("v1", self.namespace, "pods", self.name)

    @property
    def method(self) -> str:
        """The verb of HTTP."""
        return "POST" if self.how == EVICT else "DELETE"

    @property
    def path(self) -> str:
        """Where the request goes."""
        return f"{self.pod_path}/eviction" if self.how == EVICT else self.pod_path

    def body(self, version: str) -> Tree:
        """The body of the request. The uid is always in it; `version` is the resourceVersion that
        the driver has read, so that what it compared is what goes. A grace period is in none: the
        pod's own holds."""
        asked = {"uid": self.uid, **({"resourceVersion": version} if version else {})}
        if self.how == DELETE:
            return {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": asked}
        return {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": self.name, "namespace": self.namespace},
            "deleteOptions": {"preconditions": asked},
        }

    def request(self, version: str) -> Request:
        """The request for exactly this version of the pod."""
        return Request(
            method=self.method,
            path=self.path,
            verb="evict" if self.how == EVICT else "delete",
            resource=self.resource,
            body=self.body(version),
        )


def compiled_removal(deploy: str, data: StepData) -> CompiledStep:
    """The step that takes a pod away."""
    removal = Removal(
        how=deploy,
        cluster=str(data["cluster"]),
        namespace=str(data["namespace"]),
        name=str(data["name"]),
        uid=str(data["uid"]),
        node=str(data["node"]),
    )
    return CompiledStep(
        operation=REMOVALS[deploy].operation,
        payload=removal.payload,
        timeout_s=LIMIT_S,
        fidelity=Fidelity.EXACT,
        probe=("pod-is-gone-or-ending", removal.uid),
        undo=REMOVALS[deploy].undo,
    )

"""The inference service in the cluster: a Deployment whose release has its model in it."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path

from tests.lab.kube.releases import CONTROL
from tests.lab.kube.service import (
    NAMESPACE,
    SCORER,
    WORKLOAD,
    Json,
    OnCall,
    Service,
    scores_role_of_the_docs,
)
from tests.lab.scoring import (
    METRICS_PORT,
    PREDICT_PORT,
    expected_score,
    features,
    golden_vectors,
    model_files,
)

SUBJECTS = ("alice", "bob")
PREDICT = "/v1/models/trust_score:predict"
ASKED = f"workload: {SCORER}, port: {PREDICT_PORT}, path: '{PREDICT}'"
"""What an inventory says below a host whose node asks it."""


@dataclass(frozen=True)
class ScoringService(Service):
    """Two pods that score. Ready is what `/health` says, which is static; `ready_after_s` is how
    long a pod takes until it is asked for that, as if it loaded a large model."""

    first: str = "scorer-1"

    def begin(self, ready_after_s: int = 0) -> None:
        """A new namespace, and the service serving, without faults."""
        self._control.mkdir(exist_ok=True)
        for fault in self._control.iterdir():
            fault.unlink()
        super().begin(ready_after_s)
        self.cluster.kubectl("apply", "-f", "-", stdin=scores_role_of_the_docs())

    def deployment(self, image: str, ready_after_s: int = 0) -> Json:
        """Two replicas with that image."""
        tree = super().deployment(image, ready_after_s)
        spec = tree["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        probe = {k: v for k, v in container["readinessProbe"].items() if k != "exec"}
        container["readinessProbe"] = {
            **probe,
            "httpGet": {"path": "/health", "port": METRICS_PORT},
        }
        container["volumeMounts"] = [{"name": "control", "mountPath": CONTROL}]
        spec["volumes"] = [{"name": "control", "hostPath": {"path": str(self._control)}}]
        # What a drain asks of its owner: the faults may stay behind.
        notes = {"cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes": "control"}
        tree["spec"]["template"]["metadata"]["annotations"] = notes
        return tree

    def freeze_one(self) -> None:
        """Fault: the engine of the pod that is asked next freezes; `/health` goes on to say OK."""
        (self._control / "hang.once").write_text("1")

    def settings_from_a_map(self, **settings: str) -> None:
        """The pods take these from a ConfigMap, as they are when a pod starts."""
        told = [f"--from-literal={name}={value}" for name, value in settings.items()]
        self.cluster.kubectl("create", "configmap", "settings", "-n", NAMESPACE, *told)
        words = ("set", "env", f"deployment/{SCORER}", "-n", NAMESPACE)
        self.cluster.kubectl(*words, "--from=configmap/settings")
        self.cluster.wait("they have them", self.whole)

    def edit_the_map(self, **settings: str) -> None:
        """Fault: somebody edits the ConfigMap. Nothing is rolled out; whoever is made again
        computes with it."""
        patch = json.dumps({"data": settings})
        self.cluster.kubectl("patch", "configmap", "settings", "-n", NAMESPACE, "-p", patch)

    def slow(self, milliseconds: int) -> None:
        """Fault: every request takes so much longer, in every pod."""
        (self._control / "slow-ms").write_text(str(milliseconds))

    def answers(self) -> dict[str, tuple[str, ...]]:
        """Pod → the bits of what it answers to each subject, asked as an administrator. Pods that
        are ending are left out."""
        return {pod: tuple(self._asked(pod, one) for one in SUBJECTS) for pod in self.pods()}

    def right(self) -> tuple[str, ...]:
        """The bits of the agreed model, computed without the service."""
        files = model_files("trust_score")
        return tuple(_bits(expected_score(features(one), files)) for one in SUBJECTS)

    def _asked(self, pod: str, subject: str) -> str:
        path = f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}:{PREDICT_PORT}/proxy{PREDICT}"
        body = json.dumps({"instances": [features(subject)]})
        said = self.cluster.kubectl("create", "--raw", path, "-f", "-", stdin=body)
        return _bits(json.loads(said)["predictions"][0])

    @property
    def _control(self) -> Path:
        return self.cluster.directory / "control"


def scored(oncall: OnCall, workload: str = WORKLOAD, more: str = "") -> None:
    """Have the inventory say that the Deployment scores, for the node of a host. `more` is what it
    says of the cluster."""
    oncall.inventory(workload, more, scoring=golden_vectors(*SUBJECTS), asked=ASKED)


def verdict(oncall: OnCall) -> tuple[str, Json]:
    """What `diagnose` says of the scores, and of the Deployment among them."""
    told = oncall.says("diagnose").document["result"]
    found = next(one["finding"] for one in told if one["finding"]["domain"] == "scoring")
    return str(found["verdict"]), dict(found["subjects"][0])


def _bits(score: float) -> str:
    return struct.pack(">f", score).hex()

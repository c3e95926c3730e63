"""A service in the cluster, and the person on call for it, with exactly the role of the docs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab.kube.cluster import CHECKOUT, SERVER, Cluster
from tests.lab.kube.credentials import kubeconfig
from tests.lab.operator import LIMIT_S, Said
from tests.lab.shell import LabError

COMMAND = Path(sys.executable).with_name("remediate")
NAMESPACE, SCORER = "scoring", "scorer"
PAGE = CHECKOUT / "docs" / "kubernetes.md"
Json = dict[str, Any]
TRIES = 5
WORKLOAD = "kind: Deployment, role: service, floor: 1"


def role_of_the_docs() -> str:
    """The YAML of docs/kubernetes.md that gives the rights."""
    return _block("kind: ServiceAccount")


def more_roles_of_the_docs() -> str:
    """The YAML of docs/kubernetes.md with the rights on nodes, and on single pods."""
    return "---\n".join((_block("name: remediate-nodes"), _block("name: remediate-pods")))


def scores_role_of_the_docs() -> str:
    """The YAML of docs/kubernetes.md with the right to ask pods."""
    return _block("name: remediate-scores")


def _block(holds: str) -> str:
    blocks: list[str] = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return next(block for block in blocks if holds in block)


@dataclass(frozen=True)
class Service:
    """A Deployment with two replicas, and what can be broken about it. `first` is its release at
    the beginning."""

    cluster: Cluster
    first: str = "good-1"

    def begin(self, ready_after_s: int = 0) -> None:
        """A new namespace with the role, and the service serving. Each pod takes that many seconds
        until it is ready, as if it loaded a model."""
        every = ("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait")
        self.cluster.kubectl(*every)
        self.cluster.kubectl("create", "namespace", NAMESPACE)
        self.cluster.kubectl("apply", "-f", "-", stdin=role_of_the_docs())
        self.cluster.apply(self.deployment(self.first, ready_after_s))
        self.cluster.wait("the service serves", lambda: self.available == 2)

    def deployment(self, image: str, ready_after_s: int = 0) -> Json:
        """Two replicas with that image."""
        # By default a probe has one second, which starting a process takes on a busy machine: pods
        # that are well would be unready, and what was planned for others rightly refused.
        probe = {"exec": {"command": ["/app", "ready"]}, "periodSeconds": 1, "timeoutSeconds": 10}
        container = {
            "name": SCORER,
            "image": self.cluster.image(image),
            "readinessProbe": {**probe, "initialDelaySeconds": ready_after_s},
        }
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": SCORER, "namespace": NAMESPACE},
            "spec": {
                "replicas": 2,
                "progressDeadlineSeconds": 4 + 3 * ready_after_s,
                "selector": {"matchLabels": {"app": SCORER}},
                "template": {
                    "metadata": {"labels": {"app": SCORER}},
                    "spec": {
                        "terminationGracePeriodSeconds": 1,
                        "automountServiceAccountToken": False,
                        "containers": [container],
                    },
                },
            },
        }

    def read(self) -> Json:
        """The Deployment now."""
        return self.cluster.get("deployment", SCORER, "-n", NAMESPACE)

    @property
    def available(self) -> int:
        """How many replicas are."""
        return int(self.read()["status"].get("availableReplicas", 0))

    @property
    def image(self) -> str:
        """What the template names."""
        return str(self.read()["spec"]["template"]["spec"]["containers"][0]["image"])

    @property
    def running(self) -> set[str]:
        """The digests that pods which are not ending really run."""
        pods = self.cluster.get("pods", "-n", NAMESPACE)["items"]
        return {
            status["imageID"].rpartition("@")[2]
            for pod in pods
            if "deletionTimestamp" not in pod["metadata"]
            for status in pod["status"].get("containerStatuses", ())
        }

    def pods(self) -> list[str]:
        """The names of the pods that are not ending."""
        pods = self.cluster.get("pods", "-n", NAMESPACE)["items"]
        return [p["metadata"]["name"] for p in pods if "deletionTimestamp" not in p["metadata"]]

    def deadline_exceeded(self) -> bool:
        """Whether a rollout has not made progress in its time."""
        conditions = self.read()["status"].get("conditions", ())
        return any(one.get("reason") == "ProgressDeadlineExceeded" for one in conditions)

    @property
    def claims(self) -> dict[str, str]:
        """What our steps have left on the object."""
        notes = self.read()["metadata"].get("annotations", {})
        return {key: value for key, value in notes.items() if key.startswith("remediate/")}

    def whole(self) -> bool:
        """Whether its rollout is complete."""
        tree = self.read()
        status, wanted = tree["status"], tree["spec"]["replicas"]
        seen = status.get("observedGeneration", 0) >= tree["metadata"]["generation"]
        counts = [status.get(k, 0) for k in ("replicas", "updatedReplicas", "availableReplicas")]
        return seen and counts == [wanted] * 3

    def set_image(self, image: str) -> None:
        """Somebody releases an image."""
        self.cluster.kubectl(
            "set", "image", f"deployment/{SCORER}", f"{SCORER}={image}", "-n", NAMESPACE
        )

    def annotate(self, key: str, value: str) -> None:
        """Somebody changes the template of the pods by hand."""
        meta = {"metadata": {"annotations": {key: value}}}
        patch = json.dumps({"spec": {"template": meta}})
        self.cluster.kubectl("patch", "deployment", SCORER, "-n", NAMESPACE, "-p", patch)


class OnCall:
    """Somebody with the role of the docs, a key, and a state directory."""

    def __init__(self, cluster: Cluster, directory: Path) -> None:
        self.cluster, self.directory = cluster, directory
        self.key = directory / "key"
        make = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(self.key))
        subprocess.run(make, check=True, stdin=subprocess.DEVNULL)
        public = self.key.with_suffix(".pub").read_text().strip()
        self._write("allowed_signers", f'ops@lab namespaces="remediate-plan" {public}\n')
        self._write("ssh_config", "Host *\n  HostName 127.0.0.1\n  Port 1\n")
        self.inventory()
        self.new_token()

    def inventory(
        self,
        workload: str = "kind: Deployment, role: service, floor: 1",
        more: str = "",
        scoring: str = "",
        asked: str = "",
    ) -> None:
        """What the inventory says of the service. `scoring` are golden vectors, `asked` is what a
        host says of the workload that its node asks."""
        host, vectors = "", ""
        if scoring:
            self._write("vectors.yaml", scoring)
            host, vectors = f", scoring: {{{asked}}}", "scoring: {vectors: vectors.yaml}\n"
        self._write(
            "inventory.yaml",
            "version: 2\nchain: {id: nobody-1}\nssh: {config: ssh_config}\n"
            f"allowed_signers: allowed_signers\n{vectors}"
            f"kubernetes:\n  kubeconfig: kubeconfig\n  namespace: {NAMESPACE}\n{more}"
            f"  workloads:\n    {SCORER}: {{{workload}}}\n"
            f"hosts:\n  jump: {{chain: {{role: bastion}}{host}}}\n",
        )

    def new_token(self) -> None:
        """A token by TokenRequest, into the kubeconfig."""
        token = self.cluster.kubectl("create", "token", "remediate", "-n", NAMESPACE).strip()
        self.use_token(token)

    def use_token(self, token: str) -> None:
        """Any token, into the kubeconfig."""
        ca = self.cluster.directory / "keys" / "ca.crt"
        self._write("kubeconfig", kubeconfig(SERVER, ca, token))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Run a command beside the API server, and do not wait for it."""
        return subprocess.Popen(
            self.cluster.inside(str(COMMAND), *arguments),
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.directory),
                "LANG": "C.UTF-8",
                "REMEDIATE_HOME": str(self.directory / "state"),
                "REMEDIATE_INVENTORY": str(self.directory / "inventory.yaml"),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def says(self, *arguments: str) -> Said:
        """Run a command with --json."""
        with self.start(*arguments, "--json") as process:
            out, err = process.communicate(timeout=LIMIT_S)
        try:
            return Said(process.returncode, json.loads(out), err)
        except ValueError as error:
            raise LabError(f"{arguments}: no JSON: {out[-500:]!r} {err[-1500:]}") from error

    def approved(self, *options: str) -> str:
        """A run that is planned and approved."""
        planned = self.says("plan", "high-error-rate", *options)
        assert planned.code == 3, planned.document
        run = str(planned.result["run"])
        approved = self.says("approve", run, "--yes", "--key", str(self.key))
        assert approved.code == 0, approved.document
        return run

    def meanwhile(
        self, process: subprocess.Popen[str], what: str, holds: Callable[[], bool]
    ) -> None:
        """Wait until something holds while a command runs. One that has ended shows what it said:
        it would not hold any more, however long somebody waits."""
        self.cluster.wait(what, lambda: holds() or process.poll() is not None)
        if process.poll() is not None and not holds():
            raise AssertionError((process.returncode, *process.communicate()))

    def journal(self, run: str) -> str:
        """What the journal of a run has now."""
        files = list((self.directory / "state" / "runs").glob(f"{run}*/journal.jsonl"))
        return files[0].read_text() if files else ""

    def killed_at(self, run: str, record: int) -> None:
        """Apply it, and kill the controller once its journal has so many records. The samples are
        not counted: the clock makes them."""
        with self.start("apply", run, "--json") as process:
            end = time.monotonic() + LIMIT_S
            while self._recorded(run) < record and process.poll() is None:
                assert time.monotonic() < end
                time.sleep(0.002)
            process.kill()

    def carried_through(self, run: str) -> None:
        """Resume it, and verify it, until it is verified."""
        last = None
        for _ in range(TRIES):
            said = self.says("status", run)
            if said.result["state"] == "verified":
                return
            done = said.result["state"] == "unverified"
            last = self.says("verify" if done else "resume", run)
        assert last is not None
        raise AssertionError((said.document, last.document))

    def _recorded(self, run: str) -> int:
        lines = self.journal(run).splitlines(keepends=True)
        return sum(line.endswith("\n") and '"kind":"sampled"' not in line for line in lines)

    def condition(self) -> str:
        """What `diagnose` says of the service."""
        told = self.says("diagnose").document["result"]
        found = next(one["finding"] for one in told if one["finding"]["domain"] == "service")
        return str(found["subjects"][0]["condition"])

    def _write(self, name: str, text: str) -> None:
        file = self.directory / name
        file.write_text(text)
        file.chmod(0o600)

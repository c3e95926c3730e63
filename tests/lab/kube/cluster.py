"""The cluster: up in seconds, in namespaces of its own; the end of one process removes it.

cluster = Cluster.up("demo")
cluster.kubectl("get", "pods", "-A")
cluster.down()
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.lab.kube.build import packages, programs
from tests.lab.kube.credentials import kubeconfig, make_credentials
from tests.lab.kube.images import ImageStore
from tests.lab.kube.node import NodeFiles
from tests.lab.kube.releases import releases
from tests.lab.shell import LabError, run

CHECKOUT = Path(__file__).parents[3]
CLUSTERS = CHECKOUT / ".lab"
SERVER = "https://127.0.0.1:6443"
REGISTRY = "127.0.0.1:5000"
NODES = "10.9.0.1"
"""The nodes' address, on the loopback interface: a kubelet refuses 127.0.0.1."""
ETCD = "http://127.0.0.1:2379"
UP_LIMIT_S = 180.0
INIT = (
    *("setpriv", "--pdeathsig", "KILL", "unshare", "--kill-child", "--fork"),
    *("--mount", "--net", "--pid", "--ipc", "--uts", "--mount-proc"),
)
"""All of it ends with the process that brought it up, however that ends."""
TMPFS = ("/var/lib/cni", "/var/lib/kubelet", "/usr/libexec/kubernetes", "/run")
"""Places that are fixed in the programs, and would be shared with this machine."""


class Cluster:
    """One running cluster."""

    def __init__(self, name: str) -> None:
        self.directory = CLUSTERS / f"kube-{name}"
        self.bin, self.debian = programs(), packages()
        self.admin = self.directory / "admin.kubeconfig"
        self._token = secrets.token_hex(16)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._init: subprocess.Popen[bytes] | None = None
        self._pid = 0
        self.nodes = tuple(
            NodeFiles(
                number=number,
                cluster=name,
                directory=self.directory / f"n{number}",
                debian=self.debian,
                kubeconfig=self.admin,
                registry=REGISTRY,
            )
            for number in (1, 2)
        )
        self.images: dict[str, str] = {}

    @classmethod
    def up(cls, name: str) -> Cluster:
        """Start it, and wait until both nodes are ready.

        Raises:
            LabError: something did not start.
        """
        cluster = cls(name)
        try:
            cluster._files()
            cluster._namespaces()
            cluster._control_plane()
            cluster._nodes_up()
        except BaseException:
            cluster.down()
            raise
        return cluster

    def down(self) -> None:
        """Remove all of it."""
        if self._init is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid or self._init.pid, signal.SIGKILL)
            self._init.kill()
            self._init.wait(timeout=10)
        for process in self._running.values():
            process.kill()
            process.wait(timeout=10)
        for node in self.nodes:
            node.remove()
        shutil.rmtree(self.directory, ignore_errors=True)

    def inside(self, *argv: str) -> list[str]:
        """The words in front of a program that make it run beside the API server."""
        return [
            *("nsenter", "-t", str(self._pid), "--net", f"--wdns={Path.cwd()}", "--"),
            *argv,
        ]

    def kubectl(self, *arguments: str, stdin: str = "", check: bool = True) -> str:
        """kubectl as the administrator."""
        words = (str(self.bin / "kubectl"), "--kubeconfig", str(self.admin), *arguments)
        return run(*self.inside(*words), stdin=stdin, check=check, timeout=60)

    def get(self, *arguments: str) -> dict[str, Any]:
        """An object."""
        found: dict[str, Any] = json.loads(self.kubectl("get", *arguments, "-o", "json"))
        return found

    def apply(self, tree: object) -> None:
        """Create or change objects."""
        self.kubectl("apply", "-f", "-", stdin=json.dumps(tree))

    def image(self, name: str) -> str:
        """The reference of an image of the registry, pinned by digest."""
        return f"{REGISTRY}/app@{self.images[name]}"

    def wait(self, what: str, holds: Callable[[], bool], limit_s: float = UP_LIMIT_S) -> None:
        """Wait until something holds.

        Raises:
            LabError: it did not in time.
        """
        end = time.monotonic() + limit_s
        while True:
            with contextlib.suppress(LabError, ValueError, KeyError):
                if holds():
                    return
            if time.monotonic() > end:
                raise LabError(f"the cluster: {what}: not within {limit_s:.0f} s: {self.logs()}")
            time.sleep(0.2)

    def logs(self) -> str:
        """The last lines of every program."""
        found = []
        for file in sorted(self.directory.glob("*.log")):
            lines = file.read_text(errors="replace").splitlines()[-3:]
            found.append(f"{file.stem}: " + " | ".join(line[:300] for line in lines))
        return "\n".join(found)

    def stop(self, name: str) -> None:
        """Fault: kill a program of the control plane or a node (`kube-apiserver`, `etcd`)."""
        process = self._running.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=10)

    def signal(self, name: str, number: int) -> None:
        """Fault: send a program a signal; SIGSTOP freezes it."""
        os.killpg(self._running[name].pid, number)

    def start_apiserver(self) -> None:
        """Start the API server, and wait until it is ready."""
        keys = self.directory / "keys"
        self._start(
            "kube-apiserver",
            str(self.bin / "kube-apiserver"),
            f"--etcd-servers={ETCD}",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={keys}/accounts.pub",
            f"--service-account-signing-key-file={keys}/accounts.key",
            "--authorization-mode=Node,RBAC",
            f"--token-auth-file={self.directory}/tokens",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none",
            "--kubelet-preferred-address-types=InternalIP",
            f"--tls-cert-file={keys}/server.crt",
            f"--tls-private-key-file={keys}/server.key",
            f"--client-ca-file={keys}/ca.crt",
            "--disable-admission-plugins=ServiceAccount",
        )
        self.wait("readyz", lambda: "ok" in self.kubectl("get", "--raw", "/readyz"))

    def _files(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        make_credentials(self.directory / "keys")
        ca = self.directory / "keys" / "ca.crt"
        self.admin.write_text(kubeconfig(SERVER, ca, self._token))
        self.admin.chmod(0o600)
        (self.directory / "tokens").write_text(f'{self._token},admin,1,"system:masters"\n')
        store = ImageStore(self.directory / "images")
        for name, release in releases(self.bin / "app").items():
            self.images[name] = store.image("app", name, release)
        for node in self.nodes:
            node.write()

    def _namespaces(self) -> None:
        """One process that holds them all."""
        mounts = " && ".join(f"mkdir -p {path} && mount -t tmpfs lab {path}" for path in TMPFS)
        ready = self.directory / "ready"
        network = f"ip link set lo up && ip address add {NODES}/32 dev lo"
        text = f"{mounts} && {network} && touch {ready} && exec sleep infinity"
        self._init = subprocess.Popen(
            [*INIT, "sh", "-c", text],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=(self.directory / "init.log").open("wb"),
        )
        self.wait("namespaces", ready.exists, 10)
        children = Path(f"/proc/{self._init.pid}/task/{self._init.pid}/children").read_text()
        self._pid = int(children.split()[0])

    def _start(self, name: str, *argv: str) -> None:
        """Start a program in all the namespaces."""
        path = f"{self.debian}/usr/sbin:{self.debian}/usr/bin:{os.environ['PATH']}"
        words = ("nsenter", "-t", str(self._pid), "-a", f"--wdns={CHECKOUT}", "--", *argv)
        with (self.directory / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "PATH": path},
            )

    def _control_plane(self) -> None:
        keys = self.directory / "keys"
        self._start(
            "etcd",
            f"{self.debian}/usr/bin/etcd",
            f"--data-dir={self.directory}/etcd",
            f"--listen-client-urls={ETCD}",
            f"--advertise-client-urls={ETCD}",
            "--listen-peer-urls=http://127.0.0.1:2380",
            "--unsafe-no-fsync",
        )
        images = str(self.directory / "images")
        self._start("registry", sys.executable, "-m", "tests.lab.kube.images", images, "5000")
        self.start_apiserver()
        self._start(
            "kube-controller-manager",
            str(self.bin / "kube-controller-manager"),
            f"--kubeconfig={self.admin}",
            f"--service-account-private-key-file={keys}/accounts.key",
            f"--root-ca-file={keys}/ca.crt",
            "--leader-elect=false",
            "--kube-api-qps=500",
            "--kube-api-burst=1000",
        )
        self._start(
            "kube-scheduler",
            str(self.bin / "kube-scheduler"),
            f"--kubeconfig={self.admin}",
            "--leader-elect=false",
        )

    def _nodes_up(self) -> None:
        for node in self.nodes:
            config = f"{node.directory}/containerd.toml"
            self._start(
                f"containerd-{node.name}", f"{self.debian}/usr/bin/containerd", "-c", config
            )
        for node in self.nodes:
            self._start(
                f"kubelet-{node.name}",
                str(self.bin / "kubelet"),
                f"--config={node.directory}/kubelet.json",
                f"--kubeconfig={self.admin}",
                f"--hostname-override={node.name}",
                f"--root-dir={node.directory}/kubelet",
                f"--cert-dir={node.directory}/kubelet/pki",
                f"--node-ip={NODES}",
            )
        self.wait("two nodes ready", self._nodes_ready)

    def _nodes_ready(self) -> bool:
        nodes = self.get("nodes")["items"]
        ready = [
            condition["status"]
            for node in nodes
            for condition in node["status"].get("conditions", ())
            if condition["type"] == "Ready"
        ]
        return ready == ["True", "True"]

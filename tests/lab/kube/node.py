"""A node: containerd and kubelet with places, control groups and a bridge of its own."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True, kw_only=True)
class NodeFiles:
    """The configuration of one node, number 1 or 2, of cluster `cluster`."""

    number: int
    cluster: str
    directory: Path
    debian: Path
    kubeconfig: Path
    registry: str

    @property
    def name(self) -> str:
        """The node's name in the cluster."""
        return f"n{self.number}"

    @property
    def cgroup(self) -> str:
        """Its control group, below every controller."""
        return f"remedy-{self.cluster}-{self.name}"

    @property
    def socket(self) -> Path:
        """containerd's socket."""
        return Path(f"/run/{self.name}.sock")

    def write(self) -> None:
        """All files, and the control groups."""
        self.directory.mkdir(parents=True, exist_ok=True)
        for name in ("cni", "static", "kubelet", "plugins"):
            (self.directory / name).mkdir(exist_ok=True)
        (self.directory / "containerd.toml").write_text(self._containerd())
        (self.directory / "kubelet.json").write_text(json.dumps(self._kubelet(), indent=1))
        (self.directory / "cni" / "10-lab.conflist").write_text(json.dumps(self._cni()))
        for group in self.groups():
            group.mkdir(exist_ok=True)
            for setting in ("cpuset.cpus", "cpuset.mems"):
                own, parent = group / setting, group.parent / setting
                if own.exists():
                    own.write_text(parent.read_text())

    def groups(self) -> list[Path]:
        """Its control groups: one for each controller, or the one on cgroup v2."""
        if (CGROUPS / "cgroup.controllers").exists():
            return [CGROUPS / self.cgroup]
        return [one / self.cgroup for one in sorted(CGROUPS.iterdir()) if one.is_dir()]

    def remove(self) -> None:
        """Remove what is left of it outside of its namespaces."""
        for group in self.groups():
            for leaf in sorted(group.rglob("*"), key=lambda p: -len(p.parts)):
                if leaf.is_dir():
                    _rmdir(leaf)
            _rmdir(group)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _containerd(self) -> str:
        cri = '[plugins."io.containerd.grpc.v1.cri"'
        runc = f"{cri}.containerd.runtimes.runc"
        return f"""version = 2
root = "{self.directory}/root"
state = "/run/{self.name}-containerd"
oom_score = 0
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
  address = "{self.socket}"
{cri}]
  sandbox_image = "{self.registry}/app:pause"
  restrict_oom_score_adj = true
  disable_apparmor = true
  disable_tcp_service = true
{cri}.cni]
  bin_dir = "{self.debian}/usr/lib/cni"
  conf_dir = "{self.directory}/cni"
{runc}]
  runtime_type = "io.containerd.runc.v2"
{runc}.options]
  BinaryName = "{self.debian}/usr/sbin/runc"
  SystemdCgroup = false
"""

    def _kubelet(self) -> dict[str, object]:
        return {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": "0.0.0.0",
            "port": 10250 + self.number,
            "healthzPort": 0,
            "readOnlyPort": 0,
            "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
            "authorization": {"mode": "AlwaysAllow"},
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{self.cgroup}",
            "failCgroupV1": False,
            "enforceNodeAllocatable": [],
            "failSwapOn": False,
            "containerRuntimeEndpoint": f"unix://{self.socket}",
            "volumePluginDir": str(self.directory / "plugins"),
            "evictionHard": {"nodefs.available": "1%", "imagefs.available": "1%"},
            "nodeStatusUpdateFrequency": "2s",
            "syncFrequency": "5s",
            "clusterDNS": [],
        }

    def _cni(self) -> dict[str, object]:
        bridge = {
            "type": "bridge",
            "bridge": f"pods{self.number}",
            "isGateway": True,
            "ipam": {
                "type": "host-local",
                "ranges": [[{"subnet": f"10.244.{self.number}.0/24"}]],
                "dataDir": f"/run/{self.name}-cni",
            },
        }
        return {"cniVersion": "0.4.0", "name": "lab", "plugins": [bridge]}


def _rmdir(path: Path) -> None:
    try:
        path.rmdir()
    except OSError:
        return

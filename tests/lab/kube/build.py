"""The programs of the cluster, from the cache: Kubernetes itself from its Go module, the rest from
Debian's packages, unpacked and not installed: nothing of it is started by this machine."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.lab.binary import fetch_modules
from tests.lab.cache import built_once
from tests.lab.recipe import recipe_key
from tests.lab.shell import run
from tests.lab.toolchain import Go, toolchain

SOURCE = Path(__file__).parent / "source"
VERSION = "v1.35.4"
NAMES = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kubectl",
)
PACKAGES = ("etcd-server", "containerd", "runc", "containernetworking-plugins")
"""runc, since crun refuses control groups in hybrid mode."""
BUILD_LIMIT_S = 3600


def programs() -> Path:
    """A directory with all programs of Kubernetes, and `app`. Built if absent: ten minutes on two
    busy cores."""
    go = toolchain()
    stamp = ".gitVersion="
    flags = (
        "-trimpath",
        "-buildvcs=false",
        f"-ldflags=-s -w -X k8s.io/component-base/version{stamp}{VERSION}"
        f" -X k8s.io/client-go/pkg/version{stamp}{VERSION}",
    )
    sources = [p for p in sorted(SOURCE.rglob("*")) if p.suffix in {".go", ".mod", ".sum"}]
    ingredients = [part for path in sources for part in (path.name, path.read_text())]
    key = f"kubernetes-{recipe_key(*ingredients, *flags, go.version)}"
    return built_once(key, lambda directory: _build(go, flags, directory))


def packages() -> Path:
    """The root of what Debian's packages contain."""
    key = f"kubernetes-debian-{recipe_key(*PACKAGES)}"
    return built_once(key, _unpack) / "root"


def _build(go: Go, flags: tuple[str, ...], directory: Path) -> None:
    print(
        f"lab: building Kubernetes {VERSION} with {go.version}; the first time takes ten minutes",
        file=sys.stderr,
        flush=True,
    )
    fetch_modules(go, SOURCE)
    target = directory / "kubernetes"
    go.run("build", *flags, "-o", str(target), ".", cwd=SOURCE, timeout=BUILD_LIMIT_S)
    go.run("build", *flags[:2], "-o", str(directory / "app"), "./app", cwd=SOURCE)
    for name in NAMES:
        (directory / name).symlink_to("kubernetes")


def _unpack(directory: Path) -> None:
    debs = directory / "debs"
    debs.mkdir()
    run(
        *("sh", "-c", 'cd "$1" && shift && exec apt-get -qq download "$@"', "sh", str(debs)),
        *PACKAGES,
        timeout=300,
    )
    for deb in sorted(debs.glob("*.deb")):
        run("dpkg-deb", "-x", str(deb), str(directory / "root"))

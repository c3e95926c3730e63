"""A base image with podman and the images of the scorer in it, for the labs that ask for it.

The images are imported once, into the base: an imported image carries the time of its import, so
only one import for all hosts gives all of them one digest.
"""

from __future__ import annotations

import hashlib
import tarfile
from dataclasses import dataclass
from pathlib import Path

from tests.lab.binary import SCORER_SOURCE, sources_in
from tests.lab.cache import built_once
from tests.lab.image import PACKAGES, SETUP, SUITE, build_root
from tests.lab.recipe import recipe_key
from tests.lab.shell import run
from tests.lab.toolchain import toolchain

PODMAN = ("podman", "crun")
REPOSITORY = "localhost/veid-scorer"
TAG = "v1.0.0"
FLAGS = ("-trimpath", "-buildvcs=false")
OTHER_BUILD = "-X main.order=backward"
"""What makes another build: one that adds in another order, whatever its settings are."""

STORAGE = """[storage]
driver = "vfs"
runroot = "/run/containers/storage"
graphroot = "/var/lib/containers/storage"
"""
CONTAINERS = """[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
cgroups = "disabled"
netns = "host"
log_driver = "journald"
[engine]
cgroup_manager = "cgroupfs"
runtime = "crun"
events_logger = "file"
"""
"""For hosts that are containers themselves: no overlay over an overlay, no control groups."""

IMPORT = """
set -eu
# podman changes its root once more, which works from a mount point only.
mount --bind "$ROOT" "$ROOT"
mount -t proc proc "$ROOT/proc"
mount --rbind /dev "$ROOT/dev"
mount --rbind /sys "$ROOT/sys"
mount -t tmpfs tmpfs "$ROOT/run"
import() {
  chroot "$ROOT" podman import --quiet --change 'ENTRYPOINT ["/scorer"]' \\
    "/var/tmp/$1.tar" "$2" >/dev/null
}
import good "$REPOSITORY:$TAG"
import other "$REPOSITORY:other"
for name in "$TAG" other; do
  chroot "$ROOT" podman image inspect --format '{{.Digest}}' "$REPOSITORY:$name"
done
"""


@dataclass(frozen=True)
class ScorerBase:
    """A root file system with podman; the digests of the two images that it has: the one in use,
    and another build, which is tagged `other` and answers differently."""

    root: Path
    digest: str
    other: str


def scorer_base() -> ScorerBase:
    """About a minute the first time.

    Raises:
        LabError: the packages cannot be fetched, or the scorer cannot be built.
    """
    programs = scorer_program("good"), scorer_program("other")
    sums = [hashlib.sha256(program.read_bytes()).hexdigest() for program in programs]
    plain = _podman_base()
    recipe = recipe_key(plain.parent.name, STORAGE, CONTAINERS, IMPORT, REPOSITORY, TAG, *sums)
    built = built_once(f"scorer-base-{recipe}", lambda target: _import(plain, target, *programs))
    digest, other = (built / "digests").read_text().split()
    return ScorerBase(built / "root", digest, other)


def scorer_program(name: str) -> Path:
    """A build of the scorer: one static file; `good`, or `other`, which answers differently.

    Raises:
        LabError: it cannot be built.
    """
    go = toolchain()
    link = (OTHER_BUILD,) if name == "other" else ()
    flags = (*FLAGS, f"-ldflags={' '.join(('-s -w', *link))}")
    key = f"scorer-{name}-{recipe_key(*sources_in(SCORER_SOURCE), *flags, go.version)}"

    def build(directory: Path) -> None:
        go.run("build", *flags, "-o", str(directory / "scorer"), ".", cwd=SCORER_SOURCE)

    return built_once(key, build) / "scorer"


def _podman_base() -> Path:
    """The packages alone, which take most of the time."""
    key = f"podman-base-{recipe_key(PACKAGES, SUITE, SETUP, *PODMAN)}"
    return built_once(key, lambda directory: build_root(directory, *PODMAN)) / "root"


def _import(plain: Path, directory: Path, good: Path, other: Path) -> None:
    root = directory / "root"
    run("cp", "--archive", "--reflink=auto", str(plain), str(root))
    (root / "etc/containers/storage.conf").write_text(STORAGE)
    (root / "etc/containers/containers.conf").write_text(CONTAINERS)
    for name, program in (("good", good), ("other", other)):
        with tarfile.open(root / f"var/tmp/{name}.tar", "w") as archive:
            archive.add(program, "scorer", filter=_of_root)
    said = run(
        *("env", f"ROOT={root}", f"REPOSITORY={REPOSITORY}", f"TAG={TAG}"),
        *("unshare", "--mount", "--pid", "--fork", "/bin/sh", "-s"),
        stdin=IMPORT,
        timeout=300,
    )
    for name in ("good", "other"):
        (root / f"var/tmp/{name}.tar").unlink()
    (directory / "digests").write_text(said)


def _of_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = "root"
    entry.mode = 0o755
    return entry

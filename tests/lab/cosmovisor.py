"""The real cosmovisor, built once from the module that `wrapper/` pins, and a node below it."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from pathlib import Path

from tests.lab.binary import fetch_modules
from tests.lab.cache import built_once
from tests.lab.chainnet import SERVICE_UID, UNIT
from tests.lab.dialect import start_flags
from tests.lab.machine import Machine
from tests.lab.recipe import recipe_key
from tests.lab.spec import NodeSpec
from tests.lab.toolchain import Go, toolchain

SOURCE = Path(__file__).parent / "wrapper"
PACKAGE = "cosmossdk.io/tools/cosmovisor/cmd/cosmovisor"
WRAPPER = "/usr/local/bin/cosmovisor"
FLAGS = ("-trimpath", "-buildvcs=false", "-ldflags=-s -w")


def cosmovisor() -> Path:
    """The program, from the cache; built if absent.

    Raises:
        LabError: the build failed.
    """
    go = toolchain()
    pins = [(SOURCE / name).read_text() for name in ("go.mod", "go.sum", "tools.go")]
    key = f"cosmovisor-{recipe_key(*pins, *FLAGS, go.version)}"
    return built_once(key, lambda directory: _build(go, directory / "cosmovisor")) / "cosmovisor"


def _build(go: Go, target: Path) -> None:
    print(f"lab: building cosmovisor with {go.version}", file=sys.stderr, flush=True)
    fetch_modules(go, SOURCE)
    go.run("build", *FLAGS, "-o", str(target), PACKAGE, cwd=SOURCE)


def root_of(node: NodeSpec) -> str:
    """Where cosmovisor keeps the programs of a node."""
    return f"{node.home}/cosmovisor"


def name_of(node: NodeSpec) -> str:
    """The program's name there (DAEMON_NAME)."""
    return Path(node.binary).name


def place_below(machine: Machine, node: NodeSpec, program: Path, *, backup: bool) -> None:
    """A stopped node gets cosmovisor's layout, with `program` as that of its genesis, and a unit
    that starts cosmovisor. Its former program is gone. `backup`: the data directory is copied
    before an upgrade, which is cosmovisor's default."""
    wrapper = machine.path(WRAPPER)
    if not wrapper.exists():
        shutil.copy2(cosmovisor(), wrapper)
    put_program(machine, node, "genesis", program)
    link = machine.path(f"{root_of(node)}/current")
    link.symlink_to(f"{root_of(node)}/genesis")
    os.chown(link, SERVICE_UID, SERVICE_UID, follow_symlinks=False)
    machine.path(node.binary).unlink()
    settings = {
        "DAEMON_HOME": node.home,
        "DAEMON_NAME": name_of(node),
        "UNSAFE_SKIP_BACKUP": "false" if backup else "true",
        "COSMOVISOR_COLOR_LOGS": "false",
    }
    unit = UNIT.format(
        user=node.user,
        binary=f"{WRAPPER} run",
        home=node.home,
        flags=start_flags(program),
    )
    lines = "".join(f"Environment={name}={value}\n" for name, value in settings.items())
    text = unit.replace("[Service]\n", f"[Service]\n{lines}")
    machine.path(f"/etc/systemd/system/{node.unit}").write_text(text)


def put_program(machine: Machine, node: NodeSpec, where: str, program: Path) -> Path:
    """A program in `genesis` or `upgrades/NAME`, as the service user would put it there."""
    target = machine.path(f"{root_of(node)}/{where}/bin/{name_of(node)}")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(program, target)
    target.chmod(0o755)
    top = machine.path(root_of(node))
    for path in (top, *top.rglob("*")):
        os.chown(path, SERVICE_UID, SERVICE_UID, follow_symlinks=False)
    return target


def sha256_of(program: Path) -> str:
    """What the product calls a program by."""
    return hashlib.sha256(program.read_bytes()).hexdigest()

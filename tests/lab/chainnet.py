"""Puts a chain node on a host: home, program and unit, as they are before a first start."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from tests.lab.dialect import ON_HOSTS, libraries, start_flags
from tests.lab.homes import Network
from tests.lab.machine import Machine
from tests.lab.spec import NodeSpec

SERVICE_UID = 990

UNIT = """[Unit]
Description=VirtEngine node
After=network-online.target

[Service]
User={user}
ExecStart={binary} start --home {home} {flags}
Restart=on-failure
RestartSec=2
TimeoutStopSec=20
LimitNOFILE=65535

[Install]
WantedBy=multi-user.target
"""

STOP = """
# The job first: a daemon that is killed while its unit wants it would be started again.
systemctl stop --no-block {unit}
systemctl kill -s KILL {unit} 2>/dev/null
systemctl stop {unit}
rm -rf /var/lib/remediate /etc/systemd/system/{unit}.d /run/systemd/system/{unit}.d
rm -f /etc/systemd/system/{unit}
journalctl --quiet --rotate --vacuum-time=1s >/dev/null 2>&1
true
"""
START = """
systemctl reset-failed {unit} 2>/dev/null
{how}
"""


def stop_script(node: NodeSpec) -> str:
    """Stops a node at once, whatever state it is in, and removes what was put around its unit."""
    return STOP.format(unit=node.unit)


def start_script(node: NodeSpec) -> str:
    """Makes systemd read the unit anew, and starts the node if it is one that runs."""
    # Enabling reads all units anew, too.
    how = (
        f"systemctl enable --now --quiet {node.unit}" if node.started else "systemctl daemon-reload"
    )
    return START.format(unit=node.unit, how=how)


def install_node(
    machine: Machine, chain: Network, environment: Mapping[str, str] | None = None
) -> None:
    """Home, program and unit from outside, while the node is stopped. `environment`: what the unit
    gives its program."""
    node = machine.spec.node
    assert node is not None
    home = machine.path(node.home)
    shutil.rmtree(home, ignore_errors=True)
    home.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(chain.home(machine.name), home)
    (home / "faults").mkdir()
    _own(home)
    install_binary(machine, node, chain.binary)
    _install_libraries(machine)
    unit = machine.path(f"/etc/systemd/system/{node.unit}")
    flags = start_flags(chain.binary)
    text = UNIT.format(user=node.user, binary=node.binary, home=node.home, flags=flags)
    given = "".join(f"Environment={k}={v}\n" for k, v in (environment or {}).items())
    unit.write_text(text.replace("[Service]\n", f"[Service]\n{given}"))


def install_binary(machine: Machine, node: NodeSpec, binary: Path) -> None:
    """The program, replaced by a rename so that a running one keeps its own file."""
    target = machine.path(node.binary)
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists() and _stamp(target) == _stamp(binary):
        return
    fresh = target.with_name(target.name + ".new")
    shutil.copy2(binary, fresh)
    os.chown(fresh, 0, 0)
    fresh.chmod(0o755)
    fresh.rename(target)


def _install_libraries(machine: Machine) -> None:
    """Those that the program needs, if any are named."""
    found = libraries()
    for path in found:
        shutil.copy2(path, machine.path(f"{ON_HOSTS}/{path.name}"))
    if found:
        machine.sh("ldconfig")


def _stamp(program: Path) -> tuple[int, int]:
    status = program.stat()
    return status.st_size, status.st_mtime_ns


def _own(home: Path) -> None:
    for directory, _, files in os.walk(home):
        os.chown(directory, SERVICE_UID, SERVICE_UID)
        for name in files:
            os.chown(Path(directory) / name, SERVICE_UID, SERVICE_UID)

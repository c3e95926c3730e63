"""One host: a Debian booted by systemd-nspawn over the base image, and what can be done to it.

Who starts and restarts it is the keeper (`tests.lab.keeper`); a machine's `wanted` file says
whether it should be on, so that a power cut lasts until somebody switches it on again.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tests.lab import cgroups
from tests.lab.net import BRIDGE, LabNet
from tests.lab.shell import LabError, run
from tests.lab.spec import HOSTS, OPERATOR, HostSpec

BOOT_LIMIT_S = 60.0
ON, OFF = "on", "off"


@dataclass(frozen=True)
class Machine:
    """The host `spec` of the lab in `directory`."""

    spec: HostSpec
    net: LabNet
    directory: Path

    @property
    def name(self) -> str:
        """The host's name."""
        return self.spec.name

    @property
    def root(self) -> Path:
        """Its root file system, seen from outside (without what it mounted itself)."""
        return self.directory / "root"

    @property
    def address(self) -> str:
        """Its address on the lab's bridge."""
        return self.net.address(self.spec.octet)

    @property
    def link(self) -> str:
        """Its port on the bridge (nspawn derives it from the machine's name)."""
        return f"vb-{self._machine_name}"

    @property
    def _machine_name(self) -> str:
        return f"L{self.net.number}-{self.name}"

    @property
    def _group(self) -> str:
        return f"remediations-lab-{self._machine_name}"

    def prepare(self, base: Path, operator_key: str) -> None:
        """Lay its root over the base and give it a name, an address, keys and an operator."""
        for part in ("upper", "work", "root"):
            (self.directory / part).mkdir(parents=True, exist_ok=True)
        run(
            "mount",
            "-t",
            "overlay",
            "overlay",
            "-o",
            f"lowerdir={base},upperdir={self.directory}/upper,workdir={self.directory}/work",
            str(self.root),
        )
        self._write("etc/hostname", f"{self.name}\n")
        self._write("etc/hosts", self._hosts_file())
        self._write("etc/systemd/network/10-host0.network", self._network_file())
        self._write(f"home/{OPERATOR}/.ssh/authorized_keys", operator_key)
        os.chown(self.root / f"home/{OPERATOR}/.ssh/authorized_keys", 1000, 1000)
        key = self.root / "etc/ssh/ssh_host_ed25519_key"
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", self.name, "-f", str(key))
        self.want(ON)

    def host_key(self) -> str:
        """Its public host key, known beforehand."""
        return (self.root / "etc/ssh/ssh_host_ed25519_key.pub").read_text().strip()

    def dispose(self) -> None:
        """Unmount and delete its file system."""
        run("umount", "--lazy", str(self.root), check=False)
        cgroups.unlimit_cpu(self._group)
        cgroups.remove(self._group)
        shutil.rmtree(self.directory, ignore_errors=True)

    def want(self, state: str) -> None:
        """Say whether it should be on; the keeper makes it so."""
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "wanted").write_text(state)

    def boot(self) -> subprocess.Popen[bytes]:
        """Start it (the keeper's business). It powers off when the process that booted it dies."""
        return subprocess.Popen(
            [
                *cgroups.entering(self._group),
                "setpriv",
                "--pdeathsig",
                "TERM",
                "nsenter",
                f"--net={self.net.path}",
                "systemd-nspawn",
                "--quiet",
                "--boot",
                f"--directory={self.root}",
                f"--machine={self._machine_name}",
                f"--hostname={self.name}",
                f"--network-bridge={BRIDGE}",
                "--register=no",
                "--keep-unit",
                "--console=passive",
                "--capability=all",
            ],
            env={**os.environ, "SYSTEMD_SECCOMP": "0"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=(self.directory / "nspawn.log").open("ab"),
        )

    def init(self) -> int | None:
        """The process id of its PID 1, seen from outside, or None when it is off."""
        try:
            nspawn = int((self.directory / "pid").read_text())
            children = Path(f"/proc/{nspawn}/task/{nspawn}/children").read_text().split()
        except (OSError, ValueError):
            return None
        return int(children[0]) if children else None

    def limit_cpu(self, inside: int, percent: int) -> None:
        """So much of one processor for a process, where systemd inside cannot see to that.

        Raises:
            LabError: there is no such process.
        """
        init = self.init()
        for status in Path("/proc").glob("[0-9]*/status"):
            with contextlib.suppress(OSError):
                ids = status.read_text().partition("NSpid:")[2].split("\n")[0].split()
                if ids[-1:] == [str(inside)] and _pid_space(int(ids[0])) == _pid_space(init):
                    cgroups.limit_cpu(self._group, int(ids[0]), percent)
                    return
        raise LabError(f"{self.name} has no process {inside}")

    def unlimit_cpu(self) -> None:
        """Take the limit away."""
        cgroups.unlimit_cpu(self._group)

    def sh(self, script: str, *, check: bool = True, timeout: float = 60) -> str:
        """The output of a shell script run as root inside, without SSH.

        Raises:
            LabError: it is off, or the script fails.
        """
        init = self.init()
        if init is None:
            raise LabError(f"{self.name} is off")
        return run(
            *("nsenter", "-t", str(init), "-m", "-u", "-i", "-n", "-p", "-r", "-w"),
            *("env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "/bin/sh", "-s"),
            stdin=script,
            check=check,
            timeout=timeout,
        )

    def path(self, inside: str) -> Path:
        """A path of the running host, what it mounted included; of the stopped one, its root."""
        init = self.init()
        base = Path(f"/proc/{init}/root") if init is not None else self.root
        return base / inside.lstrip("/")

    def wait_booted(self) -> None:
        """Wait until sshd listens and the login works.

        Raises:
            LabError: not within the limit.
        """
        end = time.monotonic() + BOOT_LIMIT_S
        while time.monotonic() < end:
            if self.init() is not None and self._listens():
                return
            time.sleep(0.1)
        log = (self.directory / "nspawn.log").read_text(errors="replace")[-500:]
        raise LabError(f"{self.name} did not boot within {BOOT_LIMIT_S} s: {log}")

    def _listens(self) -> bool:
        try:
            state = self.sh("systemctl is-active ssh.service; test ! -e /run/nologin && ss -Hltn")
        except LabError:
            return False
        return state.startswith("active") and ":22 " in state

    def cut_power(self) -> None:
        """Pull the plug: nothing is synced, nothing is told. It stays off until `want(ON)`."""
        self.want(OFF)
        init = self.init()
        if init is not None:
            os.kill(init, signal.SIGKILL)
        while self.init() is not None:
            time.sleep(0.02)

    def _write(self, path: str, text: str) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def _hosts_file(self) -> str:
        # Without an entry for localhost, Go asks DNS for it and every client command hangs; without
        # one for the host's own name, sudo does.
        lines = ["127.0.0.1 localhost"]
        lines += [f"{self.net.address(spec.octet)} {spec.name}" for spec in HOSTS]
        return "\n".join(lines) + "\n"

    def _network_file(self) -> str:
        gateway = "" if self.spec.behind_bastion else f"Gateway={self.net.gateway}\n"
        return (
            f"[Match]\nName=host0\n[Network]\nAddress={self.address}/24\n{gateway}"
            "LinkLocalAddressing=no\nIPv6AcceptRA=no\n"
        )


def _pid_space(process: int | None) -> str:
    """The name space in which a process has its number."""
    return str(Path(f"/proc/{process}/ns/pid").readlink())

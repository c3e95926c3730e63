"""Faults of the daemon's process and its unit."""

from __future__ import annotations

import time

from tests.lab.faults import Faults
from tests.lab.shell import LabError

PACKAGED = "/usr/local/lib/systemd/system"
WRAPPER = "/usr/local/bin/keep-virtengine"
WRAPPER_TEXT = """#!/bin/sh
# Runs the daemon, and looks after it "soon" when it ends.
"$@" &
wait $!
echo "child ended with $?"
exec sleep infinity
"""


class ProcessFaults(Faults):
    """Stopped, killed, frozen, looping, misconfigured, disabled."""

    def break_stop(self, *hosts: str) -> None:
        """Stopped by a person: systemd leaves it so."""
        for host in hosts:
            self.systemctl(host, "stop", self.unit(host))
        self.mend_node(lambda: self.start(*hosts))

    def break_kill(self, host: str) -> None:
        """Killed with -9: systemd starts it again after two seconds."""
        self.systemctl(host, "kill", "--signal=KILL", self.unit(host), check=False)

    def break_freeze(self, host: str) -> None:
        """SIGSTOP: the unit stays active, the ports listen, nothing answers."""
        self.systemctl(host, "kill", "--signal=STOP", self.unit(host), check=False)
        self.mend_node(lambda: self._thaw(host))

    def break_disable(self, host: str) -> None:
        """Stopped and disabled: it would not come back after a reboot either."""
        self.systemctl(host, "disable", "--now", "--quiet", self.unit(host))
        self.mend_node(lambda: self.systemctl(host, "enable", "--now", "--quiet", self.unit(host)))

    def break_mask(self, host: str) -> None:
        """Stopped and masked, as somebody does on purpose. Only a unit that is not in /etc can be:
        it is put where packages have it."""
        unit = self.unit(host)
        self.systemctl(host, "disable", "--now", "--quiet", unit)
        self.hosts[host].sh(
            f"mkdir -p {PACKAGED}; mv /etc/systemd/system/{unit} {PACKAGED}/{unit}\n"
            f"systemctl daemon-reload; systemctl enable --quiet {unit}\n"
            f"systemctl mask --quiet {unit}"
        )
        self.mend_host(lambda: self._unmask(host))

    def break_config(self, host: str) -> None:
        """A configuration that it cannot read: it exits at once, again and again."""
        path = self.hosts[host].path(f"{self.node(host).home}/config/config.toml")
        sound = path.read_text()
        path.write_text("this is no TOML [[[\n" + sound)
        self.systemctl(host, "restart", self.unit(host), check=False)

        def mend() -> None:
            path.write_text(sound)
            self.start(host)

        self.mend_node(mend)

    def break_start_limit(self, host: str) -> None:
        """It crashed until systemd gave up; the cause is gone, but the unit stays failed."""
        unit = self.unit(host)
        self._drop_in(
            host, f"[Service]\nRestartSec=100ms\nExecStart=\nExecStart={self._dud(host)}\n"
        )
        self.hosts[host].sh(
            f"systemctl restart {unit} || true\n"
            f"for n in $(seq 99); do systemctl is-failed --quiet {unit} && break; sleep 0.1; done\n"
            f"rm -r /run/systemd/system/{unit}.d; systemctl daemon-reload\n"
            f"systemctl is-failed {unit}"
        )
        self.mend_node(lambda: self.start(host))

    def break_crash_loop(self, host: str) -> None:
        """It exits soon after every start, and systemd starts it again for ever."""
        self._drop_in(
            host,
            "[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestartSec=1\nExecStartPre=/bin/false\n",
        )
        self._restart_without(host)

    def break_memory(self, host: str, mebibytes: int = 700) -> None:
        """Less memory than the daemon needs. A substitute: its address space is limited (LimitAS),
        so it ends by itself; a kernel that kills it for MemoryMax needs cgroup v2."""
        self._drop_in(host, f"[Service]\nLimitAS={mebibytes}M\n")
        self._restart_without(host)

    def break_open_files(self, host: str, most: int = 24) -> None:
        """Fewer open files than the daemon needs (LimitNOFILE)."""
        self._drop_in(host, f"[Service]\nLimitNOFILE={most}\n")
        self._restart_without(host)

    def break_flag(self, *hosts: str, flag: str = "--consensus-engine=v2") -> None:
        """A flag that the program does not know was pushed to these units."""
        for host in hosts:
            command = f"{self.node(host).binary} start --home {self.node(host).home} {flag}"
            self._drop_in(host, f"[Service]\nExecStart=\nExecStart={command}\n")
        for host in hosts:
            self._restart_without(host)

    def break_at_fail_point(self, *hosts: str, index: int, seconds: float = 12) -> None:
        """Each ends at the same place of its work, at CometBFT's own fail point of that number
        (`libs/fail`): before or after a vote, a stored block, its end in the log, its execution,
        its state. Whoever waits for the others by then ends where it is. The cause is gone after
        that, and they are down.

        Raises:
            LabError: none ended at the fail point.
        """
        for host in hosts:
            self._drop_in(host, f"[Service]\nEnvironment=FAIL_TEST_INDEX={index}\nRestart=no\n")
        for host in hosts:
            self.systemctl(host, "restart", "--no-block", self.unit(host), check=False)
        end = time.monotonic() + seconds
        ended: set[str] = set()
        while ended != {*hosts} and time.monotonic() < end:
            ended = {host for host in hosts if self._state_of(host) == "failed"}
            time.sleep(0.2)
        for host in {*hosts} - ended:
            self.systemctl(host, "kill", "--signal=KILL", self.unit(host), check=False)
        for host in hosts:
            self.hosts[host].sh(
                f"rm -rf /run/systemd/system/{self.unit(host)}.d; systemctl daemon-reload"
            )
        self.mend_node(lambda: self.start(*hosts))
        if not ended:
            raise LabError(f"nobody ended at fail point {index}")

    def _state_of(self, host: str) -> str:
        return self.systemctl(host, "is-failed", self.unit(host), check=False).strip()

    def break_wrapped(self, host: str) -> None:
        """The unit runs a wrapper, whose child is killed: the wrapper stays, and the unit is
        active without a daemon."""
        node = self.node(host)
        self.hosts[host].path(WRAPPER).write_text(WRAPPER_TEXT)
        self.hosts[host].path(WRAPPER).chmod(0o755)
        self._drop_in(
            host,
            f"[Service]\nExecStart=\nExecStart={WRAPPER} {node.binary} start --home {node.home}\n",
        )
        self._restart_without(host)
        self.hosts[host].sh(
            f"for n in $(seq 99); do pgrep -f '^{node.binary} start' && break; sleep 0.1; done\n"
            f"sleep 2; pkill -KILL -f '^{node.binary} start'"
        )

    def _restart_without(self, host: str) -> None:
        """Restart it as its drop-in says; mended by removing that."""
        self.systemctl(host, "restart", self.unit(host), check=False)

        def mend() -> None:
            self.stop(host)
            self.hosts[host].sh(
                f"rm -rf /run/systemd/system/{self.unit(host)}.d; systemctl daemon-reload"
            )
            self.start(host)

        self.mend_node(mend)

    def break_cpu(self, host: str, percent: int = 5) -> None:
        """Almost no processor for the daemon that runs (systemd's CPUQuota)."""
        unit, daemon = self.unit(host), self.world.daemons()[host]
        if daemon is None:
            raise LabError(f"{host} has no daemon that runs")
        self.systemctl(host, "set-property", "--runtime", unit, f"CPUQuota={percent}%")
        self.hosts[host].limit_cpu(daemon.pid, percent)

        def mend() -> None:
            self.hosts[host].unlimit_cpu()
            self.systemctl(host, "set-property", "--runtime", unit, "CPUQuota=")

        self.mend_host(mend)

    def _drop_in(self, host: str, text: str) -> None:
        """Settings on top of the unit, until the host reboots."""
        directory = self.hosts[host].path(f"/run/systemd/system/{self.unit(host)}.d")
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "fault.conf").write_text(text)
        self.systemctl(host, "daemon-reload")

    def _dud(self, host: str) -> str:
        """A program that fails at once, with the daemon's arguments."""
        return f"/bin/false start --home {self.node(host).home}"

    def _thaw(self, host: str) -> None:
        self.systemctl(host, "kill", "--signal=CONT", self.unit(host), check=False)
        self.start(host)

    def _unmask(self, host: str) -> None:
        unit = self.unit(host)
        self.hosts[host].sh(
            f"systemctl stop {unit}; systemctl unmask --quiet {unit}; systemctl disable {unit}\n"
            f"mv {PACKAGED}/{unit} /etc/systemd/system/{unit}; systemctl daemon-reload\n"
            f"systemctl enable --quiet {unit}",
            check=False,
        )
        self.start(host)

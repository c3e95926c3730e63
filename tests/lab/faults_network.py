"""Faults of the network and of whole hosts."""

from __future__ import annotations

from collections.abc import Sequence

from tests.lab.faults import Faults
from tests.lab.machine import ON
from tests.lab.net import BRIDGE

SHELL = "/usr/bin/bash"
FALSE_CLOCK = f"""#!/bin/dash
for loader in /lib64/ld-linux-*.so.* /lib/ld-linux-*.so.*; do
  [ ! -x "$loader" ] ||
    exec "$loader" --preload /usr/local/lib/libfaketime.so.1 {SHELL}.true "$@"
done
"""
"""By the loader and not by LD_PRELOAD, which all that bash starts would inherit: libfaketime shares
memory by process ids, and those of a reading's own namespace begin at 1 each time."""
OFFSET = "/etc/faketimerc"
"""A file, because bash has a getenv of its own that knows nothing while libraries are loaded."""


class NetworkFaults(Faults):
    """Partitions, lost logins, lost power, lost hosts."""

    def break_partition(self, one: Sequence[str], other: Sequence[str]) -> None:
        """The two sides do not reach each other; SSH from outside goes on."""
        for host in one:
            self._block(host, other)
        for host in other:
            self._block(host, one)

    def break_one_way(self, source: str, targets: Sequence[str]) -> None:
        """What `source` sends to the targets is lost; what they send arrives."""
        self._block(source, targets)

    def break_switch(self, *hosts: str) -> None:
        """Between these hosts the switch passes nothing, and each host by itself is as it was;
        logins from outside go on."""
        for host in hosts:
            self._isolated(host, "on")

        def mend() -> None:
            for host in hosts:
                self._isolated(host, "off")

        self.mend_host(mend)

    def break_by_rule(self, host: str, others: Sequence[str]) -> None:
        """A firewall rule on `host` drops what the others send; another rule stands around it."""
        addresses = [self.hosts[other].address for other in others]
        rules = [
            "add table inet filter",
            "add chain inet filter input { type filter hook input priority filter; }",
            "add rule inet filter input tcp dport 9 drop",
            *(f"add rule inet filter input ip saddr {at} counter drop" for at in addresses),
            "add rule inet filter input tcp dport 7 drop",
        ]
        self.hosts[host].sh("nft -f - <<'END'\n" + "\n".join(rules) + "\nEND")
        self.mend_host(lambda: self.hosts[host].sh("nft delete table inet filter", check=False))

    def break_isolate(self, host: str) -> None:
        """Unplugged: no peer and no login reaches it, the daemon lives on."""
        link = self.hosts[host].link
        self.net.ip("link", "set", link, "nomaster")
        self.mend_host(lambda: self.net.ip("link", "set", link, "master", BRIDGE))

    def break_sessions(self, host: str) -> None:
        """Every SSH session on it is lost at once, and what went through; sshd takes new ones."""
        self.hosts[host].sh("pkill -KILL -f 'sshd: ops'", check=False)

    def break_ssh(self, host: str) -> None:
        """No login any more, while the daemon lives on."""
        self.hosts[host].sh("systemctl stop ssh.socket ssh.service 2>/dev/null; pkill sshd; true")
        self.mend_host(lambda: self.hosts[host].sh("systemctl start ssh.service"))

    def break_sudo(self, host: str) -> None:
        """The operator's login lost its right to sudo there."""
        rules = self.hosts[host].path("/etc/sudoers.d")
        kept = {path: path.read_bytes() for path in rules.iterdir()}
        for path in kept:
            path.unlink()

        def mend() -> None:
            for path in rules.iterdir():
                path.unlink()
            for path, text in kept.items():
                path.write_bytes(text)
                path.chmod(0o440)

        self.mend_host(mend)

    def break_power(self, host: str, *, back: bool = False) -> None:
        """The power fails; with `back` the host boots again at once."""
        machine = self.hosts[host]
        machine.cut_power()
        if back:
            machine.want(ON)
            machine.wait_booted()
        else:

            def restore() -> None:
                machine.want(ON)
                machine.wait_booted()

            self.mend_host(restore)

    def break_host_gone(self, host: str) -> None:
        """It is off, and nobody answers at its address."""
        self.break_power(host)

    def break_clock(self, host: str, seconds: int) -> None:
        """Whoever logs in reads a clock that is so far off (negative: behind).

        A substitute: hosts share this machine's clock, so bash and what it starts are shown another
        one. The daemon keeps the true one. (Preloaded everywhere, sshd's sandbox would kill it.)
        """
        shell = self.hosts[host].path(SHELL)
        true = shell.with_suffix(".true")
        shell.rename(true)
        shell.write_text(FALSE_CLOCK)
        shell.chmod(0o755)
        offset = self.hosts[host].path(OFFSET)
        offset.write_text(f"{seconds:+d}s\n")

        def mend() -> None:
            true.rename(shell)
            offset.unlink()

        self.mend_host(mend)

    def _isolated(self, host: str, state: str) -> None:
        self.net.inside("bridge", "link", "set", "dev", self.hosts[host].link, "isolated", state)

    def _block(self, host: str, others: Sequence[str]) -> None:
        addresses = [self.hosts[other].address for other in others]
        for address in addresses:
            self.hosts[host].sh(f"ip route add blackhole {address}/32")
        self.mend_host(lambda: self._unblock(host, addresses))

    def _unblock(self, host: str, addresses: Sequence[str]) -> None:
        for address in addresses:
            self.hosts[host].sh(f"ip route delete blackhole {address}/32", check=False)

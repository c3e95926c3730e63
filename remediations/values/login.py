"""Where the name of a host leads, according to ssh_config and known_hosts.

An inventory names hosts, but ssh_config decides which machine a name reaches. So a plan pins that
machine (docs/plan.md), and `apply` compares it before any host is contacted.
"""

from __future__ import annotations

from remediations.values.record import Record


class Hop(Record, frozen=True, kw_only=True):
    """One machine on the route, as `ssh -G` and known_hosts describe it.

    `host_keys` are the keys that it may show, sorted: `ssh-ed25519 SHA256:…`. The prefix
    `@cert-authority` marks a key that signs host certificates (`as NAME` follows if ssh_config sets
    a HostKeyAlias), `@revoked` one that is refused. `proxy_command` is the local command that
    carries the connection, "" for none.
    """

    hostname: str
    port: int
    user: str
    proxy_command: str
    host_keys: tuple[str, ...]

    def __str__(self) -> str:
        user = f"{self.user}@" if self.user else ""
        through = f" through `{self.proxy_command}`" if self.proxy_command else ""
        return f"{user}{self.hostname}:{self.port}{through}"


class Login(Record, frozen=True, kw_only=True):
    """The route to one inventory host: jump hosts in order, then the host itself.

    Without hops the route is unknown, `trouble` says why, and nothing runs on the host.
    """

    host: str
    hops: tuple[Hop, ...]
    trouble: str = ""

    @property
    def way(self) -> str:
        """The machines in order, for people: `ops@jump:22 → ops@10.0.0.2:22`."""
        return " → ".join(map(str, self.hops)) or f"unknown: {self.trouble}"

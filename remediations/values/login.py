"""Where the name of a host leads: what ssh_config and known_hosts make of it.

An inventory names hosts; which machine a name reaches is decided by ssh_config. So a plan pins it
(docs/plan.md), and `apply` compares it before anybody is contacted.
"""

from __future__ import annotations

from remediations.values.record import Record


class Hop(Record, frozen=True, kw_only=True):
    """One machine on the way, as `ssh -G` and known_hosts describe it.

    `host_keys` are the keys that it may show, sorted: `ssh-ed25519 SHA256:…`, preceded by
    `@cert-authority` where the key signs host certificates (then `as NAME` follows where ssh_config
    has another name than `hostname` for the host), by `@revoked` where it is refused.
    `proxy_command` is the local command that carries the connection, "" for none.
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
    """The way to one inventory host: jump hosts in order, then the host itself.

    No hops: it could not be told, and nothing runs there. `trouble` says why then.
    """

    host: str
    hops: tuple[Hop, ...]
    trouble: str = ""

    @property
    def way(self) -> str:
        """The machines in order, for people: `ops@jump:22 → ops@10.0.0.2:22`."""
        return " → ".join(map(str, self.hops)) or f"unknown: {self.trouble}"

"""What went wrong with a connection, as a refusal that names the guard and the next step."""

from __future__ import annotations

import socket

import asyncssh

from remediations.reach.connection import HostUnreachable


def explained(
    host: str, alias: str, error: Exception, config: str | None = None
) -> HostUnreachable:
    """The error as a `HostUnreachable`. `alias` is what was dialled: the host or a hop."""
    guard, expected, advice = _cause(error)
    by_hand = f"ssh {f'-F {config} ' if config else ''}-o StrictHostKeyChecking=yes {alias} true"
    return HostUnreachable(
        f"{host}: cannot connect" if alias == host else f"{host}: cannot connect to {alias}",
        guard=guard,
        got=str(error).strip() or type(error).__name__,
        expected=expected,
        next_step=f"{advice}; try `{by_hand}`",
    )


def _cause(error: Exception) -> tuple[str, str, str]:
    """Guard, expectation, and advice, most special first."""
    match error:
        case asyncssh.HostKeyNotVerifiable():
            return (
                "strict host keys",
                "the key that known_hosts has for it, not revoked",
                "compare the key with its owner by another way before known_hosts is changed",
            )
        case asyncssh.PermissionDenied():
            return (
                "authentication",
                "a key that the host accepts",
                "is the agent unlocked (`ssh-add -l`)?",
            )
        case asyncssh.ConnectionLost() | ConnectionResetError():
            return ("connection", "a connection that stays", "the host or a hop closed it")
        case asyncssh.ChannelOpenError():
            return ("channel", "a session on the connection", "see MaxSessions on the host")
        case asyncssh.Error():
            return (
                "SSH protocol",
                "a common protocol version and algorithms",
                "compare both sides",
            )
        case socket.gaierror():
            return ("DNS", "a name that resolves", "correct HostName in ssh_config, or DNS")
        case TimeoutError():
            return ("time limit", "a login in time", "is the host up, and the route there?")
        case ConnectionRefusedError():
            return ("TCP", "a listening sshd", "is sshd running there?")
        case OSError():
            return ("network", "a route to the host", "is the host up, and the route there?")
        case _:
            return ("known_hosts or keys", "files that can be read", "correct the file")

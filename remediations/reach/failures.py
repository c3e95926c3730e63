"""Turns a connection error into a refusal that names the guard and the next step."""

from __future__ import annotations

import shlex
import socket

from remediations.reach.connection import HostUnreachable
from remediations.reach.settings import SshSettings
from remediations.reach.sshlib import asyncssh

DROPPED = (asyncssh.ConnectionLost, ConnectionResetError, ConnectionAbortedError, BrokenPipeError)
"""Errors of a connection that was open and got closed, by sshd beyond MaxStartups or a network."""


def connection_refusal(
    host: str, settings: SshSettings, error: Exception, *, said: str = "", behind: str = ""
) -> HostUnreachable:
    """The error as a `HostUnreachable`.

    `settings` are those of the machine that was dialled, the host or a hop. `said` replaces the
    message of the SSH library; `behind` is the jump host through which it was dialled.
    """
    guard, expected, advice = _cause(error, behind)
    jump = ("-J", behind) if behind and behind not in settings.jumps else ()
    *options, target = settings.argv
    words = ("ssh", *options, "-o", "StrictHostKeyChecking=yes", *jump, target, "true")
    name = "" if settings.alias == host else f" to {settings.alias}"
    return HostUnreachable(
        f"{host}: cannot connect{name}",
        guard=guard,
        got=said or str(error).strip() or type(error).__name__,
        expected=expected,
        next_step=f"{advice}{'' if advice.endswith('?') else ';'} `{shlex.join(words)}` shows "
        "the same by hand",
    )


def is_login_refused(error: Exception) -> bool:
    """Whether no key was accepted. "Too many authentication failures" is a protocol error in
    SSH."""
    return isinstance(error, asyncssh.PermissionDenied) or (
        isinstance(error, asyncssh.DisconnectError) and "authentication" in error.reason.lower()
    )


def _cause(error: Exception, behind: str) -> tuple[str, str, str]:
    """Guard, expectation and advice, the most specific case first."""
    match error:
        case asyncssh.HostKeyNotVerifiable():
            return (
                "strict host keys",
                "the key that known_hosts has for it, not revoked",
                "compare the key with its owner over another channel before you change known_hosts",
            )
        case asyncssh.PermissionDenied():
            return (
                "authentication",
                "a key that the host accepts",
                "is the agent unlocked (`ssh-add -l`)?",
            )
        case _ if is_login_refused(error):
            return (
                "authentication",
                "an accepted key within the host's MaxAuthTries",
                "name the right key (IdentityFile, IdentitiesOnly yes)",
            )
        case _ if isinstance(error, DROPPED):
            return ("connection", "a connection that stays", "the host or a hop closed it")
        case asyncssh.ChannelOpenError() if behind:
            return (
                "forwarding",
                "a way from the jump host to a listening sshd",
                f"is sshd running there, and does {behind} allow it (AllowTcpForwarding)?",
            )
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
            return ("SSH protocol", "messages that can be read", "compare both sides")

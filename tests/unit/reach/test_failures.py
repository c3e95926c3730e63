"""Each kind of error has its guard, and a command that shows the same by hand."""

from __future__ import annotations

import socket

import asyncssh
import pytest

from remediations.reach.failures import connection_refusal
from remediations.reach.settings import parse_settings

SETTINGS = parse_settings("val1", "hostname 192.0.2.1\nuser ops\n", ("-F", "/a b", "val1"))


@pytest.mark.parametrize(
    ("error", "guard"),
    [
        (asyncssh.HostKeyNotVerifiable("changed"), "strict host keys"),
        (asyncssh.PermissionDenied("no"), "authentication"),
        (asyncssh.ProtocolError("Too many authentication failures"), "authentication"),
        (asyncssh.ProtocolError("bad packet"), "SSH protocol"),
        (asyncssh.KeyExchangeFailed("no common algorithm"), "SSH protocol"),
        (asyncssh.ConnectionLost("gone"), "connection"),
        (ConnectionResetError(104, "reset"), "connection"),
        (BrokenPipeError(32, "pipe"), "connection"),
        (asyncssh.ChannelOpenError(4, "full"), "channel"),
        (ConnectionRefusedError(111, "refused"), "TCP"),
        (socket.gaierror(-2, "unknown"), "DNS"),
        (TimeoutError(), "time limit"),
        (OSError(113, "No route to host"), "network"),
        (ValueError("?"), "SSH protocol"),
    ],
)
def test_guard_and_command(error: Exception, guard: str) -> None:
    """No error goes without a guard, a value, an expectation and a next step."""
    refusal = connection_refusal("val1", SETTINGS, error)
    assert refusal.guard == guard
    assert refusal.got
    assert refusal.expected
    assert "`ssh -F '/a b' -o StrictHostKeyChecking=yes val1 true`" in refusal.next_step


def test_a_host_behind_a_chain_is_reached_by_hand_through_it() -> None:
    """The hop is named where ssh_config does not name it already."""
    refusal = connection_refusal("val1", SETTINGS, TimeoutError(), behind="hop")
    assert "-J hop val1 true" in refusal.next_step

"""Requests to the compiling child, and its replies: one JSON document per line."""

from __future__ import annotations

from remediations.systems.hosts.command import HostCommand
from remediations.values.record import Record

HostData = dict[str, str | int]


class CompileRequest(Record, frozen=True, kw_only=True):
    """Run the deploy file `path` for every host, with its data."""

    path: str
    hosts: dict[str, HostData]


class Rejection(Record, frozen=True, kw_only=True):
    """The deploy did something that cannot be compiled. `did` completes "on HOST it …"."""

    host: str
    did: str


class CompileReply(Record, frozen=True, kw_only=True):
    """The commands of each host, in order; or one rejection, and no commands."""

    commands: dict[str, tuple[HostCommand, ...]]
    rejection: Rejection | None

"""How ssh_config wants a connection made: addresses, times, the least size of a key."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass

import asyncssh

FAMILIES = {"inet": socket.AF_INET, "inet6": socket.AF_INET6}


@dataclass(frozen=True, kw_only=True)
class Transport:
    """Times are seconds, 0 where ssh_config leaves them open; `rsa_bits` is the least size."""

    family: socket.AddressFamily
    bind_address: str
    connect_timeout_s: int
    alive_interval_s: int
    alive_count: int
    rsa_bits: int

    def accepts(self, key: asyncssh.SSHKey) -> bool:
        """Whether the key is no RSA key, or one of the required size (RequiredRSASize)."""
        bits = _rsa_bits(key.public_data)
        return bits is None or bits >= self.rsa_bits


def transport_of(one: Mapping[str, str]) -> Transport:
    """The options of `ssh -G`, each by its first value."""

    def number(option: str) -> int:
        return int(one[option]) if one.get(option, "").isdecimal() else 0

    return Transport(
        family=FAMILIES.get(one.get("addressfamily", ""), socket.AF_UNSPEC),
        bind_address=one.get("bindaddress", ""),
        connect_timeout_s=number("connecttimeout"),
        alive_interval_s=number("serveraliveinterval"),
        alive_count=number("serveralivecountmax"),
        rsa_bits=number("requiredrsasize"),
    )


def _rsa_bits(blob: bytes) -> int | None:
    """The size of the modulus of an "ssh-rsa" key (RFC 4253 §6.6); None for other kinds."""
    fields = []
    while blob:
        end = 4 + int.from_bytes(blob[:4])
        fields.append(blob[4:end])
        blob = blob[end:]
    return int.from_bytes(fields[2]).bit_length() if fields[0] == b"ssh-rsa" else None

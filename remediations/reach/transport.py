"""How ssh_config wants a connection made: algorithms, addresses, times, the least size of a key.

The algorithms are asyncssh's, in asyncssh's order. The lists in ssh_config can only take away.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import asyncssh
from asyncssh.encryption import get_default_encryption_algs
from asyncssh.kex import get_default_kex_algs
from asyncssh.mac import get_default_mac_algs
from asyncssh.public_key import get_default_certificate_algs, get_default_public_key_algs


@dataclass(frozen=True, kw_only=True)
class Algorithms:
    """Names, best first. `certificates` and `host_keys` are kinds of host keys."""

    key_exchange: tuple[str, ...]
    ciphers: tuple[str, ...]
    macs: tuple[str, ...]
    certificates: tuple[str, ...]
    host_keys: tuple[str, ...]
    signatures: tuple[str, ...]

    def of_host(
        self, plain: Iterable[asyncssh.SSHKey], authorities: Iterable[asyncssh.SSHKey]
    ) -> list[str]:
        """The kinds of host keys to ask for, as OpenSSH does: certificates where an authority is
        known, then kinds that are known, then the others, so that a host which shows another key
        is refused for that key."""
        known = {kind.decode() for key in plain for kind in key.sig_algorithms}
        first = [kind for kind in self.host_keys if kind in known]
        rest = [kind for kind in self.host_keys if kind not in known]
        return [*(self.certificates if any(authorities) else ()), *first, *rest]


def allowed_algorithms(options: Mapping[str, str]) -> Algorithms:
    """What the lists that `ssh -G` prints leave over; an absent list forbids nothing.

    Raises:
        ValueError: nothing is left of a list; the message is its name and value.
    """
    return Algorithms(
        key_exchange=_allowed(options, "kexalgorithms", get_default_kex_algs()),
        ciphers=_allowed(options, "ciphers", get_default_encryption_algs()),
        macs=_allowed(options, "macs", get_default_mac_algs()),
        certificates=_allowed(
            options, "hostkeyalgorithms", get_default_certificate_algs(), may_be_none=True
        ),
        host_keys=_allowed(options, "hostkeyalgorithms", get_default_public_key_algs()),
        signatures=_allowed(options, "pubkeyacceptedalgorithms", get_default_public_key_algs()),
    )


def _allowed(
    options: Mapping[str, str], name: str, ours: Iterable[bytes], *, may_be_none: bool = False
) -> tuple[str, ...]:
    listed = options.get(name, "")
    allowed = frozenset(listed.split(","))
    names = [algorithm.decode() for algorithm in ours]
    left = tuple(name for name in names if not listed or name in allowed)
    if not left and not may_be_none:
        raise ValueError(f"{name} {listed}")
    return left


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

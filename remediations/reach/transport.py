"""How ssh_config wants a connection to be made: algorithms, addresses, times, size of RSA keys.

The algorithms are those of asyncssh, in its order, but for AES-GCM, which comes first. The lists in
ssh_config can only remove some.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from remediations.reach.sshlib import (
    asyncssh,
    get_default_certificate_algs,
    get_default_encryption_algs,
    get_default_kex_algs,
    get_default_mac_algs,
    get_default_public_key_algs,
)


@dataclass(frozen=True, kw_only=True)
class Algorithms:
    """Names, the preferred ones first. `certificates` and `host_keys` are types of host keys."""

    key_exchange: tuple[str, ...]
    ciphers: tuple[str, ...]
    macs: tuple[str, ...]
    certificates: tuple[str, ...]
    host_keys: tuple[str, ...]
    signatures: tuple[str, ...]

    def of_host(
        self, plain: Iterable[asyncssh.SSHKey], authorities: Iterable[asyncssh.SSHKey]
    ) -> list[str]:
        """The types of host keys to ask for, as OpenSSH does: certificates if an authority is
        known, then known types, then the others, so that a host which shows another key is refused
        because of that key."""
        known = {kind.decode() for key in plain for kind in key.sig_algorithms}
        first = [kind for kind in self.host_keys if kind in known]
        rest = [kind for kind in self.host_keys if kind not in known]
        return [*(self.certificates if any(authorities) else ()), *first, *rest]


def allowed_algorithms(options: Mapping[str, str]) -> Algorithms:
    """The algorithms that the lists in the output of `ssh -G` allow; a missing list allows all.

    Raises:
        ValueError: a list allows none that asyncssh knows; the message is its name and value.
    """
    return Algorithms(
        key_exchange=_allowed(options, "kexalgorithms", get_default_kex_algs()),
        ciphers=_allowed(options, "ciphers", sorted(get_default_encryption_algs(), key=_after_gcm)),
        macs=_allowed(options, "macs", get_default_mac_algs()),
        certificates=_allowed(
            options, "hostkeyalgorithms", get_default_certificate_algs(), may_be_none=True
        ),
        host_keys=_allowed(options, "hostkeyalgorithms", get_default_public_key_algs()),
        signatures=_allowed(options, "pubkeyacceptedalgorithms", get_default_public_key_algs()),
    )


def _after_gcm(cipher: bytes) -> bool:
    """AES-GCM comes first, as in OpenSSH 10. A packet of it is one call of OpenSSL, one of
    ChaCha20-Poly1305 several: a tenth of the CPU of reading fifty hosts."""
    return b"gcm" not in cipher


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
    """Times are in seconds, 0 if ssh_config does not set them. `rsa_bits` is the minimum size."""

    family: socket.AddressFamily
    bind_address: str
    connect_timeout_s: int
    alive_interval_s: int
    alive_count: int
    rsa_bits: int

    def accepts(self, key: asyncssh.SSHKey) -> bool:
        """Whether the key is not an RSA key, or has the required size (RequiredRSASize)."""
        bits = _rsa_bits(key.public_data)
        return bits is None or bits >= self.rsa_bits


def transport_of(one: Mapping[str, str]) -> Transport:
    """The transport options in the output of `ssh -G`, each with its first value."""

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
    """The size of the modulus of an "ssh-rsa" key (RFC 4253 §6.6); None for other types."""
    fields = []
    while blob:
        end = 4 + int.from_bytes(blob[:4])
        fields.append(blob[4:end])
        blob = blob[end:]
    return int.from_bytes(fields[2]).bit_length() if fields[0] == b"ssh-rsa" else None

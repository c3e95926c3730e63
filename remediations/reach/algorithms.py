"""Which algorithms a login may use: those of asyncssh, less what ssh_config forbids.

Lists of ssh_config can only take away here: the order is asyncssh's.
"""

from __future__ import annotations

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

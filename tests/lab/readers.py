"""Readers of envelopes on hosts of the lab: a daemon that opens a canary with its key file, and
says over loopback which."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from nacl.bindings import crypto_scalarmult, crypto_scalarmult_base

from remediations.systems.stores.sealing import PrivateKey
from tests.lab.key_owners import Keys
from tests.lab.lab import CHECKOUT
from tests.lab.machine import Machine
from tests.lab.resealing import NEW, OLD, OTHER

HOSTS = ("full1", "standby1")
FILE, STAGED = "/etc/vault/reader.key", "/var/lib/remediate/keys"
TOOL = CHECKOUT / "tools/deliver_key.py"
SOURCE = Path(__file__).parent / "reader"
PEER = sha256(b"the lab's canary").digest()
SEARCHED = ("etc", "run", "tmp", "root", "home/ops", "var/lib/remediate", "var/log", "var/tmp")
"""Where anything of a key could be left on a host."""
UNITS = {
    "vault.service": "[Service]\nUser=vault\nRuntimeDirectory=vault\n"
    "ExecStart=/usr/local/bin/vault-reader.sh\n",
    "vault-ready.socket": "[Socket]\nListenStream=127.0.0.1:8200\nAccept=yes\n",
    "vault-ready@.service": "[Service]\nStandardInput=socket\n"
    "ExecStart=/usr/local/bin/vault-ready.sh\n",
}
SECTION = (
    "key-file: {account: vault, file: /etc/vault/reader.key, form: hex, owner: root, "
    'group: vault, mode: "0440", restart: vault.service, '
    'ready: "http://127.0.0.1:8200/ready", ready_within_seconds: 20}'
)


@dataclass
class Readers:
    """Two hosts whose reader has the key that is out."""

    keys: Keys
    home: Path

    def machine(self, host: str) -> Machine:
        """The host itself: the world, not what the product says of it."""
        return self.keys.lab.hosts[host]

    def key(self, host: str) -> bytes:
        """The bytes of the key in the file of a host."""
        return bytes.fromhex(self.machine(host).path(FILE).read_text())

    def opened(self, host: str) -> str:
        """Which canary the reader says that it has opened, over loopback."""
        return self.machine(host).sh("curl -s http://127.0.0.1:8200/ready", check=False)

    def invocation(self, host: str) -> str:
        """That of the unit."""
        return self.machine(host).sh("systemctl show -p InvocationID --value vault.service").strip()

    def starts(self, host: str) -> int:
        """How often the unit was started, by the journal."""
        text = self.machine(host).sh("journalctl -q -o cat -u vault.service | grep -c Started")
        return int(text)

    def beside(self, host: str) -> list[str]:
        """The files with keys on a host: where they are used, and where they are brought."""
        found = self.machine(host).sh(
            f"ls -A /etc/vault {STAGED} 2>/dev/null | grep -E 'key|remediate|^[0-9a-f]{{40}}$'",
            check=False,
        )
        return sorted(line for line in found.split() if not line.endswith(":"))

    def deliver(self, *hosts: str) -> subprocess.CompletedProcess[str]:
        """As whoever made the key does, with the tool, by the operator's ssh."""
        key, bin_ = self.home / "new.key", self.home / "bin"
        key.write_bytes(NEW.secret.reveal())
        key.chmod(0o600)
        bin_.mkdir(exist_ok=True)
        ssh = bin_ / "ssh"
        ssh.write_text(f'#!/bin/sh\nexec /usr/bin/ssh -F {self.keys.lab.access.ssh_config} "$@"\n')
        ssh.chmod(0o755)
        return subprocess.run(
            [sys.executable, "-I", str(TOOL), str(key), *hosts],
            env={"PATH": f"{bin_}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def put(self, host: str, path: str, content: bytes, mode: int) -> None:
        """A file on a host, as root makes it."""
        target = self.machine(host).path(path)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        target.write_bytes(content)
        target.chmod(mode)

    def set_up(self, host: str) -> None:
        """The daemon, with the old key."""
        self.machine(host).sh("id vault 2>/dev/null || useradd --system vault; mkdir -p /etc/vault")
        for name in ("vault-reader.sh", "vault-ready.sh"):
            self.put(host, f"/usr/local/bin/{name}", (SOURCE / name).read_bytes(), 0o755)
        for name, text in UNITS.items():
            self.put(host, f"/etc/systemd/system/{name}", text.encode(), 0o644)
        der = bytes.fromhex("302a300506032b656e032100") + crypto_scalarmult_base(PEER)
        self.put(host, "/etc/vault/peer.der", der, 0o644)
        told = "".join(f"{canary(key)} {name}\n" for name, key in (("old", OLD), ("new", NEW)))
        self.put(host, "/etc/vault/canaries", told.encode(), 0o644)
        self.put(host, FILE, OLD.secret.reveal().hex().encode(), 0o440)
        self.machine(host).sh(
            f"chgrp vault {FILE}; chmod 755 /etc/vault; systemctl daemon-reload; "
            "systemctl start vault-ready.socket; systemctl restart vault.service; sleep 1"
        )

    def take_away(self, host: str) -> None:
        """What `set_up` made, and what was brought since."""
        self.machine(host).sh(
            "systemctl stop vault.service vault-ready.socket; rm -rf /etc/vault "
            f"{STAGED} /etc/systemd/system/vault*; systemctl daemon-reload",
            check=False,
        )

    def left(self) -> list[str]:
        """In which files of the hosts and of the operator a private key stands, beside those in
        which it belongs: the key in use, the former one, and the one that was brought."""
        belongs = (FILE, STAGED, "/etc/vault/.reader.key.remediate-")
        own = self.home.parent / "reencrypt/old.key"
        found = [
            one
            for one in search(self.keys.operator.state, but=self.home)
            if not one.endswith(f" in {own}")
        ]
        for host in HOSTS:
            root = self.machine(host).path("/")
            for name in SEARCHED:
                found += [
                    one
                    for one in search(root / name, but=self.home)
                    if not any(f"{root}{path}".replace("//", "/") in one for path in belongs)
                ]
        return found


def canary(key: PrivateKey) -> str:
    """The hash of what a key makes of the public half of `PEER`."""
    return sha256(crypto_scalarmult(key.secret.reveal(), crypto_scalarmult_base(PEER))).hexdigest()


def needles() -> Mapping[str, tuple[bytes, ...]]:
    """Each private key: as it is, in hex, and in base64 at any of three places."""
    return {
        name: (
            raw := key.secret.reveal(),
            raw.hex().encode(),
            *(base64.b64encode(b"\0" * skip + raw)[4:-4] for skip in range(3)),
        )
        for name, key in (("old", OLD), ("new", NEW), ("other", OTHER))
    }


def search(directory: Path, *, but: Path) -> list[str]:
    """In which files any of them stands; `but` is a directory where they belong."""
    forms, found = needles(), []
    for path in directory.rglob("*"):
        try:
            if path.is_symlink() or not path.is_file() or but in path.parents:
                continue
            text = path.read_bytes()
        except OSError:
            continue
        found += [f"{n} in {path}" for n, those in forms.items() if any(f in text for f in those)]
    return found


@contextmanager
def watched_processes() -> Iterator[list[str]]:
    """Looks all the time at arguments and environments of all processes, those of the hosts, too;
    the list has where a private key stood."""
    found: list[str] = []
    ended = threading.Event()
    forms = [form for those in needles().values() for form in those]

    def look() -> None:
        while not ended.wait(0.02):
            for process in Path("/proc").glob("[0-9]*"):
                for name in ("cmdline", "environ"):
                    try:
                        text = (process / name).read_bytes()
                    except OSError:
                        continue
                    if any(form in text for form in forms):
                        found.append(f"{name} {text[:80]!r}")

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()


@contextmanager
def readers_on(keys: Keys, home: Path) -> Iterator[Readers]:
    """Readers on two hosts, in the inventory, while the block runs."""
    home.mkdir(mode=0o700)
    found = Readers(keys, home)
    inventory = keys.operator.inventory
    text = inventory.read_text()
    for host in HOSTS:
        found.set_up(host)
        start = f"  {host}: {{"
        assert start in text
        text = text.replace(start, f"{start}{SECTION}, ")
    inventory.write_text(text)
    try:
        yield found
    finally:
        for host in HOSTS:
            found.take_away(host)

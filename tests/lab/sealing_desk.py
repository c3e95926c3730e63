"""An operator whose key is revoked, with stores that are real and a chain that is made: what has to
be sealed anew, on this machine, without a lab."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from remediations.systems.stores.sealing import PrivateKey
from remediations.values.protobuf import write_bytes, write_number, write_text
from tests.lab import vaults
from tests.lab.losing import Bastion
from tests.lab.resealing import NEW, OLD
from tests.lab.session_desk import INVENTORY
from tests.lab.vaults import Vault
from tests.unit.docs.lamps import NOBODY
from tests.unit.playbooks.keys.cases import VAULT, made_chain
from tests.unit.transactions.fake_chain import FakeChain

REGISTERED_AT = 1796019052
CHOSEN = ("--fingerprint", OLD.fingerprint, "--reason", "laptop stolen")
STORES = """
stores:
  places:
{places}
  reencrypt:
    machine: {machine}
    directory: {home}/reencrypt
    private_keys:
      old: {{file: {home}/old.key}}
      new: {{file: {home}/new.pem, passphrase_file: {home}/new.pass, backup: {home}/copy.pem}}
    objects_per_second: {rate}
"""


def record(key: PrivateKey, *, revoked_at: int = 0) -> bytes:
    """A key of `vault` as the chain has it."""
    written = write_text(1, VAULT) + write_bytes(2, key.public) + write_text(3, key.fingerprint)
    written += write_text(5, "X25519-XSALSA20-POLY1305") + write_number(6, REGISTERED_AT)
    return written + (write_number(7, revoked_at) if revoked_at else b"")


@dataclass(frozen=True)
class SealingDesk:
    """A directory with everything."""

    home: Path
    chain: FakeChain

    @property
    def bastion(self) -> Bastion:
        """Where commands are typed; proxies of this machine are not for them."""
        own = {"REMEDIATE_INVENTORY": str(self.home / "inventory.yaml"), "no_proxy": "*"}
        return Bastion(self.home / "state", {**os.environ, **own})

    def planned(self) -> str:
        """The run of a plan that is approved."""
        new = ("--new-key", b64encode(NEW.public).decode(), "--out-since", "2026-11-01")
        said = self.bastion.says("plan", "INC-005", *CHOSEN, *new)
        assert said["exit_code"] == "3", blocked(said)
        run = str(said["result"]["run"])
        signed = self.bastion.says("approve", run, "--yes", "--key", str(self.home / "key"))
        assert signed["error"] is None, signed
        return run

    def sealed(self, count: int) -> None:
        """Wait until the job has sealed so many."""
        until = time.monotonic() + 120
        while True:
            found = [one.read_bytes() for one in self.home.glob("reencrypt/jobs/*/objects.jsonl")]
            if sum(one.count(b"\n") for one in found) >= count:
                return
            assert time.monotonic() < until
            time.sleep(0.05)

    def lose_the_job(self) -> None:
        """Its processes end at once: the one that keeps it first."""
        (path,) = self.home.glob("reencrypt/jobs/*/objects.jsonl")
        found = []
        for process in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                if str(path.parent).encode() in process.read_bytes().split(b"\0"):
                    found.append(int(process.parent.name))
        assert len(found) == 2, found
        for number in sorted(found):
            os.kill(number, signal.SIGKILL)


def blocked(said: dict[str, Any]) -> object:
    """The guards that do not pass, or the refusal."""
    guards = ((said["result"] or {}).get("plan") or {}).get("guards", ())
    return [one for one in guards if one["outcome"] != "pass"] or said["error"]


@contextmanager
def sealing_desk(home: Path, those: Sequence[Vault], rate: int = 0) -> Iterator[SealingDesk]:
    """The key is revoked, and these stores have what was sealed to it; `rate` of them are sealed
    anew in a second, 0 for as many as can be."""
    for name in ("transactions", "reencrypt", "state"):
        (home / name).mkdir(mode=0o700)
    (home / "old.key").write_bytes(b64encode(OLD.secret.reveal()) + b"\n")
    (home / "old.key").chmod(0o600)
    vaults.write_pem(home / "new.pem", NEW, home / "new.pass")
    vaults.write_pem(home / "copy.pem", NEW, home / "new.pass")
    chain = made_chain()
    chain.keys[VAULT] = [record(OLD, revoked_at=int(time.time()) - 60), record(NEW)]
    places = "\n".join(f"    {one.name}: {one.section}" for one in those)
    section = STORES.format(places=places, machine=socket.gethostname(), home=home, rate=rate)
    make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(home / "key")]
    subprocess.run(make, check=True, stdin=subprocess.DEVNULL)
    public = (home / "key.pub").read_text().strip()
    with ExitStack() as stack:
        one, two = (stack.enter_context(chain.served(name)).url for name in ("a", "b"))
        files = {
            "ssh_config": NOBODY,
            "inventory.yaml": INVENTORY.format(one=one, two=two, vault=VAULT, sessions=section),
            "allowed_signers": f'ann@example.org namespaces="remediate-plan" {public}\n',
        }
        for name, content in files.items():
            (home / name).write_text(content)
            (home / name).chmod(0o600)
        yield SealingDesk(home, chain)

"""Stores of the lab with what was sealed to a key that is out, and who describes them."""

from __future__ import annotations

import base64
import json
import re
import socket
import sys
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from remediations.systems.stores.sealing import PrivateKey
from remediations.values.secret import Secret
from remediations.values.transaction import REGISTER, REVOKE
from tests.lab import vaults
from tests.lab.lab import CHECKOUT
from tests.lab.operator import Said
from tests.lab.shell import run
from tests.lab.test_keys import ALGORITHM, Keys
from tests.lab.vaults import Vault, read_with

CHECKER = CHECKOUT / "tools/scope_verify.py"
PENDING = 3


def made_key(number: int) -> PrivateKey:
    """A key pair of this test."""
    return PrivateKey.of(Secret(sha256(b"%d" % number).digest(), f"key {number}"))


OLD, NEW, OTHER = made_key(1), made_key(2), made_key(3)


@dataclass
class Stores:
    """A chain on which the old key is active and the new one registered; and stores."""

    keys: Keys
    home: Path
    vaults: list[Vault] = field(default_factory=list)

    @classmethod
    def on(cls, keys: Keys, home: Path) -> Stores:
        """Two keys of `vault`, of which the private halves are in `home`; no store yet."""
        home.mkdir(mode=0o700)
        (home / "old.key").write_bytes(base64.b64encode(OLD.secret.reveal()) + b"\n")
        (home / "old.key").chmod(0o600)
        vaults.write_pem(home / "new.pem", NEW, home / "new.pass")
        vaults.write_pem(home / "copy.pem", NEW, home / "new.pass")
        address = keys.address("authority")
        for key in (OLD, NEW):
            keys.send("authority", {
                "@type": REGISTER, "sender": address, "algorithm_id": ALGORITHM, "label": "",
                "public_key": base64.b64encode(key.public).decode(),
            })  # fmt: skip
        return cls(keys, home)

    def describe(self, *, rules: str = "", extra: str = "") -> None:
        """Write the inventory with the stores that there are."""
        places = "\n".join(f"    {one.name}: {one.section}" for one in self.vaults)
        section = (
            f"stores:\n  read_within_seconds: 60\n  places:\n{places}\n  reencrypt:\n"
            f"    machine: {socket.gethostname()}\n    directory: {self.home}\n"
            f"    private_keys:\n      old: {{file: {self.home}/old.key}}\n"
            f"      new: {{file: {self.home}/new.pem, passphrase_file: {self.home}/new.pass, "
            f"backup: {self.home}/copy.pem}}\n{extra}"
        )
        inventory = self.keys.operator.inventory
        text = inventory.read_text()
        head, _, tail = text.partition("stores:\n")
        if tail:
            text = head + "hosts:" + tail.partition("\nhosts:")[2]
        inventory.write_text(text.replace("\nhosts:", f"\n{section}hosts:", 1) + rules)

    def revoke(self) -> None:
        """By hand: how it is planned is another scenario's."""
        vault = self.keys.address("authority")
        revoke = {"@type": REVOKE, "sender": vault, "key_fingerprint": OLD.fingerprint}
        self.keys.send("authority", revoke)

    def plan(self, *options: str) -> Said:
        """To seal anew."""
        chosen = ("--fingerprint", OLD.fingerprint, "--reason", "laptop stolen")
        new = ("--new-key", base64.b64encode(NEW.public).decode())
        return self.keys.operator.plan("INC-005", *chosen, *new, *options)

    def planned(self, *options: str) -> str:
        """The run of a plan that two people have approved."""
        said = self.plan("--out-since", "2026-11-01", *options)
        assert said.code == PENDING, blocked(said)
        name = str(said.result["run"])
        assert self.keys.operator.approve(name).code == 0
        return name

    def is_sealed_anew(self, vault: Vault) -> None:
        """Every object has its content under the new key, the old one opens none, no other version
        lies anywhere, and what is somebody else's is somebody else's."""
        objects = vault.objects()
        for name, content in vault.contents.items():
            assert read_with(objects[name], NEW) == content, name
            assert read_with(objects[name], OLD) is None, name
        rest = {name for name in objects if name not in vault.contents}
        assert rest == {"other-0", "other-1", "other-2"}
        assert all(read_with(objects[name], OTHER) for name in rest)

    def checked(self, vault: Vault) -> str:
        """What the checker says that imports nothing of the package. It fails where any is left."""
        scopes = (path for path in self.home.glob("jobs/*/scope.json"))
        (scope,) = (path for path in scopes if f'"{vault.name}"' in path.read_text())
        for name, key in (("old", OLD), ("new", NEW)):
            (self.home / f"{name}.hex").write_text(key.secret.reveal().hex())
        path = re.split("[,}]", vault.section.partition("path: ")[2])[0]
        return run(
            sys.executable, "-I", str(CHECKER), "after", str(scope), "--tree", f"tree={path}",
            "--revoked", OLD.fingerprint, "--new-key", str(self.home / "new.hex"),
            "--old-key", str(self.home / "old.hex"),
        )  # fmt: skip


def blocked(said: Said) -> str:
    """The guards that do not pass, or the refusal."""
    plan = (said.document["result"] or {}).get("plan", {})
    guards = [one for one in plan.get("guards", ()) if one["outcome"] != "pass"]
    return json.dumps(guards or said.document["error"], indent=1)

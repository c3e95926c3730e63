"""`make demo-keys`: a key goes out, is revoked, and what was sealed to it is sealed anew, proven.

Brings up a lab of its own, a real chain, and three stores with two thousand envelopes: a directory,
a bucket that keeps versions, a table. Every command can be typed oneself. In the end somebody else
counts what is left: a checker that imports nothing of the package. It leaves nothing running.
"""

from __future__ import annotations

import base64
import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.lab import vaults
from tests.lab.key_owners import Keys, owners
from tests.lab.lab import CHECKOUT, Lab
from tests.lab.needs import missing
from tests.lab.resealing import NEW, OLD, OTHER, Stores
from tests.lab.shell import LabError
from tests.lab.vaults import read_with
from tests.lab.walk import Walk, console

NAME = "demo-keys"
STATE = CHECKOUT / ".demo-keys"
COUNTS = {"tree": 1_000, "bucket": 200, "table": 800}
PENDING, VERIFIED = 3, 0


class KeysDemo(Walk):
    """The walk."""

    def __init__(self, keys: Keys, stores: Stores) -> None:
        super().__init__(STATE, keys.operator.inventory)
        self._keys = keys
        self._stores = stores

    def walk(self) -> bool:
        """The whole story; whether nothing is left under the key that is out."""
        self.say_how_to_follow()
        old, new = OLD.fingerprint, NEW.fingerprint
        self.run("Whose key is it, and who can revoke it?", "diagnose", "keys", expected=VERIFIED)
        chosen = ("INC-005", "--fingerprint", old, "--reason", "laptop stolen")
        self.run("Contain first: revoke it.", "plan", *chosen, expected=PENDING)
        self._approve()
        self.say("The owner of the account signs elsewhere, without a network.")
        self._keys.sign(self._last(), count=1)
        self.run("The signed transaction is sent once.", "apply", "last", expected=VERIFIED)
        self.run(
            "Revoking protects nothing of what was sealed before. What is there, and can it be "
            "opened?",
            *("plan", *chosen, "--new-key", base64.b64encode(NEW.public).decode()),
            *("--out-since", "2026-11-01", "--rehearse"),
            expected=PENDING,
        )
        self._approve()
        self.run("Sealed anew, object by object.", "apply", "last", expected=VERIFIED)
        tree = self._stores.vaults[0]
        self.say("Somebody else checks, with a program that imports nothing of ours:")
        console.print(self._stores.checked(tree).strip(), soft_wrap=True)
        left = 0
        for vault in self._stores.vaults:
            objects = vault.objects()
            left += sum(read_with(data, OLD) is not None for data in objects.values())
        console.print(
            f"\n{sum(COUNTS.values())} envelopes, {left} of which {old[:12]} still opens; "
            f"all others are {new[:12]}'s; report {STATE / 'runs' / self._last() / 'report.html'}",
            style="bold",
            soft_wrap=True,
        )
        return not left

    def _approve(self) -> None:
        key = str(self._keys.lab.access.operator_key)
        self.run("A second person signs it.", "approve", "last", "--yes", "--key", key, expected=0)

    def _last(self) -> str:
        return sorted((STATE / "runs").iterdir())[-1].name


def main() -> int:
    """The program."""
    lacks = missing()
    if lacks:
        console.print(f"Hosts cannot be booted here; missing: {', '.join(lacks)}.", soft_wrap=True)
        return 1
    shutil.rmtree(STATE, ignore_errors=True)
    console.print("Bringing up seven hosts, a chain of four validators, and three stores …")
    with ExitStack() as stack:
        try:
            lab = Lab.up(NAME)
            stack.callback(lab.down)
            home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="remediate-keys-")))
            return 0 if _walk(lab, home, stack) else 1
        except LabError as error:
            console.print(f"demo-keys: {error}", style="bold red")
            return 1


def _walk(lab: Lab, home: Path, stack: ExitStack) -> bool:
    keys = stack.enter_context(owners(lab, STATE, home))
    stores = Stores.on(keys, home / "reencrypt")
    stores.vaults = [
        vaults.files(home / "tree"),
        stack.enter_context(vaults.bucket(home / "s3.secret", versions=True)),
        stack.enter_context(vaults.table(home / "pg.secret")),
    ]
    for vault in stores.vaults:
        vault.fill(COUNTS[vault.name], 1, OLD, OTHER)
    stores.describe()
    return KeysDemo(keys, stores).walk()


if __name__ == "__main__":
    sys.exit(main())

"""Owners of recipients' keys in the lab: their keyring, what they send by hand, how they sign."""

from __future__ import annotations

import base64
import json
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from remediations.values.protobuf import read_number, read_one, write_text
from remediations.values.transaction import REGISTER, unsigned_json
from tests.lab.dialect import program
from tests.lab.lab import CHECKOUT, Lab
from tests.lab.operator import Operator, Said
from tests.lab.relay import Relay
from tests.lab.shell import run
from tests.lab.spec import CHAIN_ID, DENOM

ALGORITHM = "X25519-XSALSA20-POLY1305"
EXPORT = CHECKOUT / "tools/unsigned_transactions.py"
REFUSED, CHANGED = 4, 6
MEMBERS = ("ann", "bob", "eve")


def key(number: int) -> str:
    """A public key, in base64."""
    return base64.b64encode(bytes([number]) * 32).decode()


def fingerprint(number: int) -> str:
    """How the chain names it."""
    return sha256(bytes([number]) * 32).hexdigest()[:40]


class KeyOperator(Operator):
    """With an inventory that has the section `keys`."""

    inventory: Path

    @property
    def environment(self) -> dict[str, str]:
        """The usual one, and that inventory."""
        return {**super().environment, "REMEDIATE_INVENTORY": str(self.inventory)}


@dataclass
class Keys:
    """A chain with two relays, and the keyring of whoever owns the accounts."""

    lab: Lab
    operator: KeyOperator
    relays: tuple[Relay, ...]
    home: Path
    directory: Path

    def ve(self, *arguments: str) -> str:
        """The chain's own program, with the owners' home."""
        return run(*program(self.lab.chain.binary), *arguments, "--home", str(self.home))

    def address(self, name: str) -> str:
        """Of an account in the keyring."""
        shown = self.ve("keys", "show", name, "-a", "--keyring-backend", "test")
        return shown.strip().splitlines()[-1]

    def send(self, name: str, *messages: dict[str, Any], memo: str = "") -> None:
        """Sign and send something as anybody would, and wait for its block."""
        self.sign_and_send(name, unsigned_json(messages, fee="", gas=300_000, memo=memo))

    def sign_and_send(self, name: str, unsigned: str) -> None:
        """The same, of a whole transaction."""
        node = ("--node", self.relays[0].url.replace("http", "tcp"))
        path = self.directory / "by-hand.json"
        path.write_text(unsigned)
        flags = ("--keyring-backend", "test", "--chain-id", CHAIN_ID, *node)
        signed = self.directory / "by-hand-signed.json"
        signed.write_text(self.ve("tx", "sign", str(path), "--from", name, *flags))
        self.broadcast(signed)

    def broadcast(self, signed: Path) -> None:
        """Send what is signed, and wait for its block."""
        node = ("--node", self.relays[0].url.replace("http", "tcp"))
        told = json.loads(self.ve("tx", "broadcast", str(signed), *node, "-o", "json"))
        assert told["code"] == 0, told
        self.lab.wait_height(self.lab.world.top() + 2, 30, "val1", "val2")
        for relay in self.relays:
            relay.broadcasts.clear()

    def register(self, name: str, number: int) -> None:
        """A key of an account."""
        self.send(name, self.registering(self.address(name), number))

    def registering(self, address: str, number: int) -> dict[str, Any]:
        """The message that registers a key of an account."""
        return {
            "@type": REGISTER, "sender": address, "public_key": key(number),
            "algorithm_id": ALGORITHM, "label": "",
        }  # fmt: skip

    def grant(self, name: str, to: str, message: str, *, seconds: int) -> None:
        """A right that one account gives another one, for so long."""
        until = datetime.now(UTC) + timedelta(seconds=seconds)
        generic = {"@type": "/cosmos.authz.v1beta1.GenericAuthorization", "msg": message}
        self.send(name, {
            "@type": "/cosmos.authz.v1beta1.MsgGrant", "granter": self.address(name),
            "grantee": self.address(to),
            "grant": {"authorization": generic, "expiration": f"{until:%Y-%m-%dT%H:%M:%SZ}"},
        })  # fmt: skip

    def stranger(self, name: str) -> str:
        """A new account, which is in no inventory, and has something."""
        self.ve("keys", "add", name, "--keyring-backend", "test")
        address = self.address(name)
        self.give(address)
        return address

    def give(self, address: str, memo: str = "") -> None:
        """Let the chain know an account."""
        self.send("op", {
            "@type": "/cosmos.bank.v1beta1.MsgSend", "from_address": self.address("op"),
            "to_address": address, "amount": [{"denom": DENOM, "amount": "1000"}],
        }, memo=memo)  # fmt: skip

    def upload(self, name: str, envelope: bytes) -> None:
        """Let the chain keep an envelope in its state, as one of the scopes that people upload."""
        self.give(self.address("op"), memo=f"veid-scope {name} {envelope.decode()}")

    def plan(self, number: int, *options: str) -> Said:
        """To revoke a key."""
        chosen = ("--fingerprint", fingerprint(number), "--reason", "laptop stolen")
        return self.operator.plan("INC-005", *chosen, *options)

    def planned(self, number: int, *options: str, new: int | None = None) -> str:
        """The run of a plan that is approved."""
        said = self.plan(number, *(("--new-key", key(new)) if new else ()), *options)
        plan = said.result.get("plan", said.result)
        assert said.code == 3, [g for g in plan.get("guards", ()) if g["outcome"] != "pass"]
        name = str(said.result["run"])
        assert self.operator.approve(name).code == 0
        return name

    def sign(self, name: str, *, chain_id: str = CHAIN_ID, count: int = 2) -> None:
        """As the owner of the account does, who has the plan and no network."""
        commands = self.exported(name)
        assert len(commands) == count, commands
        for command in commands:
            words = shlex.split(command)[1:]
            words[words.index(CHAIN_ID)] = chain_id
            self.typed(words, self.signed)

    def council(self) -> str:
        """A new account that two of three people sign for; it has registered the key 5 by hand."""
        for name in MEMBERS:
            self.ve("keys", "add", name, "--keyring-backend", "test")
        words = ("--multisig", ",".join(MEMBERS), "--multisig-threshold", "2")
        self.ve("keys", "add", "council", *words, "--keyring-backend", "test")
        address = self.address("council")
        self.give(address)
        unsigned = self.directory / "council.json"
        unsigned.write_text(
            unsigned_json([self.registering(address, 5)], fee="", gas=300_000, memo="")
        )
        node = ("--node", self.relays[0].url.replace("http", "tcp"))
        flags = ("--keyring-backend", "test", "--chain-id", CHAIN_ID, *node)
        signatures = []
        for name in MEMBERS[:2]:
            path = self.directory / f"council-{name}.json"
            path.write_text(self.ve(
                "tx", "sign", str(unsigned), "--from", name, "--multisig", address, *flags
            ))  # fmt: skip
            signatures.append(str(path))
        signed = self.directory / "council-signed.json"
        signed.write_text(
            self.ve("tx", "multi-sign", str(unsigned), "council", *signatures, *flags)
        )
        self.broadcast(signed)
        return address

    @property
    def members(self) -> dict[str, str]:
        """The names and keys of the council's members, as the account has them in order."""
        named = {str(self.shown(name)["key"]): name for name in MEMBERS}
        order = [str(one["key"]) for one in self.shown("council")["public_keys"]]
        return {named[one]: base64.b64decode(one).hex() for one in order}

    def shown(self, name: str) -> dict[str, Any]:
        """The public key of an account, as the program shows it."""
        told = self.ve("keys", "show", name, "--output", "json", "--keyring-backend", "test")
        found: dict[str, Any] = json.loads(json.loads(told)["pubkey"])
        return found

    def elsewhere(self, name: str) -> Path:
        """The machine of whoever signs a plan, as a directory."""
        return self.directory.parent / f"elsewhere-{name}"

    def exported(self, name: str) -> list[str]:
        """The commands that sign the transactions of a plan, as the tool prints them there."""
        elsewhere = self.elsewhere(name)
        elsewhere.mkdir(mode=0o700)
        shown = self.operator.says("show", name)
        (elsewhere / "plan.json").write_text(json.dumps(shown.document))
        told = run(sys.executable, str(EXPORT), str(elsewhere / "plan.json"), str(elsewhere))
        lines = [line.strip() for line in told.split("\n")]
        return [line for line in lines if line.startswith("virtengined tx ")]

    def sign_together(self, name: str, *who: str) -> None:
        """As some of the members do, each with the command that is theirs."""
        *signing, together = (shlex.split(one)[1:] for one in self.exported(name))
        files = []
        for words in signing:
            if words[words.index("--from") + 1] in who:
                files.append(self.typed(words, self.elsewhere(name)))
        at = together.index("council") + 1
        together[at : together.index("--chain-id")] = files
        self.typed(together, self.signed)

    def typed(self, words: list[str], directory: Path) -> str:
        """Run a command that writes a file; the file, in that directory."""
        at = words.index("--output-document") + 1
        target = str(directory / words[at])
        self.ve(*words[:at], target, *words[at + 1 :], "--keyring-backend", "test")
        return target

    @property
    def signed(self) -> Path:
        """Where signed transactions belong."""
        path = self.directory / "signed"
        path.mkdir(mode=0o700, exist_ok=True)
        return path

    def record(self, host: str, number: int) -> bytes:
        """What a node of the chain records of a key; nothing where it knows none."""
        asked = write_text(1, fingerprint(number)).hex()
        path = "%22/virtengine.encryption.v1.Query/KeyByFingerprint%22"
        answer = self.lab.world.rpc(host, f"abci_query?path={path}&data=0x{asked}")["response"]
        return read_one(base64.b64decode(answer["value"] or ""), 1)

    def is_revoked(self, number: int) -> bool:
        """By the records of two nodes that the product was never told of."""
        (one,) = {bool(read_number(self.record(h, number), 7)) for h in ("val3", "val4")}
        return one

    @property
    def broadcasts(self) -> list[str]:
        """Everything that was handed to an endpoint to be sent."""
        return [one for relay in self.relays for one in relay.broadcasts]


INVENTORY = """
keys:
  chain_id: {chain}
  endpoints: {{sentry1: "{one}", sentry2: "{two}"}}
  directory: {directory}
  timeout_blocks: 400
  accounts:
    vault: {{address: {vault}, signer: offline}}
    admin: {{address: {admin}, signer: keyring}}
  admins: [admin]
hosts:"""


@contextmanager
def owners(lab: Lab, state: Path, home: Path) -> Iterator[Keys]:
    """Owners with a keyring and an inventory, and two relays before the chain, while the block
    runs. `vault` has registered no key yet."""
    home.chmod(0o700)
    directory = home / "transactions"
    directory.mkdir(mode=0o700)
    with ExitStack() as stack:
        relays = tuple(stack.enter_context(Relay(lab, host).served()) for host in ("val1", "val2"))
        ours = KeyOperator(lab, state)
        keyring = Path("keyring-test")  # a copy: the lab's own is used again by other chains
        shutil.copytree(lab.chain.home("val1") / keyring, home / "owners" / keyring)
        found = Keys(lab, ours, relays, home / "owners", directory)
        section = INVENTORY.format(
            chain=CHAIN_ID, one=relays[0].url, two=relays[1].url, directory=directory,
            vault=found.address("authority"), admin=found.address("op"),
        )  # fmt: skip
        text = lab.access.inventory.read_text().replace("\nhosts:", section)
        ours.inventory = lab.access.inventory.with_name("keys.yaml")
        ours.inventory.write_text(text)
        yield found


@pytest.fixture
def keys(lab: Lab, operator: Operator, tmp_path: Path) -> Iterator[Keys]:
    """`vault` has registered the key 1, and another one, 9."""
    with owners(lab, operator.state, tmp_path) as found:
        found.register("authority", 1)
        found.register("authority", 9)
        yield found

"""A recipient's key that is out is revoked by transactions that are planned here, signed elsewhere.

The world decides: the record of the key on nodes that nobody of ours asked, and the transactions
that the chain has.
"""

from __future__ import annotations

import base64
import json
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from remediations.engine.runs.records import StepStarting
from remediations.values.protobuf import read_number, read_one, read_text, write_text
from remediations.values.transaction import REGISTER, REVOKE, ROTATE, unsigned_json
from tests.lab.choice import full_lab
from tests.lab.dialect import program
from tests.lab.lab import CHECKOUT, Lab
from tests.lab.operator import Operator, Said
from tests.lab.relay import Relay
from tests.lab.shell import run
from tests.lab.spec import CHAIN_ID, DENOM
from tests.lab.test_goes_on import until
from tests.lab.truth import rescued

ALGORITHM = "X25519-XSALSA20-POLY1305"
EXPORT = CHECKOUT / "tools/unsigned_transactions.py"
REFUSED, CHANGED = 4, 6


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

    def send(self, name: str, *messages: dict[str, Any]) -> None:
        """Sign and send something as anybody would, and wait for its block."""
        node = ("--node", self.relays[0].url.replace("http", "tcp"))
        path = self.directory / "by-hand.json"
        path.write_text(unsigned_json(messages, fee="", gas=300_000, memo=""))
        flags = ("--keyring-backend", "test", "--chain-id", CHAIN_ID, *node)
        signed = self.directory / "by-hand-signed.json"
        signed.write_text(self.ve("tx", "sign", str(path), "--from", name, *flags))
        told = json.loads(self.ve("tx", "broadcast", str(signed), *node, "-o", "json"))
        assert told["code"] == 0, told
        self.lab.wait_height(self.lab.world.top() + 2, 30, "val1", "val2")
        for relay in self.relays:
            relay.broadcasts.clear()

    def register(self, name: str, number: int) -> None:
        """A key of an account."""
        self.send(name, {
            "@type": REGISTER, "sender": self.address(name), "public_key": key(number),
            "algorithm_id": ALGORITHM, "label": "",
        })  # fmt: skip

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
        self.send("op", {
            "@type": "/cosmos.bank.v1beta1.MsgSend", "from_address": self.address("op"),
            "to_address": address, "amount": [{"denom": DENOM, "amount": "1000"}],
        })  # fmt: skip
        return address

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
        elsewhere = self.directory.parent / f"elsewhere-{name}"
        elsewhere.mkdir(mode=0o700)
        shown = self.operator.says("show", name)
        (elsewhere / "plan.json").write_text(json.dumps(shown.document))
        told = run(sys.executable, str(EXPORT), str(elsewhere / "plan.json"), str(elsewhere))
        commands = [line for line in told.split("\n") if " tx sign " in line]
        assert len(commands) == count, told
        for command in commands:
            words = shlex.split(command)[1:]
            words[words.index(CHAIN_ID)] = chain_id
            target = words[words.index("--output-document") + 1]
            words[words.index("--output-document") + 1] = str(self.signed / target)
            self.ve(*words, "--keyring-backend", "test")

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


@pytest.fixture
def keys(lab: Lab, operator: Operator, tmp_path: Path) -> Iterator[Keys]:
    """`vault` has registered the key 1, and another one, 9."""
    tmp_path.chmod(0o700)
    directory = tmp_path / "transactions"
    directory.mkdir(mode=0o700)
    with ExitStack() as stack:
        relays = tuple(stack.enter_context(Relay(lab, host).served()) for host in ("val1", "val2"))
        ours = KeyOperator(lab, operator.state)
        home = tmp_path / "owners"  # a copy: the lab's own is used again by other chains
        keyring = Path("keyring-test")
        shutil.copytree(lab.chain.home("val1") / keyring, home / keyring)
        found = Keys(lab, ours, relays, home, directory)
        section = INVENTORY.format(
            chain=CHAIN_ID, one=relays[0].url, two=relays[1].url, directory=directory,
            vault=found.address("authority"), admin=found.address("op"),
        )  # fmt: skip
        text = lab.access.inventory.read_text().replace("\nhosts:", section)
        ours.inventory = lab.access.inventory.with_name("keys.yaml")
        ours.inventory.write_text(text)
        found.register("authority", 1)
        found.register("authority", 9)
        yield found


def test_a_key_that_is_out_is_revoked(lab: Lab, keys: Keys) -> None:
    """Planned, approved, signed elsewhere, sent, and revoked on nodes that nobody asked."""
    run_name = keys.planned(1, new=2)
    keys.sign(run_name)
    with rescued(lab):
        said = keys.operator.says("apply", run_name)
        assert said.code == 0, said.why
    assert keys.is_revoked(1)
    assert not keys.is_revoked(2)
    assert not keys.is_revoked(9)
    (sent,) = lab.world.transactions("val3", REVOKE)
    assert sent["tx_result"]["code"] == 0
    assert len(keys.broadcasts) == 2
    again = keys.plan(1)
    assert again.code == REFUSED
    assert "revoked since" in again.error["got"]


@full_lab
def test_a_controller_that_dies_sends_nothing_twice(lab: Lab, keys: Keys) -> None:
    """Killed after the first transaction was sent and before anybody said what became of it."""
    run_name = keys.planned(1, new=2)
    keys.sign(run_name)
    with rescued(lab):
        for relay in keys.relays:
            relay.deaf = True
        with keys.operator.start("apply", run_name) as process:
            until(process, keys.operator, run_name, StepStarting)
            lab.wait_height(lab.world.top() + 3, 30, "val1")
            process.kill()
        assert len(keys.broadcasts) == 1
        for relay in keys.relays:
            relay.deaf = False
        said = keys.operator.says("resume", run_name)
        assert said.code == 0, said.why
    assert len(set(keys.broadcasts)) == len(keys.broadcasts) == 2
    assert keys.is_revoked(1)
    assert len(lab.world.transactions("val3", REVOKE)) == 1


@full_lab
def test_a_foreign_transaction_has_taken_the_sequence(keys: Keys) -> None:
    """Somebody else signs with the account's key: refused, and nothing of the run was sent."""
    run_name = keys.planned(1, new=2)
    keys.sign(run_name)
    keys.register("authority", 3)
    said = keys.operator.says("apply", run_name)
    assert said.code == CHANGED, said.document
    assert "sequence" in json.dumps(said.error)
    assert keys.broadcasts == []
    assert not keys.is_revoked(1)
    assert keys.record("val3", 2) == b""
    assert keys.plan(1, "--new-key", key(2)).code == 3


@full_lab
def test_what_is_signed_for_another_chain_is_not_sent(keys: Keys) -> None:
    """The step fails, says so, and nothing was sent; neither where nobody has signed."""
    run_name = keys.planned(1, new=2)
    keys.sign(run_name, chain_id="another-1")
    said = keys.operator.says("apply", run_name)
    assert said.code != 0
    assert "signature" in json.dumps(said.document)
    unsigned = keys.planned(1, new=4)
    said = keys.operator.says("apply", unsigned)
    assert said.code != 0
    assert "nobody has signed" in json.dumps(said.document)
    assert keys.broadcasts == []
    assert not keys.is_revoked(1)


@full_lab
def test_a_stranger_rotates_and_an_admin_revokes(keys: Keys) -> None:
    """What the chain lets others do is seen, and whose key it is."""
    vault, admin = keys.address("authority"), keys.address("op")
    keys.send("op", {
        "@type": ROTATE, "sender": admin, "old_key_fingerprint": fingerprint(1),
        "new_public_key": key(7), "new_algorithm_id": ALGORITHM, "new_label": "", "reason": "",
        "new_key_ttl_seconds": "0",
    })  # fmt: skip
    said = keys.operator.says("diagnose", "keys")
    (told,) = said.document["result"]
    assert told["finding"]["verdict"] == "keys-tampered"
    (subject,) = [s for s in told["finding"]["subjects"] if s["name"] == fingerprint(1)]
    assert subject["condition"] == "key-rotated-by-stranger"
    assert admin in subject["cause"]
    unknown = keys.plan(77)
    assert unknown.code == REFUSED
    assert "no event tells of it" in unknown.error["got"]
    generic = {"@type": "/cosmos.authz.v1beta1.GenericAuthorization", "msg": REVOKE}
    keys.send("authority", {
        "@type": "/cosmos.authz.v1beta1.MsgGrant", "granter": vault, "grantee": admin,
        "grant": {"authorization": generic, "expiration": None},
    })  # fmt: skip
    revoke = {"@type": REVOKE, "sender": vault, "key_fingerprint": fingerprint(1)}
    keys.send("op", {"@type": "/cosmos.authz.v1beta1.MsgExec", "grantee": admin, "msgs": [revoke]})
    assert keys.is_revoked(1)
    said = keys.operator.says("diagnose", "keys")
    assert "for ever" in json.dumps(said.document["result"][0]["finding"])
    refused = keys.plan(1)
    assert refused.code == REFUSED
    assert "revoked since" in refused.error["got"]


@full_lab
def test_an_admin_revokes_for_owners_who_cannot_sign(lab: Lab, keys: Keys) -> None:
    """By their grants, for an owner of the inventory and for one that is in none; nothing without a
    grant that lasts, and no new key without a grant of its own."""
    owner = keys.stranger("stranger")
    keys.register("stranger", 5)
    keys.grant("authority", "op", REVOKE, seconds=7200)
    keys.grant("stranger", "op", REVOKE, seconds=60)
    refused = keys.plan(1, "--as", "admin", "--new-key", key(2))
    assert refused.code == REFUSED
    assert "R10" in json.dumps(refused.document)
    refused = keys.plan(5, "--as", "admin")
    assert refused.code == REFUSED
    assert "R9" in json.dumps(refused.document)
    keys.grant("authority", "op", REGISTER, seconds=7200)
    keys.grant("stranger", "op", REVOKE, seconds=7200)
    run_name = keys.planned(1, "--as", "admin", new=2)
    keys.sign(run_name)
    with rescued(lab):
        said = keys.operator.says("apply", run_name)
        assert said.code == 0, said.why
    run_name = keys.planned(5, "--as", "admin")
    keys.sign(run_name, count=1)
    with rescued(lab):
        said = keys.operator.says("apply", run_name)
        assert said.code == 0, said.why
    assert keys.is_revoked(1)
    assert keys.is_revoked(5)
    vault = keys.address("authority")
    owners = {number: read_text(keys.record("val3", number), 1) for number in (1, 2, 5, 9)}
    assert owners == {1: vault, 2: vault, 5: owner, 9: vault}
    assert not any(keys.is_revoked(number) for number in (2, 9))
    assert len(keys.broadcasts) == 3

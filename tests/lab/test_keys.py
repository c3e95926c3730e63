"""A recipient's key that is out is revoked by transactions that are planned here, signed elsewhere.

The world decides: the record of the key on nodes that nobody of ours asked, and the transactions
that the chain has.
"""

from __future__ import annotations

import json
import time
from hashlib import sha256
from textwrap import dedent

from remediations.engine.runs.records import StepStarting
from remediations.values.bech32 import encode
from remediations.values.protobuf import read_number, read_text
from remediations.values.transaction import REGISTER, REVOKE, ROTATE
from tests.lab.choice import full_lab
from tests.lab.key_owners import (
    ALGORITHM,
    CHANGED,
    REFUSED,
    Keys,
    fingerprint,
    key,
    keys,
)
from tests.lab.lab import CHECKOUT, Lab
from tests.lab.spec import DENOM
from tests.lab.test_goes_on import until
from tests.lab.truth import rescued

__all__ = ["ALGORITHM", "Keys", "keys"]


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


@full_lab
def test_members_sign_together(lab: Lab, keys: Keys) -> None:
    """Two of three, each from what the plan gives them; one of them is not enough."""
    address = keys.council()
    told = ", ".join(f"{name}: {public}" for name, public in keys.members.items())
    entry = f"council: {{address: {address}, signer: multisig, threshold: 2, members: {{{told}}}}}"
    text = keys.operator.inventory.read_text()
    keys.operator.inventory.write_text(text.replace("  admins:", f"    {entry}\n  admins:"))
    alone = keys.planned(5)
    keys.sign_together(alone, "bob")
    said = keys.operator.says("apply", alone)
    assert said.code != 0
    assert "signatures of members" in json.dumps(said.document)
    assert keys.broadcasts == []
    together = keys.planned(5)
    keys.sign_together(together, "eve", "ann")
    with rescued(lab):
        said = keys.operator.says("apply", together)
        assert said.code == 0, said.why
    assert keys.is_revoked(5)
    assert not keys.is_revoked(1)
    assert len(keys.broadcasts) == 1


@full_lab
def test_a_key_at_risk_is_rotated_and_revoked_later(lab: Lab, keys: Keys) -> None:
    """Readable and not revoked until it is planned again; a stranger's rotation is not taken for
    the owner's."""
    run_name = keys.planned(1, "--order", "rotate-first", new=2)
    keys.sign(run_name, count=1)
    with rescued(lab):
        said = keys.operator.says("apply", run_name)
        assert said.code == 0, said.why
    assert read_number(keys.record("val3", 1), 8), "deprecated"
    assert not keys.is_revoked(1)
    assert read_text(keys.record("val4", 2), 1) == keys.address("authority")
    again = keys.plan(1, "--new-key", key(4), "--order", "rotate-first")
    assert again.code == REFUSED
    assert "is rotated since" in again.error["got"]
    run_name = keys.planned(1)
    keys.sign(run_name, count=1)
    with rescued(lab):
        said = keys.operator.says("apply", run_name)
        assert said.code == 0, said.why
    assert keys.is_revoked(1)
    assert not keys.is_revoked(2)


@full_lab
def test_governance_revokes_by_the_file_of_the_page(lab: Lab, keys: Keys) -> None:
    """docs/keys.md#governance as it stands there: no transaction revokes, a block does; and the
    product sees it."""
    page = (CHECKOUT / "docs/keys.md").read_text().partition("### Governance")[2]
    proposal, vote = (dedent(one.partition("```")[0]) for one in page.split("```json")[1:3])
    words = {
        "GOV_MODULE": encode("ve", sha256(b"gov").digest()[:20]), "FINGERPRINT": fingerprint(1),
        "DENOM": DENOM, "DEPOSIT": "1000", "PROPOSER": keys.address("op"),
        "OWNER": keys.address("authority"), "VOTER": keys.address("op"), "PROPOSAL_ID": "1",
    }  # fmt: skip
    for word, value in words.items():
        proposal, vote = (one.replace(word, value) for one in (proposal, vote))
    keys.sign_and_send("op", proposal)
    keys.send("op", json.loads(vote))
    end = time.monotonic() + 90
    while not keys.is_revoked(1):
        assert time.monotonic() < end, "voting has not ended"
        time.sleep(1)
    assert lab.world.transactions("val3", REVOKE) == []
    said = keys.operator.says("diagnose", "keys")
    told = json.dumps(said.document["result"][0]["finding"])
    assert f"by {words['GOV_MODULE']}" in told
    refused = keys.plan(1)
    assert refused.code == REFUSED
    assert "revoked since" in refused.error["got"]

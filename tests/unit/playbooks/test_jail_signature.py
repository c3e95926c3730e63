"""A signature that is handed in for an unjail: taken only if it is one of exactly the planned
transaction."""

from __future__ import annotations

import base64
from dataclasses import replace as with_
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec.structs import replace

from remediations.engine.plan.plan import GuardResult, Outcome
from remediations.playbooks.chain.guards.table import UNJAIL_GUARDS
from remediations.playbooks.chain.jail_facts import jail_data, jail_facts, planned_transaction
from remediations.playbooks.chain.jail_signature import SIGNED, SIGNED_INPUT
from remediations.playbooks.chain.jailed import PLAYBOOK
from remediations.playbooks.chain.situation import ChainSituation, situation_of
from remediations.systems.comet.reading import CometReading
from remediations.systems.comet.unjail import GAS, PlannedUnjail
from remediations.values.transaction import SignMode, Unsigned, canonical
from tests.worlds import healthy, jail

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
KEY, STRANGER = (ec.derive_private_key(number, ec.SECP256K1()) for number in (7, 8))


def public(key: ec.EllipticCurvePrivateKey) -> str:
    """As the chain has it."""
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint).hex()


def world(**fields: Any) -> CometReading:  # noqa: ANN401 - fields of what the chain says
    """val4 is jailed, and its operator's key is on no host."""
    told = {"in_test_keyring": False, "public_key": public(KEY), **fields}
    return jail.jailed(healthy(), "val4", **told)


def chain_of(observation: CometReading, **inputs: str) -> ChainSituation:
    """With what people chose."""
    return with_(situation_of(observation, frozenset()), inputs=inputs)


def signed(
    key: ec.EllipticCurvePrivateKey = KEY,
    mode: SignMode = SignMode.DIRECT,
    **changes: Any,  # noqa: ANN401 - fields of the transaction
) -> str:
    """What `tx encode` prints of the planned transaction, signed by a key; with changes of another
    one."""
    planned = planned_transaction(chain_of(world()), "val4")
    assert planned is not None
    message = {
        "@type": "/cosmos.slashing.v1beta1.MsgUnjail",
        "validator_addr": changes.pop("operator", planned.operator),
    }
    unsigned = replace(
        Unsigned(
            chain_id=planned.chain_id,
            account=planned.account,
            account_number=planned.account_number,
            sequence=planned.sequence,
            public_key=public(key),
            messages=canonical([message]),
            fee=planned.fee,
            gas=GAS,
            memo=planned.memo,
            timeout_height=0,
        ),
        **changes,
    )
    r, s = utils.decode_dss_signature(
        key.sign(unsigned.sign_bytes(mode), ec.ECDSA(hashes.SHA256()))
    )
    raw = r.to_bytes(32, "big") + min(s, ORDER - s).to_bytes(32, "big")
    return base64.b64encode(unsigned.signed(mode, raw)).decode()


def judged(observation: CometReading, text: str) -> GuardResult:
    """What G79 says of a signature."""
    chain = chain_of(observation, **{SIGNED: text})
    (found,) = [one for guard in UNJAIL_GUARDS if (one := guard(chain, "val4")).id == "G79"]
    return found


@pytest.mark.parametrize("mode", list(SignMode))
def test_a_signature_of_the_planned_transaction_is_planned_and_sent(mode: SignMode) -> None:
    """Its bytes are a fact that approvals are over, and the step has them; a Ledger's, too."""
    text = SIGNED_INPUT.parse(f" {signed(mode=mode)}\n")
    assert judged(world(), text).outcome is Outcome.PASS
    facts = {one.name: one.value for one in jail_facts(chain_of(world(), signed=text), "val4")}
    assert facts["val4.signature"] == text
    assert PlannedUnjail.from_data(jail_data(facts, "val4")).transaction.signed == text


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"memo": "another"}, "content: other messages"),
        ({"operator": jail.OPERATOR[:-1] + "q"}, "content: other messages"),
        ({"key": STRANGER}, "key: signed by the key"),
        ({"sequence": 4}, "sequence: signed for sequence 4"),
        ({"fee": "1uve"}, "fee: another fee"),
        ({"chain_id": "another-1"}, "signature: the signature does not fit"),
        ({"account_number": 8}, "signature: the signature does not fit"),
    ],
)
def test_any_other_signature_is_refused_in_its_own_words(
    changes: dict[str, Any], says: str
) -> None:
    """With the transaction to sign, again, and nothing of it in the step."""
    text = SIGNED_INPUT.parse(signed(**changes))
    found = judged(world(), text)
    assert found.outcome is Outcome.BLOCK
    assert says in found.got
    assert "tx sign unjail.json" in found.next_step
    facts = {one.name: one.value for one in jail_facts(chain_of(world(), signed=text), "val4")}
    assert facts["val4.signature"] == "not taken"
    assert jail_data(facts, "val4")["signed"] == ""


def test_what_cannot_be_held_against_it_is_not_taken() -> None:
    """The chain does not tell the key, or the account; a key on the host is no substitute."""
    text = signed()
    unknown = judged(world(public_key=""), text)
    assert (unknown.outcome, "public key" in unknown.got) == (Outcome.UNKNOWN, True)
    for name in ("account", "validator"):
        unread = jail.told(world(in_test_keyring=True), "val4", name)
        assert judged(unread, text).outcome is Outcome.UNKNOWN


def test_the_sequence_has_moved_on_since_it_was_signed() -> None:
    """Somebody else used the account: sign anew."""
    found = judged(world(sequence=4), signed())
    assert (found.outcome, found.got) == (Outcome.BLOCK, "sequence: signed for sequence 3")


@pytest.mark.parametrize("text", ["", "{}", "AAAA", "x" * 20_000, "not base64!"])
def test_what_is_no_signed_transaction(text: str) -> None:
    """Said at once, with what is expected."""
    with pytest.raises(ValueError, match="tx encode"):
        SIGNED_INPUT.parse(text)


def test_one_signature_is_of_one_validator() -> None:
    """With two jailed ones people say which."""
    two = jail.jailed(world(), "val3", tokens=20_000_000)
    (unjail,) = PLAYBOOK.branches
    refused = unjail.fits(chain_of(two, signed=signed()))
    assert refused is not None
    assert "--limit" in refused
    one = with_(chain_of(two, signed=signed()), only=frozenset({"val4"}))
    assert unjail.fits(one) is None

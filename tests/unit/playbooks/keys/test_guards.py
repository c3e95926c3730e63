"""The guards of keys: each passes, blocks, and is unknown."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from remediations.engine.plan.plan import Outcome
from remediations.playbooks.keys import guards
from remediations.playbooks.keys.compromise import PLAYBOOK
from remediations.systems.transactions.inventory import Signer
from remediations.systems.transactions.trials import trial_fingerprint
from remediations.systems.transactions.values import KeysReading, SignedFile, Simulation
from remediations.values.reading import Known
from remediations.values.transaction import REGISTER, REVOKE
from tests.unit.playbooks.keys.cases import (
    NEW_PRINT,
    OUT,
    TARGET,
    VAULT,
    Change,
    reading,
    situation,
    unknown,
    with_account,
    with_entry,
    with_fields,
    with_keys,
)
from tests.unit.transactions.vectors import MULTISIG

PASS, BLOCK, UNKNOWN = Outcome.PASS, Outcome.BLOCK, Outcome.UNKNOWN


def _flawed(count: int) -> Change:
    def changed(read: KeysReading) -> KeysReading:
        ends = tuple(
            replace(one, flaw="it is of chain 'x'") if at < count else one
            for at, one in enumerate(read.endpoints)
        )
        return replace(read, endpoints=ends)

    return changed


def _simulated(gas: int | None) -> Change:
    known = Known(value=gas or 0, source="made", at=reading().height.at)
    told = Simulation(
        fingerprint=OUT, by=VAULT, message=REVOKE, gas=unknown() if gas is None else known
    )
    return with_fields(simulations=(told,))


def _registering(gas: int | None) -> Change:
    known = Known(value=gas or 0, source="made", at=reading().height.at)
    read = unknown() if gas is None else known
    like = trial_fingerprint(VAULT)
    told = Simulation(fingerprint=like, by=VAULT, message=REGISTER, gas=read)
    return with_fields(simulations=(told,))


def _file(flaw: str) -> Change:
    one = SignedFile(name="x.json", sha256="", body_sha256="", public_key="", sequence=0, flaw=flaw)
    return with_fields(signed=Known(value=(one,), source="made", at=reading().height.at))


COUNCIL, COUNCIL_KEY = MULTISIG[0].unsigned.account, MULTISIG[0].unsigned.public_key


def _several(address: str) -> Change:
    """`vault` is of several members, who are declared."""
    return with_entry(signer=Signer.MULTISIG, address=address, public_key=COUNCIL_KEY)


def _new_is_known(read: KeysReading) -> KeysReading:
    assert isinstance(read.events, Known)
    first = replace(read.events.value[0], fingerprint=NEW_PRINT)
    return replace(read, events=replace(read.events, value=(first,)))


@pytest.mark.parametrize(
    ("guard", "change", "outcome"),
    [
        (guards.account_is_read, None, PASS),
        (guards.account_is_read, with_account(state=unknown()), UNKNOWN),
        (guards.signing_key_is_known, None, PASS),
        (guards.signing_key_is_known, with_entry(public_key="02" + "ab" * 32), BLOCK),
        (guards.signing_key_is_known, with_account(state=unknown()), UNKNOWN),
        (guards.signers_are_known, None, PASS),
        (guards.signers_are_known, with_entry(signer=Signer.MULTISIG), BLOCK),
        (guards.signers_are_known, _several(COUNCIL), PASS),
        (guards.signers_are_known, _several(VAULT), BLOCK),
        (guards.key_is_active, None, PASS),
        (guards.key_is_active, with_keys(revoked_at=5), BLOCK),
        (guards.key_is_active, with_account(keys=unknown()), UNKNOWN),
        (guards.revoking_was_tried, None, PASS),
        (guards.revoking_was_tried, _simulated(200_001), BLOCK),
        (guards.revoking_was_tried, _simulated(None), UNKNOWN),
        (guards.revoking_was_tried, with_fields(simulations=()), UNKNOWN),
        (guards.registering_was_tried, None, PASS),
        (guards.registering_was_tried, _registering(200_001), BLOCK),
        (guards.registering_was_tried, _registering(None), UNKNOWN),
        (guards.new_key_is_new, None, PASS),
        (guards.new_key_is_new, _new_is_known, BLOCK),
        (guards.new_key_is_new, with_fields(events=unknown()), UNKNOWN),
        (guards.nothing_else_is_signed, None, PASS),
        (guards.nothing_else_is_signed, _file("no JSON"), BLOCK),
        (guards.nothing_else_is_signed, with_fields(signed=unknown()), UNKNOWN),
    ],
)
def test_each_guard_of_an_account(guard: object, change: Change | None, outcome: Outcome) -> None:
    """With what it got, what it expected, and what to do."""
    assert callable(guard)
    result = guard(situation(change), TARGET)
    assert result.outcome is outcome, result
    assert result.subject == TARGET
    assert all((result.got, result.expected, result.next_step))


@pytest.mark.parametrize(("flawed", "outcome"), [(0, PASS), (1, BLOCK), (2, UNKNOWN)])
def test_two_endpoints(flawed: int, outcome: Outcome) -> None:
    """R1: one is no witness, and none tells nothing."""
    keys = situation(_flawed(flawed))
    proposal = PLAYBOOK.branches[0].propose(situation())
    result = guards.endpoints_are_two(keys, proposal)
    assert result.outcome is outcome
    assert ("chain 'x'" in result.got) == bool(flawed)

"""The driver: what is refused before anything is sent, and what becomes of what was sent."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from remediations.engine.apply.driver import (
    AlreadyClaimed,
    LaunchFailed,
    NoAnswer,
    NotLaunched,
    ProbeState,
    StepId,
)
from remediations.engine.plan.plan import Fidelity, Step
from remediations.systems.transactions.driver import TransactionDriver
from remediations.systems.transactions.inventory import AccountEntry, KeysEntry, Signer
from remediations.systems.transactions.sent import SIGNED, Claim, SentDirectory, signed_name
from remediations.systems.transactions.steps import DRIVER_NAME, STEP_LIMIT_S, Send
from remediations.values.inventory import Inventory
from remediations.values.part import Part
from remediations.values.transaction import Unsigned
from tests.unit.transactions.fake_chain import FakeChain
from tests.unit.transactions.vectors import REVOKES

STEP = StepId(plan="ab" * 32, step="1-0")
VAULT = REVOKES.unsigned


class Reach:
    """What a driver is given."""

    def __init__(self, inventory: Inventory) -> None:
        self.inventory = inventory


@dataclass
class Case:
    """Two endpoints of one chain, a directory, and the driver."""

    chain: FakeChain
    other: FakeChain
    directory: Path
    driver: TransactionDriver
    work: Step

    def launch(self) -> None:
        asyncio.run(self.driver.launch(STEP, self.work, ()))

    def probe(self) -> ProbeState:
        return asyncio.run(self.driver.probe(STEP, self.work)).state

    def sign(self, text: str = REVOKES.json) -> None:
        (self.directory / SIGNED / signed_name(VAULT.digest)).write_text(text)

    def copy(self) -> None:
        """The second endpoint has the same blocks."""
        self.other.included, self.other.accounts = self.chain.included, self.chain.accounts


def step_of(unsigned: Unsigned) -> Step:
    send = Send(name="vault", unsigned=unsigned)
    return Step(
        id="1-0", driver=DRIVER_NAME, target="account/vault", action="key.revoke",
        operation="revoke a recipient's key", payload=send.payload, shown="",
        timeout_s=STEP_LIMIT_S, fidelity=Fidelity.EXACT, probe=("included",), undo="none",
    )  # fmt: skip


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    """Nothing is signed yet."""
    tmp_path.chmod(0o700)
    (tmp_path / SIGNED).mkdir(mode=0o700)
    accounts = {VAULT.account: (VAULT.account_number, VAULT.sequence, VAULT.public_key)}
    chain, other = FakeChain(accounts=accounts), FakeChain(accounts=accounts)
    with ExitStack() as stack:
        endpoints = tuple(
            stack.enter_context(one.served(name))
            for one, name in ((chain, "first"), (other, "second"))
        )
        entry = KeysEntry(
            chain_id="one-1", endpoints=endpoints, directory=str(tmp_path), fee="5000uve",
            gas=200_000, timeout_blocks=300, admins=(),
            accounts=(
                AccountEntry(
                    name="vault", address=VAULT.account, signer=Signer.OFFLINE, public_key=None,
                    key=None,
                ),
            ),
        )  # fmt: skip
        inventory = Inventory(
            path="i.yaml", ssh_config=None, allowed_signers=None, hosts=(), parts=(Part.of(entry),)
        )
        driver = TransactionDriver(Reach(inventory))
        yield Case(chain, other, tmp_path, driver, step_of(VAULT))


def test_a_signed_transaction_is_sent_once_and_found_in_a_block(case: Case) -> None:
    """Kept before it is sent; done when both endpoints have it in a block."""
    case.sign()
    case.launch()
    kept = SentDirectory(case.directory).read(STEP)
    assert kept is not None
    assert case.chain.broadcast == [kept.transaction]
    assert case.probe() is ProbeState.RUNNING, "the second endpoint does not have it yet"
    case.copy()
    seen = asyncio.run(case.driver.probe(STEP, case.work))
    assert (seen.state, seen.exit_status) == (ProbeState.DONE, 0)
    assert seen.output == f"{kept.hash} in block 101"
    with pytest.raises(AlreadyClaimed):
        case.launch()
    assert len(case.chain.broadcast) == 1


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"memo": "x"}, "content"),
        ({"chain_id": "two-1"}, "signature"),
        ({"sequence": 8}, "sequence"),
        ({"public_key": "02" + "ab" * 32}, "key"),
        ({"fee": "9uve"}, "fee"),
    ],
    ids=str,
)
def test_what_is_not_the_planned_transaction_is_never_sent(
    case: Case, change: dict[str, object], expected: str
) -> None:
    """Each mismatch is named."""
    planned = msgspec.structs.replace(VAULT, **change)
    case.work = step_of(planned)
    (case.directory / SIGNED / signed_name(planned.digest)).write_text(REVOKES.json)
    with pytest.raises(NotLaunched, match=rf"\({expected}\)"):
        case.launch()
    assert case.chain.broadcast == []
    assert case.probe() is ProbeState.NOT_STARTED


def test_nothing_signed_is_nothing_sent(case: Case) -> None:
    """It says where the file belongs."""
    with pytest.raises(NotLaunched, match="nobody has signed") as refused:
        case.launch()
    assert signed_name(VAULT.digest) in refused.value.got


def test_a_foreign_transaction_has_taken_the_sequence(case: Case) -> None:
    """Somebody else signs with this key, too: nothing is sent."""
    case.sign()
    case.chain.bump(VAULT.account)
    with pytest.raises(NotLaunched, match="somebody else signs"):
        case.launch()
    assert case.chain.broadcast == []
    assert case.probe() is ProbeState.NOT_STARTED


def test_endpoints_that_lie_or_lag_send_nothing(case: Case) -> None:
    """Of another chain, catching up, or with another sequence."""
    case.sign()
    case.chain.chain_id = case.other.chain_id = "two-1"
    with pytest.raises(NoAnswer, match="no endpoint"):
        case.launch()
    case.chain.chain_id = case.other.chain_id = "one-1"
    case.chain.catching_up = case.other.catching_up = True
    with pytest.raises(NoAnswer, match="catching up"):
        case.launch()
    assert case.chain.broadcast == []


def test_the_timeout_height_has_passed(case: Case) -> None:
    """The chain would refuse it."""
    case.sign()
    case.chain.height = 500
    with pytest.raises(NotLaunched, match="timeout height"):
        case.launch()


def test_silence_after_the_broadcast_is_asked_of_the_blocks(case: Case) -> None:
    """It may have arrived, and it is sent to nobody else."""
    case.sign()
    case.chain.silent = True
    with pytest.raises(NoAnswer, match="whether the transaction was taken"):
        case.launch()
    assert case.other.broadcast == []
    case.copy()
    assert case.probe() is ProbeState.DONE


def test_a_node_that_has_it_already_is_as_good(case: Case) -> None:
    """Code 19 of the SDK."""
    case.sign()
    case.chain.answer = {"code": 19, "codespace": "sdk"}
    case.launch()
    case.copy()
    assert case.probe() is ProbeState.DONE


def test_a_refusal_of_one_node_is_in_words_and_not_the_outcome(case: Case) -> None:
    """Another node may have it: it is over once its sequence is used, or its height has passed."""
    case.sign()
    case.chain.answer, case.chain.takes = {"code": 32, "codespace": "sdk"}, False
    with pytest.raises(LaunchFailed) as refused:
        case.launch()
    assert "sequence" in refused.value.got
    assert case.probe() is ProbeState.RUNNING
    case.chain.height = case.other.height = VAULT.timeout_height + 1
    assert case.probe() is ProbeState.VOIDED


def test_a_sequence_that_moved_on_without_it_is_final(case: Case) -> None:
    """Somebody else's transaction was faster: this one never happens."""
    case.sign()
    case.chain.takes = False
    case.launch()
    assert case.probe() is ProbeState.RUNNING
    case.chain.bump(VAULT.account)
    assert case.probe() is ProbeState.VOIDED


@pytest.mark.parametrize(
    ("code", "word"), [(1302, "no such key"), (1304, "revoked already"), (1312, "another account")]
)
def test_a_code_in_a_block_is_the_outcome_in_words(case: Case, code: int, word: str) -> None:
    """The codes of the module."""
    case.sign()
    case.launch()
    kept = SentDirectory(case.directory).read(STEP)
    assert kept is not None
    assert kept.transaction is not None
    case.chain.include(kept.transaction, code, "encryption")
    case.copy()
    seen = asyncio.run(case.driver.probe(STEP, case.work))
    assert (seen.state, seen.exit_status) == (ProbeState.DONE, 1)
    assert word in seen.error_output


def test_endpoints_that_tell_different_outcomes_tell_none(case: Case) -> None:
    """One of them lies."""
    case.sign()
    case.launch()
    raw = case.chain.broadcast[0]
    case.other.accounts = case.chain.accounts
    case.other.include(raw, 1304, "encryption")
    with pytest.raises(NoAnswer, match="different"):
        case.probe()


def test_voided_before_it_was_sent(case: Case) -> None:
    """Then no launch sends it any more."""
    case.sign()
    seen = asyncio.run(case.driver.void(STEP, case.work, ()))
    assert seen.state is ProbeState.VOIDED
    with pytest.raises(AlreadyClaimed):
        case.launch()
    assert case.chain.broadcast == []


def test_what_was_sent_is_not_voided(case: Case) -> None:
    """The chain decides about it."""
    case.sign()
    case.launch()
    case.copy()
    assert asyncio.run(case.driver.void(STEP, case.work, ())).state is ProbeState.DONE


def test_a_crash_between_keeping_and_sending_sends_nothing(case: Case) -> None:
    """It is over at its timeout height, and may be planned again."""
    case.sign()
    claim = Claim(transaction=b"raw")
    assert SentDirectory(case.directory).claim(STEP, claim)
    assert not SentDirectory(case.directory).claim(STEP, claim)
    assert case.probe() is ProbeState.RUNNING
    case.chain.height = case.other.height = VAULT.timeout_height + 1
    assert case.probe() is ProbeState.VOIDED
    assert case.chain.broadcast == []


def test_a_directory_that_others_may_write_proves_nothing(case: Case) -> None:
    """Neither a signature nor a claim is taken from it."""
    case.sign()
    case.directory.chmod(0o777)
    with pytest.raises(NotLaunched):
        case.launch()
    assert case.chain.broadcast == []

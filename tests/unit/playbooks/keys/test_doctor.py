"""`remediate doctor` about keys: each topic in order, and what is missing with its mend."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from remediations.engine.doctor.line import DoctorLine, LineState
from remediations.playbooks.keys.doctor import directory_lines, lines_of
from remediations.playbooks.keys.domain import DOMAIN
from remediations.systems.transactions.inventory import Signer
from remediations.systems.transactions.values import AccountState, KeysReading
from remediations.values.reading import Known
from tests.unit.playbooks.keys.cases import (
    Change,
    reading,
    unknown,
    with_account,
    with_entry,
    with_fields,
)


def in_time(read: KeysReading) -> KeysReading:
    """The made chain has old blocks: read when they were new; and the admin's key is told."""
    state = read.endpoints[0].state
    assert isinstance(state, Known)
    assert isinstance(read.height, Known)
    then = read.height.at.fromtimestamp(state.value.block_time, read.height.at.tzinfo)
    vault, admin = read.accounts
    told = replace(admin, entry=replace(admin.entry, public_key="02" + "ab" * 32))
    return replace(read, height=replace(read.height, at=then), accounts=(vault, told))


def bad(change: Change | None = None) -> dict[str, DoctorLine]:
    """What is not in order, by its topic."""
    read = in_time(reading())
    lines = lines_of(read if change is None else change(read))
    return {line.topic: line for line in lines if line.state is not LineState.OK}


def flawed(read: KeysReading) -> KeysReading:
    """One endpoint is of another chain."""
    first, second = read.endpoints
    return replace(read, endpoints=(first, replace(second, flaw="it is of chain 'x'")))


def late(seconds: int) -> Change:
    """This machine's clock is away from the chain's by so much."""

    def changed(read: KeysReading) -> KeysReading:
        assert isinstance(read.height, Known)
        at = read.height.at + timedelta(seconds=seconds)
        return replace(read, height=replace(read.height, at=at))

    return changed


def test_all_in_order() -> None:
    """Endpoints, clock, events, accounts."""
    assert bad() == {}
    topics = [line.topic for line in lines_of(in_time(reading()))]
    assert topics == [
        "endpoint a", "endpoint b", "clock", "events", "account/vault", "account/admin",
    ]  # fmt: skip
    assert DOMAIN.doctor is not None


NO_KEY = Known(
    value=AccountState(number=3, sequence=0, public_key=""), source="made", at=reading().height.at
)


@pytest.mark.parametrize(
    ("change", "topic", "found"),
    [
        (flawed, "endpoint b", "of chain 'x'"),
        (flawed, "endpoints", "1 can be used"),
        (late(100), "clock", "after the chain's last block"),
        (late(-100), "clock", "before the chain's last block"),
        (with_fields(events=unknown()), "events", "no answer"),
        (with_fields(grants=unknown()), "grants", "no answer"),
        (with_fields(others_grants=unknown()), "grants of others", "no answer"),
        (with_fields(signed=unknown()), "signed transactions", "no answer"),
        (with_account(state=unknown()), "account/vault", "no answer"),
        (with_account(keys=unknown()), "account/vault", "no answer"),
        (with_account(state=NO_KEY), "account/vault", "by which key"),
        (with_entry(public_key="02" + "ab" * 32), "account/vault", "the inventory says"),
        (with_entry(signer=Signer.MULTISIG), "account/vault", "without members"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_what_is_missing_has_a_mend(change: Change, topic: str, found: str) -> None:
    """One line for each."""
    line = bad(change)[topic]
    assert found in line.found
    assert line.mend


def test_the_directory_is_ones_own(tmp_path: Path) -> None:
    """It is there, nobody else may write to it, and nobody else should read it."""
    tmp_path.chmod(0o700)
    directory = tmp_path / "transactions"
    states = [line.state for line in directory_lines(directory)]
    assert states == [LineState.LACK, LineState.LACK]
    (directory / "signed").mkdir(parents=True)
    for mode, state in (
        (0o700, LineState.OK), (0o750, LineState.WARN), (0o777, LineState.LACK),
    ):  # fmt: skip
        directory.chmod(mode)
        (directory / "signed").chmod(mode)
        assert {line.state for line in directory_lines(directory)} == {state}

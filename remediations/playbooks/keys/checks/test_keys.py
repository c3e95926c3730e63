"""Whether the key is revoked, by what two endpoints record, and nothing else has changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from remediations.engine.verify.result import NotVerified
from remediations.playbooks.keys.checks.titles import CHECKS
from remediations.playbooks.keys.gates import KeysBefore, KeyStands, judge_key_stands
from remediations.systems.transactions import questions
from remediations.systems.transactions.asking import agreed
from remediations.systems.transactions.inventory import KeysEntry
from remediations.systems.transactions.values import AccountsNow, KeyEvent, KeyEventKind
from remediations.values.reading import Unknown

Saw = Callable[[str], None]
Read = Callable[[], AccountsNow]
_TWO = 2


def _stands(read: Read, before: KeysBefore, fingerprint: str, saw: Saw, *, revoked: bool) -> None:
    now = read()
    if now.endpoints < _TWO:
        raise NotVerified(f"{now.endpoints} endpoints answer, expected two")
    asked = KeyStands(fingerprint=fingerprint, address=before.owner, revoked=revoked)
    verdict = judge_key_stands(asked, now)
    saw(verdict.seen)
    assert verdict.open, verdict.seen


@pytest.mark.check("RP1", CHECKS["RP1"])
def test_revoked(read: Read, before: KeysBefore, saw: Saw) -> None:
    """The record is the proof; what a broadcast answered is none."""
    _stands(read, before, before.fingerprint, saw, revoked=True)


@pytest.mark.check("RP2", CHECKS["RP2"])
def test_new_key(read: Read, before: KeysBefore, saw: Saw) -> None:
    """What is sealed from now on is sealed to this one."""
    _stands(read, before, before.new, saw, revoked=False)


@pytest.mark.check("RP3", CHECKS["RP3"])
def test_others(read: Read, before: KeysBefore, saw: Saw) -> None:
    """Every key that the plan does not name."""
    now = read().keys
    others = [one for one in before.keys if one.fingerprint != before.fingerprint]
    changed = [
        one.fingerprint
        for one in others
        if (found := now.get(one.fingerprint)) is None
        or (found.address, bool(found.revoked_at)) != (one.address, one.revoked)
    ]
    strange = set(now) - {one.fingerprint for one in before.keys} - {before.new}
    saw(f"{len(others)} others as before")
    assert not changed, f"changed: {', '.join(changed)}"
    assert not strange, f"registered meanwhile: {', '.join(sorted(strange))}"


@pytest.mark.check("RP4", CHECKS["RP4"])
def test_sequence(read: Read, before: KeysBefore, saw: Saw) -> None:
    """The sequence has risen by the transactions of the plan, and no more."""
    accounts = {one.entry.target: one.state for one in read().accounts}
    state = accounts[before.account]
    if isinstance(state, Unknown):
        raise NotVerified(state.reason)
    risen = state.value.sequence - before.sequence
    saw(f"{risen} transactions of {before.account}")
    assert risen == before.sends, f"{risen} transactions, {before.sends} of them planned"


@pytest.mark.check("RP5", CHECKS["RP5"])
def test_event(entry: KeysEntry, before: KeysBefore, saw: Saw) -> None:
    """Outsiders find the revocation by it, and when it was."""
    found = [
        event
        for event in _events(entry)
        if event.kind is KeyEventKind.REVOKED and event.fingerprint == before.fingerprint
    ]
    assert found, f"no event of {before.fingerprint}"
    saw(f"{found[0].transaction or 'a block'} in block {found[0].height}")


def _events(entry: KeysEntry) -> list[KeyEvent]:
    """What any endpoint knows."""
    asked = [asyncio.run(agreed([one], questions.events, "tx_search")) for one in entry.endpoints]
    known = [one.value for one in asked if not isinstance(one, Unknown)]
    if not known:
        raise NotVerified("no endpoint searches events")
    return [event for one in known for event in one]


@pytest.mark.check("RP6", CHECKS["RP6"])
def test_rotated(read: Read, entry: KeysEntry, before: KeysBefore, saw: Saw) -> None:
    """The record says that it is rotated, and the event to which key and by whom: a stranger can
    rotate it, too."""
    now = read()
    if now.endpoints < _TWO:
        raise NotVerified(f"{now.endpoints} endpoints answer, expected two")
    key = now.keys.get(before.fingerprint)
    assert key is not None, f"no record of {before.fingerprint}"
    assert key.deprecated_at, "not rotated"
    assert not key.revoked_at, "revoked"
    rotations = {
        (event.new, event.address)
        for event in _events(entry)
        if event.kind is KeyEventKind.ROTATED and event.fingerprint == before.fingerprint
    }
    saw(f"{before.fingerprint} rotated, by {now.endpoints} endpoints")
    assert rotations == {(before.new, before.owner)}, f"rotated to, by: {sorted(rotations)}"

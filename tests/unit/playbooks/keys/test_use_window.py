"""Since when a key may be out: the date that people give, and what the chain tells of that time."""

from __future__ import annotations

import msgspec
import pytest

from remediations.playbooks.keys.compromise import PLAYBOOK
from remediations.playbooks.keys.situation import KeysSituation
from remediations.playbooks.keys.use_window import parse_since, use_since
from remediations.systems.transactions.values import KeyEvent, KeyEventKind, KeysReading
from remediations.values.reading import Known
from tests.unit.playbooks.keys.cases import GONE, OUT, STRANGER, THEIRS, situation, unknown


@pytest.mark.parametrize("text", ["2026-11-30", "2026-11-30T14:05Z"])
def test_a_date_is_taken(text: str) -> None:
    """In one form, which is given back unchanged."""
    assert parse_since(text) == text


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "30.11.2026", ""])
def test_what_is_no_date_is_refused(text: str) -> None:
    """With the form that is expected."""
    with pytest.raises(ValueError, match="2026-11-30"):
        parse_since(text)


def said(keys: KeysSituation) -> str:
    return " ".join(use_since(keys))


def test_without_a_date_nothing_is_said() -> None:
    """Nobody knows of which time."""
    assert said(situation()) == ""


def test_what_happened_to_the_owners_keys_since_then_is_listed() -> None:
    """With who did it, and in which block; of others nothing."""
    told = said(situation(out_since="2026-11-30"))
    assert f"{OUT} registered" in told
    assert f"{GONE} revoked by ve1gov in block 60" in told
    assert "ve1somebody" not in told
    assert "the vault's access log" in told


def test_a_stranger_who_rotated_the_key_is_named() -> None:
    """The event has the address of whoever rotated, and not that of the owner."""

    def rotated(read: KeysReading) -> KeysReading:
        assert isinstance(read.events, Known)
        event = KeyEvent(
            kind=KeyEventKind.ROTATED, fingerprint=OUT, address=STRANGER, by="", new=THEIRS,
            at=1796019300, height=61, transaction="CD" * 32,
        )  # fmt: skip
        events = msgspec.structs.replace(read.events, value=(*read.events.value, event))
        return msgspec.structs.replace(read, events=events)

    told = said(situation(rotated, out_since="2026-11-30"))
    assert f"{OUT} rotated by {STRANGER} in block 61" in told


def test_what_happened_before_is_left_out() -> None:
    """A minute counts."""
    assert "nothing that happened" in said(situation(out_since="2027-01-01"))
    assert "nothing that happened" in said(situation(out_since="2026-12-31T23:59Z"))


def test_events_that_were_not_read_are_not_taken_for_none() -> None:
    """No endpoint indexes them."""

    def unread(read: KeysReading) -> KeysReading:
        return msgspec.structs.replace(read, events=unknown())

    assert "is not known: no answer" in said(situation(unread, out_since="2026-11-30"))


def test_the_plan_says_it() -> None:
    """Of the branches that change the chain."""
    keys = situation(out_since="2026-11-30")
    branch = next(one for one in PLAYBOOK.branches if one.fits(keys) is None)
    assert branch.name == "revoke-key"
    assert any("since 2026-11-30" in one for one in branch.propose(keys).warnings)

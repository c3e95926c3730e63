"""The gates of readers of keys: what opens them, and what they say while it does not."""

from __future__ import annotations

import msgspec
import pytest

from remediations.engine.apply.look import GateVerdict
from remediations.playbooks.keys.gates import baseline
from remediations.playbooks.keys.key_file_gates import ReadersBefore, ReadersLook
from remediations.playbooks.keys.situation import KeysSituation
from remediations.systems.keyfile.inventory import Told
from remediations.systems.keyfile.poll import ReaderPoll
from tests.unit.playbooks.keys.cases import NEW_PRINT
from tests.unit.playbooks.keys.reader_cases import (
    BRANCHES,
    EMPTIED,
    FILE,
    UNIT,
    entry,
    installed,
    planned,
    reader,
    readers,
    unit,
)


def poll(**changes: object) -> ReaderPoll:
    """A reader that has the new key, and was restarted."""
    made = ReaderPoll(
        file=msgspec.structs.replace(FILE, fingerprint=NEW_PRINT),
        unit=msgspec.structs.replace(UNIT, invocation="2" * 32, changed_us=200),
        ready="",
        former=True,
    )
    return msgspec.structs.replace(made, **changes)


def verdict(keys: KeysSituation, seen: ReaderPoll, branch: str = "install-key") -> GateVerdict:
    """What the gate of the first reader says to that."""
    proposal = BRANCHES[branch].propose(keys)
    (part,) = baseline(keys, proposal)
    before = part.read(ReadersBefore)
    look = ReadersLook(before=before, polls=dict.fromkeys((r.host for r in before.readers), seen))
    assert look.sight.points
    return look.judge(proposal.stages[0].gate)


@pytest.mark.parametrize(
    ("seen", "word"),
    [
        (poll(), ""),
        (ReaderPoll(trouble="the host does not answer"), "does not answer"),
        (poll(file=FILE), "has the key"),
        (poll(file=msgspec.structs.replace(FILE, flaw="it is a link")), "it is a link"),
        (poll(file=msgspec.structs.replace(FILE, fingerprint=NEW_PRINT, mode="0600")), "0600"),
        (poll(unit=UNIT), "was not told since"),
        (poll(unit=msgspec.structs.replace(UNIT, active="failed")), "is failed"),
        (poll(unit=None), "not known"),
    ],
    ids=range(8),
)
def test_a_gate_opens_when_the_reader_serves(seen: ReaderPoll, word: str) -> None:
    """With the new key as declared, in another invocation."""
    found = verdict(readers(reader()), seen)
    assert found.open is (not word)
    assert word in found.seen


def test_a_gate_waits_until_it_is_ready() -> None:
    """In the words of the inventory."""
    keys = readers(reader(told=entry(ready="http://127.0.0.1:8200/ready")))
    assert not verdict(keys, poll(ready="503")).open
    assert verdict(keys, poll(ready="200")).open
    keys = readers(reader(told=entry(ready="proxy.service")))
    assert not verdict(keys, poll(ready="activating")).open
    assert verdict(keys, poll(ready="active")).open


def test_a_reload_is_another_change_of_state() -> None:
    """The invocation stays."""
    keys = readers(reader(told=entry(told=Told.RELOAD), unit=unit(reloads=True)))
    assert planned(keys)[0].mark == "100"
    assert not verdict(keys, poll(unit=unit(reloads=True).value)).open
    assert verdict(keys, poll(unit=unit(changed_us=101).value)).open


def test_a_gate_waits_until_the_old_key_is_gone() -> None:
    """A look that does not tell does not open it."""
    keys = readers(installed(), found=EMPTIED)
    for former, opened in ((True, False), (None, False), (False, True)):
        assert verdict(keys, poll(former=former), "retire-key-file").open is opened

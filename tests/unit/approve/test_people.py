"""How many people approved: by name and by key, and none of them wrongly."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace

from remediations.engine.approve.approval import NAMESPACE
from remediations.engine.approve.approve import approve_plan, count_people, verify_approvals
from remediations.engine.approve.signer import Signer
from tests.unit.approve.keys import MESSAGE, PLAN, Key, approval_with, by_hand, judge, refused
from tests.unit.run.plans import NOW, plan


def test_without_any_approval_nothing_is_approved(alice: tuple[Key, Path]) -> None:
    """Also where the plan, which nobody signed, says that it needs none."""
    for needed in (1, 0, -1):
        error = refused(
            partial(
                verify_approvals, [], replace(PLAN, approvals_needed=needed), judge(alice[1]), NOW
            )
        )
        assert error.got == "0 of 1"


def test_two_people_are_two(keys: tuple[Key, Key, Key], allow: Callable[..., Path]) -> None:
    """And one who signs twice, or with two keys, or under two names, is one."""
    two = plan(approvals_needed=2)
    a, b, c = keys
    allowed = allow(a.line("alice"), b.line("bob"), c.line("alice"), a.line("aka"))
    by_a, by_b, by_c = (approve_plan(two, key.path, judge(allowed), NOW) for key in keys)
    assert [s.principal for s in verify_approvals([by_a, by_b], two, judge(allowed), NOW)] == [
        "alice",
        "bob",
    ]
    for one in ([by_a], [by_a, by_a], [by_a, by_c]):
        assert refused(partial(verify_approvals, one, two, judge(allowed), NOW)).got == "1 of 2"


def test_one_invalid_approval_spoils_the_rest(
    keys: tuple[Key, Key, Key], alice: tuple[Key, Path]
) -> None:
    """Somebody put it there: better looked at than skipped."""
    good = approve_plan(PLAN, alice[0].path, judge(alice[1]), NOW)
    bad = approval_with(by_hand(keys[1], MESSAGE, NAMESPACE))
    assert (
        "may not approve"
        in refused(lambda: verify_approvals([good, bad], PLAN, judge(alice[1]), NOW)).what
    )


def test_name_has_to_be_one_of_the_list_as_it_was_read_here(
    alice: tuple[Key, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where ssh-keygen finds another name for the key than our own reading of the list."""
    given = approve_plan(PLAN, alice[0].path, judge(alice[1]), NOW)
    monkeypatch.setattr("remediations.engine.approve.signer._names", lambda *_: frozenset({"bob"}))
    error = refused(partial(verify_approvals, [given], PLAN, judge(alice[1]), NOW))
    assert error.what == "the key is not allowed under one exact name"


@pytest.mark.parametrize(
    ("signers", "count"),
    [
        ([], 0),
        (["a1"], 1),
        (["a1", "b2"], 2),
        (["a1", "a2"], 1),
        (["a1", "b1"], 1),
        (["a1", "b2", "a2"], 1),
        (["a1", "b2", "c3", "b1"], 2),
    ],
)
def test_people_are_counted_by_name_and_key(signers: list[str], count: int) -> None:
    """Whoever shares a name or a key is the same person, also at third hand."""
    assert count_people([Signer(s[0], f"SHA256:{s[1]}") for s in signers]) == count

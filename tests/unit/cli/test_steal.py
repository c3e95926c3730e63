"""`remediate steal`: what it says, and what it refuses before a host is contacted."""

from __future__ import annotations

from typing import Any

import pytest

from remediations.cli.commands import steal
from remediations.engine.apply.driver import FenceRecord
from remediations.engine.apply.fence_steal import StolenFence
from tests.unit.cli.desk import Desk, remediate
from tests.unit.docs.test_answers import said_of
from tests.unit.docs.test_schema import validator

WAS = FenceRecord(
    number=3, holder="1" * 64 + ".0123456789abcdef", held=True, text="chain/x: taken by alice"
)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the hosts were asked for; full1 does not answer."""
    calls: list[tuple[Any, ...]] = []

    async def stolen(*arguments: object) -> StolenFence:
        calls.append(arguments)
        return StolenFence(
            resource=str(arguments[0]),
            was=WAS,
            number=4,
            hosts=("val1", "val2"),
            missing=("full1",),
        )

    monkeypatch.setattr(steal, "steal_resource", stolen)
    return calls


def test_it_says_who_held_it_and_who_was_not_reached(
    desk: Desk, asked: list[tuple[Any, ...]]
) -> None:
    """With the reason on its way to the hosts, beside who gave it."""
    done = remediate("steal", "chain/x", "--reason", "bastion1 burnt", "-i", desk.inventory)
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0] == (
        "chain/x was held: number 3, held by plan 111111111111: chain/x: taken by alice"
    )
    assert lines[1] == "stolen   number 4 on val1, val2"
    assert lines[2] == "WARNING  the former run can still act on full1: no answer"
    ((resource, inventory, _, _, said),) = asked
    assert (resource, inventory.path) == ("chain/x", str(desk.inventory))
    assert said.startswith("by ")
    assert said.endswith("because: bastion1 burnt")


@pytest.mark.usefixtures("asked")
def test_its_document_has_all_of_it(desk: Desk) -> None:
    """For the record of an incident."""
    done = remediate("steal", "chain/x", "--reason", "why", "-i", desk.inventory, "--json")
    result = done.document["result"]
    validator("result-steal/1").validate(result)
    assert isinstance(result, dict)
    assert {*result, *result["was"]} == said_of("steal")
    assert result == {
        "resource": "chain/x",
        "reason": "why",
        "number": "4",
        "hosts": ["val1", "val2"],
        "missing": ["full1"],
        "was": {"number": "3", "plan": "1" * 64, "text": "chain/x: taken by alice"},
    }


@pytest.mark.parametrize("text", ["", " ", "a\nb", "\x1b[2J", "x" * 161, "\u202eevil"])
def test_an_unusable_reason_is_refused(desk: Desk, asked: list[tuple[Any, ...]], text: str) -> None:
    """Empty, too long, or not what it looks like: no host is asked."""
    for words in (("chain/x", "--reason", text), (text, "--reason", "why")):
        done = remediate("steal", *words, "-i", desk.inventory)
        assert done.code == 2
        assert "cannot be used" in done.err
        assert "expected  1 to " in done.err
    assert asked == []


def test_a_reason_must_be_given(desk: Desk, asked: list[tuple[Any, ...]]) -> None:
    """Nobody steals without saying why."""
    assert remediate("steal", "chain/x", "-i", desk.inventory).code == 2
    assert asked == []


def test_without_an_inventory_nobody_is_asked(
    asked: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It needs no plan, but hosts."""
    monkeypatch.delenv("REMEDIATE_INVENTORY", raising=False)
    done = remediate("steal", "chain/x", "--reason", "why")
    assert done.code == 2
    assert "no inventory was given" in done.err
    assert asked == []

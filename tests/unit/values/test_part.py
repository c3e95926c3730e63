"""A part is typed at both ends, and nothing of it changes on the way."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar

import pytest

from remediations.values.part import Kinded, Part
from remediations.values.record import Moment
from remediations.values.wire import WireError, canonical, decode


class Lamp(Kinded, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "lamp.state/1"
    name: str
    watts: int
    lit: bool
    since: Moment | None
    rooms: tuple[str, ...]


class Bell(Kinded, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "bell.state/1"


LAMP = Lamp(
    name="hall", watts=2**62, lit=True, since=datetime(2026, 1, 1, tzinfo=UTC), rooms=("a", "b")
)


def test_a_value_comes_back_as_it_was() -> None:
    """Through canonical bytes, by somebody who does not know the kind, and back."""
    data = canonical(Part.of(LAMP))
    carried = decode(data, Part)
    assert canonical(carried) == data
    assert carried.read(Lamp) == LAMP


def test_a_part_is_read_as_its_own_kind_only() -> None:
    """Another kind with the same form would be another thing."""
    with pytest.raises(ValueError, match=r"lamp\.state/1 is not bell\.state/1"):
        Part.of(LAMP).read(Bell)


@pytest.mark.parametrize(
    "changed",
    [
        {"watts": "7x"},
        {"watts": "007"},
        {"lit": "true"},
        {"since": "2026-01-01T01:00:00+01:00"},
        {"rooms": "a"},
        {"colour": "red"},
    ],
    ids=str,
)
def test_another_form_is_refused(changed: dict[str, str]) -> None:
    """Not only what cannot be read: also what would be written differently again."""
    part = Part.of(LAMP)
    with pytest.raises(ValueError, match=r"lamp\.state/1"):
        Part(kind=part.kind, value={**part.value, **changed}).read(Lamp)


@pytest.mark.parametrize(
    "kind", ["", "lamp", "lamp.state", "Lamp.state/1", "lamp.state/0", "a.b/1 "]
)
def test_a_kind_has_an_owner_a_name_and_a_version(kind: str) -> None:
    """What has none is refused where it is made, and where it is read."""
    with pytest.raises(ValueError, match="name of a kind"):
        Part(kind=kind, value={})
    with pytest.raises(WireError):
        decode(canonical({"kind": kind, "value": {}}), Part)


@pytest.mark.parametrize("value", ["1.5", "1", "[1]", '{"b":[{"c":1e400}]}'])
def test_a_number_is_not_part_of_canonical_json(value: str) -> None:
    """Written again it would be another value, or none at all: a plan or an observation with it is
    refused when it is read, and not when it is digested."""
    with pytest.raises(WireError):
        decode(f'{{"kind":"a.b/1","value":{{"a":{value}}}}}'.encode(), Part)

"""Times of other zones than UTC are refused, whoever declares the record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

ZONE = timezone(timedelta(hours=1))
PACKAGE = """
from remediations.values.record import Moment, Record

class Lamp(Record, frozen=True, kw_only=True):
    name: str
    since: Moment
    until: Moment | None = None
"""


@pytest.mark.parametrize("future", ["", "from __future__ import annotations\n"])
def test_record_of_another_package_has_its_times_in_utc(future: str) -> None:
    """Whether its module has its annotations as texts or as types."""
    names: dict[str, Any] = {"__name__": "acme_lamp"}
    exec(compile(future + PACKAGE, "acme_lamp", "exec", dont_inherit=True), names)
    lamp, now = names["Lamp"], datetime.now(UTC)
    assert lamp(name="hall", since=now).until is None
    for times in ({"since": now.astimezone(ZONE)}, {"since": now, "until": now.astimezone(ZONE)}):
        with pytest.raises(ValueError, match="UTC"):
            lamp(name="hall", **times)

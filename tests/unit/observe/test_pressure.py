"""What is asked of a host: load, stalls, quota, mempool, as whole numbers."""

from __future__ import annotations

import pytest

from remediations.systems.comet.pressure import Pressure, parse_pressure
from remediations.values.lines import TextError

SAID = """processors=2
load=28.61
quota=200ms
cpu=55
io=1
memory=0
transactions=12
transaction_bytes=4096
ran_us=100000
waited_us=900000
"""


def test_everything_is_told() -> None:
    """Of a second that its threads could have run, the daemon waited nine tenths."""
    assert parse_pressure(SAID) == Pressure(
        processors=2,
        load=2861,
        cpu=55,
        io=1,
        memory=0,
        waits=90,
        quota=20,
        transactions=12,
        transaction_bytes=4096,
    )


def test_what_is_not_told_is_unknown() -> None:
    """No quota, a kernel without stall information, no daemon, no answer: None, never 0."""
    assert parse_pressure("processors=4\nload=0.05\n") == Pressure(processors=4, load=5)
    assert parse_pressure("processors=4\nload=0.05\nran_us=0\nwaited_us=0\n").waits is None


@pytest.mark.parametrize(
    ("quota", "percent"), [("50ms", 5), ("1s 500ms", 150), ("1min", 6000), ("1.5s", 150)]
)
def test_quotas_as_systemd_shows_them(quota: str, percent: int) -> None:
    """Time in each second, in percent of one processor."""
    assert parse_pressure(SAID.replace("200ms", quota)).quota == percent


@pytest.mark.parametrize(
    ("whole", "spoilt"),
    [
        ("load=28.61", "load=much"),
        ("processors=2", "processors=0"),
        ("processors=2\n", ""),
        ("quota=200ms", "quota=200 parsecs"),
        ("cpu=55", "cpu=-1"),
        ("ran_us=100000", "ran_us=1e9"),
    ],
)
def test_what_is_malformed_is_refused(whole: str, spoilt: str) -> None:
    """A host may say anything."""
    with pytest.raises(TextError):
        parse_pressure(SAID.replace(whole, spoilt))

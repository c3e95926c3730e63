"""What must hold of a host before its copy of a key is stopped and held."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from msgspec.structs import replace

from remediations.engine.plan.plan import Outcome
from remediations.playbooks.chain.actions import HOLD_DUPLICATE
from remediations.systems.comet.reading import CometReading, HostReading
from remediations.systems.hosts.values import Process, RecordRoom
from remediations.values.reading import Known
from tests import worlds
from tests.unit.playbooks.copied_keys import (
    BLOCK,
    NOT_READ,
    PASS,
    UNKNOWN,
    Change,
    both_run,
    chosen,
    judged,
)
from tests.worlds import address_of, healthy, stopped
from tests.worlds.signing import (
    OURSELVES,
    of_others,
    said,
    signed_twice,
)


def _alter(host: str, how: Callable[[HostReading], HostReading]) -> Change:
    return lambda world: worlds.change(world, host, how)


def _stray(reading: HostReading) -> HostReading:
    process = Process(pid=7, state="S", started=9, command="virtengined start")
    return replace(reading, processes=worlds.known((process,)))


def _unit(**fields: str) -> Callable[[HostReading], HostReading]:
    def change(reading: HostReading) -> HostReading:
        assert isinstance(reading.unit, Known)
        return replace(reading, unit=worlds.known(replace(reading.unit.value, **fields)))

    return change


def _room(**fields: object) -> Callable[[HostReading], HostReading]:
    def change(reading: HostReading) -> HostReading:
        assert isinstance(reading.records, Known)
        room: RecordRoom = replace(reading.records.value, **fields)
        return replace(reading, records=worlds.known(room))

    return change


@pytest.mark.parametrize(
    ("guard", "outcome", "change"),
    [
        ("G80", PASS, lambda world: world),
        ("G80", BLOCK, lambda w: worlds.change(stopped(w, "full1"), "full1", _stray)),
        ("G80", UNKNOWN, _alter("full1", lambda r: replace(r, processes=NOT_READ))),
        ("G80", UNKNOWN, _alter("full1", _unit(invocation=""))),
        ("G84", PASS, lambda world: world),
        ("G84", BLOCK, _alter("full1", _room(available=5 << 20))),
        ("G84", BLOCK, _alter("full1", _room(exposed="/var/lib"))),
        ("G84", UNKNOWN, _alter("full1", lambda r: replace(r, records=NOT_READ))),
    ],
)
def test_guard_on_a_host(guard: str, outcome: Outcome, change: Change) -> None:
    """One change of the host gives this outcome, with what was got and what to do."""
    chain = chosen(change(both_run()))
    action = {one.id: one for one in (g(chain, "full1") for g in HOLD_DUPLICATE.guards)}
    result = action[guard]
    assert result.outcome is outcome, result.got
    assert result.got
    assert result.next_step or outcome is PASS


@pytest.mark.parametrize(
    ("world", "host", "outcome"),
    [
        (both_run(), "full1", PASS),
        (both_run(), "val4", BLOCK),
        (both_run(), "val1", BLOCK),
        (worlds.change(both_run(), "val2", lambda r: replace(r, key=NOT_READ)), "val2", UNKNOWN),
    ],
)
def test_only_a_holder_that_has_to_go_is_stopped(
    world: CometReading, host: str, outcome: Outcome
) -> None:
    """G81: a deploy that is run by hand on another host is refused."""
    chain = chosen(world)
    (result,) = (r for r in (g(chain, host) for g in HOLD_DUPLICATE.guards) if r.id == "G81")
    assert result.outcome is outcome


NOW = timedelta(seconds=5)


@pytest.mark.parametrize(
    ("world", "outcome"),
    [
        (signed_twice(healthy(), "val4"), PASS),
        (said(healthy(), "val4", OURSELVES, ago=NOW), PASS),
        (said(healthy(), "val1", of_others(address_of(4)), ago=NOW), BLOCK),
        (
            said(
                said(healthy(), "val1", of_others(address_of(4)), ago=NOW),
                *("val2", of_others(address_of(4))),
                ago=NOW,
            ),
            PASS,
        ),
    ],
)
def test_one_host_alone_does_not_have_a_validator_stopped(
    world: CometReading, outcome: Outcome
) -> None:
    """G83: its own journal counts, two others do, a proof does."""
    assert judged(chosen(world))["G83", ""].outcome is outcome
    assert ("G83", "") not in judged(chosen(both_run()))

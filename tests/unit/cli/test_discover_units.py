"""`inventory discover` where a host has several units: few are looked at, all hosts at once."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from pathlib import Path
from typing import cast

import pytest
from msgspec.structs import replace

from remediations.engine.observe.observation import Observation, Scope
from remediations.playbooks.chain.discover.discover import (
    LATE,
    MOST,
    entries_for,
    inventory_for,
    look_twice,
)
from remediations.playbooks.chain.discover.proposal import propose
from remediations.reach.connection import Reach
from remediations.systems.comet.inventory import node_of
from remediations.systems.comet.reading import CometReading, sealed
from remediations.values.inventory import Inventory
from remediations.values.reading import Unknown, Why
from tests.unit.observe.fake_host import Host, Rpc
from tests.unit.observe.test_look import Local, Reached
from tests.worlds import healthy, login_of, unknown


@pytest.mark.parametrize(("old", "chosen"), [("inactive", True), ("active", False)])
def test_the_one_unit_that_runs_is_pinned(old: str, chosen: bool, tmp_path: Path) -> None:
    """Of two units that match, the one that runs with a home; of two that run, none."""
    rpc = Rpc()
    host = Host(tmp_path, rpc.port)
    host.units = ["virtengine.service enabled enabled", "virtengine-old.service enabled enabled"]
    host.install()
    (host.bin / "systemctl").rename(host.bin / "systemctl.same")
    host.script(
        "systemctl",
        f'#!/bin/sh\ncase "$*" in show*old*) "$0.same" "$@" |'
        f" sed 's/ActiveState=active/ActiveState={old}/; s/^Id=.*/Id=virtengine-old.service/';;\n"
        '*) "$0.same" "$@";; esac\n',
    )
    inventory = inventory_for(entries_for(["val1", "gone"]), None)
    reach = Reached({"val1": Local("val1", host)})
    observation, pinned = asyncio.run(look_twice(reach, inventory, tool="test"))
    rpc.close()
    proposal = propose(observation, pinned.hosts)
    assert node_of(pinned.host("val1")).unit == ("virtengine.service" if chosen else None)
    assert proposal.chain_id == ("virtengine-lab-1" if chosen else "")
    assert [host.role is not None for host in proposal.hosts] == [chosen, False]
    if not chosen:
        assert proposal.hosts[0].notes[-1].startswith("pin `unit:` here: several")


class Many:
    """A reach to hosts each of which names `units` units, and takes `pause_s` to say so."""

    def __init__(self, units: int, pause_s: float = 0.0) -> None:
        self.reads: Counter[str] = Counter()
        self.names = tuple(f"virtengine{number}.service" for number in range(units))
        self._pause_s = pause_s

    async def observe(
        self, _reach: Reach, inventory: Inventory, *, scope: Scope, tool: str
    ) -> Observation:
        if len(inventory.hosts) == 1:
            await asyncio.sleep(self._pause_s)
        said = unknown("several", Why.SEVERAL_UNITS)
        reading = replace(healthy().host("val1"), unit=said, candidates=self.names)
        self.reads.update(entry.name for entry in inventory.hosts)
        hosts = tuple(replace(reading, host=entry.name) for entry in inventory.hosts)
        logins = tuple(login_of(entry.name) for entry in inventory.hosts)
        return sealed(replace(healthy(), hosts=hosts, logins=logins, scope=scope, tool=tool))

    def looked(self, monkeypatch: pytest.MonkeyPatch) -> CometReading:
        monkeypatch.setattr("remediations.playbooks.chain.discover.discover.observe", self.observe)
        inventory = inventory_for(entries_for(["val1", "val2", "val3"]), None)
        seen, pinned = asyncio.run(look_twice(cast("Reach", self), inventory, tool="test"))
        assert [node_of(entry).unit for entry in pinned.hosts] == [None] * 3
        return seen


def test_a_host_is_not_read_for_each_unit_that_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few units are looked at each; of thousands none, and it is said in a line."""
    few, many = Many(MOST), Many(5000)
    few.looked(monkeypatch)
    assert set(few.reads.values()) == {1 + MOST}
    seen = many.looked(monkeypatch)
    assert set(many.reads.values()) == {1}
    for reading in seen.hosts:
        assert isinstance(reading.unit, Unknown)
        assert reading.unit.reason.endswith("and 4992 more; 5000 are too many to look at each")
        assert len(reading.unit.reason) < 400


def test_all_hosts_are_looked_at_again_within_one_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """At once; who is not done by then stays undecided, and says so."""
    monkeypatch.setattr("remediations.playbooks.chain.discover.discover.SECOND_LOOK_S", 0.5)
    slow, began = Many(2, pause_s=30.0), time.monotonic()
    for reading in slow.looked(monkeypatch).hosts:
        assert isinstance(reading.unit, Unknown)
        assert reading.unit.reason.endswith(LATE)
    assert time.monotonic() - began < 10

"""Items of a service that runs, and the driver's view of them."""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from remediations.engine.apply.driver import ProbeResult, ProbeState, StepId
from remediations.engine.plan.plan import Fidelity, Step
from remediations.systems.sessions.calls import CallDirectory, calls_in
from remediations.systems.sessions.driver import SessionsDriver
from remediations.systems.sessions.inventory import (
    CommandCall,
    CommandProbe,
    HttpCall,
    HttpProbe,
    Item,
    SessionsEntry,
)
from remediations.systems.sessions.program import program_sha256
from remediations.systems.sessions.steps import DRIVER_NAME, ResetOrder
from remediations.values.inventory import Inventory
from remediations.values.part import Part
from tests.unit.sessions.service import Service

STEP = StepId(plan="ab" * 32, step="1-0")
OUT = "ab" * 20


class Reach:
    """What a driver is given."""

    def __init__(self, inventory: Inventory) -> None:
        self.inventory = inventory


@dataclass
class Case:
    """A service that runs, and the directory beside its database."""

    service: Service
    home: Path
    url: str

    def item(
        self,
        *,
        pointer: str = "/state/open_sessions",
        equals: str = "0",
        call_s: int = 5,
        probe_s: int = 5,
        done_s: int = 1,
        ca_file: str | None = None,
        keys: tuple[str, ...] = (),
    ) -> Item:
        """The sessions of the service."""
        return Item(
            name="portal",
            what="every session of the portal ends",
            call=HttpCall(
                method="POST", url=f"{self.url}/end", body='{"reason":"incident"}', within_s=call_s
            ),
            probe=HttpProbe(
                url=f"{self.url}/state", pointer=pointer, equals=equals, within_s=probe_s
            ),
            token_file=str(self.home / "portal.token"),
            ca_file=ca_file,
            done_within_s=done_s,
            keys=keys,
        )

    def command(self, text: str, probe: str, *, call_s: int = 5, done_s: int = 1) -> Item:
        """Two programs of a shell, of which one does something and the other looks."""
        call = CommandCall(run=(self.program("reset", text), "application"), within_s=call_s)
        asked = CommandProbe(run=(self.program("look", probe),), within_s=5)
        return Item(
            name="database", what="another password", call=call, probe=asked, token_file=None,
            ca_file=None, done_within_s=done_s, keys=(),
        )  # fmt: skip

    def program(self, name: str, text: str) -> str:
        """A program of this user."""
        path = self.home / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o700)
        return str(path)

    def entry(self, *items: Item) -> SessionsEntry:
        """A section with these items, on this machine."""
        return SessionsEntry(
            machine=socket.gethostname(), directory=str(self.home / "sessions"), items=items
        )

    def launched(self, item: Item, **order: object) -> Launched:
        """The item as a step, and the driver."""
        made = ResetOrder(
            machine=str(order.get("machine", socket.gethostname())),
            item=item,
            programs={one: program_sha256(one) for one in item.programs},
            fingerprint=OUT,
            since=int(time.time()),
        )
        entry = SessionsEntry(
            machine=made.machine, directory=str(self.home / "sessions"), items=(item,)
        )
        return Launched(made, entry)


class Launched:
    """A step of one item, carried out by the driver."""

    def __init__(self, order: ResetOrder, entry: SessionsEntry) -> None:
        self.order = order
        inventory = Inventory(
            path="i", ssh_config=None, allowed_signers=None, hosts=(), parts=(Part.of(entry),)
        )
        self.driver = SessionsDriver(Reach(inventory))
        self.call: CallDirectory = calls_in(entry.directory).of_step(STEP)
        self.work = Step(
            id=STEP.step, driver=DRIVER_NAME, target=order.item.target, action="session.reset",
            operation="end what was derived from a key", payload=order.payload, shown="",
            timeout_s=30, fidelity=Fidelity.CONDITIONAL, probe=("tells", "x"), undo="none",
        )  # fmt: skip

    def launch(self) -> None:
        """Call it."""
        asyncio.run(self.driver.launch(STEP, self.work, ()))

    def probe(self) -> ProbeResult:
        """Ask once."""
        return asyncio.run(self.driver.probe(STEP, self.work))

    def void(self) -> ProbeState:
        """Never call it."""
        return asyncio.run(self.driver.void(STEP, self.work, ())).state

    def ended(self, limit_s: float = 60) -> ProbeResult:
        """How it ends."""
        until = time.monotonic() + limit_s
        while (found := self.probe()).state is ProbeState.RUNNING:
            assert time.monotonic() < until, found
            time.sleep(0.1)
        return found

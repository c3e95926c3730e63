"""`make demo`: a chain is halted twice and rescued, with every command one can type oneself.

Brings up a lab of its own. First the validators with power 30 and 10 are stopped (killed ones would
be started again by systemd): diagnose, plan, approve, apply, verify, report. Then the states of
half of the power differ after one block, and all go back together and execute it again. It leaves
nothing running; the run directories and the reports stay where it says.

Where hosts cannot be booted it says why, and plays the recording that `make record`, the same walk
with `--record DIRECTORY`, made. A demo that fails where they can be is never covered up by it.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path

from tests.lab.lab import CHECKOUT, Lab
from tests.lab.needs import missing
from tests.lab.shell import LabError
from tests.lab.walk import PAUSE_S, Walk, console
from tests.replay.__main__ import main as play
from tests.replay.player import figures
from tests.replay.record import keep
from tests.replay.recording import AFTER, BEFORE

NAME = "demo"
STATE = CHECKOUT / ".demo"
ANYWHERE = Path("/run/remediate-demo")
VICTIMS = ("val2", "val4")
SPLIT = ("val1", "val4")


class Demo(Walk):
    """The walk, on one lab; kept as a recording in the directory `record`, if there is one."""

    def __init__(self, lab: Lab, record: Path | None) -> None:
        super().__init__(STATE, lab.access.inventory if record is None else _elsewhere(lab))
        self._lab = lab
        self._record = record

    def walk(self) -> bool:
        """The whole story; whether it ended with a verified recovery."""
        self.say_how_to_follow()
        if not self._quorum_lost():
            return False
        return self._record is not None or self._states_differ()

    def _quorum_lost(self) -> bool:
        """The first act; kept as the recording, if there is one to make."""
        self.say(f"The chain makes blocks: {self._lab.world.heights()}")
        self.say("Stopping the validators with power 30 and 10 of 100. 60 is not more than 2/3.")
        self._lab.break_stop(*VICTIMS)
        halted_at = self._lab.wait_stalled()
        self.say(f"No block for 3 seconds. Height {halted_at} on every node: the chain is halted.")
        time.sleep(PAUSE_S)
        self.run("What is wrong, and how do we know it?", *self._diagnose(BEFORE), expected=3)
        self._rescue()
        self.run("The proof can be repeated at any time.", "verify", "last", expected=0)
        run = sorted((STATE / "runs").iterdir())[-1]
        unharmed = self._ending(run)
        if unharmed and self._record is not None:
            self.run("For the recording.", *self._diagnose(AFTER), expected=0)
            keep(run, self._lab.access, CHECKOUT, self._record)
            self.say(f"Recorded in {self._record}")
        return unharmed

    def _states_differ(self) -> bool:
        """The second act."""
        at = self._lab.world.top() + 6
        self.say(f"At block {at} the validators with power 40 and 10 will each get another state.")
        self._lab.break_app_hash(*SPLIT, at=at)
        self._lab.wait_stalled()
        self.say(
            f"Halted at {at}: all vote, and 50 | 40 | 10 of the power cannot agree. No restart"
            " helps, and each thing that runbooks delete here ends in double signing."
        )
        time.sleep(PAUSE_S)
        self.run("What is wrong, and how do we know it?", "diagnose", expected=3)
        self.say("People find the cause, and mend it there. The states that it made are there yet.")
        self._lab.mend_cause(*SPLIT)
        self.say("Tried first on clones of the halted databases, which nobody can reach.")
        self._rescue("--rehearse")
        return self._ending(sorted((STATE / "runs").iterdir())[-1])

    def _rescue(self, *options: str) -> None:
        """Plan, approve, apply."""
        self.run(
            "What exactly would be done, and what could go wrong?",
            "plan",
            "INC-001",
            *options,
            expected=3,
        )
        self.run(
            "A person signs exactly this plan with an SSH key.",
            "approve",
            "last",
            "--yes",
            "--key",
            str(self._lab.access.operator_key),
            expected=0,
        )
        self.run(
            "The facts are read again, then the approved commands run. The checks"
            " follow by themselves.",
            "apply",
            "last",
            expected=0,
        )

    def _diagnose(self, name: str) -> tuple[str, ...]:
        """The command, which keeps what it read if this is to be a recording."""
        if self._record is None:
            return ("diagnose",)
        STATE.mkdir(exist_ok=True)
        return ("diagnose", "--save", str(STATE / name))

    def _ending(self, run: Path) -> bool:
        """The last line, from the report and from the chain itself; whether it has no evidence."""
        evidence = sum(
            len(self._lab.world.evidence(host))
            for host, height in self._lab.world.heights().items()
            if height is not None
        )
        console.print(
            f"\n{figures(run)}; evidence found {evidence}; report {run / 'report.html'}",
            style="bold",
            soft_wrap=True,
        )
        return evidence == 0


def _elsewhere(lab: Lab) -> Path:
    """The inventory and the files that it names where they could lie on anybody's machine: the
    journal, which nobody can edit, names all of them."""
    access = lab.access
    ANYWHERE.mkdir(exist_ok=True)
    for file in (access.inventory, access.allowed_signers, access.ssh_config):
        shutil.copy(file, ANYWHERE)
    return ANYWHERE / access.inventory.name


def main(arguments: list[str] | None = None) -> int:
    """The program."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab.demo")
    parser.add_argument("--record", type=Path, metavar="DIRECTORY", help="keep a recording of it")
    record: Path | None = parser.parse_args(arguments).record
    lacks = missing()
    if lacks and record is None:
        console.print(f"Hosts cannot be booted here; missing: {', '.join(lacks)}.", soft_wrap=True)
        console.print("Instead, a rescue that was recorded in the lab:", style="bold")
        return play([])
    return _rescue(record)


def _rescue(record: Path | None) -> int:
    """The demo itself."""
    shutil.rmtree(STATE, ignore_errors=True)
    console.print("Bringing up seven hosts and a chain of four validators (40/30/20/10) …")
    lab: Lab | None = None
    try:
        lab = Lab.up(NAME)
        return 0 if Demo(lab, record).walk() else 1
    except LabError as error:
        console.print(f"demo: {error}", style="bold red")
        return 1
    finally:
        shutil.rmtree(ANYWHERE, ignore_errors=True)
        if lab is not None:
            lab.down()


if __name__ == "__main__":
    sys.exit(main())

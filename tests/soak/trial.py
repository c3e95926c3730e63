"""One seed and one contestant: the lab made pristine, broken, left to the contestant, scored."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.lab.binary import virtengined
from tests.lab.lab import Lab
from tests.soak.breaking import disturb, strike
from tests.soak.contestant import Contestant
from tests.soak.disaster import Disaster, During, right
from tests.soak.kinds import DuringKind, Kind
from tests.soak.scene import Scene, Trouble
from tests.soak.scorer import GOOD, Outcome, score
from tests.soak.watching import watched

LIMIT_S = 420.0
"""A contestant that has not ended by then is ended."""

SENT = frozenset({Kind.PANIC, Kind.UPGRADE})
"""Where somebody has built the program that is needed."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """How one rescue ended. `happened`: whether what was to go wrong meanwhile did, which it does
    not where nobody acts, or not for so long."""

    seed: int
    contestant: str
    disaster: str
    happened: bool
    outcome: Outcome
    harms: tuple[str, ...]
    why: str
    acted: bool
    told: str
    seconds: float

    @property
    def good(self) -> bool:
        """Whether it ended as the best operator's would."""
        return self.outcome in GOOD


def attempt(lab: Lab, disaster: Disaster, contestant: Contestant, directory: Path) -> Trial:
    """Play a disaster for a contestant, who works in an empty directory.

    Raises:
        LabError: the lab could not be broken as the disaster says, or not be read afterwards.
    """
    lab.pristine()
    strike(lab, disaster)
    trouble = None if disaster.during is None else _trouble(lab, disaster.during)
    began = time.monotonic()
    with watched(lab, disaster.right) as notes:
        scene = Scene(
            inventory=lab.access.inventory,
            ssh_config=lab.access.ssh_config,
            key=lab.access.operator_key,
            directory=Path(tempfile.mkdtemp(prefix=contestant.name, dir=directory)),
            trouble=trouble,
            program=virtengined(2) if SENT & {f.kind for f in disaster.faults} else None,
            ends_at=time.monotonic() + LIMIT_S,
        )
        told = contestant.rescue(scene)
        seconds = time.monotonic() - began
    happened = trouble is not None and trouble.happened
    aim = right(disaster.faults, disaster.during if happened else None)
    assert notes.seen is not None
    ended = score(aim, notes.seen, told, disturbed=happened)
    return Trial(
        seed=disaster.seed,
        contestant=contestant.name,
        disaster=str(disaster),
        happened=happened,
        outcome=ended.outcome,
        harms=ended.harms,
        why=ended.why,
        acted=told.acted,
        told=told.reason,
        seconds=round(seconds, 1),
    )


def _trouble(lab: Lab, during: During) -> Trouble:
    if during.kind is DuringKind.CONTROLLER_KILLED:
        return Trouble(during.at, None)
    return Trouble(during.at, lambda: disturb(lab, during))

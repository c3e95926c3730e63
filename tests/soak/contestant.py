"""Who enters: something with a name that is called to a broken chain, and tells what it did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from tests.soak.disaster import Reason
from tests.soak.scene import Scene


@dataclass(frozen=True)
class Told:
    """What a contestant says of its rescue: whether it changed anything, whether it leaves
    something for people, and why, in lines that name hosts."""

    acted: bool
    refused: bool
    reason: str = ""

    def names(self, reason: Reason) -> bool:
        """Whether a line names the host of a reason with one of its words."""
        lines = (line.replace("-", " ").lower() for line in self.reason.splitlines())
        return any(
            reason.host in line and any(word in line for word in reason.words) for line in lines
        )


class Contestant(Protocol):
    """A way to rescue a chain. It sees the scene and nothing else: no file of the lab, no fault."""

    name: str

    def rescue(self, scene: Scene) -> Told:
        """Look, act or refuse, and tell."""
        ...

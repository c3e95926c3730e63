"""A walk through the product at a terminal: each command is shown, run, and held to its end."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from tests.lab.lab import CHECKOUT
from tests.lab.operator import COMMAND
from tests.lab.shell import LabError

PAUSE_S = 1.5
"""Seconds for whoever reads along."""

console = Console(highlight=False, markup=False, width=min(100, Console().width))


class Walk:
    """Commands with a state directory and an inventory of their own."""

    def __init__(self, state: Path, inventory: Path) -> None:
        self._environment = {
            **os.environ,
            "REMEDIATE_HOME": str(state),
            "REMEDIATE_INVENTORY": str(inventory),
        }

    def say_how_to_follow(self) -> None:
        """What to type in another terminal."""
        self.say("To follow in another terminal:")
        console.print(f"  export PATH={shlex.quote(str(COMMAND.parent))}:$PATH", soft_wrap=True)
        for name in ("REMEDIATE_HOME", "REMEDIATE_INVENTORY"):
            value = shlex.quote(self._environment[name])
            console.print(f"  export {name}={value}", soft_wrap=True)

    def run(self, why: str, *arguments: str, expected: int) -> None:
        """Say why, and run a command of the product.

        Raises:
            LabError: it ended otherwise.
        """
        self.say(why)
        console.print(f"$ remediate {shlex.join(arguments)}", style="bold cyan", soft_wrap=True)
        done = subprocess.run([str(COMMAND), *arguments], env=self._environment, cwd=CHECKOUT)
        time.sleep(PAUSE_S)
        if done.returncode != expected:
            raise LabError(f"remediate {arguments[0]} ended with {done.returncode}, not {expected}")

    def say(self, text: str) -> None:
        """A line of the story, with the time."""
        console.print(f"\n[{datetime.now(UTC):%H:%M:%S}] {text}", style="bold green")

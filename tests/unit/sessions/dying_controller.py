"""A controller that launches the step on its input and dies at once:
`python -m tests.unit.sessions.dying_controller HOME`."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import msgspec

from remediations.systems.sessions.steps import ResetOrder
from tests.unit.sessions.cases import Case
from tests.unit.sessions.service import Service


def main(home: Path, payload: str) -> None:
    """Launch it, and be killed."""
    case = Case(service=Service(home / "service.db"), home=home, url="")
    step = case.launched(ResetOrder.parse(payload).item)
    step.work = msgspec.structs.replace(step.work, payload=payload)
    step.launch()
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.stdin.read())

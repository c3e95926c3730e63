"""`python -m tests.replay [DIRECTORY]`: play a recorded rescue. Needs no root, contacts nothing."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.replay.player import replay
from tests.replay.recording import RESCUE, ReplayError


def main(arguments: list[str] | None = None) -> int:
    """Exit 0: it was played to its end. 1: the recording is damaged or stale. 130: Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m tests.replay", description=__doc__)
    parser.add_argument("directory", nargs="?", type=Path, default=RESCUE)
    try:
        replay(parser.parse_args(arguments).directory)
    except ReplayError as error:
        sys.stderr.write(f"replay: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

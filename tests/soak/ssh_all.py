"""`python -m tests.soak.ssh_all ARGV…`: runs each argument, a command as a JSON list, at the same
time; one process that can be killed while all of them run."""

from __future__ import annotations

import json
import subprocess
import sys


def main() -> int:
    """The worst of their exit codes."""
    running = [subprocess.Popen(json.loads(line)) for line in sys.argv[1:]]
    return max((process.wait() for process in running), default=0)


if __name__ == "__main__":
    sys.exit(main())

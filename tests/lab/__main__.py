"""`python -m tests.lab up|down|status|shell HOST [--name NAME]`: the lab by hand."""

from __future__ import annotations

import argparse
import os
import sys
import time

from tests.lab.lab import Lab
from tests.lab.scoring_inventory import write_inventory
from tests.lab.shell import LabError


def main() -> int:
    """The program."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab", description=__doc__)
    parser.add_argument("--name", default="demo", help="which lab (default: demo)")
    verbs = parser.add_subparsers(dest="verb", required=True)
    up = verbs.add_parser("up", help="boot the hosts and start the chain")
    up.add_argument("--scores", action="store_true", help="with scorers in podman containers")
    verbs.add_parser("down", help="take everything away")
    verbs.add_parser("status", help="heights and units")
    verbs.add_parser("shell", help="a root shell on a host").add_argument("host", nargs="?")
    chosen = parser.parse_args()
    try:
        return _act(chosen)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1


def _act(chosen: argparse.Namespace) -> int:
    if chosen.verb == "up":
        began = time.monotonic()
        lab = Lab.up(chosen.name, stay=True, scores=chosen.scores)
        if chosen.scores:
            write_inventory(lab)
        print(f"lab {chosen.name} is up after {time.monotonic() - began:.1f} s")
        print(f"inventory  {lab.access.inventory}")
        print(f"key        {lab.access.operator_key}")
        print(f"next       .venv/bin/remediate diagnose --inventory {lab.access.inventory}")
        return 0
    lab = Lab.attach(chosen.name)
    if chosen.verb == "down":
        lab.down()
    elif chosen.verb == "status":
        for host, height in lab.world.heights().items():
            print(f"{host:<10} {lab.unit(host):<26} height {height}")
    else:
        _shell(lab, chosen.host or "")
    return 0


def _shell(lab: Lab, host: str) -> None:
    if host not in lab.hosts:
        raise LabError(f"no host {host!r}; one of {', '.join(lab.hosts)} (make lab-shell HOST=…)")
    init = lab.hosts[host].init()
    if init is None:
        raise LabError(f"{host} is off")
    os.execvp(
        "nsenter", ["nsenter", "-t", str(init), "-m", "-u", "-i", "-n", "-p", "-r", "-w", "bash"]
    )


if __name__ == "__main__":
    sys.exit(main())

"""How the chain's program wants to be called: builds differ in flags, libraries and patience.

What its flags are is asked of the program itself (`start --help`). Its shared libraries are named
in the environment, `VIRTENGINED_LIBS=/path/libwasmvm.x86_64.so[:…]`, and put where the loader of
every host finds them.
"""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path

from tests.lab.shell import LabError, run
from tests.lab.spec import DENOM

LIBRARIES = "VIRTENGINED_LIBS"
ON_HOSTS = "/usr/local/lib"
"""Where the loader of a Debian host looks, after `ldconfig`."""
OWN_START_S, OTHER_START_S = 45.0, 600.0
"""Seconds until a new chain has its first blocks: the lab's own program takes seconds, another one
may compile circuits in every process for minutes where the machine is busy."""


def start_limit_s() -> float:
    """How long a start may take."""
    return OTHER_START_S if os.environ.get("VIRTENGINED") else OWN_START_S


@cache
def start_flags(binary: Path) -> str:
    """What follows `start --home HOME` in a unit.

    Raises:
        LabError: the program does not say what flags it has.
    """
    return " ".join(flags_of(run(*program(binary), "start", "--help")))


def flags_of(said: str) -> tuple[str, ...]:
    """The flags of a start, by the help text: no colours, and gas without a price where the program
    would set one of its own."""
    known = set(re.findall(r"(?<![\w-])--([a-z][a-z_.-]*)", said))
    if "home" not in known:
        raise LabError(f"`start --help` of the chain's program names no --home: {said[:200]!r}")
    if "log_no_color" in known:
        return ("--log_no_color",)
    colour = ("--log_color=false",) if "log_color" in known else ()
    price = (f"--minimum-gas-prices=0{DENOM}",) if "minimum-gas-prices" in known else ()
    return (*colour, *price)


def libraries() -> tuple[Path, ...]:
    """The shared libraries that the environment names.

    Raises:
        LabError: one of them is not a file.
    """
    found = tuple(Path(name) for name in os.environ.get(LIBRARIES, "").split(":") if name)
    for path in found:
        if not path.is_file():
            raise LabError(
                f"{LIBRARIES}: {path} is not a file; name the shared libraries that "
                "`ldd` of the program does not find, separated by colons"
            )
    return found


def program(binary: Path) -> tuple[str, ...]:
    """The words that run the program on this machine, where its libraries may not be installed."""
    places = ":".join(dict.fromkeys(str(path.resolve().parent) for path in libraries()))
    return (*(("env", f"LD_LIBRARY_PATH={places}") if places else ()), str(binary))

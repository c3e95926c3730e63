"""The sections of a reading, and the bytes that each may have: limited on the host, and here again.

All together they have at most `TOTAL_BYTES`, so a host cannot make us unpack more than that.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

from remediations.engine.system import HostSystem
from remediations.errors import Refused
from remediations.values.inventory import HostEntry, Inventory

TOTAL_BYTES = 40 << 20

FRAME: Mapping[str, int] = MappingProxyType({"login": 4096, "records": 8192})
"""Section of the frame itself → bytes."""
_MEMBERS = ("remediate_probe", "began", "ended")
"""Other members of the document."""

_FUNCTION = re.compile(r"^[ \t]*(?:function[ \t]+(\w+)|(\w+)[ \t]*\(\))", re.MULTILINE)
_SETTING = re.compile("remediate_[a-z_]{1,40}")


def section_limits(systems: Sequence[HostSystem]) -> Mapping[str, int]:
    """Section → bytes, for the frame and all systems. Other sections are not unpacked.

    Raises:
        Refused: two have a section of the same name, or together they are too large.
    """
    found = dict(FRAME)
    for system in systems:
        _once([*_MEMBERS, *found, *system.sections], "section", systems)
        found.update(system.sections)
    total = sum(found.values())
    if total > TOTAL_BYTES:
        raise _refused(f"sections of {total} bytes", f"at most {TOTAL_BYTES} bytes", systems)
    return found


def check_functions_unique(texts: Iterable[str], systems: Sequence[HostSystem]) -> None:
    """Check that no shell function is defined by two of `texts`: the later definition would replace
    the other, also for the callers of that one.

    Raises:
        Refused: a function is defined twice.
    """
    _once([name for text in texts for name in _functions(text)], "function", systems)


@lru_cache(maxsize=64)
def _functions(text: str) -> tuple[str, ...]:
    """The functions that a shell text defines. All hosts run the same texts: searching them for
    each host takes a millisecond of the loop that dials the others."""
    return tuple(one or other for one, other in _FUNCTION.findall(text))


def merged_settings(
    frame: Mapping[str, str],
    entry: HostEntry,
    systems: Sequence[HostSystem],
    inventory: Inventory | None = None,
) -> Mapping[str, str]:
    """The shell variables of the frame and all systems for one host.

    Raises:
        Refused: a setting occurs twice, or its name does not have the required form.
    """
    found = dict(frame)
    for system in systems:
        of_host = system.settings(entry)
        of_all = {} if inventory is None else system.settings_of_all(inventory)
        _once([*found, *of_host, *of_all], "setting", systems)
        own = {**of_host, **of_all}
        for name in own:
            if not _SETTING.fullmatch(name):
                raise _refused(f"a setting called {name}", "remediate_…", systems)
        found.update(own)
    return found


def _once(names: Iterable[str], what: str, systems: Sequence[HostSystem]) -> None:
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise _refused(f"two {what}s called {twice[0]}", "each name once", systems)


def _refused(got: str, expected: str, systems: Sequence[HostSystem]) -> Refused:
    names = ", ".join(sorted(system.name for system in systems))
    return Refused(
        f"the installed systems cannot be read in one program: {names}",
        guard="systems on hosts",
        got=got,
        expected=expected,
        next_step="remediate list (then `pip uninstall` the package that is not wanted)",
    )

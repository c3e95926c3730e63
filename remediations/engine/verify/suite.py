"""Where the checks of a domain are: a package of tests, which pytest runs as files."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from remediations.engine.domain import AnyDomain
from remediations.errors import MachineError


def suite_of(domain: AnyDomain) -> Path:
    """The directory of the domain's checks. Imports the packages above it only.

    Raises:
        MachineError: there is no such package.
    """
    try:
        found = find_spec(domain.checks)
    except (ImportError, ValueError):
        found = None
    for place in (found.submodule_search_locations or ()) if found is not None else ():
        return Path(place)
    raise MachineError(
        f"the checks of the domain {domain.name} are not here",
        guard="checks",
        got=f"no package {domain.checks}",
        expected="the package that the domain names",
        next_step="install the package that brings the domain again",
    )

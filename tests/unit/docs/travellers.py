"""Three machines for docs/travel.md: where it is planned, where it is signed, where it is applied.

They share no state: each has a home and, where this may be arranged, a user of its own. The room
with the lamps is the world that two of them reach.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.unit.docs.lamps import INVENTORY, Desk, Done
from tests.unit.docs.pages import ROOT, blocks

PAGE = "docs/travel.md"
SSH = "Host *\n  HostName 127.0.0.1\n  Port 1\n  User lamps\n"
"""The user is named: without one, where a name leads would depend on who asks."""
OTHER_USER = 65_534
PYTHON = "/usr/bin/python3"
"""For the other user: the one of these tests may be in a home that nobody else can enter."""
PACKAGES = sysconfig.get_paths()["purelib"]
_TYPED = re.compile(r"^([a-z]+)\$ (.+)$")


@dataclass(frozen=True)
class Typed:
    """A line of the page: on which machine, what is typed there, and what is shown of the
    output."""

    machine: str
    line: str
    shown: tuple[str, ...]


def script() -> Iterator[Typed]:
    """All lines that the page has somebody type, in order."""
    for block in blocks(PAGE):
        if block.language != "text":
            continue
        lines = block.text.splitlines()
        starts = [number for number, line in enumerate(lines) if _TYPED.match(line)]
        for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
            match = _TYPED.match(lines[start])
            assert match is not None
            yield Typed(match[1], match[2], tuple(filter(None, lines[start + 1 : end])))


class Machine:
    """A home with what its user has, and nothing else."""

    def __init__(self, path: Path, site: Path | None, room: Path | None, user: int | None) -> None:
        self.path, self._site, self._room, self._user = path, site, room, user
        path.mkdir()

    def has(self, *files: Path) -> None:
        """Bring copies of these files."""
        for file in files:
            target = self.path / file.name
            shutil.copy(file, target)
            target.chmod(0o600)
        self._own(self.path)

    def types(self, line: str) -> Done:
        """A line of shell, as this machine's user."""
        self._own(self.path)
        done = subprocess.run(
            ["/bin/sh", "-c", line],
            env=self.environment(),
            cwd=self.path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            user=self._user,
            group=self._user,
            extra_groups=None if self._user is None else [],
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def environment(self) -> dict[str, str]:
        """Of somebody who has only this."""
        given = {
            "HOME": str(self.path),
            "PATH": f"{self.path}/bin:/usr/bin:/bin",
            "PYTHONPATH": ":".join(map(str, filter(None, (self._site, ROOT, PACKAGES)))),
            "PYTHONDONTWRITEBYTECODE": "1",
            "LAMP_ROOM": str(self._room) if self._room else "",
        }
        inventory = self.path / "inventory.yaml"
        return {**given, "REMEDIATE_INVENTORY": str(inventory)} if inventory.exists() else given

    def installs(self, python: str) -> None:
        """The programs of the page."""
        main = "import remediations.cli.main as m; m.main()"
        for name, how in (("remediate", f'-c "{main}"'), ("python3", "")):
            program = self.path / "bin" / name
            program.parent.mkdir(exist_ok=True)
            program.write_text(f'#!/bin/sh\nexec {python} {how} "$@"\n')
            program.chmod(0o755)

    def _own(self, path: Path) -> None:
        if self._user is None:
            return
        os.chown(path, self._user, self._user)
        for one in path.rglob("*"):
            os.chown(one, self._user, self._user, follow_symlinks=False)


def _starts(python: str) -> bool:
    """Whether the other user can start this Python with the packages of these tests."""
    done = subprocess.run(
        [python, "-c", "import remediations.cli.main"],
        env={"PYTHONPATH": f"{ROOT}:{PACKAGES}", "PYTHONDONTWRITEBYTECODE": "1"},
        user=OTHER_USER,
        group=OTHER_USER,
        extra_groups=[],
        capture_output=True,
    )
    return done.returncode == 0


def machines(place: Path, site: Path) -> dict[str, Machine]:
    """The three of the page, by the name before the `$`. `place` can be entered by everybody."""
    other = OTHER_USER if os.geteuid() == 0 and _starts(PYTHON) else None
    (place / "desk").mkdir()
    desk = Desk(place / "desk", site)
    (desk.path / "inventory.yaml").write_text(INVENTORY)
    (desk.path / "ssh_config").write_text(SSH)
    of_the_world = [desk.path / name for name in ("inventory.yaml", "ssh_config")]
    made = {
        "plan": Machine(place / "plan", site, desk.room, None),
        "alice": Machine(place / "alice", None, None, other),
        "apply": Machine(place / "apply", site, desk.room, other),
    }
    made["plan"].has(*of_the_world, desk.path / "allowed_signers")
    made["apply"].has(*of_the_world, desk.path / "allowed_signers")
    made["alice"].has(desk.path / "key", desk.path / "key.pub")
    if other is not None:  # the world obeys the machine that applies
        for path in (desk.room, *desk.room.iterdir()):
            os.chown(path, other, other)
        for path in (place, desk.path):
            path.chmod(0o755)
    for name, machine in made.items():
        python = sys.executable if name == "plan" or other is None else PYTHON
        machine.installs(python)
    return made

"""Three machines for docs/travel.md: where it is planned, where it is signed, where it is applied.

They share no state: each has a home and, where this may be arranged, a user of its own. The room
with the lamps is the world that two of them reach.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.unit.docs.lamps import INVENTORY, Desk, Done
from tests.unit.docs.pages import ROOT, blocks

PAGE = "docs/travel.md"
SSH = "Host *\n  HostName 127.0.0.1\n  Port 1\n  User lamps\n"
"""The user is named: without one, where a name leads would depend on who asks."""
OTHER_USER = 65_534
FIRST_PERSON = 100
"""Below are accounts of the system, which are the same everywhere."""
LIMIT_S = 240
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


def script(page: str = PAGE) -> Iterator[Typed]:
    """All lines that a page has somebody type, in order."""
    for block in blocks(page):
        if block.language != "text":
            continue
        lines = block.text.splitlines()
        starts = [number for number, line in enumerate(lines) if _TYPED.match(line)]
        if not starts:
            continue
        for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
            match = _TYPED.match(lines[start])
            assert match is not None
            yield Typed(match[1], match[2], tuple(filter(None, lines[start + 1 : end])))


class Machine:
    """A home with what its user has, and nothing else."""

    def __init__(
        self,
        path: Path,
        site: Path | None,
        room: Path | None,
        user: int | None,
        *,
        online: bool = True,
    ) -> None:
        self.path, self._site, self._room, self._user = path, site, room, user
        self._online = online or os.geteuid() != 0
        path.mkdir()

    def has(self, *files: Path) -> None:
        """Bring copies of these files."""
        for file in files:
            target = self.path / file.name
            shutil.copy(file, target)
            target.chmod(0o600)
        self._own(self.path)

    def types(self, line: str, environment: Mapping[str, str] | None = None) -> Done:
        """A line of shell, as this machine's user."""
        with self.starts("/bin/sh", "-c", line, environment=environment) as process:
            try:
                out, err = process.communicate(timeout=LIMIT_S)
            finally:
                if process.poll() is None:
                    process.kill()
        return Done(process.returncode, out, err)

    def starts(
        self, *words: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """A program as this machine's user, in a session of its own; without a network if the
        machine has none. `environment`: what it finds besides the usual."""
        self._own(self.path)
        user, before = self._user, list[str]()
        if not self._online:  # only root may take the network away, so the user comes after that
            before = ["unshare", "--net"]
            if user is not None:
                before += ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
            user = None
        return subprocess.Popen(
            [*before, *words],
            env={**self.environment(), **(environment or {})},
            cwd=self.path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )

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

    def installs(self, python: str, before: str = "") -> None:
        """The programs of the page. `before`: Python that runs before the command."""
        main = f"{before}import remediations.cli.main as m; m.main()"
        for name, how in (("remediate", f'-c "{main}"'), ("python3", "")):
            self.program(name, f'#!/bin/sh\nexec {python} {how} "$@"\n')

    def program(self, name: str, text: str) -> None:
        """A program that is found before those of the system."""
        program = self.path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(text)
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


def other_users(*names: str) -> dict[str, int | None]:
    """A user for each machine: accounts that every Debian has. None where the tests are not run by
    root, or no other user can start the Python of this machine."""
    found = [entry.pw_uid for entry in pwd.getpwall() if 0 < entry.pw_uid < FIRST_PERSON]
    if os.geteuid() != 0 or not _starts(PYTHON) or len(found) < len(names):
        return dict.fromkeys(names)
    return dict(zip(names, sorted(found), strict=False))


def machines(place: Path, site: Path) -> dict[str, Machine]:
    """The three of docs/travel.md, by the name before the `$`. Everybody can enter `place`."""
    other = OTHER_USER if os.geteuid() == 0 and _starts(PYTHON) else None
    desk = desk_at(place, site)
    made = {
        "plan": Machine(place / "plan", site, desk.room, None),
        "alice": Machine(place / "alice", None, None, other),
        "apply": Machine(place / "apply", site, desk.room, other),
    }
    reach_the_world(desk, made["plan"], made["apply"])
    made["alice"].has(desk.path / "key", desk.path / "key.pub")
    obeys(desk, other)
    for name, machine in made.items():
        machine.installs(sys.executable if name == "plan" or other is None else PYTHON)
    return made


def desk_at(place: Path, site: Path) -> Desk:
    """The world, and the files by which it is reached."""
    (place / "desk").mkdir()
    desk = Desk(place / "desk", site)
    (desk.path / "inventory.yaml").write_text(INVENTORY)
    (desk.path / "ssh_config").write_text(SSH)
    return desk


def reach_the_world(desk: Desk, *reaching: Machine) -> None:
    """Give machines what they need to plan or apply."""
    names = ("inventory.yaml", "ssh_config", "allowed_signers")
    for machine in reaching:
        machine.has(*(desk.path / name for name in names))


def obeys(desk: Desk, user: int | None) -> None:
    """Let the world obey the machine that applies, and be seen by all."""
    if user is None:
        return
    for path in (desk.room, *desk.room.iterdir()):
        os.chown(path, user, user)
    for path in (desk.path.parent, desk.path):
        path.chmod(0o755)

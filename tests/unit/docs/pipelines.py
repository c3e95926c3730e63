"""A place in which the jobs of docs/ci/ are run literally: a repository, machines, artifacts, and
the service that gives certificates."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.unit.docs.identity import Identity
from tests.unit.docs.lamps import Done
from tests.unit.docs.pages import ROOT
from tests.unit.docs.travellers import (
    PYTHON,
    SSH,
    Machine,
    desk_at,
    obeys,
    other_users,
    reach_the_world,
)

GITCONFIG = "[safe]\n  directory = *\n"
"""Each machine has its own user, and all push to one repository."""
RECORDING_CURL = """\
#!/bin/sh
printf '%s\\n' "$@" >>"$HOME/curl.words"
exec /usr/bin/curl "$@"
"""
OWN_KEY = "  IdentityFile ${REMEDIATE_SSH_KEY}\n  IdentitiesOnly yes\n"
"""Without the certificate of its job, a name leads nowhere."""


class Pipelines:
    """`workflow` is the file of the CI system, kept in the repository as `named`."""

    def __init__(self, place: Path, site: Path, workflow: Path, named: str) -> None:
        users = other_users("plan", "review", "alice", "apply")
        self.place, self.desk = place, desk_at(place, site)
        self.identity = Identity(place / "identity")
        (self.desk.path / "ssh_config").write_text(SSH + OWN_KEY)
        room = self.desk.room
        self.machines = {
            "plan": Machine(place / "plan", site, room, users["plan"]),
            "review": Machine(place / "review", None, None, users["review"]),
            "alice": Machine(place / "alice", None, None, users["alice"], online=False),
            "apply": Machine(place / "apply", site, room, users["apply"]),
        }
        reach_the_world(self.desk, self.machines["plan"], self.machines["apply"])
        self.machines["alice"].has(self.desk.path / "key", self.desk.path / "key.pub")
        obeys(self.desk, users["apply"])
        for name, machine in self.machines.items():
            if name != "review":
                machine.installs(sys.executable if users["plan"] is None else PYTHON)
            machine.program("curl", RECORDING_CURL)
            (machine.path / ".gitconfig").write_text(GITCONFIG)
        self.artifacts = place / "artifacts"
        self.artifacts.mkdir()
        self.repository = place / "repository.git"
        self._commit(workflow, named)

    def _commit(self, workflow: Path, named: str) -> None:
        """What the page has people copy, as the main branch."""
        work = self.place / "work"
        shutil.copytree(ROOT / "docs/ci/shell", work / "ci")
        (work / named).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(workflow, work / named)
        self.git("init", "--quiet", "--bare", "--initial-branch=main", str(self.repository))
        self.git("init", "--quiet", "--initial-branch=main", cwd=work)
        self.git("add", ".", cwd=work)
        self.git("commit", "--quiet", "--message", "Copy what the page says", cwd=work)
        self.git("push", "--quiet", str(self.repository), "main", cwd=work)
        shutil.rmtree(work)
        self._everybody_may_push()

    def _everybody_may_push(self) -> None:
        for path in (self.repository, *self.repository.rglob("*")):
            path.chmod(0o777 if path.is_dir() else 0o666)

    def git(self, *words: str, cwd: Path | None = None) -> str:
        """Git by somebody with all rights."""
        who = ("-c", "user.name=somebody", "-c", "user.email=somebody@localhost")
        safe = ("-c", "safe.directory=*")
        done = subprocess.run(
            ["git", *who, *safe, *words], cwd=cwd, capture_output=True, text=True, check=True
        )
        return done.stdout

    def clone(self, machine: Machine, ref: str, path: str) -> None:
        """A clean clone in a workspace, as a CI system makes one; it replaces what was there."""
        target = machine.path / path
        shutil.rmtree(target, ignore_errors=True)
        self.git("clone", "--quiet", "--branch", ref, str(self.repository), str(target))

    def signed(self, run: str) -> None:
        """Alice takes the artifact, signs it, and her approval is pushed to the run's branch."""
        alice = self.machines["alice"]
        shutil.copytree(self.artifacts / "handed", alice.path / "handed", dirs_exist_ok=True)
        done = alice.types(f"sh {ROOT}/docs/ci/shell/sign.sh handed key alice.json --yes")
        assert done.code == 0, done.err
        branch, work = f"approvals/{run}", self.place / "somebody"
        exists = self.git("branch", "--list", branch, cwd=self.repository).strip()
        ref = branch if exists else "main"
        self.git("clone", "--quiet", "--branch", ref, str(self.repository), str(work))
        (work / "approvals" / run).mkdir(parents=True)
        shutil.copy(alice.path / "alice.json", work / "approvals" / run)
        self.git("add", "approvals", cwd=work)
        self.git("commit", "--quiet", "--message", "Approve", cwd=work)
        self.git("push", "--quiet", "origin", f"HEAD:refs/heads/{branch}", cwd=work)
        self._everybody_may_push()
        shutil.rmtree(work)

    def bash(
        self, machine: Machine, script: str, where: str, environment: Mapping[str, str]
    ) -> Done:
        """A script in a workspace, with the flags that both CI systems use."""
        file = machine.path / "script.sh"
        file.write_text(f"cd {where}\n{script}\n")
        line = f"bash --noprofile --norc -eo pipefail {file}"
        trust = {"CURL_CA_BUNDLE": str(self.identity.trusted)}
        return machine.types(line, {**trust, **environment})

    def keep(self, machine: Machine, path: str, name: str) -> None:
        """An artifact, if it is there."""
        found = machine.path / path
        if found.exists():
            shutil.copytree(found, self.artifacts / name, dirs_exist_ok=True)

    def lit(self) -> int:
        """How often the lamp of the hall was switched."""
        return len(self.desk.claims)

    def words_of_curl(self) -> str:
        """All command lines of curl, on all machines."""
        files = (machine.path / "curl.words" for machine in self.machines.values())
        return "".join(file.read_text() for file in files if file.exists())


@contextmanager
def pipelines(site: Path, workflow: Path, named: str) -> Iterator[Pipelines]:
    """Below a directory that every user may enter; with the service that gives certificates."""
    place = Path(tempfile.mkdtemp(prefix="pipelines-"))
    try:
        place.chmod(0o755)
        made = Pipelines(place, site, workflow, named)
        with made.identity.served():
            yield made
    finally:
        shutil.rmtree(place)

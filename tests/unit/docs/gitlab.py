"""A small interpreter of a pipeline of GitLab: variables, artifacts as directories, dotenv files,
and the lines of `before_script`, `script` and `after_script` literally, joined as its runner does.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.unit.docs.pipelines import Pipelines

Tree = Any
WORKSPACE = "workspace"
SHORT = {"before_script", "script", "after_script"}
KNOWN = SHORT | {
    *("stage", "tags", "timeout", "id_tokens", "artifacts", "needs", "rules", "environment"),
    "resource_group",
}
VAULT = "https://vault.example.org"


@dataclass
class Ran:
    """How a job ended, and what it printed."""

    code: int
    log: str


class Pipeline:
    """One pipeline, started with `variables`, which win over those of the file."""

    def __init__(self, place: Pipelines, document: Tree, variables: Mapping[str, str]) -> None:
        self._place, self._document = place, document
        self._variables = dict(variables)
        self._dotenv: dict[str, str] = {}

    def run(self, name: str) -> Ran:
        """Run a job on its machine."""
        job, machine = self._document[name], self._place.machines[name]
        unknown = {*job} - KNOWN
        if unknown:
            raise ValueError(f"keywords that are not known here: {sorted(unknown)}")
        self._place.clone(machine, "main", WORKSPACE)
        workspace = machine.path / WORKSPACE
        if job.get("needs"):
            shutil.copytree(self._place.artifacts, workspace, dirs_exist_ok=True)
        environment = {
            **({"ID_TOKEN": self._place.identity.id_token(name)} if "id_tokens" in job else {}),
            "CI_PROJECT_DIR": str(workspace),
            **self._dotenv,
            **self._variables,
        }
        lines = [*job.get("before_script", []), *job["script"]]
        done = self._place.bash(machine, self._script(name, lines), WORKSPACE, environment)
        after = self._script(name, job.get("after_script", []))
        self._place.bash(machine, after, WORKSPACE, environment)
        self._keep(name, job["artifacts"])
        return Ran(done.code, done.out + done.err)

    def _script(self, name: str, lines: Sequence[str]) -> str:
        """The lines one after another. What is a path or an address of an example in them is one
        of the test."""
        home = self._place.machines[name].path
        text = "\n".join(lines).replace(VAULT, self._place.identity.url)
        text = text.replace("/etc/remediate/inventory.yaml", str(home / "inventory.yaml"))
        return text.replace("/var/lib/remediate", str(home / "state"))

    def _keep(self, name: str, artifacts: Tree) -> None:
        machine = self._place.machines[name]
        for path in artifacts["paths"]:
            self._place.keep(machine, f"{WORKSPACE}/{path}", path.rstrip("/"))
        report = machine.path / WORKSPACE / artifacts.get("reports", {}).get("dotenv", "none")
        if report.exists():
            lines = report.read_text().splitlines()
            self._dotenv |= {line.partition("=")[0]: line.partition("=")[2] for line in lines}

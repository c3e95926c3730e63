"""A small interpreter of a workflow of GitHub: env, conditions, outputs, artifacts as directories,
and the `run:` of each step literally. What it does not know it refuses."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.unit.docs.pipelines import Pipelines
from tests.unit.docs.travellers import Machine

Tree = Any
WORKSPACE = "workspace"
_EXPRESSION = re.compile(r"\$\{\{ *(.*?) *\}\}")
_NAME = re.compile(r"[a-z_]+(?:\.[A-Za-z_-]+)+")
_TEXT = re.compile(r"'([^']*)'")


def load(path: Path) -> Tree:
    """A YAML file as plain values."""
    return YAML(typ="safe", pure=True).load(path)


@dataclass
class Ran:
    """How a job ended: `success`, `failure` or `skipped`, and what it left."""

    result: str = "success"
    code: int = 0
    log: str = ""
    summary: str = ""
    outputs: dict[str, str] = field(default_factory=dict)


class Workflow:
    """One run of a workflow, triggered with `event`."""

    def __init__(self, place: Pipelines, document: Tree, event: Mapping[str, str]) -> None:
        self._place, self._document = place, document
        self._known = {**event, "vars.VAULT_ADDR": place.identity.url, "github.token": "gh-token"}
        self.jobs: dict[str, Ran] = {}

    def run(self, name: str) -> Ran:
        """Run a job. Those that it needs have been run."""
        job = self._document["jobs"][name]
        needed = job.get("needs", [])
        before = [self.jobs[one] for one in ([needed] if isinstance(needed, str) else needed)]
        skipped = any(one.result != "success" for one in before)
        if skipped or not self._holds(job.get("if", "success()"), failed=False):
            ran = Ran(result="skipped")
        else:
            ran = _Job(self._place, self, name, job).run()
        self.jobs[name] = ran
        self._known |= {f"needs.{name}.outputs.{k}": value for k, value in ran.outputs.items()}
        return ran

    def value(self, text: object, more: Mapping[str, str] | None = None) -> str:
        """A text with its expressions evaluated."""
        known = {**self._known, **(more or {})}
        return _EXPRESSION.sub(lambda found: self._evaluated(found[1], known), str(text))

    def _evaluated(self, expression: str, known: Mapping[str, str]) -> str:
        if "||" in expression:
            left, _, right = expression.partition("||")
            return self._evaluated(left.strip(), known) or self._evaluated(right.strip(), known)
        if "==" in expression:
            left, _, right = expression.partition("==")
            same = self._evaluated(left.strip(), known) == self._evaluated(right.strip(), known)
            return "true" if same else ""
        text = _TEXT.fullmatch(expression)
        if text:
            return text[1]
        if not _NAME.fullmatch(expression):
            raise ValueError(f"an expression that is not known here: {expression}")
        return known.get(expression, "")

    def holds(self, condition: str, *, failed: bool, more: Mapping[str, str]) -> bool:
        """Whether a step is run."""
        return self._holds(condition, failed=failed, more=more)

    def _holds(
        self, condition: str, *, failed: bool, more: Mapping[str, str] | None = None
    ) -> bool:
        inner = _EXPRESSION.fullmatch(condition)
        expression = inner[1] if inner else condition
        if expression in ("always()", "!cancelled()"):
            return True
        if failed:
            return False
        return expression == "success()" or bool(
            self._evaluated(expression, {**self._known, **(more or {})})
        )


class _Job:
    """A job on its machine."""

    def __init__(self, place: Pipelines, workflow: Workflow, name: str, job: Tree) -> None:
        self._place, self._workflow, self._name, self._job = place, workflow, name, job
        self._machine: Machine = place.machines[name]
        self._temp = self._machine.path / "temp"
        self._files = {n: self._machine.path / n for n in ("output", "env", "summary")}
        self._known = {"runner.temp": str(self._temp)}
        self._given: dict[str, str] = {}
        self._ran = Ran()

    def run(self) -> Ran:
        assert self._job["timeout-minutes"] <= 60
        shutil.rmtree(self._temp, ignore_errors=True)
        self._temp.mkdir()
        for file in self._files.values():
            file.write_text("")
        for step in self._job["steps"]:
            failed = self._ran.result == "failure"
            if self._workflow.holds(step.get("if", "success()"), failed=failed, more=self._known):
                self._step(step)
        outputs = self._job.get("outputs", {})
        self._ran.outputs = {k: self._workflow.value(v, self._known) for k, v in outputs.items()}
        self._ran.summary = self._files["summary"].read_text()
        return self._ran

    def _step(self, step: Tree) -> None:
        if "uses" in step:
            action = step["uses"].partition("@")[0]
            given = (
                {k: self._workflow.value(v, self._known) for k, v in step["with"].items()}
                if ("with" in step)
                else {}
            )
            ACTIONS[action](self._place, self._machine, given)
            return
        done = self._place.bash(self._machine, step["run"], WORKSPACE, {**self._environment(step)})
        self._ran.log += done.out + done.err
        self._take(step)
        if done.code and self._ran.result == "success":
            self._ran.result, self._ran.code = "failure", done.code

    def _environment(self, step: Tree) -> dict[str, str]:
        home = self._machine.path
        written = {**self._job.get("env", {}), **step.get("env", {})}
        own = {
            "GITHUB_OUTPUT": str(self._files["output"]),
            "GITHUB_ENV": str(self._files["env"]),
            "GITHUB_STEP_SUMMARY": str(self._files["summary"]),
            "RUNNER_TEMP": str(self._temp),
        }
        if self._job["permissions"].get("id-token") == "write":
            identity = self._place.identity
            own["ACTIONS_ID_TOKEN_REQUEST_URL"] = f"{identity.url}/token?v=1"
            own["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = identity.request_token(self._name)
        of_runner = {
            "/etc/remediate/inventory.yaml": str(home / "inventory.yaml"),
            "/var/lib/remediate": str(home / "state"),
        }
        told = {k: self._workflow.value(v, self._known) for k, v in written.items()}
        return {**own, **{k: of_runner.get(v, v) for k, v in told.items()}, **self._given}

    def _take(self, step: Tree) -> None:
        """What the step wrote for later ones."""
        for line in self._files["output"].read_text().splitlines():
            name, _, value = line.partition("=")
            self._known[f"steps.{step.get('id', '')}.outputs.{name}"] = value
        self._files["output"].write_text("")
        for line in self._files["env"].read_text().splitlines():
            name, _, value = line.partition("=")
            self._given[name] = value
        self._files["env"].write_text("")


def _checkout(place: Pipelines, machine: Machine, given: Mapping[str, str]) -> None:
    path = f"{WORKSPACE}/{given['path']}" if "path" in given else WORKSPACE
    place.clone(machine, given.get("ref", "main"), path)
    if given.get("persist-credentials") == "False":  # then nothing can be fetched or pushed
        place.git("-C", str(machine.path / path), "remote", "remove", "origin")


def _upload(place: Pipelines, machine: Machine, given: Mapping[str, str]) -> None:
    place.keep(machine, f"{WORKSPACE}/{given['path']}", given["name"])


def _download(place: Pipelines, machine: Machine, given: Mapping[str, str]) -> None:
    shutil.copytree(place.artifacts / given["name"], machine.path / WORKSPACE / given["path"])


ACTIONS: Mapping[str, Callable[[Pipelines, Machine, Mapping[str, str]], None]] = {
    "actions/checkout": _checkout,
    "actions/upload-artifact": _upload,
    "actions/download-artifact": _download,
}

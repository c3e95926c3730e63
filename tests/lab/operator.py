"""The product as its user has it: the command, in a process of its own, with its own state."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab.lab import CHECKOUT, Lab
from tests.lab.shell import LabError

COMMAND = Path(sys.executable).with_name("remediate")
LIMIT_S = 240.0
LOOKS = 6
"""A reading of a busy machine may lack something: then it is unknown, and one looks again."""
PLANNED, WORLD_CHANGED = 3, 6

Json = dict[str, Any]


@dataclass(frozen=True)
class Said:
    """What a command said: its exit code and its one JSON document."""

    code: int
    document: Json
    stderr: str

    @property
    def result(self) -> Json:
        """The answer."""
        result: Json = self.document["result"]
        return result

    @property
    def chain(self) -> Json:
        """What `diagnose` concludes of the one chain that there is, as its domain writes it."""
        (told,) = (t for t in self.document["result"] if t["finding"]["domain"] == "chain")
        found: Json = told["detail"]["value"]
        return found

    @property
    def why(self) -> str:
        """What a failed test should show: the refusal, or the checks that do not pass."""
        if self.document["error"]:
            return json.dumps(self.document["error"], indent=1)
        checks = (self.document["result"] or {}).get("checks", ())
        return json.dumps([c for c in checks if c["outcome"] != "passed"], indent=1)

    @property
    def error(self) -> Json:
        """The refusal: what, guard, got, expected, next."""
        error: Json = self.document["error"]
        return error


class Operator:
    """Somebody on call, at a machine from which the lab can be reached."""

    def __init__(self, lab: Lab, state: Path) -> None:
        self._lab = lab
        self.state = state

    @property
    def environment(self) -> dict[str, str]:
        """What the command finds in its environment; no agent of the person who runs the tests."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.state),
            "LANG": "C.UTF-8",
            "REMEDIATE_HOME": str(self.state),
            "REMEDIATE_INVENTORY": str(self._lab.access.inventory),
        }

    def start(
        self, *arguments: str, environment: dict[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Run a command and do not wait for it. `environment`: in place of the usual one."""
        return subprocess.Popen(
            [str(COMMAND), *arguments],
            cwd=CHECKOUT,
            env=environment or self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def says(self, *arguments: str) -> Said:
        """Run a command with --json, and hold it to its promise of one document."""
        with self.start(*arguments, "--json") as process:
            out, err = process.communicate(timeout=LIMIT_S)
        try:
            return Said(process.returncode, json.loads(out), err)
        except ValueError as error:
            raise LabError(
                f"remediate {arguments}: no JSON: {out[-500:]!r} {err[-500:]}"
            ) from error

    def diagnose(self) -> Json:
        """The chain's own finding, whatever the exit code."""
        return self.says("diagnose").chain

    def plan(self, playbook: str, *options: str) -> Said:
        """A plan, or the refusal of one."""
        return self.says("plan", playbook, *options)

    def approve(self, run: str) -> Said:
        """Sign a run's plan with the operator's key."""
        return self.says("approve", run, "--yes", "--key", str(self._lab.access.operator_key))

    def approved(self, playbook: str, *options: str) -> str:
        """The run of a signed plan.

        Raises:
            LabError: no look gave a plan; with what the last one said.
        """
        for _ in range(LOOKS):
            said = self.plan(playbook, *options)
            if said.code == PLANNED:
                run = str(said.result["run"])
                signed = self.approve(run)
                assert signed.code == 0, signed.document
                return run
        raise LabError(str(said.document))

    def rescue(self, playbook: str, *options: str) -> Said:
        """What `apply` said of a signed plan, in a world that does not differ from the plan."""
        for _ in range(LOOKS):
            said = self.says("apply", self.approved(playbook, *options))
            if said.code != WORLD_CHANGED:
                break
        return said

    def conditions(self) -> dict[str, str]:
        """The condition of every node, as diagnosed."""
        return {node["host"]: node["condition"] for node in self.diagnose()["nodes"]}

"""The product, as a tired person uses it: what it says is next is done, a few times, then no more.

The playbook to plan is the one that the diagnosis names, in its finding or in its next step. Where
it names something that has to be brought first, a program or the databases of another node, that is
brought (docs/programs.md, docs/rebuild.md).
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.lab.operator import COMMAND
from tests.soak.contestant import Told
from tests.soak.scene import NODES, Scene

Json = dict[str, Any]
LOOKS, AGAIN_S = 8, 3.0
"""More looks than that nobody takes; seconds until one looks again."""
TRIES, REFUSALS = 2, 3
"""Applications of one branch that do not come to their goal, and refusals in a row, until one calls
somebody else."""
WELL, PENDING = 0, 3
KILLED = -1000
"""No exit code: killed by the disaster, with its machine. Whoever runs out of time ends with -9."""
CORRUPT = "database-corrupt"
COPIED = re.compile(r"copied: ([0-9a-f]{64}), ")
NAMED = re.compile(r"`remediate plan (\S+?)`?[`, ]")


class Remediate:
    """diagnose, plan, approve, apply; resume what was killed; look again."""

    name = "remediate"

    def rescue(self, scene: Scene) -> Told:
        """As described above."""
        acted, refusals, tries = False, 0, dict[str, int]()
        reason, brought = "", tuple[str, ...]()
        for _ in range(LOOKS):
            code, document = self._says(scene, "diagnose")
            reason = "\n".join(_reasons(document))
            if code == WELL:
                return Told(acted, refused=False, reason=reason)
            playbook = _playbook(document)
            if playbook is None and not _look_again(document):
                break
            if playbook is None:
                time.sleep(AGAIN_S)
                continue
            code, planned = self._says(scene, "plan", playbook, *brought)
            brought, before = (), brought
            if code != PENDING:
                reason = "\n".join((reason, *_refusal(planned)))
                brought = before or self._bring(scene, playbook, document)
                acted = acted or bool(brought)
                refusals += brought == before
                if refusals == REFUSALS:
                    break
                time.sleep(AGAIN_S)
                continue
            refusals = 0
            branch, run = planned["result"]["plan"]["branch"], planned["result"]["run"]
            if tries.get(branch, 0) == TRIES:
                break
            acted = True
            code, ended = self._carry_out(scene, run)
            tries[branch] = 0 if code == WELL else tries.get(branch, 0) + 1
            reason = "\n".join((reason, *_refusal(ended)))
        return Told(acted, refused=True, reason=reason)

    def _bring(self, scene: Scene, playbook: str, diagnosed: Json) -> tuple[str, ...]:
        """What the diagnosis says has to be on the hosts first, and the options that name it."""
        ill = [s for s in _subjects(diagnosed) if s["health"] != "well"]
        if scene.program is not None and any("remediate stage FILE" in s["by_hand"] for s in ill):
            code, staged = self._says(scene, "stage", str(scene.program))
            return ("--program", staged["result"]["digest"]) if code == WELL else ()
        hosts = [s["name"] for s in ill if s["condition"] == CORRUPT]
        donor = _donor(diagnosed)
        if not hosts or donor is None:
            return ()
        code, planned = self._says(scene, "plan", playbook, "--donor", donor)
        if code != PENDING:
            return ()
        run = planned["result"]["run"]
        self._carry_out(scene, run)
        copied = COPIED.search((scene.directory / "runs" / run / "journal.jsonl").read_text())
        if copied is None:
            return ()
        staged_on = ("--donor", donor, "--limit", ",".join(hosts))
        code, _ = self._says(scene, "stage", copied[1], *staged_on)
        return ("--data", copied[1]) if code == WELL else ()

    def _carry_out(self, scene: Scene, run: str) -> tuple[int, Json]:
        """Approve and apply; resume as long as the controller is killed. How that ended."""
        self._says(scene, "approve", run, "--yes", "--key", str(scene.key))
        code, document = self._says(scene, "apply", run, journal=scene.directory / "runs" / run)
        while code == KILLED:
            code, document = self._says(scene, "resume", run)
        return code, document

    def _says(self, scene: Scene, *words: str, journal: Path | None = None) -> tuple[int, Json]:
        """Exit code and document of a command; one that acts has a journal."""
        argv = [str(COMMAND), *words, "--json"]
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(scene.directory),
            "LANG": "C.UTF-8",
            "REMEDIATE_HOME": str(scene.directory),
            "REMEDIATE_INVENTORY": str(scene.inventory),
        }
        if journal is None:
            done = scene.run(argv, environment)
        else:
            file = journal / "journal.jsonl"
            done = scene.act(argv, environment, lambda: _lines(file))
        if done.killed:
            return KILLED, {}
        try:
            return done.code, json.loads(done.out)
        except ValueError:  # a fault of ours, or its time was over: told as what it is
            got = f"{done.out[-300:]} {done.errors[-300:]}"
            error = {"guard": "one document", "what": " ".join(words), "got": got, "next": ""}
            return done.code, {"error": error, "result": None}


def _lines(journal: Path) -> int:
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


def _findings(document: Json) -> list[Json]:
    return [told["finding"] for told in document["result"] or () if told["finding"]]


def _subjects(document: Json) -> list[Json]:
    return [subject for finding in _findings(document) for subject in finding["subjects"]]


def _donor(document: Json) -> str | None:
    """Who is well and would be missed least while it stops."""
    well = [s["name"] for s in _subjects(document) if s["health"] == "well" and s["name"] in NODES]
    return min(well, key=lambda host: NODES[host].power, default=None)


def _playbook(document: Json) -> str | None:
    """The playbook that the diagnosis names."""
    for finding in _findings(document):
        found = NAMED.search(finding["next_step"] + " ")
        named = finding["playbook"] or (found.group(1) if found else "")
        if named:
            return str(named)
    return None


def _look_again(document: Json) -> bool:
    return any("diagnose` again" in finding["next_step"] for finding in _findings(document))


def _reasons(document: Json) -> Iterator[str]:
    """What is told of the whole, and of each subject that is not well."""
    if document["error"]:
        yield from _refusal(document)
    for finding in _findings(document):
        yield f"{finding['verdict']}: {finding['explanation']} Next: {finding['next_step']}"
        for subject in finding["subjects"]:
            if subject["health"] != "well":
                told = f"{subject['condition']}, {subject['cause']}. {subject['by_hand']}"
                yield f"{subject['name']}: {told}"


def _refusal(document: Json) -> Iterator[str]:
    """Why a command did not do it: its error, guards that block, checks that do not pass."""
    error, result = document["error"], document["result"]
    if error:
        yield ": ".join(" ".join(str(error[k]).split()) for k in ("guard", "what", "got", "next"))
    plan = result.get("plan") if isinstance(result, dict) else None
    for guard in (plan or {}).get("guards", ()):
        if guard["outcome"] != "pass":
            told = f"{guard['got']}; {guard['next_step']}"
            yield f"{guard['id']} {guard['subject']}: {guard['title']}: {told}"

"""docs/ci/github/remediate.yml: read by actionlint, true to the published schema and to the rules
of its page, and its `run:` lines run literally."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.docs.actions import WORKSPACE, Workflow, load
from tests.unit.docs.ci_tools import actionlint, check_schema
from tests.unit.docs.pages import ROOT
from tests.unit.docs.pipelines import Pipelines, pipelines
from tests.unit.docs.test_ci_shell import site

__all__ = ["site"]

FILE = ROOT / "docs/ci/github/remediate.yml"
DOCUMENT = load(FILE)
JOBS = DOCUMENT["jobs"]
STEPS = [step for job in JOBS.values() for step in job["steps"]]
GH = """\
#!/bin/sh
printf '%s\\n' "$@" >"$HOME/gh.words"
for last; do :; done
cp "$last" "$HOME/gh.body"
"""
APPROVAL, USAGE = 5, 2


@pytest.fixture
def place(site: Path) -> Iterator[Pipelines]:
    with pipelines(site, FILE, ".github/workflows/remediate.yml") as made:
        made.machines["review"].program("gh", GH)
        yield made


def dispatched(place: Pipelines, playbook: str = "dark") -> Workflow:
    return Workflow(place, DOCUMENT, {"inputs.playbook": playbook})


def test_actionlint_has_nothing_to_say(tmp_path: Path) -> None:
    assert actionlint(FILE, tmp_path) == ""


def test_actionlint_sees_what_is_wrong(tmp_path: Path) -> None:
    """An input that is interpolated into a script."""
    wrong = tmp_path / "wrong.yml"
    text = FILE.read_text().replace(
        'sh ci/plan.sh handed "$PLAYBOOK"', "sh ci/plan.sh handed ${{ github.head_ref }}"
    )
    wrong.write_text(text)
    assert "untrusted" in actionlint(wrong, tmp_path)


def test_it_fits_the_published_schema() -> None:
    assert check_schema("github-workflows", DOCUMENT) == []


def test_nothing_is_interpolated_into_a_script() -> None:
    """Values reach a shell by its environment only."""
    runs = [step["run"] for step in STEPS if "run" in step]
    assert len(runs) >= 7
    assert [run for run in runs if "${{" in run] == []


def test_actions_are_pinned() -> None:
    """By commit, with the version for people."""
    uses = re.findall(r"uses: (.+)", FILE.read_text())
    assert len(uses) == sum("uses" in step for step in STEPS)
    pinned = re.compile(r"actions/[a-z-]+@[0-9a-f]{40} # v[0-9.]+")
    assert [one for one in uses if not pinned.fullmatch(one)] == []


def test_permissions_are_the_least() -> None:
    """None for the workflow; who reaches hosts may not write, who writes reaches no host."""
    assert DOCUMENT["permissions"] == {}
    may = {name: job["permissions"] for name, job in JOBS.items()}
    reaching = {"contents": "read", "id-token": "write"}
    assert may == {
        "plan": reaching,
        "review": {"contents": "write", "pull-requests": "write"},
        "apply": reaching,
    }
    assert "self-hosted" not in JOBS["review"]["runs-on"]


def test_one_after_another() -> None:
    """By resource; nothing that acts is ended by a later run."""
    concurrency = JOBS["apply"]["concurrency"]
    assert concurrency["cancel-in-progress"] is False
    assert "outputs.resource" in concurrency["group"]
    assert "concurrency" not in DOCUMENT


def test_no_key_is_stored() -> None:
    """No secret of the repository is asked for: keys are made in the job, certificates expire."""
    assert "secrets." not in FILE.read_text()


def test_it_is_run(place: Pipelines) -> None:
    """Planned, put into a pull request, refused, signed, applied, and applied again: lit once."""
    workflow = dispatched(place)
    planned = workflow.run("plan")
    assert (planned.result, planned.outputs["code"]) == ("success", "3"), planned.log
    assert planned.summary.startswith("# light hall\n")
    assert planned.outputs["resource"].startswith("lamp/")
    run = planned.outputs["run"]

    review = workflow.run("review")
    assert review.result == "success", review.log
    home = place.machines["review"].path
    assert (home / "gh.body").read_text() == (place.artifacts / "handed/plan.md").read_text()
    assert f"approvals/{run}" in (home / "gh.words").read_text().splitlines()

    refused = workflow.run("apply")
    assert (refused.result, refused.code) == ("failure", APPROVAL), refused.log
    assert "the plan is not approved" in refused.log
    assert (place.lit(), refused.summary) == (0, "")

    place.signed(run)
    applied = workflow.run("apply")
    assert applied.result == "success", applied.log
    assert place.desk.says("hall") == "lit 1"
    assert "alice@example.org" in applied.summary
    assert (place.artifacts / "done/applied.tar").exists()
    again = workflow.run("apply")
    assert (again.result, place.lit()) == ("success", 1), again.log

    assert {*place.identity.given} == {"remediate-plan", "remediate-apply"}
    logs = "".join(ran.log for ran in (planned, review, refused, applied, again))
    for job in ("plan", "apply"):
        for token in (place.identity.request_token(job), place.identity.id_token(job)):
            assert token not in logs + place.words_of_curl()
        left = (place.machines[job].path / "temp").iterdir()
        assert {one.name for one in left} <= {"state"}, "a key was left behind"
    assert place.words_of_curl()


def test_a_refused_plan_ends_there(place: Pipelines) -> None:
    """Its review is in the summary, and nobody is asked to approve it."""
    place.desk.fuse("out")
    workflow = dispatched(place)
    planned = workflow.run("plan")
    assert (planned.result, planned.code) == ("failure", 4), planned.log
    assert "FUSE" in planned.summary
    assert workflow.run("review").result == workflow.run("apply").result == "skipped"


def test_nothing_is_wrong(place: Pipelines) -> None:
    place.desk.lamp("hall", "lit 1")
    workflow = dispatched(place)
    planned = workflow.run("plan")
    assert (planned.result, planned.outputs["code"]) == ("success", "0"), planned.log
    assert workflow.run("review").result == workflow.run("apply").result == "skipped"


@pytest.mark.parametrize(
    "playbook", ['dark"; touch pwned; "', "$(touch pwned)", "--from=/etc/passwd", "a\ntouch pwned"]
)
def test_a_hostile_input_is_a_name(place: Pipelines, playbook: str) -> None:
    """Of a playbook that does not exist."""
    planned = dispatched(place, playbook).run("plan")
    assert (planned.result, planned.code) == ("failure", USAGE), planned.log
    assert "there is no playbook" in planned.log
    assert not (place.machines["plan"].path / WORKSPACE / "pwned").exists()
    assert not (place.machines["plan"].path / "pwned").exists()

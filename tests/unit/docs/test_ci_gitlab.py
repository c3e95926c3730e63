"""docs/ci/gitlab/.gitlab-ci.yml: true to the schema that GitLab publishes and to the rules of its
page, and its lines run literally."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.docs.actions import load
from tests.unit.docs.ci_tools import check_schema
from tests.unit.docs.gitlab import WORKSPACE, Pipeline
from tests.unit.docs.pages import ROOT
from tests.unit.docs.pipelines import Pipelines, pipelines
from tests.unit.docs.test_ci_shell import site

__all__ = ["site"]

FILE = ROOT / "docs/ci/gitlab/.gitlab-ci.yml"
DOCUMENT = load(FILE)
PLAN, APPLY = DOCUMENT["plan"], DOCUMENT["apply"]
APPROVAL, USAGE = 5, 2


@pytest.fixture
def place(site: Path) -> Iterator[Pipelines]:
    with pipelines(site, FILE, ".gitlab-ci.yml") as made:
        yield made


def test_it_fits_the_published_schema() -> None:
    assert check_schema("gitlab-ci", DOCUMENT) == []


def test_the_schema_sees_what_is_wrong() -> None:
    """A keyword that there is not, and a word that cannot be."""
    wrong = copy.deepcopy(DOCUMENT)
    wrong["apply"]["resource_groups"] = "x"
    wrong["plan"]["artifacts"]["when"] = "sometimes"
    assert len(check_schema("gitlab-ci", wrong)) >= 2


def test_the_job_that_acts() -> None:
    """Started by people, one at a time, never ended by a later pipeline, never tried again."""
    assert APPLY["rules"] == [{"when": "manual"}]
    assert APPLY["resource_group"] == "$REMEDIATE_RESOURCE"
    assert APPLY["environment"]["name"] == "remediate"
    assert DOCUMENT["default"] == {"interruptible": False, "retry": 0}


def test_what_decides_is_not_a_variable_of_the_pipeline() -> None:
    """Whoever starts a pipeline can set any variable: what jobs trust is set by their own lines."""
    for job in (PLAN, APPLY):
        text = "\n".join(job["before_script"])
        for name in ("REMEDIATE_INVENTORY", "REMEDIATE_HOME", "SSH_ROLE", "VAULT_ADDR"):
            assert f"{name}=" in text
        assert job["id_tokens"]["ID_TOKEN"]["aud"].startswith("https://")
        assert "unset ID_TOKEN" in text
    assert {*DOCUMENT["variables"]} == {"PLAYBOOK"}


def test_it_is_run(place: Pipelines) -> None:
    """Planned, refused, signed, applied, and applied again: lit once."""
    pipeline = Pipeline(place, DOCUMENT, {"PLAYBOOK": "dark"})
    planned = pipeline.run("plan")
    assert planned.code == 0, planned.log
    assert (place.artifacts / "handed/plan.md").read_text().startswith("# light hall\n")
    (run,) = (
        line.split("approvals/")[1].partition(",")[0]
        for line in planned.log.splitlines()
        if line.startswith("push each approval")
    )

    refused = pipeline.run("apply")
    assert refused.code == APPROVAL, refused.log
    assert "the plan is not approved" in refused.log
    assert place.lit() == 0

    place.signed(run)
    applied = pipeline.run("apply")
    assert applied.code == 0, applied.log
    assert place.desk.says("hall") == "lit 1"
    done = {one.name for one in (place.artifacts / "done").iterdir()}
    assert done == {"applied.tar", "report.html", "report.md"}
    again = pipeline.run("apply")
    assert (again.code, place.lit()) == (0, 1), again.log

    assert {*place.identity.given} == {"remediate-plan", "remediate-apply"}
    for job in ("plan", "apply"):
        assert not (place.machines[job].path / WORKSPACE / ".identity").exists()
        token = place.identity.id_token(job)
        assert token not in place.words_of_curl() + planned.log + refused.log + applied.log


def test_a_refused_plan_ends_there(place: Pipelines) -> None:
    """Its review is an artifact; the job that acts has nothing to do."""
    place.desk.fuse("out")
    pipeline = Pipeline(place, DOCUMENT, {"PLAYBOOK": "dark"})
    planned = pipeline.run("plan")
    assert planned.code == 4, planned.log
    assert "FUSE" in (place.artifacts / "handed/plan.md").read_text()
    applied = pipeline.run("apply")
    assert applied.code != 0
    assert "nothing is to be applied" in applied.log


@pytest.mark.parametrize("playbook", ['dark"; touch pwned; "', "$(touch pwned)", "--from=/x"])
def test_a_hostile_variable_is_a_name(place: Pipelines, playbook: str) -> None:
    """Of a playbook that does not exist; and nobody names another inventory."""
    given = {"PLAYBOOK": playbook, "REMEDIATE_INVENTORY": "/nowhere", "VAULT_ADDR": "https://evil"}
    planned = Pipeline(place, DOCUMENT, given).run("plan")
    assert planned.code == USAGE, planned.log
    assert "there is no playbook" in planned.log
    assert not (place.machines["plan"].path / WORKSPACE / "pwned").exists()

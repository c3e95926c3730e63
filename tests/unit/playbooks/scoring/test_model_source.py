"""The pinned model in a directory of this machine: who needs no donor then, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from remediations.engine.plan.plan import Outcome
from remediations.errors import Refused
from remediations.playbooks.scoring.guards.model import files_known, model_staged
from remediations.playbooks.scoring.situation import situation
from remediations.systems.scorer.source import ModelSource
from remediations.systems.scorer.values import ModelFile, ModelOnDisk
from tests.unit.playbooks.scoring.cases import Case, case_of, keeping, observed
from tests.unit.playbooks.scoring.test_model_skew import SKEW, blocked
from tests.worlds import scoring as world
from tests.worlds.base import known
from tests.worlds.containers import with_containers

FILES = (ModelFile(path="saved_model.pb", bytes=7), ModelFile(path="variables/v", bytes=8))
SOURCE = ModelSource(directory="/srv/m", disk=ModelOnDisk(sha256=world.MODEL, files=FILES))
OTHER = replace(SOURCE, disk=ModelOnDisk(sha256=world.OTHER, files=FILES))
UNREAD = ModelSource(directory="/srv/m", disk=None, trouble="/srv/m: No such file or directory")
UNLISTED: dict[str, Any] = {
    "disk": known(ModelOnDisk(sha256=world.MODEL, files=FILES[:1], unlisted=1))
}


def reading(source: ModelSource, donors: dict[str, Any] | None = None) -> Any:  # noqa: ANN401
    """val4 has another model; `donors` is what is otherwise with those who agree."""
    others = {f"val{index}": donors for index in (1, 2, 3)} if donors else {}
    declared = world.declared(model=world.MODEL, source=source)
    return world.scorers({**others, "val4": SKEW}, scoring=declared)


def swap(source: ModelSource, donors: dict[str, Any] | None = None) -> Case:
    observation = observed(reading(source, donors), keeping("val4", sha256=world.MODEL))
    return case_of(with_containers(observation, "val4"))


def test_no_donor_is_asked_for_its_copy() -> None:
    """Nobody keeps the model yet: both branches name the command that brings it."""
    with pytest.raises(Refused) as refused:
        case_of(observed(reading(SOURCE)))
    command = "`remediate stage /srv/m --without export_metadata.json --limit val4` first"
    assert refused.value.got.count(command) == 2
    found = model_staged(situation(observed(reading(SOURCE)), frozenset()), "val4")
    assert found.outcome is Outcome.BLOCK
    assert command[1:].startswith(found.next_step)


def test_it_is_put_in_place_where_it_was_brought() -> None:
    case = swap(SOURCE)
    assert (case.branch.name, case.proposal.targets) == ("model-skew", ("val4",))
    assert blocked(case) == set()
    assert case.judge()["V46", ""].outcome is Outcome.PASS


def test_its_files_count_where_no_donor_tells_them() -> None:
    """V11: of more files than a host lists, the directory knows all."""
    case = swap(SOURCE, UNLISTED)
    assert blocked(case) == set()
    found = files_known(case.situation, "val4")
    assert found.got == "2 files, as /srv/m has them"


@pytest.mark.parametrize(
    ("source", "outcome", "got"),
    [
        (OTHER, Outcome.BLOCK, f"/srv/m: {world.OTHER[:12]}"),
        (UNREAD, Outcome.UNKNOWN, "No such file or directory"),
    ],
)
def test_another_model_or_none_there_is_no_source(
    source: ModelSource, outcome: Outcome, got: str
) -> None:
    """V46 where it is needed; a donor makes up for it, and keeps its copy as ever."""
    needed = swap(source, UNLISTED).judge()["V46", ""]
    assert needed.outcome is outcome
    assert got in needed.got
    spared = swap(source).judge()["V46", ""]
    assert spared.outcome is Outcome.PASS
    assert "the files are known from val3" in spared.got
    assert case_of(observed(reading(source))).branch.name == "keep-model"


def test_without_a_directory_nothing_is_said_of_it() -> None:
    case = case_of(
        observed(world.scorers({"val4": SKEW}), keeping("val3", "val4", sha256=world.MODEL))
    )
    assert "V46" not in {id_ for id_, _ in case.judge()}

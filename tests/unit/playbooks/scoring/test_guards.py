"""Each guard where it passes, where it blocks, and where it is unknown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from remediations.engine.domain import Move, Proposal, StageDraft
from remediations.engine.plan.plan import Gate, GuardResult, Outcome, Risk
from remediations.playbooks.scoring.gates import KeepsScoring
from remediations.playbooks.scoring.guards import model, scorer, whole
from remediations.playbooks.scoring.model_skew import KEEP, SWAP_MODEL
from remediations.playbooks.scoring.situation import ScoringSituation, situation
from remediations.systems.comet.reading import HostReading
from remediations.systems.hosts.values import RecordRoom
from remediations.systems.scorer.values import ModelLoaded, ModelOnDisk
from remediations.values.part import Part
from remediations.values.reading import Known
from tests.unit.playbooks.scoring.cases import keeping, observed
from tests.worlds import change, healthy, unreachable
from tests.worlds import scoring as world
from tests.worlds.base import known

PASS, BLOCK, UNKNOWN = Outcome.PASS, Outcome.BLOCK, Outcome.UNKNOWN
OTHER = known(ModelOnDisk(sha256=world.OTHER, files=world.FILES))
LOADED = known(ModelLoaded(version="v1.0.0", sha256=world.OTHER))
SKEW: dict[str, Any] = {"loaded": LOADED, "disk": OTHER, "asks": known(world.OTHERWISE)}
STALE: dict[str, Any] = {"disk": OTHER}
UNREAD: dict[str, Any] = {"unit": world.SILENT, "asks": world.SILENT, "disk": world.SILENT}


def found(changed: dict[str, dict[str, Any]] | None = None, **others: Any) -> ScoringSituation:  # noqa: ANN401
    chain = others.pop("chain", None)
    return situation(observed(world.scorers(changed, **others), chain), frozenset())


def proposed(*moves: Move[ScoringSituation]) -> Proposal[ScoringSituation]:
    gate = Gate(title="x", timeout_s=1, asks=Part.of(KeepsScoring(hosts=("val1",))))
    stage = StageDraft(title="x", why="x", moves=moves, gate=gate)
    return Proposal(title="x", stages=(stage,), checks=(), risk=Risk.LOW, worst_case="x")


def with_records(**fields: Any) -> Any:  # noqa: ANN401 - a world
    def changed(reading: HostReading) -> HostReading:
        assert isinstance(reading.records, Known)
        return replace(reading, records=known(replace(reading.records.value, **fields)))

    return change(healthy(), "val4", changed)


NOTHING = proposed(Move(KEEP, "val3"))
Whole = Callable[[ScoringSituation, Proposal[ScoringSituation]], GuardResult | None]


@pytest.mark.parametrize(
    ("guard", "changed", "outcome"),
    [
        (whole.answer_agreed, {}, PASS),
        (whole.answer_agreed, {"val1": SKEW}, BLOCK),
        (whole.answer_agreed, {"val1": UNREAD}, UNKNOWN),
        (whole.powers_known, {}, PASS),
        (whole.agreeing_stay, {"val4": SKEW}, PASS),
        (whole.agreeing_stay, {"val1": STALE}, BLOCK),
    ],
)
def test_guards_on_all(guard: Whole, changed: dict[str, dict[str, Any]], outcome: Outcome) -> None:
    result = guard(found(changed), NOTHING)
    assert result is not None
    assert result.outcome is outcome, result.got


def test_what_is_restarted_does_not_answer_meanwhile() -> None:
    """V3 and V13 count what a step stops, and not what it leaves alone."""
    both = proposed(Move(SWAP_MODEL, "val1"), Move(SWAP_MODEL, "val4"))
    for guard in (whole.agreeing_stay, whole.votes_stay):
        result = guard(found({"val4": SKEW}), both)
        assert result is not None
        assert result.outcome is BLOCK, result.got
        other = guard(found({"val4": SKEW}), NOTHING)
        assert other is not None
        assert other.outcome is PASS


Single = Callable[[ScoringSituation, str], GuardResult]


@pytest.mark.parametrize(
    ("guard", "changed", "outcome"),
    [
        (scorer.unit_loaded, {}, PASS),
        (scorer.unit_loaded, {"unit": known(world.unit(load="not-found"))}, BLOCK),
        (scorer.unit_loaded, {"unit": world.SILENT}, UNKNOWN),
        (scorer.one_owner, {}, PASS),
        (scorer.one_owner, {"process": known(world.process(owners=(1, 2)))}, BLOCK),
        (scorer.one_owner, {"process": world.SILENT}, UNKNOWN),
        (scorer.restarts_left, {}, PASS),
        (scorer.restarts_left, {"unit": known(world.unit(starts=4))}, BLOCK),
        (scorer.restarts_left, {"unit": world.SILENT}, UNKNOWN),
        (model.model_agreed, SKEW, PASS),
        (model.needs_model, SKEW, PASS),
        (model.needs_model, {}, BLOCK),
        (model.files_known, SKEW, PASS),
        (model.files_known, {"disk": world.SILENT}, UNKNOWN),
        (model.is_donor, {}, PASS),
        (model.is_donor, STALE, BLOCK),
    ],
)
def test_guards_on_one(guard: Single, changed: dict[str, Any], outcome: Outcome) -> None:
    result = guard(found({"val4": changed}), "val4")
    assert result.outcome is outcome, result.got


def test_the_model_has_to_be_there() -> None:
    """V10."""
    there = found({"val4": SKEW}, chain=keeping("val4", sha256=world.MODEL))
    assert model.model_staged(there, "val4").outcome is PASS
    assert model.model_staged(found({"val4": SKEW}), "val4").outcome is BLOCK
    dark = unreachable(healthy(), "val4")
    assert model.model_staged(found({"val4": SKEW}, chain=dark), "val4").outcome is UNKNOWN


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [({}, PASS), ({"writable": False}, BLOCK), ({"exposed": "/var/lib/remediate"}, BLOCK)],
)
def test_the_host_has_to_be_ready(fields: dict[str, Any], outcome: Outcome) -> None:
    """V4."""
    assert set(fields) <= set(RecordRoom.__struct_fields__)
    assert scorer.host_ready(found(chain=with_records(**fields)), "val4").outcome is outcome


def test_a_host_that_was_not_read_is_not_ready() -> None:
    dark = unreachable(healthy(), "val4")
    assert scorer.host_ready(found(chain=dark), "val4").outcome is UNKNOWN


def test_no_model_is_agreed_in_a_split() -> None:
    """V8."""
    assert model.model_agreed(found({"val1": SKEW, "val4": SKEW}), "val4").outcome is BLOCK

"""Which database a line is about."""

from __future__ import annotations

import pytest

from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.database import HOLDS, database_of
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from tests import worlds


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ('err="open /d/data/blockstore.db/000002.log: no such file or directory"', "blockstore"),
        ("panic: open /d/data/state.db/MANIFEST-000004: missing or corrupted", "state"),
        ("cannot open snapshots/metadata.db: corrupted", "snapshots/metadata"),
        ('ERR Error deleting err="Value missing for key [239 36]"', "application"),
    ],
)
def test_a_name_and_what_it_holds(line: str, name: str) -> None:
    """By its path, or by words that only one of them says."""
    assert database_of(line) == f" ({name}.db: {HOLDS[name]})"


@pytest.mark.parametrize("line", ["panic: leveldb/table: corruption on data-block", "mystate.db x"])
def test_a_line_that_names_none_is_not_guessed(line: str) -> None:
    """It says so."""
    assert database_of(line) == " (which one, the line does not say)"


def test_the_diagnosis_names_it() -> None:
    """Beside the line itself."""
    line = "panic: open /d/data/application.db/MANIFEST-000004: manifest corrupted"
    node = diagnose(worlds.crash_looping(worlds.healthy(), "val4", line)).node("val4")
    assert node.condition is NodeCondition.DATABASE_CORRUPT
    assert "(application.db: the state of the application)" in node.cause

"""Which store differs, with the power behind each hash."""

from __future__ import annotations

from remediations.engine.plan.rehearsal import Agreement
from remediations.playbooks.chain.stores import (
    NOT_ASKED,
    StoreReading,
    Weights,
    compare_runs,
    compare_stores,
    read_stores,
)
from remediations.systems.comet.module_hashes import ModuleHashes
from tests.unit.model.test_module_hashes import APP_HASH, HEIGHT, answer

WEIGHTS = Weights(powers={"val1": 40, "val2": 40, "val3": 20}, total=100)


def state(**stores: str) -> StoreReading:
    return StoreReading(hashes=ModuleHashes(height=HEIGHT, stores={"bank": "BB" * 32, **stores}))


ONE, OTHER = state(acc="A1" * 32), state(acc="C3" * 32)


def test_the_store_that_differs() -> None:
    """By power, with the hosts; the others agree."""
    found = compare_stores("before", {"val1": ONE, "val2": OTHER, "val3": OTHER}, WEIGHTS)
    assert found.agreement is Agreement.DIFFERENT
    assert found.says == (
        "store acc: C3C3C3C3C3C3… 60 of 100 (val2, val3), A1A1A1A1A1A1… 40 of 100 (val1); "
        "the same in 1 other store"
    )
    ((store,),) = (found.differences,)
    assert [(side.value, side.weight) for side in store.sides] == [("C3" * 32, 60), ("A1" * 32, 40)]


def test_a_store_that_one_lacks_or_has_empty() -> None:
    """Neither is a hash, and both differ from one."""
    found = compare_stores("before", {"val1": state(), "val2": state(acc="")}, WEIGHTS)
    assert "absent 40 of 100 (val1), empty 40 of 100 (val2)" in found.says


def test_many_stores_are_counted() -> None:
    """Four are named in the sentence, all are in the document."""
    names = ("a", "b", "c", "d", "e", "f")
    states = {
        host: state(**dict.fromkeys(names, value * 32))
        for host, value in (("val1", "01"), ("val2", "02"))
    }
    found = compare_stores("before", states, WEIGHTS)
    assert "and 2 more stores" in found.says
    assert len(found.differences) == len(names)


def test_all_agree() -> None:
    """Only where each told it."""
    found = compare_stores("after", dict.fromkeys(WEIGHTS.powers, ONE), WEIGHTS)
    assert (found.agreement, found.differences) == (Agreement.SAME, ())
    assert found.says == "the same in all 2 stores on val1, val2, val3"


def test_unknown_is_never_equal() -> None:
    """The others agree, one told nothing: unknown. One that differs from another is a difference
    all the same."""
    silent = {"val1": ONE, "val2": ONE, "val3": NOT_ASKED}
    found = compare_stores("after", silent, WEIGHTS)
    assert found.agreement is Agreement.UNKNOWN
    assert found.says.endswith("not known of val3: the program was not asked")
    differs = compare_stores("after", {**silent, "val2": OTHER}, WEIGHTS)
    assert differs.agreement is Agreement.DIFFERENT
    nobody = compare_stores("after", {"val1": NOT_ASKED, "val2": ONE}, WEIGHTS)
    assert (nobody.agreement, nobody.says[:18]) == (Agreement.UNKNOWN, "nothing to compare")


def test_what_another_execution_changed() -> None:
    """The node whose cause was mended comes to another hash of the store, and only that."""
    before = {"val1": ONE, "val2": OTHER, "val3": NOT_ASKED}
    after = dict.fromkeys(before, OTHER)
    found = compare_runs(before, after, WEIGHTS)
    assert found.says == "other than before: store acc on val1; not known of val3"
    (store,) = found.differences
    assert [side.value for side in store.sides] == [f"{'A1' * 32} before", f"{'C3' * 32} after"]
    same = compare_runs({"val1": ONE}, {"val1": ONE}, WEIGHTS)
    assert same.agreement is Agreement.SAME
    unknown = compare_runs({"val1": ONE}, {"val1": NOT_ASKED}, WEIGHTS)
    assert unknown.agreement is Agreement.UNKNOWN


def test_what_was_printed() -> None:
    """It has to give the app hash that the node has."""
    assert read_stores(answer(), HEIGHT, APP_HASH).hashes is not None
    assert "do not give" in read_stores(answer(), HEIGHT, "AB" * 32).reason
    assert "not known" in read_stores(answer(), HEIGHT, "").reason

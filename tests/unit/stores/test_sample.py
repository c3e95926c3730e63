"""A dry run on a sample: it says what would open, and leaves every byte as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from remediations.systems.stores.inventory import FilesPlace
from remediations.systems.stores.reencrypt_section import ReencryptEntry, Several
from remediations.systems.stores.sample import try_sample
from remediations.systems.stores.store import Absent
from tests.unit.stores.keys import FIRST, SECOND
from tests.unit.stores.test_reencrypt import THIRD, sealed

ENTRY = ReencryptEntry(
    machine="m", directory="/d", private_keys=(), several=Several.REFUSE, objects_per_s=0,
    mebibytes_per_s=0, nice=0,
)  # fmt: skip


@pytest.fixture
def place(tmp_path: Path) -> FilesPlace:
    for number in range(20):
        (tmp_path / f"{number:02d}").write_bytes(sealed(f"content {number}"))
    (tmp_path / "other").write_bytes(sealed("o", THIRD))
    return FilesPlace(name="vault", path=str(tmp_path))


def test_nothing_is_written(place: FilesPlace) -> None:
    """And all of it would be sealed anew."""
    before = {path: (path.stat(), path.read_bytes()) for path in Path(place.path).iterdir()}
    found = try_sample(place, ENTRY, FIRST, SECOND)
    assert (found.versions, found.looked_at, found.named, found.good) == (21, 21, 20, 20)
    assert found.bad == ()
    after = {path: (path.stat(), path.read_bytes()) for path in Path(place.path).iterdir()}
    assert {p: (s.st_ino, s.st_mtime_ns, d) for p, (s, d) in after.items()} == {
        p: (s.st_ino, s.st_mtime_ns, d) for p, (s, d) in before.items()
    }


def test_it_is_taken_from_all_over(place: FilesPlace) -> None:
    """At equal distances, and no more than was asked for."""
    found = try_sample(place, ENTRY, FIRST, SECOND, most=5)
    assert (found.versions, found.looked_at) == (21, 5)


def test_what_would_not_open_is_named(place: FilesPlace) -> None:
    """With the reason, of the first few."""
    (Path(place.path) / "00").write_bytes(sealed("x")[:-9])
    found = try_sample(place, ENTRY, FIRST, SECOND)
    assert found.good == 19
    assert "00 (" in found.bad[0]
    assert "not: 00" in found.says


def test_a_store_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """Not an empty sample."""
    with pytest.raises(Absent):
        try_sample(FilesPlace(name="v", path=str(tmp_path / "no")), ENTRY, FIRST, SECOND)

"""The programs that copy databases and put a copy in place, run for real under /bin/sh."""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from remediations.systems.comet.copy_programs import (
    aside_of,
    copy_text,
    replace_text,
    replaced_note,
)
from remediations.systems.comet.data_copy import (
    PlannedCopy,
    PlannedReplacement,
)
from remediations.systems.comet.planned import PlannedNodeError
from remediations.systems.comet.rollback_programs import release_text
from remediations.systems.hosts.probe import copy_kept, unit_held
from tests.unit.operations.keeper import (
    DATABASES,
    HASH,
    STANDS_AT,
    Keeper,
    breaks_at_move,
    held_with_copy,
    moves_again,
)


@pytest.fixture
def donor(tmp_path: Path) -> Keeper:
    return Keeper(tmp_path / "donor", "the donor")


@pytest.fixture
def other(tmp_path: Path, donor: Keeper) -> Keeper:
    """A held node that keeps the donor's copy."""
    return held_with_copy(tmp_path / "other", donor)


def test_a_donor_is_stopped_linked_and_started(donor: Keeper) -> None:
    """The copy is kept by its hash, has databases only, and says what it is."""
    planned = donor.copy()
    assert not donor.holds(copy_kept(planned.mark))
    code, out, err = donor.does(copy_text(planned))
    assert (code, err) == (0, "")
    assert donor.acts == ["stop ve.service", "start ve.service"]
    copy = donor.kept()
    assert out.splitlines()[-1].startswith(f"copied: {copy.sha256}, {copy.bytes} bytes, height 40")
    archive = (donor.files / copy.sha256).read_bytes()
    assert hashlib.sha256(archive).hexdigest() == copy.sha256
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        names = opened.getnames()
    assert names[0] == "about"
    assert {name.partition("/")[0] for name in names[1:]} == set(DATABASES)
    assert not any(name.endswith("LOCK") for name in names)
    assert (copy.chain_id, copy.donor, copy.height, copy.app_hash) == ("ve-1", "full1", 40, HASH)
    assert not (donor.data / "remediate-copy").exists()
    assert not donor.drop_in.exists()
    assert re.fullmatch(f"{copy.sha256}\nseconds=\\d+\n", (donor.files / planned.mark).read_text())
    assert donor.holds(copy_kept(planned.mark))
    assert donor.does(copy_text(planned))[1] == f"already so: the copy {copy.sha256} is there\n"


@pytest.mark.parametrize(
    ("breaks", "got"),
    [
        (lambda host: host.show(ActiveState="failed"), "ve.service failed"),
        (lambda host: host.disk(free_kib=10), "10 KiB free"),
        (lambda host: host.sign_state(42, 0, 1), "the chain went on"),
        (lambda host: host.key("F" * 40), "key FFFF"),
        (lambda host: (host.data / "state.db").rename(host.data / "gone"), "no directory"),
        (
            lambda host: (host.home / "config/config.toml").write_text('db_dir = "/srv/x"\n'),
            'databases in "/srv/x"',
        ),
    ],
)
def test_what_cannot_be_copied_is_not_stopped(
    donor: Keeper, breaks: Callable[[Keeper], object], got: str
) -> None:
    """Refused before anything is done."""
    breaks(donor)
    code, _, err = donor.does(copy_text(donor.copy()))
    assert code == 64
    assert got in err
    assert donor.acts == []


def test_whatever_fails_the_donor_is_started_again(donor: Keeper) -> None:
    """A file that cannot be copied: nothing is kept, and nothing is left."""
    donor.script("cp", "#!/bin/sh\nexit 1\n")
    code, _, err = donor.does(copy_text(donor.copy()))
    assert code == 1
    assert "the databases cannot be copied" in err
    assert donor.acts == ["stop ve.service", "start ve.service"]
    assert not donor.drop_in.exists()
    assert list(donor.files.iterdir()) == []
    assert not (donor.data / "remediate-copy").exists()


def test_databases_are_replaced_and_the_former_ones_kept(other: Keeper, donor: Keeper) -> None:
    """Sign state and write-ahead log stay; then it is let go."""
    replacement = other.replacement(donor.kept())
    before = other.sign_file.read_text()
    note = unit_held("ve.service", replaced_note(replacement.sha256))
    assert not other.holds(note)
    code, out, err = other.does(replace_text(replacement))
    assert (code, err) == (0, "")
    assert "databases of full1 at height 40" in out
    assert other.written() == {"table of the donor"}
    aside = Path(aside_of(replacement))
    assert {(aside / name / "000001.ldb").read_text() for name in DATABASES} == {
        "table of the other"
    }
    assert (other.data / "cs.wal/wal").read_text() == "wal"
    assert other.sign_file.read_text() == before
    assert other.holds(note)
    assert other.does(replace_text(replacement))[1].startswith("already so: replaced")
    code, out, _ = other.does(release_text(replacement.node))
    assert (code, out) == (0, "started: ve.service is active\n")


def test_a_node_that_changes_sides_need_not_be_rolled_back(other: Keeper, donor: Keeper) -> None:
    """It has a height, and the databases of the other side instead."""
    replacement = other.replacement(donor.kept(), stands_at=STANDS_AT, header_hash=HASH)
    assert other.does(replace_text(replacement))[0] == 0
    assert other.does(release_text(replacement.node))[0] == 0


@pytest.mark.parametrize("moves", [1, 3, 4, 6])
def test_cut_off_it_is_not_let_go_and_is_finished_later(
    other: Keeper, donor: Keeper, moves: int
) -> None:
    """Whatever was moved by then: no start with half of the databases."""
    breaks_at_move(other, moves)
    replacement = other.replacement(donor.kept())
    assert other.does(replace_text(replacement))[0] == 1
    for node in (replacement.node, other.node()):
        code, _, err = other.does(release_text(node))
        assert code == 64, node
        assert "half of the databases" in err or "without the databases" in err
    moves_again(other)
    assert other.does(replace_text(replacement))[0] == 0
    assert other.written() == {"table of the donor"}
    assert len(list(Path(aside_of(replacement)).glob("*.db"))) == 3
    assert other.does(release_text(replacement.node))[0] == 0


def _other_bytes(host: Keeper, sha256: str) -> None:
    with (host.files / sha256).open("ab") as file:
        file.write(b"x")


@pytest.mark.parametrize(
    ("breaks", "got"),
    [
        (_other_bytes, "with SHA-256"),
        (lambda host, sha256: (host.files / sha256).unlink(), "no file"),
        (lambda host, _: host.drop_in.unlink(), "which is not held"),
        (lambda host, _: host.show(ActiveState="active"), "ve.service active"),
        (lambda host, _: host.sign_state(39, 0, 1), "sign state 39/0/1"),
        (lambda host, _: host.disk(free_kib=10), "10 KiB free"),
    ],
)
def test_what_changed_since_is_not_replaced(
    other: Keeper, donor: Keeper, breaks: Callable[[Keeper, str], object], got: str
) -> None:
    """Refused with the databases as they were."""
    sha256 = donor.kept().sha256
    replacement = other.replacement(donor.kept())
    breaks(other, sha256)
    code, _, err = other.does(replace_text(replacement))
    assert code == 64
    assert got in err
    assert other.written() == {"table of the other"}


def _member(name: str, **fields: object) -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(found, field, value)
    return found


@pytest.mark.parametrize(
    "member",
    [
        _member("priv_validator_state.json"),
        _member("application.db/../priv_validator_state.json"),
        _member("/etc/cron.d/x"),
        _member("cs.wal/wal"),
        _member("application.db/link", type=tarfile.SYMTYPE, linkname="/etc/shadow"),
        _member("application.db/hard", type=tarfile.LNKTYPE, linkname="about"),
        _member("application.db/suid", mode=0o4755),
        _member("application.db/device", type=tarfile.CHRTYPE),
    ],
    ids=lambda member: member.name,
)
def test_a_copy_with_anything_else_is_refused(
    other: Keeper, donor: Keeper, member: tarfile.TarInfo
) -> None:
    """However it came there: nothing is unpacked."""
    copy = donor.kept()
    path = donor.root / "made.tar"
    with tarfile.open(donor.files / copy.sha256) as good, tarfile.open(path, "w") as bad:
        bad.format = tarfile.USTAR_FORMAT
        for one in good.getmembers():
            bad.addfile(one, good.extractfile(one) if one.isfile() else None)
        bad.addfile(member)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    (other.files / sha256).write_bytes(path.read_bytes())
    planned = PlannedReplacement(
        node=other.node(), sha256=sha256, chain_id="ve-1", donor="full1", height=STANDS_AT,
        app_hash=HASH, backend="goleveldb", bytes=copy.bytes,
    )  # fmt: skip
    code, _, err = other.does(replace_text(planned))
    assert code == 64, err
    assert "a member that no copy has" in err
    assert other.written() == {"table of the other"}


def test_a_copy_that_says_another_thing_is_refused(other: Keeper, donor: Keeper) -> None:
    """The approved words are those inside the archive."""
    copy = donor.kept()
    planned = other.replacement(copy)
    wrong = PlannedReplacement(
        node=planned.node, sha256=copy.sha256, chain_id="ve-2", donor="full1", height=STANDS_AT,
        app_hash=HASH, backend="goleveldb", bytes=copy.bytes,
    )  # fmt: skip
    code, _, err = other.does(replace_text(wrong))
    assert code == 64
    assert "says another thing" in err


@pytest.mark.parametrize(
    "change",
    [{"chain_id": "a b"}, {"donor": "-x"}, {"app_hash": "zz"}, {"backend": "G"}, {"height": -1}],
)
def test_odd_values_are_refused(donor: Keeper, change: dict[str, object]) -> None:
    """They would stand in a root program."""
    fields: dict[str, object] = {
        "node": donor.node(), "chain_id": "ve-1", "donor": "full1", "height": 1, "app_hash": "",
        "backend": "", **change,
    }  # fmt: skip
    with pytest.raises(PlannedNodeError):
        PlannedCopy(**fields)  # type: ignore[arg-type]

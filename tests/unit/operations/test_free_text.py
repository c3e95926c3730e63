"""What takes the room, as room.sh reads it, and the program that removes some of it: both run for
real, on files in a directory."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest

from remediations.systems.comet.free_space import PlannedRoom, lines_of
from remediations.systems.comet.planned import PlannedNodeError
from remediations.systems.comet.room import (
    FILES,
    JOURNAL_KEPT,
    REMOVABLE,
    Room,
    RoomItem,
    RoomKind,
    RoomUse,
    item_of,
    parse_room,
    parse_store,
)
from remediations.systems.hosts.probe import room_freed
from remediations.values.lines import TextError
from tests.unit.operations.host import FakeHost
from tests.unit.operations.keeper import AS_USER

ELF_CORE = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x04\x00" + bytes(46)
ELF_PROGRAM = ELF_CORE[:16] + b"\x02\x00" + ELF_CORE[18:]
ASIDE = "remediate-replaced-0123456789ab"


class FullHost(FakeHost):
    """A host with everything that may go, and neighbours that may not."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.script("setpriv", AS_USER)
        self.script("id", "#!/bin/sh\necho 0\n")
        self.script("journalctl", f'#!/bin/sh\necho "$*" >>{root}/vacuumed\n')
        self.data = self.home / "data"
        for name in ("cs.wal", "snapshots/7/3", ASIDE, f"{ASIDE}/application.db", "odd one"):
            (self.data / name).mkdir(parents=True)
        (self.data / "application.db/1.ldb").write_bytes(bytes(90_000))
        (self.data / "cs.wal/wal").write_bytes(bytes(9_000))
        (self.data / "snapshots/7/3/0").write_bytes(bytes(50_000))
        (self.data / ASIDE / "application.db/1.ldb").write_bytes(bytes(80_000))
        (self.data / ASIDE / ".all").touch()
        (self.data / "core.77").write_bytes(ELF_CORE + bytes(30_000))
        (self.home / "core").write_bytes(ELF_CORE + bytes(20_000))
        (self.home / "core.py").write_bytes(ELF_PROGRAM)
        (self.home / "data-backup-2026").mkdir()

    def read(self, *, full: bool = True) -> str:
        """What room.sh prints here."""
        text = files("remediations.systems.comet").joinpath("room.sh").read_text()
        if full:
            text += "\nlittle_room() { return 0; }\n"
        program = f"as_owner=()\nhome={self.home}\n{text}\nroom"
        done = subprocess.run(
            ["bash", "-uc", program], capture_output=True, text=True, check=True, cwd="/"
        )
        assert done.stderr == ""
        return done.stdout

    def room(self) -> Room:
        """The same, parsed."""
        return parse_room(self.read(), home=str(self.home))

    def use(self, path: Path) -> RoomUse:
        return next(use for use in self.room().uses if use.path == str(path))

    def plan(self, *uses: RoomUse, journal: int = 0) -> PlannedRoom:
        return PlannedRoom(
            unit="ve.service",
            home=str(self.home),
            user="ve",
            remove=lines_of([use.item for use in uses]),
            journal=journal,
        )

    def removable(self) -> list[RoomUse]:
        found = [use for use in self.room().uses if use.kind in REMOVABLE]
        return [use for use in found if not use.path.startswith(FILES)]


@pytest.fixture
def host(tmp_path: Path) -> FullHost:
    return FullHost(tmp_path)


def test_what_takes_the_room_is_told_by_kind(host: FullHost) -> None:
    """A program called core is no core dump; names and sizes only."""
    kinds = {use.path.removeprefix(f"{host.home}/"): use.kind for use in host.room().uses}
    expected = {
        "core": RoomKind.CORE,
        "core.py": RoomKind.OTHER,
        "data-backup-2026": RoomKind.OTHER,
        "config": RoomKind.NEEDED,
        "data/core.77": RoomKind.CORE,
        "data/snapshots": RoomKind.SNAPSHOTS,
        f"data/{ASIDE}": RoomKind.ASIDE,
        "data/application.db": RoomKind.DATABASE,
        "data/cs.wal": RoomKind.WAL,
        "data/odd one": RoomKind.OTHER,
        "data/priv_validator_state.json": RoomKind.NEEDED,
    }
    assert {path: kind for path, kind in kinds.items() if not path.startswith("/")} == expected
    use = host.use(host.data / "snapshots")
    assert use.files == 4
    assert 50_000 <= use.bytes < 90_000
    assert use.here
    assert use.inode == (host.data / "snapshots").stat().st_ino


def test_half_of_the_databases_set_aside_are_not(host: FullHost) -> None:
    """A replacement that was cut off needs them."""
    (host.data / ASIDE / ".all").unlink()
    assert host.use(host.data / ASIDE).kind is RoomKind.OTHER


def test_with_room_nothing_is_walked_through(host: FullHost) -> None:
    """It costs one `df` on a host with room."""
    host.script("df", "#!/bin/sh\necho 90000000000 100000000000 9000000 9000000\n")
    text = files("remediations.systems.comet").joinpath("room.sh").read_text()
    done = subprocess.run(
        ["bash", "-uc", f"PATH={host.root}/bin:$PATH\nhome={host.home}\n{text}\nroom"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("", "")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "home f 1 2 3 4 5 core",
        "data x",
        "data 1\nhome f 1 2 3 4 core",
        "data 1\nhome f 1 2 3 -4 5 core",
        "data 1\nhome f 1 2 3 4 5 a/b",
        "data 1\ncopy 1 2 3 4 abc",
        "data 1\njournal 1 2",
        "data 1\n" + "home f 1 2 3 4 5 core\n" * 300,
    ],
)
def test_what_is_malformed_is_not_believed(text: str) -> None:
    with pytest.raises(TextError):
        parse_room(text, home="/h")


def test_a_journal_elsewhere_frees_nothing() -> None:
    """Only what lies on the file system of the data counts."""
    size = JOURNAL_KEPT + 10
    here = parse_room(f"data 1\njournal 1 {size} {size}", home="/h").journal
    elsewhere = parse_room(f"data 1\njournal 2 {size} {size}", home="/h").journal
    active = parse_room(f"data 1\njournal 1 {size} 4", home="/h").journal
    assert here is not None
    assert elsewhere is not None
    assert active is not None
    assert (here.spare, elsewhere.spare, active.spare) == (10, 0, 4)


def test_settings_of_the_stores() -> None:
    """Of their own sections; a setting of another one is not taken for it."""
    told = parse_store(
        "pruning = custom\npruning-keep-recent = 100\n[api]\nsnapshot-interval = 9\n[state-sync]\n"
        "snapshot-interval = 0\n"
    )
    assert (told.pruning, told.rolls_back, told.snapshot_interval) == ("custom", 99, 0)
    assert parse_store("pruning = everything").rolls_back == 1
    assert parse_store("").rolls_back is None
    with pytest.raises(TextError):
        parse_store("pruning = custom\npruning = default")


def test_exactly_these_are_removed(host: FullHost) -> None:
    """Others stay; a second run finds nothing to do; the probe tells before and after."""
    work = host.plan(*host.removable(), journal=JOURNAL_KEPT)
    assert len(work.items) == 4
    gone = room_freed(0, [item.path for item in work.items])
    assert not host.holds(gone)
    before = host.sign_file.read_bytes()
    done = host.run(work.text)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("removed: ") == 4
    assert f"vacuumed: the journal, to {JOURNAL_KEPT} bytes" in done.stdout
    assert (host.root / "vacuumed").read_text() == f"--vacuum-size={JOURNAL_KEPT}\n"
    left = {path.name for path in host.data.iterdir()}
    assert left == {"application.db", "cs.wal", "odd one", "priv_validator_state.json"}
    assert (host.data / "application.db/1.ldb").stat().st_size == 90_000
    assert (host.home / "core.py").exists()
    assert host.sign_file.read_bytes() == before
    assert host.holds(gone)
    again = host.run(work.text)
    assert again.returncode == 0
    assert "freed: 0 bytes" in again.stdout


def _grow(host: FullHost) -> None:
    (host.data / "snapshots/7/3/1").write_bytes(b"1")


def _another(host: FullHost) -> None:
    (host.home / "core").rename(host.home / "old")
    (host.home / "core").write_bytes(ELF_CORE + bytes(20_000))


def _link(host: FullHost) -> None:
    (host.data / "snapshots").rename(host.home / "snapshots")
    (host.data / "snapshots").symlink_to(host.data / "application.db")


def _half(host: FullHost) -> None:
    (host.data / ASIDE / ".all").rename(host.data / ASIDE / "all")


def _held(host: FullHost) -> None:
    (host.root / "hold").touch()


@pytest.mark.parametrize("change", [_grow, _another, _link, _half, _held])
def test_one_that_differs_keeps_all(host: FullHost, change: Callable[[FullHost], None]) -> None:
    """Each is compared before any is removed; a node that a run holds is left alone."""
    work = host.plan(*host.removable())
    change(host)
    before = sorted(host.home.rglob("*"))
    text = work.text.replace(
        "/etc/systemd/system/ve.service.d/remediate-hold.conf", f"{host.root}/hold"
    )
    done = host.run(text)
    assert done.returncode == 64, done
    assert done.stderr.startswith("refused: ")
    assert sorted(host.home.rglob("*")) == before


def test_too_little_room_fails(host: FullHost) -> None:
    """What is free afterwards decides whether the start comes, not what was hoped for."""
    host.disk(free_kib=1000)
    done = host.run(host.plan(*host.removable()).text)
    assert done.returncode == 1
    assert "1000 KiB are free after it, of 262144 KiB" in done.stderr


@pytest.mark.parametrize(
    "line",
    [
        "database /h/data/application.db 1 2 3 4",
        "wal /h/data/cs.wal 1 2 3 4",
        "core /h/data/priv_validator_state.json 1 2 3 4",
        "core /h/config/core 1 2 3 4",
        "core /h/data/../core 1 2 3 4",
        "core /other/core 1 2 3 4",
        "snapshots /h/data/application.db 1 2 3 4",
        "aside /h/data/remediate-replaced-../../x 1 2 3 4",
        "aside /h/data/application.db 1 2 3 4",
        f"copy {FILES}/application.db 1 2 3 4",
        f"copy /h/{'a' * 64} 1 2 3 4",
        f"kept {FILES}/{'a' * 64} 1 2 3 4",
        "journal 1",
        "core /h/core 1 2 3",
        "core /h/core 1 2 3 -4",
    ],
)
def test_nothing_else_can_be_named(line: str) -> None:
    """Whatever made the plan: a closed list, each kind at its own place."""
    with pytest.raises(ValueError, match=r".+"):
        item_of(line, "/h")
    with pytest.raises(PlannedNodeError):
        PlannedRoom(unit="ve.service", home="/h", user="ve", remove=f'["{line}"]', journal=0)


def test_what_may_go_can_be_named() -> None:
    item = RoomItem(RoomKind.CORE, "/h/core.7", 1, 2, 3, 1)
    assert item_of(item.line, "/h") == item
    words = {"unit": "ve.service", "home": "/h", "user": "", "remove": lines_of([item])}
    planned = PlannedRoom.from_words({**words, "journal": "0"})
    assert planned.items == (item,)
    assert planned.probe.words == ("room-freed", "0", "/h/core.7")
    with pytest.raises(PlannedNodeError, match="nothing would be removed"):
        PlannedRoom.from_data({**words, "remove": "", "journal": 0})
    with pytest.raises(PlannedNodeError, match="journal is 5"):
        PlannedRoom.from_data({**words, "journal": 5})

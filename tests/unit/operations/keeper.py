"""A host with databases, for the programs that copy, replace and bring them back."""

from __future__ import annotations

from pathlib import Path

from remediations.systems.comet.copy_programs import copy_text
from remediations.systems.comet.data_copy import (
    DataCopy,
    PlannedCopy,
    PlannedReplacement,
    parse_copies,
)
from remediations.systems.comet.install import FILES
from remediations.systems.comet.rollback_programs import hold_text
from remediations.systems.hosts.driver import PROBES
from remediations.systems.hosts.probe import Probe
from tests.unit.operations.host import FakeHost

HASH = "AB" * 32
STANDS_AT = 40
DATABASES = ("application.db", "blockstore.db", "state.db")
AS_USER = '#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\nshift\nexec "$@"\n'


class Keeper(FakeHost):
    """A host with databases, whose units' and kept files' directories are the test's own."""

    def __init__(self, root: Path, written: str) -> None:
        root.mkdir(exist_ok=True)
        super().__init__(root)
        (root / "etc").mkdir()
        (root / "files").mkdir()
        self.script("setpriv", AS_USER)
        self.script("id", "#!/bin/sh\necho 0\n")
        self.show(ActiveState="active")
        (self.home / "config/config.toml").write_text('db_backend = "goleveldb"\ndb_dir = "data"\n')
        for name in DATABASES:
            directory = self.data / name
            directory.mkdir(exist_ok=True)
            (directory / "000001.ldb").write_text(f"table of {written}")
            (directory / "MANIFEST-000002").write_text(f"manifest of {written}")
            (directory / "LOCK").touch()
        (self.data / "cs.wal").mkdir()
        (self.data / "cs.wal/wal").write_text("wal")

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def files(self) -> Path:
        return self.root / "files"

    @property
    def drop_in(self) -> Path:
        return self.root / "etc/ve.service.d/remediate-hold.conf"

    def written(self) -> set[str]:
        """What the databases say."""
        return {path.read_text() for name in DATABASES for path in (self.data / name).glob("*.ldb")}

    def does(self, text: str) -> tuple[int, str, str]:
        text = text.replace("/etc/systemd/system", f"{self.root}/etc")
        done = self.run(text.replace(FILES, f"{self.root}/files"))
        return done.returncode, done.stdout, done.stderr

    def holds(self, probe: Probe) -> bool:
        words = " ".join(["set --", probe.name, *probe.arguments])
        _, out, _ = self.does(f"{words}\n{PROBES}")
        return out == "probed yes\n"

    def copy(self, *, app_hash: str = HASH, **changes: str | int) -> PlannedCopy:
        return PlannedCopy(
            node=self.node(**changes), chain_id="ve-1", donor="full1", height=STANDS_AT,
            app_hash=app_hash, backend="goleveldb",
        )  # fmt: skip

    def kept(self) -> DataCopy:
        """The one copy here, as a reading sees it."""
        (path,) = (one for one in self.files.iterdir() if len(one.name) == 64)
        about = path.read_bytes()[512:1024].rstrip(b"\0").decode()
        (found,) = parse_copies(f"copy={path.name}\n{about}")
        return found

    def replacement(self, copy: DataCopy, **changes: str | int) -> PlannedReplacement:
        return PlannedReplacement(
            node=self.node(copy=copy.sha256, **changes), sha256=copy.sha256,
            chain_id=copy.chain_id, donor=copy.donor, height=copy.height, app_hash=copy.app_hash,
            backend=copy.backend, bytes=copy.bytes,
        )  # fmt: skip


def held_with_copy(root: Path, donor: Keeper) -> Keeper:
    """A held node that keeps the donor's copy."""
    made = Keeper(root, "the other")
    assert donor.does(copy_text(donor.copy()))[0] == 0
    sha256 = donor.kept().sha256
    (made.files / sha256).write_bytes((donor.files / sha256).read_bytes())
    assert made.does(hold_text(made.node()))[0] == 0
    return made


def breaks_at_move(host: Keeper, number: int) -> None:
    """The move of a database with this number fails, and all after it."""
    count = host.root / "moved"
    count.unlink(missing_ok=True)
    host.script(
        "mv",
        f'#!/bin/sh\ncase $* in *.db*) echo x >>{count}\n[ "$(wc -l <{count})" -lt {number} ] || '
        f'exit 1 ;; esac\nexec /bin/mv "$@"\n',
    )


def moves_again(host: Keeper) -> None:
    """Moves succeed from now on."""
    (host.root / "bin/mv").unlink()

"""A run as one file: one form, whole or not at all, and nothing of the machine in it."""

from __future__ import annotations

import getpass
import gzip
import hashlib
import io
import socket
import subprocess
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from remediations.engine.observe.digest import inventory_digest
from remediations.engine.plan.plan import Plan
from remediations.engine.runs import importing
from remediations.engine.runs.archive import MANIFEST, SEAL, RunManifest, pack_run, read_archive
from remediations.engine.runs.archived_run import unpacked_run
from remediations.engine.runs.importing import import_run
from remediations.engine.runs.store import RunDirectory, create_run, list_runs
from remediations.engine.runs.tape import BLOCK, TapeError, read_tape, tape_header, write_tape
from remediations.errors import UsageError
from remediations.systems.comet.reading import sealed
from remediations.values.wire import canonical, decode, digest
from tests.unit.run.plans import NOW, plan
from tests.unit.run.test_store import INVENTORY, approval
from tests.worlds import healthy

Files = dict[str, bytes]
OBSERVATION = sealed(healthy())


def bound_plan() -> Plan:
    """A plan of this observation and this inventory."""
    return replace(
        plan(),
        observation_digest=digest(OBSERVATION),
        inventory_digest=inventory_digest(INVENTORY),
    )


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REMEDIATE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def run(home: Path) -> RunDirectory:
    """One with two approvals."""
    made = create_run(bound_plan(), OBSERVATION, INVENTORY, NOW)
    made.add_approval(approval("alice"))
    made.add_approval(approval("bob"))
    return made


def members(data: bytes) -> Files:
    return {one.name: bytes(one.data) for one in read_tape(data)}


def kept(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "run.tar"
    path.write_bytes(data)
    path.chmod(0o600)
    return path


def refusal(path: Path) -> UsageError:
    with pytest.raises(UsageError) as caught, unpacked_run(path):
        pass
    error = caught.value
    assert all((error.guard, error.got, error.expected, error.next_step))
    return error


def remade(files: Files, **changed: bytes | None) -> bytes:
    """An archive whose manifest was made again for what was changed in it."""
    manifest = decode(files[MANIFEST], RunManifest)
    named = {name.replace("__", "/").replace("_", "."): data for name, data in changed.items()}
    left = {**files, **named}
    listed = tuple(
        replace(one, size=len(data), sha256=hashlib.sha256(data).hexdigest())
        for one in manifest.files
        if (data := left[one.name]) is not None
    )
    rest = [(one.name, left[one.name]) for one in listed]
    first = canonical(replace(manifest, files=listed))
    return write_tape([(MANIFEST, first), *rest, (SEAL, sealing(first))])  # type: ignore[list-item]


def sealing(manifest: bytes) -> bytes:
    """As sha256sum(1) writes it."""
    return f"{hashlib.sha256(manifest).hexdigest()}  {MANIFEST}\n".encode()


def test_the_same_run_gives_the_same_bytes(
    run: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here, again, after a way to another home, and from there."""
    packed = pack_run(run)
    assert pack_run(RunDirectory(run.path)).data == packed.data
    assert hashlib.sha256(packed.data).hexdigest() == packed.sha256
    path = kept(tmp_path, packed.data)
    monkeypatch.setenv("REMEDIATE_HOME", str(tmp_path / "elsewhere"))
    imported, new = import_run(path, packed.sha256.upper())
    assert (new, imported.name) == (True, run.name)
    assert imported.path.parent == tmp_path / "elsewhere" / "runs"
    assert pack_run(imported).data == packed.data
    assert imported.plan == run.plan
    assert import_run(path)[1] is False
    with unpacked_run(path) as archived:
        assert archived.plan == run.plan
        assert [one.approval for one in archived.approvals] == [
            one.approval for one in run.approvals
        ]
    assert not archived.path.exists()


def test_it_is_a_tar_like_any_other(run: RunDirectory, tmp_path: Path) -> None:
    """The usual program extracts it, and packs the same bytes again."""
    packed = pack_run(run)
    out = tmp_path / "out"
    out.mkdir()
    subprocess.run(["tar", "xf", kept(tmp_path, packed.data), "-C", out], check=True)
    assert (out / "plan.json").read_bytes() == canonical(run.plan)
    subprocess.run(["sha256sum", "--quiet", "-c", SEAL], cwd=out, check=True)
    nobody = ("--numeric-owner", "--owner=0", "--group=0", "--mtime=@0", "--mode=600")
    how = ("--format=ustar", "-b1", "-cf", "-", *nobody, *members(packed.data))
    again = subprocess.run(["tar", *how], cwd=out, capture_output=True, check=True)
    assert again.stdout == packed.data


def test_nothing_of_the_machine_is_in_it(run: RunDirectory, home: Path) -> None:
    """No home, no path, no user, no host name; of a run that was not begun."""
    data = pack_run(run).data
    for word in (str(home), str(Path.home()), str(Path.cwd()), socket.gethostname()):
        assert word.encode() not in data.replace(b"/rooted", b"")
    assert getpass.getuser().encode() not in data[:BLOCK]
    with tarfile.open(fileobj=io.BytesIO(data)) as read:
        for one in read:
            assert (one.uid, one.gid, one.uname, one.gname, one.mtime) == (0, 0, "", "", 0)


def test_what_was_added_removed_or_edited_on_the_way(run: RunDirectory, tmp_path: Path) -> None:
    """Each has a guard of its own."""
    files = members(pack_run(run).data)
    order = list(files.items())
    odd: list[tuple[str, list[tuple[str, bytes]]]] = [
        ("file added", [*order, ("approvals/003.json", b"{}")]),
        ("file added", [*order, ("report.html", b"<script>")]),
        ("file added", [*order, order[-1]]),
        ("file added", order[1:]),
        ("file removed", order[:-1]),
        ("file removed", [*order[:-2], order[-1]]),
        ("file edited", [*order[:-1], (SEAL, sealing(b"x"))]),
        ("file removed", [one for one in order if one[0] != "observation.json"]),
        ("file edited", [*order[:-2], (order[-2][0], order[-2][1].replace(b"bob", b"eve"))]),
        ("file edited", [order[0], order[2], order[1], *order[3:]]),
        ("file edited", [(MANIFEST, files[MANIFEST].replace(b"{", b"{ ", 1)), *order[1:]]),
        ("archive format", [(MANIFEST, files[MANIFEST].replace(b'"1"', b'"2"', 1)), *order[1:]]),
    ]
    for guard, entries in odd:
        error = refusal(kept(tmp_path, write_tape(entries)))
        assert error.guard == guard, (error.got, [name for name, _ in entries])


def test_a_manifest_that_was_made_again_does_not_help(run: RunDirectory, tmp_path: Path) -> None:
    """What was signed names the rest; and a file may be called as a run's files are, only."""
    files = members(pack_run(run).data)
    other = canonical(replace(OBSERVATION, tool="another"))
    assert refusal(kept(tmp_path, remade(files, observation_json=other))).guard == (
        "files of one run"
    )
    assert refusal(kept(tmp_path, remade(files, inventory_json=b"{}"))).guard == "files of one run"
    edited = canonical(replace(bound_plan(), title="another"))
    assert refusal(kept(tmp_path, remade(files, plan_json=edited))).guard == "files of one run"
    assert refusal(kept(tmp_path, remade(files, plan_json=None))).guard == "file removed"
    manifest = decode(files[MANIFEST], RunManifest)
    for name in ("../../.ssh/authorized_keys", "/etc/passwd", "approvals/../x", "stop.json"):
        listed = (*manifest.files, replace(manifest.files[0], name=name))
        strange = canonical(replace(manifest, files=listed))
        middle = list(files.items())[1:-1]
        data = write_tape([(MANIFEST, strange), *middle, (name, b"x"), (SEAL, sealing(strange))])
        assert refusal(kept(tmp_path, data)).guard == "file added"
    for run_name in ("../../evil", "20261125-120000-inc-001-00000000", "x", ""):
        strange = canonical(replace(manifest, run=run_name))
        middle = list(files.items())[1:-1]
        data = write_tape([(MANIFEST, strange), *middle, (SEAL, sealing(strange))])
        assert refusal(kept(tmp_path, data)).guard == "file edited"


def entry(kind: bytes, name: str = "plan.json", size: int = 0, **more: str) -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.size, info.mode = kind, size, 0o600
    for attribute, value in more.items():
        setattr(info, attribute, value)
    return info.tobuf(tarfile.USTAR_FORMAT)


def ours(size: int) -> bytes:
    """A header of ours that says so many bytes, with none behind it."""
    return tape_header("plan.json", size)


@pytest.mark.parametrize(
    ("make", "guard"),
    [
        (lambda _: entry(tarfile.SYMTYPE, linkname="/etc/shadow"), "archive member"),
        (lambda _: entry(tarfile.LNKTYPE, linkname="/etc/shadow"), "archive member"),
        (lambda _: entry(tarfile.DIRTYPE, "approvals"), "archive member"),
        (lambda _: entry(tarfile.FIFOTYPE), "archive member"),
        (lambda _: entry(tarfile.CHRTYPE), "archive member"),
        (lambda _: entry(tarfile.GNUTYPE_SPARSE), "archive member"),
        (lambda _: entry(tarfile.GNUTYPE_LONGNAME), "archive member"),
        (lambda _: entry(tarfile.XHDTYPE), "archive member"),
        (lambda _: entry(tarfile.REGTYPE, uname="alice"), "archive member"),
        (lambda _: entry(tarfile.REGTYPE, "a" * 60 + "/" + "b" * 60), "archive member"),
        (lambda _: entry(tarfile.REGTYPE, size=8 * 1024**3 - 1), "archive size"),
        (lambda _: ours(100_000_000), "archive form"),
        (gzip.compress, "archive form"),
        (lambda data: b"PK\x03\x04" + data, "archive form"),
        (lambda data: data + bytes(BLOCK), "archive form"),
        (lambda data: data + b"x", "archive form"),
        (lambda data: data[:-BLOCK], "archive form"),
        (lambda data: data[: BLOCK * 2], "file removed"),
        (lambda _: b"", "archive form"),
        (lambda _: bytes(BLOCK * 20), "archive form"),
        (lambda _: b"x" * 4000, "archive form"),
    ],
)
def test_hostile_files_are_refused(
    run: RunDirectory, tmp_path: Path, make: Callable[[bytes], bytes], guard: str
) -> None:
    """Whatever they are, with a reason, and without taking memory for what they claim."""
    packed = pack_run(run).data
    path = kept(tmp_path, make(packed))
    tracemalloc.start()
    try:
        error = refusal(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert error.guard == guard or guard == "file removed", error.got
    assert peak < 20 * len(packed) + 1_000_000
    with pytest.raises(UsageError):
        import_run(path)
    assert [one.name for one in list_runs()] == [run.name]


@given(data=st.data())
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_no_byte_can_be_changed(run: RunDirectory, tmp_path: Path, data: st.DataObject) -> None:
    """Wherever it is: in a header, in a file, in the padding, at the end."""
    packed = bytearray(pack_run(run).data)
    at = data.draw(st.integers(0, len(packed) - 1))
    packed[at] ^= data.draw(st.integers(1, 255))
    refusal(kept(tmp_path, bytes(packed)))


def test_too_much_does_not_travel() -> None:
    """Neither many files nor large ones."""
    for files in ([("a", b"")] * 1001, [("a", bytes(129_000_000))]):
        with pytest.raises(TapeError) as caught:
            write_tape(files)
        assert caught.value.guard == "archive size"


def test_another_state_of_a_run_is_not_written_over(run: RunDirectory, tmp_path: Path) -> None:
    """Nobody can say which is the newer one; both are left as they are."""
    path = kept(tmp_path, pack_run(run).data)
    run.add_approval(approval("carol"))
    with pytest.raises(UsageError) as caught:
        import_run(path)
    assert (caught.value.guard, caught.value.got) == (
        "one directory of a run",
        "approvals/003.json",
    )
    assert len(RunDirectory(run.path).approvals) == 3


def test_an_import_that_dies_leaves_nothing(
    run: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even a run that is listed."""
    path = kept(tmp_path, pack_run(run).data)
    monkeypatch.setenv("REMEDIATE_HOME", str(tmp_path / "elsewhere"))

    def dies(*_: object) -> None:
        assert list_runs() == ()
        raise KeyboardInterrupt

    monkeypatch.setattr(importing, "check_together", dies)
    with pytest.raises(KeyboardInterrupt):
        import_run(path)
    assert list((tmp_path / "elsewhere" / "runs").iterdir()) == []


def test_a_file_with_another_digest_is_another_file(run: RunDirectory, tmp_path: Path) -> None:
    """An end that was cut off before the file was packed is seen by nothing else."""
    packed = pack_run(run)
    (run.path / "approvals" / "002.json").unlink()
    path = kept(tmp_path, pack_run(RunDirectory(run.path)).data)
    assert read_archive(path)
    with pytest.raises(UsageError) as caught:
        read_archive(path, packed.sha256)
    assert caught.value.guard == "--sha256"

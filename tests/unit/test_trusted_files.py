"""A file on which trust depends is opened once, and only where nobody else can have changed it."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from remediations.cli.approved import current_actor
from remediations.errors import ApprovalError, RemediationError, UsageError
from remediations.files.trusted import check_directory, read_trusted, trusted_owners
from tests.unit.unprivileged import without_root

LIMIT = 1000
SOMEBODY = 12345


def refused(path: Path) -> UsageError:
    with pytest.raises(UsageError) as caught:
        read_trusted(path, limit=LIMIT)
    return caught.value


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "plan.json"
    path.write_bytes(b"{}")
    return path


def test_bytes_are_read_once_and_kept(file: Path) -> None:
    read = read_trusted(file, limit=LIMIT)
    file.write_bytes(b"another")
    assert read.data == b"{}"
    assert read.sha256 == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


def test_relative_names_are_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)
    assert read_trusted(Path("plan.json"), limit=LIMIT).data == b"{}"
    (file.parent / "deep").mkdir()
    assert read_trusted(Path("deep/../plan.json"), limit=LIMIT).data == b"{}"


@pytest.mark.parametrize("make", ["link", "dangling"])
def test_link_is_refused(file: Path, make: str) -> None:
    link = file.with_name("link")
    link.symlink_to(file if make == "link" else "nothing")
    error = refused(link)
    assert error.got.startswith("a symbolic link")
    assert "readlink -f" in error.next_step


def test_fifo_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    assert refused(tmp_path / "fifo").got == "a FIFO"


def test_directory_socket_and_device_are_refused(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        assert refused(tmp_path / "socket").got == "a socket"
    assert refused(tmp_path).got == "a directory"
    assert refused(Path("/dev/zero")).got == "a device"


def test_size_is_limited_by_what_is_read(file: Path) -> None:
    file.write_bytes(bytes(LIMIT))
    assert len(read_trusted(file, limit=LIMIT).data) == LIMIT
    file.write_bytes(bytes(LIMIT + 1))
    assert str(LIMIT + 1) in refused(file).got
    assert refused(Path("/proc/kallsyms")).expected == f"at most {LIMIT} bytes"


def test_what_others_may_write_is_refused(file: Path) -> None:
    file.chmod(0o664 if os.geteuid() == 0 else 0o666)
    error = refused(file)
    assert error.next_step.endswith(f"chmod go-w {file}`")
    file.chmod(0o600)
    file.parent.chmod(0o777)
    assert refused(file).what == f"others may write {file.parent}"


def test_parent_far_above_counts(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b" / "c"
    deep.mkdir(parents=True)
    (deep / "plan.json").write_bytes(b"{}")
    (tmp_path / "a").chmod(0o777)
    assert refused(deep / "plan.json").what == f"others may write {tmp_path / 'a'}"


def test_sticky_directory_may_only_stand_above(tmp_path: Path) -> None:
    """In it others could put an older file of ours under a name that is looked for."""
    shared = tmp_path / "tmp"
    (shared / "mine").mkdir(parents=True)
    shared.chmod(0o1777)
    for directory in (shared, shared / "mine"):
        (directory / "plan.json").write_bytes(b"{}")
    assert read_trusted(shared / "mine" / "plan.json", limit=LIMIT).data == b"{}"
    error = refused(shared / "plan.json")
    assert error.what == f"others may write {shared}"
    assert (error.got, error.next_step) == ("mode 1777", "use a directory of your own")


def test_followed_link_leads_to_a_file_that_is_judged_itself(file: Path) -> None:
    link = file.with_name("link")
    (file.parent / "deep").mkdir()
    for target in (file.name, str(file), "deep/../plan.json"):
        link.unlink(missing_ok=True)
        link.symlink_to(target)
        assert read_trusted(link, limit=LIMIT, follow=True).data == b"{}"
    file.chmod(0o666)
    with pytest.raises(UsageError) as caught:
        read_trusted(link, limit=LIMIT, follow=True)
    assert caught.value.what == f"others may write {file}"
    link.unlink()
    link.symlink_to("link")
    with pytest.raises(OSError, match="symbolic links"):
        read_trusted(link, limit=LIMIT, follow=True)


def test_own_link_above_is_followed_and_its_end_checked(file: Path) -> None:
    (file.parent / "here").symlink_to(".")
    assert read_trusted(file.parent / "here" / "plan.json", limit=LIMIT).data == b"{}"
    bad = file.parent / "bad"
    bad.mkdir()
    bad.chmod(0o777)
    (bad / "plan.json").write_bytes(b"{}")
    (file.parent / "there").symlink_to(bad)
    assert refused(file.parent / "there" / "plan.json").what == f"others may write {bad}"


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match="symbolic links"):
        read_trusted(tmp_path / "a" / "plan.json", limit=LIMIT)


def test_missing_file_is_the_callers_matter(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_trusted(tmp_path / "nothing", limit=LIMIT)


def test_refusal_has_the_class_that_is_asked_for(file: Path) -> None:
    file.chmod(0o666)
    with pytest.raises(ApprovalError):
        read_trusted(file, limit=LIMIT, refusal=ApprovalError)


def test_directory_for_our_own_files_may_not_be_shared(tmp_path: Path) -> None:
    check_directory(tmp_path)
    tmp_path.chmod(0o1777)
    with pytest.raises(RemediationError, match="others may write"):
        check_directory(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of others")
class TestOwners:
    """Whose file it is: also for root, who could read everything."""

    @pytest.fixture
    def shared(self) -> Iterator[Path]:
        """A directory that everybody may enter: pytest's own are closed to others."""
        path = Path(mkdtemp())
        path.chmod(0o755)
        yield path
        shutil.rmtree(path)

    def test_file_of_somebody_else_is_refused(self, file: Path) -> None:
        os.chown(file, SOMEBODY, SOMEBODY)
        error = refused(file)
        assert error.got == f"owned by uid {SOMEBODY}"
        assert error.expected == "owned by root (uid 0)"

    def test_directory_of_another_user_is_refused(self, file: Path) -> None:
        os.chown(file.parent, SOMEBODY, SOMEBODY)
        assert refused(file).what == f"{file.parent} belongs to another user"

    def test_link_that_somebody_else_put_into_a_sticky_directory_is_refused(
        self, file: Path
    ) -> None:
        file.parent.chmod(0o1777)
        link = file.parent / "there"
        link.symlink_to(".")
        os.chown(link, SOMEBODY, SOMEBODY, follow_symlinks=False)
        assert refused(link / "plan.json").what == f"{link} belongs to another user"

    def test_who_called_sudo_may_name_files_of_their_own(
        self, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SUDO_UID", str(SOMEBODY))
        os.chown(file, SOMEBODY, SOMEBODY)
        assert read_trusted(file, limit=LIMIT).data == b"{}"

    @pytest.mark.parametrize(
        "said", ["9" * 5000, "4294967295", "-1", "1_0", " 1", "1\n", "\u0661", "0x1", "alice"]
    )
    def test_variable_of_sudo_that_is_not_an_id_names_nobody(
        self, monkeypatch: pytest.MonkeyPatch, said: str
    ) -> None:
        monkeypatch.setenv("SUDO_UID", said)
        assert trusted_owners() == {0}
        assert (current_actor().sudo_uid, current_actor().sudo_name) == (None, "")

    def test_followed_link_of_somebody_else_is_refused(self, file: Path) -> None:
        link = file.with_name("link")
        link.symlink_to(file)
        os.chown(link, SOMEBODY, SOMEBODY, follow_symlinks=False)
        with pytest.raises(UsageError) as caught:
            read_trusted(link, limit=LIMIT, follow=True)
        assert caught.value.what == f"{link} belongs to another user"

    def test_reader_may_say_whose_files_it_takes(
        self, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SUDO_UID", str(SOMEBODY))
        os.chown(file, SOMEBODY, SOMEBODY)
        with pytest.raises(UsageError) as caught:
            read_trusted(file, limit=LIMIT, by=frozenset({0}))
        assert caught.value.expected == "owned by root (uid 0)"

    def test_variable_of_sudo_means_nothing_without_root(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SUDO_UID", str(SOMEBODY))
        with without_root():
            assert SOMEBODY not in trusted_owners()

    def test_roots_file_is_trusted_by_everybody(self, shared: Path) -> None:
        path = shared / "plan.json"
        path.write_bytes(b"{}")
        path.chmod(0o644)
        with without_root():
            assert read_trusted(path, limit=LIMIT).data == b"{}"

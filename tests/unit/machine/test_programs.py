"""Only a program that root alone can have put there is started, whatever PATH says."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from remediations.errors import MachineError
from remediations.machine.config import MachineConfig
from remediations.machine.programs import (
    SSH,
    SSH_KEYGEN,
    Program,
    load_program,
    openssh_programs,
    openssh_version,
)

SOMEBODY = 12345


def refused(path: Path) -> MachineError:
    with pytest.raises(MachineError) as caught:
        load_program(path, SSH_KEYGEN)
    error = caught.value
    assert all((error.guard, error.got, error.expected, error.next_step))
    return error


def programs(config: MachineConfig) -> tuple[Program, Program]:
    return load_program(config.ssh, SSH), load_program(config.ssh_keygen, SSH_KEYGEN)


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_openssh_of_this_machine_is_named_by_path_version_and_digest() -> None:
    found = openssh_programs(*programs(MachineConfig()))
    assert found.ssh_version.startswith("OpenSSH_")
    assert found.keygen_version == found.ssh_version
    assert found.keygen.path == Path("/usr/bin/ssh-keygen")
    data = Path("/usr/bin/ssh-keygen").read_bytes()
    assert found.keygen.sha256 == hashlib.sha256(data).hexdigest()


def test_missing_program_is_named_with_the_key_that_names_another(tmp_path: Path) -> None:
    error = refused(tmp_path / "bin" / "ssh-keygen")
    assert "is not installed" in error.what
    assert "ssh_keygen =" in error.next_step


@pytest.mark.skipif(os.geteuid() == 0, reason="what root makes is root's")
def test_program_of_a_user_is_refused(tmp_path: Path) -> None:
    assert refused(script(tmp_path / "ssh-keygen", "exit 0")).expected == "owned by root (uid 0)"


@pytest.mark.parametrize(
    ("text", "got"),
    [
        ("echo OpenSSH_7.4p1, OpenSSL 1.0 >&2", "OpenSSH_7.4p1"),
        ("echo OpenSSH_8.6p1 >&2", "OpenSSH_8.6p1"),
        ("echo dropbear >&2", "dropbear"),
        ("exit 1", "no version"),
    ],
)
def test_old_or_other_program_is_refused(tmp_path: Path, text: str, got: str) -> None:
    with pytest.raises(MachineError) as caught:
        openssh_version(Program(script(tmp_path / "ssh", text), ""))
    assert caught.value.got == got


@pytest.mark.parametrize("version", ["OpenSSH_8.7p1", "OpenSSH_10.0p2", "OpenSSH_9.2p1"])
def test_new_enough_program_says_its_version(tmp_path: Path, version: str) -> None:
    program = script(tmp_path / "ssh", f"echo '{version}, OpenSSL 3.0' >&2")
    assert openssh_version(Program(program, "")) == version


def test_version_is_asked_without_the_environment_of_the_caller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVIL", "1")
    program = script(tmp_path / "ssh", 'echo "OpenSSH_9.9$EVIL" >&2')
    assert openssh_version(Program(program, "")) == "OpenSSH_9.9"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make what belongs to root")
class TestWhoseProgramItIs:
    """Everything on the way to it counts."""

    @pytest.fixture
    def place(self) -> Iterator[Path]:
        path = Path(mkdtemp())
        path.chmod(0o755)
        yield path
        shutil.rmtree(path)

    @pytest.fixture
    def program(self, place: Path) -> Path:
        (place / "bin").mkdir(mode=0o755)
        return script(place / "bin" / "ssh-keygen", "exit 0")

    def test_program_of_root_is_taken(self, program: Path) -> None:
        assert load_program(program, SSH).path == program

    def test_program_of_another_user_is_refused(self, program: Path) -> None:
        os.chown(program, SOMEBODY, SOMEBODY)
        assert f"uid {SOMEBODY}" in refused(program).got

    @pytest.mark.parametrize("mode", [0o775, 0o757, 0o777])
    def test_program_that_others_may_write_is_refused(self, program: Path, mode: int) -> None:
        program.chmod(mode)
        assert f"mode {mode:04o}" in refused(program).got

    @pytest.mark.parametrize("mode", [0o775, 0o757])
    def test_directory_that_others_may_write_is_refused(self, program: Path, mode: int) -> None:
        program.parent.chmod(mode)
        assert refused(program).what == f"others may write {program.parent}"

    def test_directory_of_another_user_is_refused(self, program: Path) -> None:
        os.chown(program.parent, SOMEBODY, SOMEBODY)
        assert refused(program).what.startswith(str(program.parent))

    def test_program_in_a_shared_directory_is_refused(self, program: Path) -> None:
        """A sticky one keeps what is root's; what is missing somebody else could put there."""
        program.parent.chmod(0o1777)
        assert refused(program).what == f"others may write {program.parent}"

    def test_caller_of_sudo_is_not_root(
        self, program: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SUDO_UID", str(SOMEBODY))
        os.chown(program, SOMEBODY, SOMEBODY)
        assert f"uid {SOMEBODY}" in refused(program).got

    def test_version_of_a_keygen_from_elsewhere_is_unknown(
        self, place: Path, program: Path
    ) -> None:
        """`ssh -V` speaks of the ssh-keygen beside it only."""
        mixed = openssh_programs(*programs(MachineConfig(ssh_keygen=program)))
        assert (mixed.ssh_version[:8], mixed.keygen_version) == ("OpenSSH_", "")
        (place / "ssh-keygen").symlink_to("/usr/bin/ssh-keygen")
        linked = openssh_programs(*programs(MachineConfig(ssh_keygen=place / "ssh-keygen")))
        assert linked.keygen_version == linked.ssh_version

    def test_links_of_root_are_followed_and_their_ends_checked(
        self, place: Path, program: Path
    ) -> None:
        link = place / "ssh-keygen"
        link.symlink_to("bin/../bin/ssh-keygen")
        assert load_program(link, SSH).path == link
        program.chmod(0o777)
        assert refused(link).what == f"others may write {program}"

    def test_link_of_another_user_is_refused(self, place: Path, program: Path) -> None:
        link = place / "ssh-keygen"
        link.symlink_to(program)
        os.chown(link, SOMEBODY, SOMEBODY, follow_symlinks=False)
        assert refused(link).what.startswith(str(link))

    def test_links_in_a_circle_end(self, place: Path) -> None:
        (place / "a").symlink_to("b")
        (place / "b").symlink_to("a")
        assert "symbolic links" in refused(place / "a").got

    def test_file_that_cannot_be_executed_is_refused(self, program: Path) -> None:
        program.chmod(0o644)
        assert refused(program).expected == "an executable file"
        assert refused(program.parent).expected == "a regular file"

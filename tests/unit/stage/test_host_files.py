"""Files on a host: the real program, through a shell instead of a connection."""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
from pathlib import Path
from typing import cast

import pytest

from remediations.engine.stage.keeper import NotKept
from remediations.engine.stage.local_file import CHUNK, LocalFile, open_file
from remediations.engine.stage.stage import StagedOn, StageOutcome, stage_on
from remediations.reach.connection import Completed
from remediations.reach.ssh import SshReach
from remediations.systems.hosts import files as host_files
from remediations.systems.hosts.files import FILES, HostFiles
from tests.unit.run.local_reach import SUDO, away, completed

CONTENT = b"\x7fELF" + os.urandom(2 * CHUNK + 12345)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
TOKEN = "0123456789abcdef"


class Shell:
    """Runs what is sent on this machine; may lose the connection in the middle of a chunk."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self.calls: list[str] = []
        self.largest = 0
        self.cuts_append: int | None = None
        self.instead: Completed | None = None

    async def connect(self, host: str) -> Shell:
        return self

    def forget(self, host: str, lost: Shell) -> None:
        self.calls.append("forget")

    async def run(
        self, text: str, *, stdin: bytes = b"", timeout_s: float, max_bytes: int
    ) -> Completed:
        self.calls.append(text.rpartition(" remediate ")[2].split()[0])
        self.largest = max(self.largest, len(stdin))
        if self.instead is not None:
            return self.instead
        lost = self.calls[-1] == "append" and self.calls.count("append") == self.cuts_append
        done = await asyncio.to_thread(
            subprocess.run,
            ["/bin/sh", "-c", text],
            input=stdin[: len(stdin) // 2] if lost else stdin,
            capture_output=True,
            env=self._environment,
        )
        if lost:
            raise away()
        return completed(done.returncode, done.stdout, done.stderr)


class Host:
    """A host in a directory."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.base = root / "var" / "lib" / "remediate"
        self.base.parent.mkdir(parents=True)
        self.files = self.base / "files"
        self.bin = root / "bin"
        self.bin.mkdir()
        self.script("sudo", SUDO)
        text = FILES.replace("/var/lib/remediate", str(self.base)).replace(
            "\nPATH=", f"\nPATH={self.bin}:"
        )
        monkeypatch.setattr(host_files, "FILES", text)
        self.shell = Shell({"PATH": f"{self.bin}:{os.environ['PATH']}"})
        self.keeper = HostFiles(cast("SshReach", self.shell))

    def script(self, name: str, text: str) -> None:
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    @property
    def names(self) -> list[str]:
        return sorted(path.name for path in self.files.iterdir())

    async def bring(self, file: LocalFile) -> StagedOn:
        (found,) = await stage_on(file, {"val1": self.keeper}, lambda _: None)
        return found


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(tmp_path, monkeypatch)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "program"
    path.write_bytes(CONTENT)
    return path


def bring(host: Host, path: Path) -> StagedOn:
    with open_file(path) as file:
        return asyncio.run(host.bring(file))


def test_a_file_arrives_in_chunks_under_its_hash(host: Host, program: Path) -> None:
    """With the mode of a program, and nothing beside it; no chunk is larger than one."""
    assert bring(host, program) == StagedOn(target="val1", outcome=StageOutcome.STAGED)
    assert host.names == [SHA256]
    assert (host.files / SHA256).read_bytes() == CONTENT
    assert (host.files / SHA256).stat().st_mode & 0o7777 == 0o755
    assert host.shell.calls == ["begin", "append", "append", "append", "finish"]
    assert host.shell.largest == CHUNK
    assert host.base.stat().st_mode & 0o077 == 0


def test_what_is_there_is_not_sent_again(host: Host, program: Path) -> None:
    """Its content is compared, not its name."""
    bring(host, program)
    host.shell.calls.clear()
    assert bring(host, program).outcome is StageOutcome.ALREADY_THERE
    assert host.shell.calls == ["begin"]


def test_a_damaged_file_is_replaced(host: Host, program: Path) -> None:
    """It has the name of other bytes."""
    bring(host, program)
    (host.files / SHA256).write_bytes(b"damaged")
    assert bring(host, program).outcome is StageOutcome.STAGED
    assert (host.files / SHA256).read_bytes() == CONTENT


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_connection_that_is_lost_in_a_chunk(host: Host, program: Path, cut: int) -> None:
    """Half of it arrived: the chunk is sent again, at its place."""
    host.shell.cuts_append = cut
    assert bring(host, program).outcome is StageOutcome.STAGED
    assert (host.files / SHA256).read_bytes() == CONTENT
    assert host.shell.calls.count("forget") == 1


@pytest.mark.parametrize("sent", [0, 1, 2, 3])
def test_killed_at_any_time_leaves_only_a_part(host: Host, program: Path, sent: int) -> None:
    """Nobody takes it for a file, and the next run removes it."""

    async def killed(file: LocalFile) -> None:
        await host.keeper.begin("val1", file.sha256, file.size, TOKEN)
        offset = 0
        for _ in range(sent):
            chunk = await file.chunk(offset)
            await host.keeper.append("val1", file.sha256, offset, TOKEN, chunk)
            offset += len(chunk)

    with open_file(program) as file:
        asyncio.run(killed(file))
    assert host.names == [f"{SHA256}.{TOKEN}.part"]
    assert bring(host, program).outcome is StageOutcome.STAGED
    assert host.names == [SHA256]


def test_two_at_once_never_mix(host: Host, program: Path) -> None:
    """The one that began first is told that its part is gone."""

    async def both(file: LocalFile) -> StagedOn:
        await host.keeper.begin("val1", file.sha256, file.size, TOKEN)
        await host.keeper.append("val1", file.sha256, 0, TOKEN, await file.chunk(0))
        found = await host.bring(file)
        with pytest.raises(NotKept, match="somebody else began"):
            await host.keeper.append("val1", file.sha256, CHUNK, TOKEN, await file.chunk(CHUNK))
        return found

    with open_file(program) as file:
        assert asyncio.run(both(file)).outcome is StageOutcome.STAGED
    assert (host.files / SHA256).read_bytes() == CONTENT


def test_a_file_that_changes_meanwhile_gets_no_name(host: Host, program: Path) -> None:
    """The host compares what arrived with what was announced."""
    with open_file(program) as file:
        with program.open("r+b") as writer:
            writer.seek(100)
            writer.write(b"other")
        found = asyncio.run(host.bring(file))
    assert found.outcome is StageOutcome.FAILED
    assert "other bytes arrived" in found.why
    assert host.names == []


def test_a_host_without_room_receives_nothing(host: Host, program: Path) -> None:
    """It is found out before the first byte is sent."""
    host.script("df", "#!/bin/sh\nprintf '  Avail\\n60000\\n'\n")
    found = bring(host, program)
    assert found.outcome is StageOutcome.FAILED
    assert "60000 KiB free of 67" in found.why
    assert host.shell.calls == ["begin"]
    assert host.names == []


@pytest.mark.parametrize("where", ["files", "base"])
def test_a_directory_of_others_is_not_used(host: Host, program: Path, where: str) -> None:
    """Whoever can write there could put another program in its place."""
    host.files.mkdir(parents=True)
    directory = host.files if where == "files" else host.base
    directory.chmod(0o777)
    found = bring(host, program)
    assert found.outcome is StageOutcome.FAILED
    assert f"others than root may write to {directory}" in found.why
    assert host.names == []


def test_a_link_in_place_of_the_file_is_not_followed(
    host: Host, program: Path, tmp_path: Path
) -> None:
    """It is replaced, and what it leads to stays."""
    host.files.mkdir(parents=True)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(CONTENT)
    (host.files / SHA256).symlink_to(elsewhere)
    assert bring(host, program).outcome is StageOutcome.STAGED
    assert not (host.files / SHA256).is_symlink()
    assert elsewhere.read_bytes() == CONTENT


def test_an_answer_of_something_else_is_a_failure(host: Host, program: Path) -> None:
    """Whatever a host prints, it has the file only if our program says so; its words are made
    safe."""
    for answer in (
        completed(0, b"there is nothing"),
        completed(0, b""),
        completed(1, b"there\n", b"sudo: a \x1b[2Jpassword is required"),
    ):
        host.shell.instead = answer
        found = bring(host, program)
        assert found.outcome is StageOutcome.FAILED
        assert "\x1b" not in found.why
    host.shell.instead = completed(None, timed_out=True)
    assert bring(host, program).outcome is StageOutcome.SILENT


@pytest.mark.parametrize(
    "words",
    [
        ("begin", SHA256, "1"),
        ("begin", SHA256.upper(), "1", TOKEN),
        ("begin", "../../../../etc/passwd", "1", TOKEN),
        ("append", SHA256, "-1", TOKEN),
        ("append", SHA256, "08", TOKEN),
        ("finish", SHA256, "1", "../" + TOKEN[3:]),
        ("remove", SHA256, "1", TOKEN),
    ],
)
def test_arguments_that_are_not_ours_are_refused(host: Host, words: tuple[str, ...]) -> None:
    """Before anything is made."""
    done = subprocess.run(["/bin/sh", "-c", host_files.FILES, "remediate", *words])
    assert done.returncode in (64, 65)
    assert not host.base.exists()

"""The place where steps keep their record, as the probe reads it, and as it is judged."""

from __future__ import annotations

import os
import re
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

from remediations.systems.hosts.reading import parse_records
from remediations.systems.hosts.values import RecordRoom
from remediations.values.lines import UNLIMITED, TextError

PROBE = files("remediations.systems.hosts").joinpath("probe.sh").read_text()
GOOD = "path=/var/lib/remediate\nwritable=yes\nroom=256 4096 12 1000\n"
OURS = "0 700 /var/lib/remediate\n0 755 /var/lib\n0 755 /var\n0 755 /\n"

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may look")


def read(where: Path) -> RecordRoom:
    """What the probe's own function says of a directory."""
    found = re.search(r"(?ms)^records\(\) \{.*?^\}", PROBE)
    assert found
    text = found[0].replace("/var/lib/remediate", str(where))
    done = subprocess.run(
        ["bash", "-c", f"{text}\nrecords"], capture_output=True, text=True, check=True
    )
    return parse_records(done.stdout)


@as_root
def test_before_the_first_step(tmp_path: Path) -> None:
    """What it would be made in is looked at; nothing is made."""
    room = read(tmp_path / "remediate")
    assert (room.path, room.writable, room.exposed) == (str(tmp_path), True, "")
    assert room.available > 0
    assert list(tmp_path.iterdir()) == []


@as_root
def test_a_file_system_without_inodes(tmp_path: Path) -> None:
    """As many as root may still use, not as many as there are."""
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "nr_inodes=1,size=16k,mode=700", "x", tmp_path], check=True
    )
    try:
        room = read(tmp_path)
        assert (room.inodes_available, room.available, room.writable) == (0, 16384, True)
        subprocess.run(["mount", "-o", "remount,ro", tmp_path], check=True)
        assert not read(tmp_path).writable
    finally:
        subprocess.run(["umount", tmp_path], check=True)


@as_root
@pytest.mark.parametrize("kind", ["file", "link to nowhere"])
def test_something_else_in_its_place(tmp_path: Path, kind: str) -> None:
    """No directory can be made there: not writable, or not read."""
    where = tmp_path / "remediate"
    if kind == "file":
        where.touch()
        assert not read(where).writable
    else:
        where.symlink_to(tmp_path / "nowhere")
        with pytest.raises(subprocess.CalledProcessError):
            read(where)


@as_root
def test_what_others_may_write(tmp_path: Path) -> None:
    """The directory itself, one above it, or what a link leads to; not what is only sticky."""
    where = tmp_path / "remediate"
    where.mkdir(mode=0o700)
    assert read(where).exposed == ""
    where.chmod(0o1777)
    assert read(where).exposed == str(where)
    where.chmod(0o700)
    tmp_path.chmod(0o1777)
    assert read(where).exposed == ""
    tmp_path.chmod(0o775)
    assert read(where).exposed == str(tmp_path)
    tmp_path.chmod(0o755)
    os.chown(where, 65534, 0)
    assert read(where).exposed == str(where)
    (tmp_path / "link").symlink_to(where)
    assert read(tmp_path / "link").exposed == str(where)


def test_without_root_nothing_is_claimed() -> None:
    """Whether root can write somewhere, only root knows."""
    assert "((EUID == 0)) || return 13" in PROBE


def test_the_numbers() -> None:
    """Bytes are blocks times their size; a file system may not count inodes."""
    assert parse_records(GOOD + OURS) == RecordRoom(
        path="/var/lib/remediate",
        available=1 << 20,
        inodes_available=12,
        writable=True,
        exposed="",
    )
    uncounted = GOOD.replace("12 1000", "0 0") + OURS
    assert parse_records(uncounted).inodes_available == UNLIMITED


@pytest.mark.parametrize(
    "text",
    [
        "",
        GOOD,
        OURS,
        GOOD + "0 700 /var/lib/remediate\n",
        GOOD + "0 rwx /var/lib/remediate\n0 755 /\n",
        GOOD + "0 700\n0 755 /\n",
        GOOD.replace("yes", "perhaps") + OURS,
        GOOD.replace("256 ", "") + OURS,
        GOOD.replace("256", "many") + OURS,
        GOOD.replace("path=/var/lib/remediate\n", "") + OURS,
    ],
)
def test_anything_else_is_not_a_reading(text: str) -> None:
    """Half an answer decides nothing."""
    with pytest.raises(TextError):
        parse_records(text)


@as_root
def test_files_that_are_kept_by_their_hash(tmp_path: Path) -> None:
    """By name, in order; what is half sent, or anything else there, is not among them."""
    where = tmp_path / "remediate"
    (where / "files").mkdir(parents=True)
    names = ["b" * 64, "a" * 64]
    for name in (*names, f"{'c' * 64}.0123456789abcdef.part", "notes"):
        (where / "files" / name).touch()
    (where / "files" / ("d" * 64)).symlink_to("/etc/passwd")
    room = read(where)
    assert room.staged == ("a" * 64, "b" * 64)
    assert room.path == str(where)


def test_a_kept_file_of_another_name_is_not_believed() -> None:
    """What prints such a line is not our program."""
    with pytest.raises(TextError):
        parse_records(f"{GOOD}staged=../../etc/passwd\n{OURS}")
    room = parse_records(f"{GOOD}staged={'a' * 64}\n{OURS}")
    assert room.staged == ("a" * 64,)

"""The lab's cache: whole or not at all, and never twice at the same time."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.lab.cache import built_once, cache_dir


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REMEDIATIONS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.parametrize(
    ("named", "xdg", "expected"),
    [
        ("/named", "/xdg", "/named"),
        ("", "/xdg", "/xdg/remediations"),
        ("", "", "/home/ops/.cache/remediations"),
    ],
)
def test_the_first_setting_that_is_there_says_where_the_cache_is(
    named: str, xdg: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty variable is not a setting."""
    monkeypatch.setenv("REMEDIATIONS_CACHE", named)
    monkeypatch.setenv("XDG_CACHE_HOME", xdg)
    monkeypatch.setenv("HOME", "/home/ops")
    assert cache_dir() == Path(expected)


def test_a_relative_setting_becomes_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Builds run in other directories, and Go takes no relative cache."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REMEDIATIONS_CACHE", "here")
    assert cache_dir() == tmp_path / "here"


def test_what_is_there_is_not_built_again(cache: Path) -> None:
    """The second call finds what the first one built."""
    builds: list[Path] = []

    def build(directory: Path) -> None:
        builds.append(directory)
        (directory / "result").write_text("whole")

    assert built_once("thing", build) == built_once("thing", build) == cache / "thing"
    assert (cache / "thing/result").read_text() == "whole"
    assert len(builds) == 1


def test_an_interrupted_build_leaves_nothing_that_counts(cache: Path) -> None:
    """The next attempt starts from an empty directory."""

    def interrupted(directory: Path) -> None:
        (directory / "half").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        built_once("thing", interrupted)
    assert not (cache / "thing").exists()
    built_once("thing", lambda directory: (directory / "result").touch())
    assert [path.name for path in (cache / "thing").iterdir()] == ["result"]


def test_two_at_the_same_time_build_once(cache: Path) -> None:
    """The second waits for the first, and takes its result."""
    builds: list[Path] = []

    def slow(directory: Path) -> None:
        builds.append(directory)
        time.sleep(0.1)

    with ThreadPoolExecutor(4) as pool:
        paths = set(pool.map(lambda _: built_once("thing", slow), range(4)))
    assert paths == {cache / "thing"}
    assert len(builds) == 1

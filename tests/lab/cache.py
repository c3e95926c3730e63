"""What is built once and kept: by content, whole or not at all, never twice at the same time."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path


def cache_dir() -> Path:
    """$REMEDIATIONS_CACHE, else `remediations` below $XDG_CACHE_HOME, else below ~/.cache.

    Absolute in any case.
    """
    named = os.environ.get("REMEDIATIONS_CACHE")
    if named:
        return Path(named).absolute()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache").absolute() / "remediations"


def built_once(key: str, build: Callable[[Path], None]) -> Path:
    """The directory `key` of the cache, built by `build` into an empty directory if it is absent.

    Another process that builds the same is waited for; an interrupted build leaves nothing that
    counts.
    """
    finished = cache_dir() / key
    if finished.is_dir():
        return finished
    cache_dir().mkdir(parents=True, exist_ok=True)
    with (cache_dir() / f"{key}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not finished.is_dir():
            unfinished = cache_dir() / f"{key}.unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            build(unfinished)
            unfinished.rename(finished)
    return finished
